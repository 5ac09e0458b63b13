/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <string.h>

static const char *const names[OAT_REASON_COUNT] = {
	[OAT_REASON_NONE] = "-",
	[OAT_REASON_MALFORMED] = "malformed",
	[OAT_REASON_UNKNOWN_TOKEN] = "unknown_token",
	[OAT_REASON_HOST_NOT_GRANTED] = "host_not_granted",
	[OAT_REASON_BAD_VERIFIER] = "bad_verifier",
	[OAT_REASON_WRONG_SECRET] = "wrong_secret",
	[OAT_REASON_RETIRED_SECRET] = "retired_secret",
	[OAT_REASON_WRONG_IDENTITY] = "wrong_identity",
	[OAT_REASON_ORGANIZATION_SUSPENDED] = "organization_suspended",
	[OAT_REASON_DEACTIVATED] = "deactivated",
	[OAT_REASON_NOT_YET_VALID] = "not_yet_valid",
	[OAT_REASON_EXPIRED] = "expired",
	[OAT_REASON_IDLE] = "idle",
	[OAT_REASON_USED_UP] = "used_up",
	[OAT_REASON_SERVICE_NOT_GRANTED] = "service_not_granted",
	[OAT_REASON_NOT_ALLOWED] = "not_allowed",
	[OAT_REASON_ADDRESS_NOT_ALLOWED] = "address_not_allowed",
	[OAT_REASON_HOST_SUSPENDED] = "host_suspended",
	[OAT_REASON_UNAVAILABLE] = "unavailable",
};

const char *
oat_reason_name(enum oat_reason reason)
{
	if (reason < OAT_REASON_NONE || reason >= OAT_REASON_COUNT)
		return names[OAT_REASON_UNAVAILABLE];
	return names[reason];
}

enum oat_status
oat_reason_parse(const char *name, enum oat_reason *ret_reason)
{
	int i;

	for (i = OAT_REASON_NONE; i < OAT_REASON_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret_reason = (enum oat_reason)i;
			return OAT_OK;
		}
	}
	return OAT_INVALID;
}

int
oat_reason_is_policy(enum oat_reason reason)
{
	return reason >= OAT_REASON_ORGANIZATION_SUSPENDED &&
	       reason <= OAT_REASON_HOST_SUSPENDED;
}
