/* SPDX-License-Identifier: MIT */
/* The one translation from our vocabulary to nsswitch's. */
#ifndef OAT_NSS_ANSWER_H
#define OAT_NSS_ANSWER_H

#include <errno.h>
#include <nss.h>

#include "common/status.h"

/*
 * `saved` is errno as the caller had it; the rest is in nss_oat.h. An outage is
 * never "not found".
 */
enum nss_status oat_nss_answer(enum oat_status status, int saved, int *errnop);

/* To whoever asks for a name or number that cannot be ours: at once. */
static inline enum nss_status
oat_nss_not_ours(int *errnop)
{
	*errnop = ENOENT;
	return NSS_STATUS_NOTFOUND;
}

#endif
