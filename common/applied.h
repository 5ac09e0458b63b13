/* SPDX-License-Identifier: MIT */
/*
 * What this host has told the database that it has done: which snapshot is
 * published, and that the sessions which it ends have ended. In a file under
 * OAT_PATH_RUN, so that a sync which finds nothing new has nothing to tell, and
 * one that was killed half-way, or a reboot, makes the next one do it all.
 */
#ifndef OAT_APPLIED_H
#define OAT_APPLIED_H

#include <stdbool.h>
#include <stdint.h>

#include "endings.h"
#include "status.h"

#define OAT_PROBLEM_MAX 200 /* bytes, the NUL included */

/* Zero-initialised it is nothing. */
struct oat_applied {
	int64_t generation, as_of_us; /* of the snapshot */
	uint32_t left;		      /* a check of who is left; 0 for nobody */
	char problem[OAT_PROBLEM_MAX]; /* printable; "" for none */
};

/* The check of those of whom something is left. */
uint32_t oat_applied_left(const struct oat_endings *endings);

bool
oat_applied_is_equal(const struct oat_applied *a, const struct oat_applied *b);

/*
 * Read the file in a folder. Whatever is wrong with it, or none: nothing was
 * applied.
 */
void oat_applied_read(const char *folder, struct oat_applied *ret_applied);

/*
 * Write it, whole or not at all, in a folder that is made (root, 0755) when it
 * is missing. OAT_OK; OAT_SYSTEM with errno.
 */
enum oat_status
oat_applied_write(const char *folder, const struct oat_applied *applied);

#endif
