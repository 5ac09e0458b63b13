/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104).
 *
 * Our own, because neither libc nor libargon2 has it, and one hash is no reason
 * for root to load libcrypto, nor for a host to have it. It serves scram.c
 * alone, on this host's own random passwords: no data of others, no speed that
 * matters. Tested with the vectors of FIPS 180-4, RFC 4231 and RFC 7677, and by
 * logging in to PostgreSQL.
 */
#ifndef OAT_SHA256_H
#define OAT_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define OAT_SHA256_SIZE 32 /* bytes of a hash */

/* A hash in the making; wiped when it ends. */
struct oat_sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	uint8_t block[64];
};

void oat_sha256_begin(struct oat_sha256 *hash);
void oat_sha256_add(struct oat_sha256 *hash, const void *data, size_t size);
void oat_sha256_end(struct oat_sha256 *hash, uint8_t ret_hash[OAT_SHA256_SIZE]);

/* ret_mac may be where the data is. */
void oat_hmac_sha256(const void *key, size_t key_size, const void *data,
    size_t size, uint8_t ret_mac[OAT_SHA256_SIZE]);

#endif
