/* SPDX-License-Identifier: MIT */
/* The module's arguments in a PAM stack. */
#ifndef OAT_PAM_OPTIONS_H
#define OAT_PAM_OPTIONS_H

#include <stdbool.h>

/* Said to whoever wrote another one. */
#define OAT_OPTIONS_KNOWN "debug, try_first_pass, use_first_pass"

struct oat_options {
	bool debug;
	const char *unknown; /* the first that is not known, of argv; or NULL */
};

/*
 * Read them. try_first_pass and use_first_pass are known and not kept:
 * pam_get_authtok(3) looks for them itself.
 */
void oat_options_read(
    int argc, const char *const argv[], struct oat_options *ret_options);

#endif
