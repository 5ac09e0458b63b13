/* SPDX-License-Identifier: MIT */
/*
 * Which processes of this host belong to identities that are to have none, and
 * which of those may be ended. One look; nothing is signalled here.
 */
#ifndef OAT_CENSUS_H
#define OAT_CENSUS_H

#include <stdbool.h>
#include <stddef.h>

#include "endings.h"
#include "process.h"
#include "status.h"

enum oat_claim_kind {
	OAT_CLAIM_OWN,	   /* it runs as the identity */
	OAT_CLAIM_LOGIN,   /* another user's, but descends from its login */
	OAT_CLAIM_DESCENT, /* root's, of unknown login, below one of its own */
	OAT_CLAIM_SERVICE, /* root's, of who let it in, as sshd: not counted */
};

/* A process that belongs to an identity. */
struct oat_claim {
	struct oat_process process; /* looked at more closely */
	uint32_t uid;		    /* of the identity */
	enum oat_claim_kind kind;
	bool ends; /* and not only: is counted */
};

struct oat_census {
	struct oat_claim *claims; /* ascending by pid; owned */
	size_t count;
};

/*
 * Look. Identities that are met for the first time are added to `endings`.
 * What a former look knew of a process that is still there is kept; NULL for
 * the first one.
 * OAT_OK, and oat_census_free() frees the result; OAT_NOMEM; OAT_UNAVAILABLE
 * when the snapshot is damaged; OAT_SYSTEM with errno when the processes cannot
 * be seen.
 */
enum oat_status
oat_census_take(const struct oat_policy *policy, struct oat_endings *endings,
    const struct oat_census *former, struct oat_census *ret_census);

void oat_census_free(struct oat_census *census);

#endif
