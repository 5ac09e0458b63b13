/* SPDX-License-Identifier: MIT */
/*
 * One identity and one group as this host serves them, and root's validation
 * of the rows they come from. A row arrives from a process that parses bytes
 * of the network; nothing in it is believed because of where it came from.
 */
#ifndef OAT_IDENTITY_H
#define OAT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local.h"
#include "name.h"
#include "status.h"

#define OAT_SHELL_MAX 127 /* bytes of a shell's path, without the NUL */

/* expires_at of an identity without an end. */
#define OAT_NEVER INT64_MAX

/* A group that is not a token's own. */
struct oat_group {
	char name[OAT_GROUP_MAX + 1];
	uint32_t gid;
};

/* A token as a user; its own group has the same name and number. */
struct oat_identity {
	char login[OAT_LOGIN_MAX + 1];
	char shell[OAT_SHELL_MAX + 1];
	uint32_t uid;
	bool active;	    /* may log in here; otherwise nologin, no groups */
	int64_t expires_at; /* epoch seconds, or OAT_NEVER; for display */
	uint32_t *groups;   /* gids, ascending, each once; owned; may be NULL */
	size_t group_count;
};

/* A row of oat.host_identities(), kind 'group' or 'identity'. Borrowed. */
struct oat_identity_row {
	const char *name;	  /* login or group name */
	int64_t id;		  /* uid or gid */
	const char *organization; /* this and what follows: identities only */
	const char *token;
	const char *shell;
	const char *groups; /* gids in decimal between commas; may be empty */
	bool active;
	int64_t expires_at; /* epoch seconds, or OAT_NEVER */
};

/*
 * Take over a row of kind 'group'.
 * OAT_OK; OAT_INVALID when the name or the number is outside its grammar or
 * the range, or belongs to an account of this host. *ret_why is then a noun
 * phrase in static storage, and untouched otherwise.
 */
enum oat_status oat_group_from_row(const struct oat_identity_row *row,
    const struct oat_local *local, struct oat_group *ret_group,
    const char **ret_why);

/*
 * Take over a row of kind 'identity'. Beyond the above, the login must be
 * "oat-<organization>-<token>"; a shell that this host does not list becomes
 * nologin, and an inactive identity gets nologin and no groups whatever the
 * row says. Whether the groups exist is for oat_identities_add() to tell.
 * OAT_OK, and oat_identity_free() frees it; OAT_INVALID with *ret_why as
 * above; OAT_NOMEM.
 */
enum oat_status oat_identity_from_row(const struct oat_identity_row *row,
    const struct oat_local *local, struct oat_identity *ret_identity,
    const char **ret_why);

/* Frees what the struct owns and zeroes it. NULL is accepted. */
void oat_identity_free(struct oat_identity *identity);

#endif
