/* SPDX-License-Identifier: MIT */
/* `oat sync --watch`: a sync for each change, by the only connection kept. */
#ifndef OAT_WATCH_H
#define OAT_WATCH_H

#include "round.h"
#include "status.h"

/*
 * How long after a change it is asked for: at random, so that the hosts of a
 * fleet do not come all at once, and so that a second is enough for the rest.
 */
#define OAT_WATCH_JITTER_MS 500

/* Between two rounds without a change: at random within these. */
#define OAT_WATCH_POLL_MIN_MS 30000
#define OAT_WATCH_POLL_MAX_MS 90000

/*
 * Somebody may have been let in just before a change and open a session just
 * after it: so long after news one more round looks for that.
 */
#define OAT_WATCH_FOLLOW_MS 5000

/* After a failure: doubled each time, and as much again at random. */
#define OAT_WATCH_BACKOFF_MIN_MS 500
#define OAT_WATCH_BACKOFF_MAX_MS 30000

/*
 * Rounds until SIGTERM or SIGINT; SIGHUP reads the configuration anew, which
 * also happens when its file or the password's has changed. The signals are
 * blocked from then on, and are taken between rounds.
 * OAT_OK after a signal; OAT_UNAVAILABLE when the program was replaced, by an
 * upgrade, and OAT_SYSTEM, told by oat_report().
 */
enum oat_status oat_watch_run(struct oat_round *round);

#endif
