/* SPDX-License-Identifier: MIT */
/* A spool that tests fill and look into. */
#ifndef OAT_TESTS_SPOOLED_H
#define OAT_TESTS_SPOOLED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/spool.h"

#define SPOOLED_SIZE 61440 /* bytes of array, as oat sync asks for */

/* Where it is, and what that is in. */
extern char spooled_parent[32], spooled_folder[64];

/* Of a suite. */
int spooled_set_up(void);
int spooled_tear_down(void);

/* There is no such folder yet. */
void spooled_begin(void);

/* Put a file there; is something of this name there? */
void spooled_make_file(const char *name, const char *text);
bool spooled_exists(const char *name);

/* How many events are there, and how many names of any kind? */
size_t spooled_count(void);
size_t spooled_count_names(void);

/*
 * Take the first batch, to be freed; what is there stays there. The first
 * leaves the spool open, to be closed.
 */
enum oat_status
spooled_open_batch(size_t max, size_t size, struct oat_spool *ret_spool,
    struct oat_batch *ret_batch, size_t *ret_aside);
enum oat_status spooled_read_batch(
    size_t max, size_t size, struct oat_batch *ret_batch, size_t *ret_aside);

/* Is this what the first batch answers? `events` NULL for any. */
void
spooled_check_batch(enum oat_status expected, const char *events, size_t aside);

#endif
