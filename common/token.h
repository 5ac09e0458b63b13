/* SPDX-License-Identifier: MIT */
/*
 * The token: oat_<selector>_<secret><check>, 55 bytes of base62 and marks.
 *
 *	oat_ 12 base62 selector _ 32 base62 secret 6 base62 check
 *
 * check is the CRC-32 (IEEE 802.3, as zlib's crc32()) of the 49 bytes before
 * it, base62 with the alphabet 0-9A-Za-z, most significant digit first,
 * left-padded with '0'. It catches typing errors and lets a refusal cost
 * nothing; it proves nothing.
 */
#ifndef OAT_TOKEN_H
#define OAT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "status.h"

#define OAT_TOKEN_LENGTH 55    /* bytes, without the NUL */
#define OAT_SELECTOR_LENGTH 12 /* bytes, without the NUL */

/*
 * A token in the clear. The text is secret, the selector is its public handle.
 * Wipe with oat_token_wipe() on every path.
 */
struct oat_token {
	char text[OAT_TOKEN_LENGTH + 1];
	char selector[OAT_SELECTOR_LENGTH + 1];
};

/*
 * Read a token. `text` is NUL-terminated and otherwise arbitrary.
 * OAT_OK; OAT_INVALID when the shape or the check is wrong, or text is NULL.
 */
enum oat_status oat_token_parse(const char *text, struct oat_token *ret_token);

/*
 * Make a token from getrandom(2), without bias.
 * OAT_OK; OAT_SYSTEM when the kernel gives no random bytes.
 */
enum oat_status oat_token_generate(struct oat_token *ret_token);

/* Is it 12 characters of base62? NULL is not. */
bool oat_token_is_selector(const char *text);

/* Overwrites the struct with zeros. NULL is accepted. */
void oat_token_wipe(struct oat_token *token);

#endif
