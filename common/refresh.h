/* SPDX-License-Identifier: MIT */
/*
 * When did a sync of this host last begin, succeed and fail? Shared by `oat
 * sync`, which tells, and the NSS module, which asks before it starts one.
 *
 * Three empty files under OAT_PATH_RUN, of root alone: what they say is their
 * time of modification, which is not a date but CLOCK_BOOTTIME, so that setting
 * the clock changes nothing. Nothing is written into them, because a host at
 * its RLIMIT_FSIZE would be killed for it (SIGXFSZ, setrlimit(2)).
 *
 * Times are nanoseconds of that clock; 0 is never.
 */
#ifndef OAT_REFRESH_H
#define OAT_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "deadline.h"
#include "status.h"

#define OAT_REFRESH_BOUND_MS 2000    /* what one look-up waits at most */
#define OAT_REFRESH_PERIOD_MS 1000   /* between the beginnings of two syncs */
#define OAT_REFRESH_BACKOFF_MS 10000 /* after a failure */

/* The times; one in the future is none. */
struct oat_refresh_times {
	uint64_t attempt_ns; /* the module's last attempt began */
	uint64_t success_ns; /* the last sync that succeeded began */
	uint64_t failure_ns; /* a sync last failed */
};

/* Now, on the clock of this file. */
uint64_t oat_refresh_now_ns(void);

/*
 * `oat sync` tells how a sync ended that began at started_ns, before it asked
 * the database. `run` is OAT_PATH_RUN, made (root, 0755) when it is missing.
 * OAT_OK; OAT_SYSTEM with errno: to be logged at most, nothing depends on it.
 */
enum oat_status
oat_refresh_record(const char *run, uint64_t started_ns, bool success);

/*
 * The times. For `oat sync --max-age`: nothing is to be done while
 * now - success_ns is below that age. OAT_OK, all of them 0 when the file does
 * not exist; OAT_SYSTEM with errno.
 */
enum oat_status
oat_refresh_times(const char *run, struct oat_refresh_times *ret_times);

/*
 * Let one sync happen that begins after since_ns, by running `program sync
 * --max-age 1` when a sync may begin now; or wait for one that another process
 * runs, or for the end of the period; never past the deadline.
 * OAT_OK: a sync has ended, look again. *ret_satisfied tells whether it began
 * after since_ns, so that to ask for another is pointless, however it ended.
 * OAT_TIMEOUT; OAT_UNAVAILABLE when none may begin before the deadline;
 * OAT_SYSTEM when the files cannot be used or there is no such program.
 */
enum oat_status oat_refresh_wait(const char *run, const char *program,
    uint64_t since_ns, struct oat_deadline deadline, bool *ret_satisfied);

#endif
