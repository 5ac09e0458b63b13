/* SPDX-License-Identifier: MIT */
/*
 * When did something happen on this host? An empty file in a folder of root's
 * (folder.h), whose time of modification is not a date but CLOCK_BOOTTIME, so
 * that setting the clock changes nothing. Nothing is written into it, because a
 * process at its RLIMIT_FSIZE would be killed for it (SIGXFSZ, setrlimit(2)).
 *
 * Times are nanoseconds of that clock; 0 is never.
 */
#ifndef OAT_STAMP_H
#define OAT_STAMP_H

#include <stdint.h>

#include "status.h"

#define OAT_NS_PER_S UINT64_C(1000000000)
#define OAT_NS_PER_MS UINT64_C(1000000)

/* Now, on the clock of stamps. */
uint64_t oat_stamp_now_ns(void);

/* A stamp's file, made when it is missing; -1 with errno. */
int oat_stamp_open(int folder, const char *name);

/* Set an open one. OAT_OK; OAT_SYSTEM with errno. */
enum oat_status oat_stamp_set(int fd, uint64_t at_ns);

/* Open, set, close. OAT_OK; OAT_SYSTEM with errno. */
enum oat_status oat_stamp_put(int folder, const char *name, uint64_t at_ns);

/*
 * Whatever the file says, for who expects a time to come: 0 when there is no
 * such file.
 */
uint64_t oat_stamp_read(int folder, const char *name);

/* The time; 0 when there is none, or it is not yet: from before a boot. */
uint64_t oat_stamp_get(int folder, const char *name);

#endif
