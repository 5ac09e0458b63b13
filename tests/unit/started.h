/* SPDX-License-Identifier: MIT */
/* Couriers, the real ones, as nobody; one at a time is meant to ask. */
#ifndef OAT_TESTS_STARTED_H
#define OAT_TESTS_STARTED_H

#include "common/courier.h"

extern const struct oat_account started_nobody;

/* With these options, and a password to be tried second, or NULL. */
struct oat_child started_from(const char *text, const char *next_password);

/* For a server on this port of the loopback, with more options, or "". */
struct oat_child
started_for(int port, const char *settings, const char *next_password);

/* Of a suite: nothing stays in memory. */
int started_tear_down(void);

#endif
