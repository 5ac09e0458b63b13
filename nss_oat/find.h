/* SPDX-License-Identifier: MIT */
/* Finding one user or group, with a sync in between if that may help. */
#ifndef OAT_NSS_FIND_H
#define OAT_NSS_FIND_H

#include <stdint.h>

#include "common/snapshot.h"
#include "common/status.h"
#include "source.h"

/* A record, and what its snapshot says of all homes. */
struct oat_nss_found {
	struct oat_record record;
	char home_root[OAT_HOME_ROOT_MAX + 1];
};

/*
 * Put a question as oat_nss_ask() does. While `is_final` says that the answer
 * may be another after a sync, a caller that may (caller.h) lets one happen,
 * within OAT_REFRESH_BOUND_MS, and asks again.
 */
enum oat_status oat_nss_ask_or_sync(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *snapshot, void *arg),
    void *arg, bool (*is_final)(enum oat_status status, const void *arg));

/* For those to whom a name is missing: neither that nor an outage is final. */
bool oat_nss_is_there(enum oat_status status, const void *arg);

/*
 * The name must be one of ours by its grammar, the number in its range: both
 * for the caller to check. A name that is missing, or of an identity without
 * access here, is worth a sync: it may have been granted it a moment ago. A
 * number is not: nobody is told a new uid before its name.
 * OAT_OK; OAT_NOTFOUND; OAT_UNAVAILABLE.
 */
enum oat_status oat_nss_find_name(const struct oat_nss_source *source,
    const char *name, struct oat_nss_found *ret_found);
enum oat_status oat_nss_find_id(const struct oat_nss_source *source,
    uint32_t id, struct oat_nss_found *ret_found);

/* Keep a record and the rest of its snapshot. */
void oat_nss_found_set_home_root(
    struct oat_nss_found *found, const struct oat_snapshot *snapshot);

#endif
