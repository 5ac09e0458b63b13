/* SPDX-License-Identifier: MIT */
/*
 * oat.conf: the one configuration file, read by the program and by the PAM
 * module (for its delays), always as root. oat.conf(5) is its manual.
 */
#ifndef OAT_CONFIG_H
#define OAT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#define OAT_CONFIG_ERROR_MAX 512 /* bytes of an error text, NUL included */

enum oat_terminate {
	OAT_TERMINATE_REVOKED, /* sessions of identities that lost access */
	OAT_TERMINATE_EXPIRED, /* those, and of expired tokens */
	OAT_TERMINATE_NO,      /* none */
};

/* Owned by whoever loaded it; freed by oat_config_free(). */
struct oat_config {
	char *database;	     /* libpq conninfo; conninfo.h checks it; owned */
	char *password_file; /* absolute path, or NULL; owned */
	uint32_t timeout_ms;
	uint32_t fail_delay_ms;
	uint32_t uid_min, uid_max; /* inclusive */
	char *home_root;	   /* absolute path; owned */
	enum oat_terminate terminate_sessions;
	bool explain_denials;
	uint32_t expiry_notice_s;
};

/*
 * Read a configuration file: opened without following a link in its last
 * component, then checked by fstat(2): a regular file, owner root, group root,
 * no permission for group or others, at most 64 KiB.
 * OAT_OK; OAT_NOMEM; OAT_UNAVAILABLE when the file is missing, unreadable or
 * not as above; OAT_INVALID when a line is not understood. `ret_error` (of
 * OAT_CONFIG_ERROR_MAX bytes) then holds one line that names file, line and
 * key as far as they apply, why, and the way out; never a value.
 */
enum oat_status oat_config_load(
    const char *path, struct oat_config *ret_config, char *ret_error);

/* Who is told of every line that is not understood; line 0: of the whole. */
struct oat_config_faults {
	void (*tell)(const char *error, unsigned line, void *context);
	void *context;
};

/*
 * As oat_config_load(), which stops at the first line that it does not
 * understand; here each of them is told, and OAT_INVALID answered at the end.
 */
enum oat_status
oat_config_examine(const char *path, const struct oat_config_faults *faults,
    struct oat_config *ret_config, char *ret_error);

/*
 * The same from memory, for tests and fuzzing; `path` is only for messages.
 * No checks of owner and mode.
 */
enum oat_status oat_config_parse(const char *path, const char *text,
    size_t size, struct oat_config *ret_config, char *ret_error);

/* Wipes and frees what the struct owns, and zeroes it. NULL is accepted. */
void oat_config_free(struct oat_config *config);

#endif
