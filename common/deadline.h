/* SPDX-License-Identifier: MIT */
/* A point in monotonic time that bounds a wait. */
#ifndef OAT_DEADLINE_H
#define OAT_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC; plain data, copied freely. */
struct oat_deadline {
	uint64_t at_ns;
};

/* The deadline that is so many milliseconds from now. */
struct oat_deadline oat_deadline_in_ms(uint32_t ms);

/* The earlier of the two. */
struct oat_deadline
oat_deadline_min(struct oat_deadline a, struct oat_deadline b);

/*
 * Milliseconds left, rounded up, 0 when it has passed; never more than
 * INT32_MAX. Fit for poll(2).
 */
int oat_deadline_left_ms(struct oat_deadline deadline);

/* Has it passed? */
bool oat_deadline_passed(struct oat_deadline deadline);

/* Sleep until then, whatever signals arrive. Returns at once if it passed. */
void oat_deadline_sleep(struct oat_deadline deadline);

#endif
