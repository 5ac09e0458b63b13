/* SPDX-License-Identifier: MIT */
/*
 * One round of `oat sync`: events go to the database, identities come from it,
 * sessions of those without access end, and the database hears that they have.
 * What goes wrong is told by oat_report(), once.
 */
#ifndef OAT_ROUND_H
#define OAT_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "child.h"
#include "deadline.h"
#include "outage.h"
#include "setup.h"
#include "status.h"

/*
 * It moves more than a login: so many times the configured timeout. An NSS
 * look-up that waits for it gives up on its own after two seconds.
 */
#define OAT_ROUND_TIMEOUTS 4

/* Begin with OAT_ROUND_NONE; oat_round_free() it. */
struct oat_round {
	struct oat_setup setup;
	struct oat_child courier; /* started when needed */
	struct oat_deadline deadline;
	struct oat_asking asking;
	const char *socket; /* of a courier that runs already; or NULL */
	bool brief;   /* somebody waits: identities alone, no events sent */
	bool listens; /* ask the server to tell of changes */

	bool told;	   /* it does, over the present courier */
	bool changed;	   /* this round brought news */
	bool served;	   /* identities are up to date as of asked_ns */
	uint64_t asked_ns; /* when it last asked; the clock of refresh.h */
};

#define OAT_ROUND_NONE                                               \
	{                                                            \
		.courier = OAT_CHILD_NONE, .asking = OAT_ASKING_NONE \
	}

/*
 * Read the configuration. OAT_OK; as oat_setup_load().
 */
enum oat_status oat_round_load(struct oat_round *round);

/*
 * Wait for one's turn: one round at a time on a host, and beside it a brief
 * one, which has to wait only while the other asks for identities and publishes
 * them. From here on the round has OAT_ROUND_TIMEOUTS.
 * OAT_OK, and *ret_lock is closed by the caller; OAT_TIMEOUT; OAT_SYSTEM; for a
 * brief one OAT_UNAVAILABLE while nobody answers (outage.h).
 */
enum oat_status oat_round_lock(struct oat_round *round, int *ret_lock);

/*
 * With the lock: all of it. When something fails, what does not depend on it is
 * done nevertheless. The courier stays, for the next round.
 * OAT_OK; the status of what failed first.
 */
enum oat_status oat_round_run(struct oat_round *round);

/* Ends the courier, so that the next round connects anew. */
void oat_round_hang_up(struct oat_round *round);

void oat_round_free(struct oat_round *round);

#endif
