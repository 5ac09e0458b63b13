/* SPDX-License-Identifier: MIT */
/*
 * What this host already has that an identity must not touch: the names and
 * numbers of /etc/passwd and /etc/group; and the shells it allows.
 */
#ifndef OAT_LOCAL_H
#define OAT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

/* Where to look. oat_local_files is this host's; tests have their own. */
struct oat_local_files {
	const char *passwd;
	const char *group;
	const char *shells;
};

extern const struct oat_local_files oat_local_files;

/* Opaque; freed by oat_local_free(). */
struct oat_local;

/*
 * Read the three files, never through NSS. A shells file that does not exist
 * allows /bin/sh alone; the other two must be there. uid_min and uid_max (both
 * inclusive) are those of oat.conf and bound uids and gids alike.
 * OAT_OK; OAT_NOMEM; OAT_SYSTEM when a file cannot be read, errno says why.
 */
enum oat_status oat_local_load(const struct oat_local_files *files,
    uint32_t uid_min, uint32_t uid_max, struct oat_local **ret_local);

void oat_local_free(struct oat_local *local);

/* Is the number inside uid_range, and one that can be ours at all? */
bool oat_local_allows_id(const struct oat_local *local, int64_t id);

/* Is it the name of a user or group of this host? */
bool oat_local_has_name(const struct oat_local *local, const char *name);

/* Is it the number of a user, of a user's primary group, or of a group? */
bool oat_local_has_id(const struct oat_local *local, uint32_t id);

/* Is the path listed among the shells? */
bool oat_local_has_shell(const struct oat_local *local, const char *path);

/* The path of a shell that lets nobody in. Never NULL; lives with `local`. */
const char *oat_local_nologin(const struct oat_local *local);

#endif
