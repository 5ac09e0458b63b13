/* SPDX-License-Identifier: MIT */
/* What `oat enroll` is told, and which host that is. */
#ifndef OAT_ENROLL_OPTIONS_H
#define OAT_ENROLL_OPTIONS_H

#include <stdbool.h>

#define OAT_ENROLL_NAME_LENGTH 59 /* bytes; sql: hosts_name_ck */
#define OAT_ENROLL_ROLE_PREFIX "oat_"

struct oat_enroll_options {
	const char *labels;   /* "" for none; borrowed */
	const char *database; /* or NULL; borrowed */
	bool certificate;
	char name[OAT_ENROLL_NAME_LENGTH + 1];
	char role[sizeof(OAT_ENROLL_ROLE_PREFIX) + OAT_ENROLL_NAME_LENGTH];
};

/*
 * Read them into a struct whose labels are "" and which is otherwise zeroed.
 * 0; or the exit status for wrong usage, which has been told on stderr.
 */
int oat_enroll_options(
    int argc, char *argv[], struct oat_enroll_options *ret_options);

#endif
