/* SPDX-License-Identifier: MIT */
#include "tell.h"

#include <security/pam_ext.h>

void
oat_tell_holder(const struct oat_call *call)
{
	const char *message = call->answer.message;

	if (message[0] == '\0')
		return;
	switch (call->answer.verdict) {
	case OAT_ALLOWED:
		if (!call->silent)
			(void)pam_info(call->pamh, "%s", message);
		break;
	case OAT_DENIED:
		if (call->explain_denials)
			(void)pam_error(call->pamh, "%s", message);
		break;
	case OAT_UNDECIDED:
		(void)pam_error(call->pamh, "%s", message);
		break;
	case OAT_REFUSED:
	case OAT_BROKEN:
		break;
	}
}
