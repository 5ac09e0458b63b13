/* SPDX-License-Identifier: MIT */
/* `oat whoami`: which token is this user, and when does it end? */
#ifndef OAT_WHOAMI_H
#define OAT_WHOAMI_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "escape.h"
#include "name.h"
#include "status.h"

/* A user of this host, as its snapshot knows it. */
struct oat_whoami {
	char login[OAT_LOGIN_MAX + 1];
	struct oat_name_parts parts;
	uint32_t uid;
	bool active;			   /* has access to this host */
	int64_t expires_at;		   /* epoch seconds, or OAT_NEVER */
	char (*groups)[OAT_GROUP_MAX + 1]; /* by gid; owned */
	size_t group_count;
	char host[OAT_ESCAPED_MAX]; /* its own name, escaped */
};

/*
 * Who is the user of that number, by the snapshot at that path?
 * OAT_OK, and oat_whoami_free() frees it; OAT_NOTFOUND when it is no identity
 * of oat; OAT_UNAVAILABLE with errno when the snapshot cannot be used;
 * OAT_NOMEM.
 */
enum oat_status
oat_whoami_find(const char *snapshot, uid_t uid, struct oat_whoami *ret_who);
void oat_whoami_free(struct oat_whoami *who);

/*
 * Has its access to this host ended, or will it within so many seconds?
 */
bool
oat_whoami_is_due(const struct oat_whoami *who, int64_t now, uint32_t within_s);

/*
 * Print it on stdout: a line for each thing, its name first; or one line, a
 * JSON object. Whether that worked is the stream's to tell.
 */
void oat_whoami_print(const struct oat_whoami *who, int64_t now);
void oat_whoami_print_json(const struct oat_whoami *who, int64_t now);

/*
 * The subcommand, oat whoami [--json] [--warn DURATION]; argv[0] is its name.
 * Answers the exit code: 0; 1 when the caller is no identity, or after a
 * failure, with a reason on stderr; 2 after wrong usage; 3 when --warn was
 * given and oat_whoami_is_due().
 */
int oat_whoami_main(int argc, char *argv[]);

#endif
