/* SPDX-License-Identifier: MIT */
/*
 * A name cache of this host: nscd(8) of the GNU C Library, or unscd(8), which
 * speaks the same. It keeps what the NSS module answered for minutes, "no such
 * user" and the groups of identities that have lost them included; so whoever
 * publishes a snapshot tells it to forget.
 */
#ifndef OAT_NSCD_H
#define OAT_NSCD_H

#include "deadline.h"
#include "status.h"

/* Compiled into every client of it, libc's own included. */
#define OAT_NSCD_SOCKET "/var/run/nscd/socket"

#define OAT_NSCD_BOUND_MS 500 /* enough for a cache of 100,000 names */

/*
 * Ask the cache at `path`, OAT_NSCD_SOCKET but in tests, to forget all users
 * and groups, and wait until it says that it did; it obeys root alone. Never
 * blocks past the deadline, whoever listens there, raises no signal, runs
 * nothing.
 * OAT_OK: it did; OAT_NOTFOUND: there is none; OAT_TIMEOUT; OAT_SYSTEM with
 * errno. Nothing but speed of a change depends on it: to be logged at most.
 */
enum oat_status
oat_nscd_invalidate(const char *path, struct oat_deadline deadline);

#endif
