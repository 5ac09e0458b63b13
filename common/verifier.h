/* SPDX-License-Identifier: MIT */
/*
 * The verifier: the only thing the database keeps of a secret.
 *
 *	<selector>$argon2id$v=19$m=7168,t=5,p=1$<salt>$<hash>
 *
 * the selector, then the PHC string of Argon2id (RFC 9106) over the whole
 * 55-byte token. Parameters come from a database and are bounded before
 * libargon2 sees them; sql/ has the same bounds as a CHECK, and a test that
 * the two agree.
 */
#ifndef OAT_VERIFIER_H
#define OAT_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"
#include "token.h"

/* What oat mint writes: OWASP's equivalent with the smallest memory. */
#define OAT_ARGON2_M_KIB 7168
#define OAT_ARGON2_T 5
#define OAT_ARGON2_P 1
#define OAT_ARGON2_SALT 16 /* bytes */
#define OAT_ARGON2_HASH 32 /* bytes */

/* What is accepted: 8p <= m <= max KiB, 1 <= t, p <= max, bytes as below. */
#define OAT_ARGON2_M_KIB_MAX 65536
#define OAT_ARGON2_T_MAX 8
#define OAT_ARGON2_P_MAX 4
#define OAT_ARGON2_SALT_MIN 8
#define OAT_ARGON2_SALT_MAX 48
#define OAT_ARGON2_HASH_MIN 16
#define OAT_ARGON2_HASH_MAX 64

/* The longest verifier within the bounds, NUL included. */
#define OAT_VERIFIER_MAX 195

/* A verifier taken apart. Plain data, not secret by itself; wiped anyway. */
struct oat_verifier {
	char selector[OAT_SELECTOR_LENGTH + 1];
	uint32_t m_kib, t, p;
	uint8_t salt[OAT_ARGON2_SALT_MAX];
	size_t salt_size;
	uint8_t hash[OAT_ARGON2_HASH_MAX];
	size_t hash_size;
};

/*
 * Read a verifier. The text must be exactly what the fields spell: decimal
 * without sign or leading zeros, base64 without padding and with zero spare
 * bits, nothing before or after.
 * OAT_OK; OAT_INVALID for anything else, or outside the bounds.
 */
enum oat_status
oat_verifier_parse(const char *text, struct oat_verifier *ret_verifier);

/* Are all its fields within the bounds above, and the selector one? */
bool oat_verifier_is_bounded(const struct oat_verifier *verifier);

/*
 * Write it back, with its NUL: the inverse of parse. OAT_OK; OAT_RANGE when it
 * does not fit in `size` bytes; OAT_INVALID when it is outside the bounds.
 */
enum oat_status oat_verifier_format(
    const struct oat_verifier *verifier, char *ret_text, size_t size);

#endif
