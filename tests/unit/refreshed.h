/* SPDX-License-Identifier: MIT */
/*
 * For the tests of refresh.h: the program is a script that leaves a line for
 * each time it ran, and then succeeds, fails or hangs. Of oat_population_*.
 */
#ifndef OAT_TESTS_REFRESHED_H
#define OAT_TESTS_REFRESHED_H

#include "common/refresh.h"

/*
 * /proc/uptime is the clock of refresh.h, in hundredths, the rest cut off:
 * hence the sleep. A success is stamped with the time at which it began.
 */
#define REFRESHED_SUCCEED                                                    \
	"sleep 0.05; began=$(cut -d' ' -f1 /proc/uptime); sleep $duration; " \
	"touch -d @$began $folder/run/sync-succeeded"
#define REFRESHED_FAIL "exit 1"
#define REFRESHED_HANG "exec sleep 30"

void refreshed_set_program(const char *body);

/* A file of the test's folder. */
void refreshed_path(const char *name, char ret_path[128]);

/* A host on which nothing has happened yet, with that program. */
void refreshed_begin(const char *body);

/* How often did the program run, and were its arguments right? */
int refreshed_runs(void);

/* Until the program of another process has begun. */
void refreshed_await_run(void);

/* oat_refresh_wait(), and oat_refresh_times(). */
enum oat_status
refreshed_wait(uint32_t ms, uint64_t since_ns, bool *ret_satisfied);
struct oat_refresh_times refreshed_times(void);

#endif
