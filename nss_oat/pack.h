/* SPDX-License-Identifier: MIT */
/* Putting an answer into the caller's buffer, of any size, at any address. */
#ifndef OAT_NSS_PACK_H
#define OAT_NSS_PACK_H

#include <grp.h>
#include <pwd.h>
#include <stddef.h>

#include "common/status.h"
#include "find.h"

/*
 * The record is an identity's. OAT_OK; OAT_RANGE exactly when the buffer is
 * too short: then its bytes are anything, and *ret_passwd is untouched.
 */
enum oat_status oat_nss_pack_passwd(const struct oat_nss_found *found,
    struct passwd *ret_passwd, char *buffer, size_t size);

/* The record is a group's, or an identity's for its own group. The same. */
enum oat_status oat_nss_pack_group(const struct oat_record *record,
    struct group *ret_group, char *buffer, size_t size);

#endif
