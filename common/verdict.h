/* SPDX-License-Identifier: MIT */
/* May they in? A decision, and the reason for a refusal. */
#ifndef OAT_VERDICT_H
#define OAT_VERDICT_H

#include "status.h"

/* Zero is a refusal, so that forgotten memory never lets anybody in. */
enum oat_verdict {
	OAT_BROKEN = 0, /* a fault of this host: configuration, program */
	OAT_UNDECIDED,	/* the token service could not be asked */
	OAT_REFUSED,	/* the secret or the login is wrong */
	OAT_DENIED,	/* the secret is right; policy says no */
	OAT_ALLOWED,	/* policy says yes */
};

/*
 * Reasons in the order in which the first failure decides. The names are
 * contract; sql/ decides all but OAT_REASON_MALFORMED and
 * OAT_REASON_UNAVAILABLE, and spells them alike (a test compares the two).
 */
enum oat_reason {
	OAT_REASON_NONE = 0, /* success: "-" */
	OAT_REASON_MALFORMED,
	OAT_REASON_UNKNOWN_TOKEN,
	OAT_REASON_HOST_NOT_GRANTED,
	OAT_REASON_BAD_VERIFIER,
	OAT_REASON_WRONG_SECRET,
	OAT_REASON_RETIRED_SECRET,
	OAT_REASON_WRONG_IDENTITY,
	OAT_REASON_ORGANIZATION_SUSPENDED,
	OAT_REASON_DEACTIVATED,
	OAT_REASON_NOT_YET_VALID,
	OAT_REASON_EXPIRED,
	OAT_REASON_IDLE,
	OAT_REASON_USED_UP,
	OAT_REASON_SERVICE_NOT_GRANTED,
	OAT_REASON_NOT_ALLOWED,
	OAT_REASON_ADDRESS_NOT_ALLOWED,
	OAT_REASON_HOST_SUSPENDED,
	OAT_REASON_UNAVAILABLE,
	OAT_REASON_COUNT
};

/* The contract's spelling; "-" for OAT_REASON_NONE. Never NULL. */
const char *oat_reason_name(enum oat_reason reason);

/*
 * The reason with this name.
 * OAT_OK; OAT_INVALID when no reason is called so.
 */
enum oat_status oat_reason_parse(const char *name, enum oat_reason *ret_reason);

/*
 * Does the reason show that the secret was right, so that the holder may be
 * told? Reasons from organization_suspended on, unavailable excepted.
 */
int oat_reason_is_policy(enum oat_reason reason);

#endif
