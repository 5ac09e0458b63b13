/* SPDX-License-Identifier: MIT */
/* What lies in the spool, without touching it; for `oat doctor`. */
#ifndef OAT_SPOOL_SURVEY_H
#define OAT_SPOOL_SURVEY_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct oat_spool_survey {
	size_t waiting; /* events */
	size_t aside;	/* files called .bad */
	int64_t oldest; /* when the oldest event came, epoch s; 0 for none */
};

/*
 * Count. OAT_OK; OAT_NOTFOUND when there is no such folder; OAT_SYSTEM with
 * errno.
 */
enum oat_status
oat_spool_survey(const char *folder, struct oat_spool_survey *ret_survey);

#endif
