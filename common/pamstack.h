/* SPDX-License-Identifier: MIT */
/*
 * The stack of a PAM service, as libpam reads it from pam.d: includes
 * followed, lines in the order in which they run, each with what it does.
 */
#ifndef OAT_PAMSTACK_H
#define OAT_PAMSTACK_H

#include <stdbool.h>
#include <stddef.h>

#include "status.h"

enum oat_pam_type {
	OAT_PAM_AUTH,
	OAT_PAM_ACCOUNT,
	OAT_PAM_PASSWORD,
	OAT_PAM_SESSION,
	OAT_PAM_TYPES
};

/* What is done about what a module returned; above 0: so many are skipped. */
enum {
	OAT_PAM_IGNORE = 0,
	OAT_PAM_OK = -1,
	OAT_PAM_DONE = -2,
	OAT_PAM_BAD = -3,
	OAT_PAM_DIE = -4,
	OAT_PAM_RESET = -5,
};

/* The codes that pam_oat.so answers with. */
enum oat_pam_code {
	OAT_PAM_CODE_SUCCESS,
	OAT_PAM_CODE_IGNORE,   /* not its user */
	OAT_PAM_CODE_AUTH_ERR, /* from here on they are refusals */
	OAT_PAM_CODE_PERM_DENIED,
	OAT_PAM_CODE_UNAVAILABLE,
	OAT_PAM_CODE_SYSTEM_ERR,
	OAT_PAM_CODES
};

#define OAT_PAM_FILE_MAX 128
#define OAT_PAM_MODULE_MAX 128
#define OAT_PAM_CONTROL_MAX 128
#define OAT_PAM_OPTIONS_MAX 256

/* One line that runs a module. Plain data; texts are cut to fit. */
struct oat_pam_line {
	enum oat_pam_type type;
	char control[OAT_PAM_CONTROL_MAX]; /* as it is written */
	int action[OAT_PAM_CODES];
	int jump; /* the farthest of any code, those of others too; or 0 */
	char module[OAT_PAM_MODULE_MAX];   /* as it is written */
	char options[OAT_PAM_OPTIONS_MAX]; /* between single blanks */
	char file[OAT_PAM_FILE_MAX];	   /* where it stands */
	unsigned number;		   /* in that file, from 1 */
	bool joined;	    /* of this one and others that a backslash ends */
	unsigned substacks; /* around it: its "die" ends those alone */
};

/* All types in one list; each type runs in this order. */
struct oat_pam_stack {
	struct oat_pam_line *lines; /* owned */
	size_t count;
};

/* The folders in which libpam looks for a service, the first one first. */
struct oat_pam_folders {
	const char *folder[2];
};

extern const struct oat_pam_folders oat_pam_folders;

/*
 * Read a service's stack. Lines that libpam would not understand are left out.
 * OAT_OK, freed by oat_pam_stack_free(); OAT_NOTFOUND when no folder has the
 * service; OAT_NOMEM; OAT_INVALID for includes without end; OAT_SYSTEM with
 * errno when a file cannot be read.
 */
enum oat_status oat_pam_stack_read(const struct oat_pam_folders *folders,
    const char *service, struct oat_pam_stack *ret_stack);
void oat_pam_stack_free(struct oat_pam_stack *stack);

/* Is the line's module of this name, "pam_unix.so", wherever it is kept? */
bool oat_pam_line_is(const struct oat_pam_line *line, const char *module);

#endif
