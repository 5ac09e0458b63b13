/* SPDX-License-Identifier: MIT */
/*
 * Who exists on this host: asked of the database, validated, published. What
 * goes wrong is told by oat_report(), once.
 */
#ifndef OAT_FETCH_H
#define OAT_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "applied.h"
#include "child.h"
#include "config.h"
#include "database.h"
#include "deadline.h"
#include "endings.h"
#include "snapshot.h"
#include "status.h"

enum oat_fetched {
	OAT_FETCHED_NOTHING, /* no answer, or one older than what is here */
	OAT_FETCHED_SAME,    /* what is here is up to date */
	OAT_FETCHED_NEWS,    /* more than that */
};

/* Set the first four, zero-initialise the others; oat_fetch_free() it. */
struct oat_fetch {
	const struct oat_config *config;
	struct oat_child *courier;
	struct oat_deadline deadline;
	bool whole; /* ask for everything, whether it changed or not */

	enum oat_fetched fetched;
	struct oat_termination *terminations; /* with news; owned */
	size_t termination_count;
	char problem[OAT_PROBLEM_MAX];	    /* of the news; "" for none */
	char error[OAT_DATABASE_ERROR_MAX]; /* of the question; "" for none */
	void *image; /* news that could not be published; owned */
	size_t image_size;
};

/*
 * The snapshot that this host has published: generation 0 when there is none.
 */
void oat_fetch_held(int64_t *ret_generation, int64_t *ret_as_of_us);

/*
 * Ask, with what this host says of itself (selfreport.h), and publish what is
 * new. An incomplete answer or an older generation changes nothing.
 * OAT_OK; OAT_NOMEM; OAT_INVALID, OAT_TIMEOUT, OAT_UNAVAILABLE, OAT_SYSTEM.
 * When only the publishing failed, `fetched` and what belongs to it are set.
 */
enum oat_status oat_fetch_run(struct oat_fetch *fetch, const char *report);

/*
 * The snapshot of what was fetched, in memory, for oat_snapshot_close() and not
 * longer than `fetch`. OAT_OK; OAT_NOMEM; OAT_UNAVAILABLE.
 */
enum oat_status oat_fetch_snapshot(
    const struct oat_fetch *fetch, struct oat_snapshot *ret_snapshot);

/* Frees what is owned, for the next run or for good. */
void oat_fetch_free(struct oat_fetch *fetch);

#endif
