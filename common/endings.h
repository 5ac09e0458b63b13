/* SPDX-License-Identifier: MIT */
/*
 * The identities that are to have no processes on this host, or none from
 * before a certain time, as they are met there.
 */
#ifndef OAT_ENDINGS_H
#define OAT_ENDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "name.h"
#include "snapshot.h"
#include "status.h"

/* A wish of oat.end_sessions(): the identity itself stays good. */
struct oat_termination {
	uint32_t uid;
	uint64_t before; /* sessions opened before; as oat_process_now() */
};

enum oat_ending_reason {
	OAT_ENDING_REVOKED, /* it has no access here any more */
	OAT_ENDING_EXPIRED, /* the same, by the passing of time */
	OAT_ENDING_ASKED,   /* a termination */
};

/* An identity whose processes are to end, and had some. */
struct oat_ending {
	char login[OAT_LOGIN_MAX + 1];
	uint32_t uid;
	enum oat_ending_reason reason;
	bool spared;	 /* by terminate_sessions: they are only counted */
	uint64_t before; /* of a termination; else UINT64_MAX */
	size_t found;	 /* processes, the most at one time */
	size_t left;	 /* processes in the end */
};

struct oat_endings {
	struct oat_ending *list; /* ascending by uid; owned */
	size_t count;
};

/* Who has no access is what the snapshot says; who is it to be? */
struct oat_policy {
	const struct oat_snapshot *snapshot;
	const struct oat_config *config; /* terminate_sessions, uid range */
	const struct oat_termination *terminations;
	size_t count; /* of them */
};

/* The ending of an identity that was met, or NULL. Valid until the next. */
struct oat_ending *oat_endings_find(struct oat_endings *endings, uint32_t uid);

/*
 * A process of this uid was seen: if it is to end, its identity is added,
 * unless it is there. OAT_OK; OAT_NOTFOUND when it may go on, whoever's it is;
 * OAT_NOMEM; OAT_UNAVAILABLE when the snapshot is damaged.
 */
enum oat_status oat_endings_meet(
    struct oat_endings *endings, const struct oat_policy *policy, uint32_t uid);

/* One word for a log and an event: "revoked", "expired", "end_sessions". */
const char *oat_ending_reason_text(enum oat_ending_reason reason);

void oat_endings_free(struct oat_endings *endings);

#endif
