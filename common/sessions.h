/* SPDX-License-Identifier: MIT */
/*
 * Ending what identities without access still run on this host: SIGTERM, and
 * after OAT_SESSIONS_GRACE_MS SIGKILL. oat(8) says which processes that are and
 * why; sessions.c names the rules.
 */
#ifndef OAT_SESSIONS_H
#define OAT_SESSIONS_H

#include "endings.h"
#include "status.h"

/*
 * Time for an editor to save and a shell to pass on a hang-up; so short that
 * under `oat sync --watch` (up to 500 ms until it asks, and the asking) all is
 * over a second after the change.
 */
#define OAT_SESSIONS_GRACE_MS 200

/* What may still be there so long after SIGKILL is left. */
#define OAT_SESSIONS_SETTLE_MS 300

/*
 * Look through the processes of this host once, and end those of identities
 * without access. Takes the two times above at most, and only when there is
 * anything to end. Must be run as root, with the lock of a sync.
 * OAT_OK, and oat_endings_free() frees the result; OAT_NOMEM; OAT_UNAVAILABLE
 * when the snapshot is damaged; OAT_SYSTEM with errno when the processes cannot
 * be seen. After a failure something may have been ended nevertheless.
 */
enum oat_status oat_sessions_end(
    const struct oat_policy *policy, struct oat_endings *ret_endings);

#endif
