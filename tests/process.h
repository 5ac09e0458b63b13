/* SPDX-License-Identifier: MIT */
/* What a test asks about processes: copies of itself, children, leftovers. */
#ifndef OAT_TESTS_PROCESS_H
#define OAT_TESTS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Nothing in a test takes so long unless it hangs. */
#define OAT_LONG_MS 10000

#define OAT_BRIEF_MS 200  /* a deadline that is meant to pass */
#define OAT_SLACK_MS 1000 /* what a busy machine may add to one */

/*
 * Run `body` in a copy of this process, where it may do to itself what it
 * likes. Did it answer true?
 */
bool oat_in_copy(bool (*body)(void));

/* Has this process no child at all, of whatever kind (__WALL)? */
bool oat_is_childless(void);

/* How many descriptors below 1024 are open? */
int oat_open_descriptors(void);

/*
 * Make this descriptor, which is closed, standard output (-1: none). Returns
 * the former one, for the same function to put back.
 */
int oat_swap_stdout(int fd);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t oat_now_ms(void);

/* Has the process gone, or become a zombie, within OAT_LONG_MS? */
bool oat_process_ends(pid_t pid);

#endif
