/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <errno.h>

static enum nss_status
fail(enum nss_status status, int error, int *errnop)
{
	*errnop = error;
	return status;
}

enum nss_status
oat_nss_answer(enum oat_status status, int saved, int *errnop)
{
	errno = saved; /* errnop is in most cases its address */
	switch (status) {
	case OAT_OK:
		return NSS_STATUS_SUCCESS;
	case OAT_NOTFOUND:
		return fail(NSS_STATUS_NOTFOUND, ENOENT, errnop);
	case OAT_RANGE:
		return fail(NSS_STATUS_TRYAGAIN, ERANGE, errnop);
	case OAT_NOMEM:
		return fail(NSS_STATUS_TRYAGAIN, ENOMEM, errnop);
	case OAT_TIMEOUT:
		return fail(NSS_STATUS_TRYAGAIN, EAGAIN, errnop);
	case OAT_INVALID:
	case OAT_UNAVAILABLE:
	case OAT_SYSTEM:
		break;
	}
	return fail(NSS_STATUS_UNAVAIL, EIO, errnop);
}
