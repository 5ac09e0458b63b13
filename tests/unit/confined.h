/* SPDX-License-Identifier: MIT */
/* For the tests of sandboxes: what a child that has entered one can do. */
#ifndef OAT_TESTS_CONFINED_H
#define OAT_TESTS_CONFINED_H

#include <stdbool.h>

#include "common/status.h"

/* A thing to do there. */
struct oat_attempt {
	const char *what;
	bool (*body)(void);
};

/*
 * Start a child as the program does (child.h), have it enter, then try. The
 * test fails, with the attempt's name, unless the body answers `expected`.
 */
void oat_attempt_inside(enum oat_status (*enter)(void),
    const struct oat_attempt *attempt, bool expected);

/* Has the kernel filters of system calls? */
bool oat_filters_are_here(void);

/*
 * oat_sandbox_network() for a server with these options, which a test may set
 * before it tries something inside.
 */
extern const char *oat_confined_conninfo;
enum oat_status oat_enter_network(void);

#endif
