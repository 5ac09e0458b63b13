/* SPDX-License-Identifier: MIT */
/* Names are those of FIPS 180-4, section numbers too. */
#include "sha256.h"

#include <string.h>

#define BLOCK 64 /* bytes */
#define ROUNDS 64
#define LENGTH_AT (BLOCK - 8) /* where the padding ends in the length */

/* 4.2.2: the first 32 bits of the cube roots of the first 64 primes. */
static const uint32_t K[ROUNDS] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf,
	0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
	0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
	0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
	0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
	0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
	0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c,
	0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee,
	0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2 };

/* 5.3.3: the same of the square roots of the first eight. */
static const uint32_t H0[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

static uint32_t
rotr(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t
load(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static void
store(uint8_t *bytes, uint32_t word)
{
	bytes[0] = (uint8_t)(word >> 24);
	bytes[1] = (uint8_t)(word >> 16);
	bytes[2] = (uint8_t)(word >> 8);
	bytes[3] = (uint8_t)word;
}

/* 6.2.2, step 1: the message schedule. */
static void
schedule(const uint8_t *block, uint32_t W[ROUNDS])
{
	uint32_t s0, s1;
	size_t t;

	for (t = 0; t < 16; t++)
		W[t] = load(block + 4 * t);
	for (; t < ROUNDS; t++) {
		s0 = rotr(W[t - 15], 7) ^ rotr(W[t - 15], 18) ^ W[t - 15] >> 3;
		s1 = rotr(W[t - 2], 17) ^ rotr(W[t - 2], 19) ^ W[t - 2] >> 10;
		W[t] = W[t - 16] + s0 + W[t - 7] + s1;
	}
}

/* 6.2.2, steps 2 to 4; v holds a to h. */
static void
compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t W[ROUNDS], v[8], T1, T2;
	size_t t;

	schedule(block, W);
	memcpy(v, state, sizeof(v));
	for (t = 0; t < ROUNDS; t++) {
		T1 = v[7] + (rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25)) +
		     ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[t] + W[t];
		T2 = (rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22)) +
		     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += T1;
		v[0] = T1 + T2;
	}
	for (t = 0; t < 8; t++)
		state[t] += v[t];
	explicit_bzero(W, sizeof(W));
	explicit_bzero(v, sizeof(v));
}

void
oat_sha256_begin(struct oat_sha256 *hash)
{
	memcpy(hash->state, H0, sizeof(H0));
	hash->length = 0;
}

void
oat_sha256_add(struct oat_sha256 *hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	size_t used, n;

	while (size > 0) {
		used = hash->length % BLOCK;
		n = size < BLOCK - used ? size : BLOCK - used;
		memcpy(hash->block + used, bytes, n);
		hash->length += n;
		bytes += n;
		size -= n;
		if (used + n == BLOCK)
			compress(hash->state, hash->block);
	}
}

/* 5.1.1: a one bit, zeros, and the length in bits. */
void
oat_sha256_end(struct oat_sha256 *hash, uint8_t ret_hash[OAT_SHA256_SIZE])
{
	static const uint8_t padding[BLOCK] = { 0x80 };
	uint64_t bits = hash->length * 8;
	size_t used = hash->length % BLOCK, i;
	uint8_t length[8];

	store(length, (uint32_t)(bits >> 32));
	store(length + 4, (uint32_t)bits);
	oat_sha256_add(hash, padding,
	    used < LENGTH_AT ? LENGTH_AT - used : BLOCK + LENGTH_AT - used);
	oat_sha256_add(hash, length, sizeof(length));
	for (i = 0; i < 8; i++)
		store(ret_hash + 4 * i, hash->state[i]);
	explicit_bzero(hash, sizeof(*hash));
}

/* H(key xor pad || data); the key is a whole block. */
static void
hash_keyed(const uint8_t key[BLOCK], uint8_t pad, const void *data, size_t size,
    uint8_t ret_hash[OAT_SHA256_SIZE])
{
	struct oat_sha256 hash;
	uint8_t block[BLOCK];
	size_t i;

	for (i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	oat_sha256_begin(&hash);
	oat_sha256_add(&hash, block, sizeof(block));
	oat_sha256_add(&hash, data, size);
	oat_sha256_end(&hash, ret_hash);
	explicit_bzero(block, sizeof(block));
}

void
oat_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
    uint8_t ret_mac[OAT_SHA256_SIZE])
{
	uint8_t block[BLOCK] = { 0 }, inner[OAT_SHA256_SIZE];
	struct oat_sha256 hash;

	if (key_size > BLOCK) {
		oat_sha256_begin(&hash);
		oat_sha256_add(&hash, key, key_size);
		oat_sha256_end(&hash, block);
	} else {
		memcpy(block, key, key_size);
	}
	hash_keyed(block, 0x36, data, size, inner);
	hash_keyed(block, 0x5c, inner, sizeof(inner), ret_mac);
	explicit_bzero(block, sizeof(block));
	explicit_bzero(inner, sizeof(inner));
}
