/* SPDX-License-Identifier: MIT */
/* systemd-journald, as far as a program that logs can tell. */
#ifndef OAT_TESTS_JOURNALD_H
#define OAT_TESTS_JOURNALD_H

#include <stdbool.h>

/*
 * Listen on its socket, in place of whatever is there on the stage, and for
 * everybody. Given to oat_journald_stop(), which leaves the socket there,
 * where nobody listens.
 */
void oat_journald_start(void);
void oat_journald_stop(void);

/* Nothing at the socket's path any more. */
void oat_journald_remove(void);

/* Until it takes no more: nobody reads. */
void oat_journald_fill(void);

/*
 * The next entry, each field ended by \n, or NULL. Static storage; it begins
 * with \n, so that "\nNAME=value\n" is found.
 */
const char *oat_journald_next(void);

#endif
