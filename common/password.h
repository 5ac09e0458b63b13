/* SPDX-License-Identifier: MIT */
/*
 * The database role's password, in the file that oat.conf names.
 *
 * While it is being changed a second file lies beside it, with ".next" behind
 * its name: PostgreSQL keeps one password for a role, and until the new one is
 * known to work either may be right.
 */
#ifndef OAT_PASSWORD_H
#define OAT_PASSWORD_H

#include <stdbool.h>
#include <sys/types.h>

#include "status.h"

#define OAT_PASSWORD_MAX 1024	   /* bytes, NUL included */
#define OAT_PASSWORD_ERROR_MAX 512 /* bytes of an error text */
#define OAT_PASSWORD_PATH_MAX 288  /* bytes of a path, ".next" and NUL too */

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

/* Where the next password of the file at `path` is. */
void
oat_password_next_path(const char *path, char ret_path[OAT_PASSWORD_PATH_MAX]);

/*
 * Read the next password, then the password; in this order, so that whoever
 * finds no next one has the one that counts until a change begins anew.
 * Statuses and ret_error are the password's, as above; ret_next is "" when
 * there is none that could be used.
 */
enum oat_status oat_password_load_both(
    const char *path, char *ret_password, char *ret_next, char *ret_error);

/* Make one: 190 random bits, letters and digits. OAT_OK; OAT_SYSTEM. */
enum oat_status oat_password_make(char ret_password[OAT_PASSWORD_MAX]);

/* Does it look like one of those? Nobody types 32 letters and digits. */
bool oat_password_is_made(const char *password);

/*
 * Keep one, as oat_password_load() wants it: owner this process, group `gid`,
 * mode 0640. Atomic and durable; OAT_OK; OAT_SYSTEM with errno;
 * OAT_UNAVAILABLE, see replace.h.
 */
enum oat_status
oat_password_store(const char *path, const char *password, gid_t gid);

#endif
