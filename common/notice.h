/* SPDX-License-Identifier: MIT */
/* What the holder of a token that ends soon is told when a session opens. */
#ifndef OAT_NOTICE_H
#define OAT_NOTICE_H

#include <stdint.h>

#define OAT_NOTICE_MAX 160 /* bytes, NUL included */

/*
 * "oat: acme/ci expires 2026-12-01 09:00 UTC, in 3 days" when the access of a
 * login here, by the snapshot at that path, ends within so many seconds of
 * `now`; else "", also when it has ended already, or there is no snapshot to
 * tell. Returns dst.
 */
char *oat_notice_expiry(char dst[OAT_NOTICE_MAX], const char *snapshot,
    const char *login, int64_t now, uint32_t within_s);

#endif
