/* SPDX-License-Identifier: MIT */
/* When a token ends, in the words that people read; as oat.token_status has it.
 */
#ifndef OAT_EXPIRY_H
#define OAT_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#define OAT_EXPIRY_TEXT_MAX 64 /* bytes of one of the texts, NUL included */

/* "2026-12-01 09:00 UTC", of epoch seconds. Returns dst. */
char *oat_expiry_date(char dst[OAT_EXPIRY_TEXT_MAX], int64_t at);

/* "2026-12-01T09:00:00Z" (RFC 3339), for programs. Returns dst. */
char *oat_expiry_timestamp(char dst[OAT_EXPIRY_TEXT_MAX], int64_t at);

/*
 * "in 3 days", "in 1 hour", "in 20 minutes", "in less than a minute", and "3
 * days ago" alike: the largest unit of which there is a whole one, rounded
 * down. Returns dst.
 */
char *
oat_expiry_distance(char dst[OAT_EXPIRY_TEXT_MAX], int64_t at, int64_t now);

/*
 * Has it ended, or will it within so many seconds? OAT_NEVER (identity.h) has
 * not and will not.
 */
bool oat_expiry_is_due(int64_t at, int64_t now, uint32_t within_s);

#endif
