/* SPDX-License-Identifier: MIT */
/* Names are those of RFC 5802, section 3. */
#include "scram.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base64.h"
#include "password.h"
#include "sha256.h"

/* Bytes of base64 as PostgreSQL writes it, with padding. */
#define PADDED(size) (((size_t)(size) + 2) / 3 * 4)

_Static_assert(OAT_SCRAM_MAX == sizeof("SCRAM-SHA-256$9999:$:") +
				    PADDED(OAT_SCRAM_SALT) +
				    2 * PADDED(OAT_SHA256_SIZE),
    "the verifier and its NUL");

/* Hi(): PBKDF2 of one block. */
static void
salt_password(const char *password, const uint8_t salt[OAT_SCRAM_SALT],
    unsigned iterations, uint8_t ret_salted[OAT_SHA256_SIZE])
{
	uint8_t first[OAT_SCRAM_SALT + 4] = { 0 }, U[OAT_SHA256_SIZE];
	size_t length = strlen(password), i, n;

	memcpy(first, salt, OAT_SCRAM_SALT);
	first[sizeof(first) - 1] = 1; /* INT(1), big-endian */
	oat_hmac_sha256(password, length, first, sizeof(first), U);
	memcpy(ret_salted, U, sizeof(U));
	for (n = 1; n < iterations; n++) {
		oat_hmac_sha256(password, length, U, sizeof(U), U);
		for (i = 0; i < sizeof(U); i++)
			ret_salted[i] ^= U[i];
	}
	explicit_bzero(U, sizeof(U));
}

/* StoredKey := H(HMAC(SaltedPassword, "Client Key")) */
static void
make_stored_key(
    const uint8_t salted[OAT_SHA256_SIZE], uint8_t ret_key[OAT_SHA256_SIZE])
{
	static const char label[] = "Client Key";
	struct oat_sha256 hash;

	oat_hmac_sha256(
	    salted, OAT_SHA256_SIZE, label, sizeof(label) - 1, ret_key);
	oat_sha256_begin(&hash);
	oat_sha256_add(&hash, ret_key, OAT_SHA256_SIZE);
	oat_sha256_end(&hash, ret_key);
}

/* ServerKey := HMAC(SaltedPassword, "Server Key") */
static void
make_server_key(
    const uint8_t salted[OAT_SHA256_SIZE], uint8_t ret_key[OAT_SHA256_SIZE])
{
	static const char label[] = "Server Key";

	oat_hmac_sha256(
	    salted, OAT_SHA256_SIZE, label, sizeof(label) - 1, ret_key);
}

static char *
write_padded(char *text, const uint8_t *bytes, size_t size)
{
	char *end = oat_base64_write(text, bytes, size);

	while ((end - text) % 4 != 0)
		*end++ = '=';
	return end;
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7f)
			return false;
	return true;
}

enum oat_status
oat_scram_verifier_salted(const char *password,
    const uint8_t salt[OAT_SCRAM_SALT], unsigned iterations,
    char ret_verifier[OAT_SCRAM_MAX])
{
	uint8_t salted[OAT_SHA256_SIZE], key[OAT_SHA256_SIZE];
	char *end;

	if (password[0] == '\0' || !is_ascii(password) || iterations < 1 ||
	    iterations > OAT_SCRAM_ITERATIONS_MAX)
		return OAT_INVALID;
	salt_password(password, salt, iterations, salted);
	end = ret_verifier +
	      sprintf(ret_verifier, "SCRAM-SHA-256$%u:", iterations);
	end = write_padded(end, salt, OAT_SCRAM_SALT);
	*end++ = '$';
	make_stored_key(salted, key);
	end = write_padded(end, key, sizeof(key));
	*end++ = ':';
	make_server_key(salted, key);
	end = write_padded(end, key, sizeof(key));
	*end = '\0';
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(key, sizeof(key));
	return OAT_OK;
}

enum oat_status
oat_scram_verifier(const char *password, char ret_verifier[OAT_SCRAM_MAX])
{
	uint8_t salt[OAT_SCRAM_SALT];

	/* So few bytes come at once, or not at all: getrandom(2). */
	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return OAT_SYSTEM;
	return oat_scram_verifier_salted(password, salt,
	    oat_password_is_made(password) ? OAT_SCRAM_ITERATIONS_RANDOM
					   : OAT_SCRAM_ITERATIONS,
	    ret_verifier);
}
