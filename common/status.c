/* SPDX-License-Identifier: MIT */
#include "status.h"

const char *
oat_status_text(enum oat_status status)
{
	switch (status) {
	case OAT_OK:
		return "success";
	case OAT_NOMEM:
		return "out of memory";
	case OAT_INVALID:
		return "malformed input";
	case OAT_NOTFOUND:
		return "not found";
	case OAT_RANGE:
		return "buffer too short";
	case OAT_TIMEOUT:
		return "deadline passed";
	case OAT_UNAVAILABLE:
		return "unavailable";
	case OAT_SYSTEM:
		return "system error";
	}
	return "unknown status";
}
