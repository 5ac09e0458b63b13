/* SPDX-License-Identifier: MIT */
/*
 * A snapshot of a few identities with and without access, and processes of
 * theirs, for the tests of those who end sessions.
 */
#ifndef OAT_TESTS_PEOPLE_H
#define OAT_TESTS_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/endings.h"

/*
 * Of each test program its own, since another one may run beside it, and none
 * that a host would give to anybody: what runs as these numbers is killed.
 */
extern uint32_t people_base;
#define PEOPLE_ACTIVE (people_base + 1)	 /* oat-acme-active */
#define PEOPLE_REVOKED (people_base + 2) /* oat-acme-revoked */
#define PEOPLE_EXPIRED (people_base + 3) /* oat-acme-expired */
#define PEOPLE_SECOND (people_base + 4)	 /* oat-acme-second, revoked */
#define PEOPLE_GROUP (people_base + 5)	 /* oat-acme, a group */
#define PEOPLE_NOBODY (people_base + 6)	 /* in range, not in the snapshot */
#define PEOPLE_OUTSIDE (people_base + 60000000) /* not in range */

/* For CUnit. */
int people_set_up(void);
int people_tear_down(void);

/* Is the test root's, so that it can start processes? Skips if not. */
bool people_are_possible(void);

/* The configuration and snapshot; terminations may be added. */
struct oat_policy people_policy(enum oat_terminate terminate);

/*
 * A process that does this (NULL for nothing), becomes this uid in all ids, if
 * that is not 0, and then runs a script by /bin/sh, NULL to sleep: it is
 * another program than the test. It is a child of the test and dies with it,
 * and is that program when this returns, as are those that `body` forked.
 */
pid_t people_start(uint32_t uid, void (*body)(void), const char *script);

/* For `body`: become a program that sleeps. */
_Noreturn void people_sleep(void);

/* Kill all processes of an identity. */
void people_clean(uint32_t uid);

/* Is it there, and no zombie? */
bool people_lives(pid_t pid);

/* Is it gone, or does it go, within OAT_LONG_MS? */
bool people_goes(pid_t pid);

/* Kill and collect it. */
void people_stop(pid_t pid);

/* For `body`: be of the login of this uid. False when the kernel says no. */
bool people_log_in(uint32_t uid);

/* Can a process of this kernel have a login uid? Skips the test if not. */
bool people_can_log_in(void);

#endif
