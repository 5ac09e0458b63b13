/* SPDX-License-Identifier: MIT */
/* The database role's password, from the file that oat.conf names. */
#ifndef OAT_PASSWORD_H
#define OAT_PASSWORD_H

#include "status.h"

#define OAT_PASSWORD_MAX 1024	   /* bytes, NUL included */
#define OAT_PASSWORD_ERROR_MAX 512 /* bytes of an error text */

/*
 * Read the first line. The file must be regular, owned by root, not writable
 * for its group, closed to others; root:_oat 0640 is what the documents say.
 * OAT_OK, and ret_password (OAT_PASSWORD_MAX bytes) is to be wiped by the
 * caller; OAT_UNAVAILABLE for a file that is missing or not as above;
 * OAT_INVALID when it is empty, too long or holds a NUL or a second line.
 * ret_error (OAT_PASSWORD_ERROR_MAX bytes) then names the path, what is wrong
 * and the command that mends it.
 */
enum oat_status
oat_password_load(const char *path, char *ret_password, char *ret_error);

#endif
