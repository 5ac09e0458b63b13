/* SPDX-License-Identifier: MIT */
/* Where answers come from: the snapshot, or a private copy of it. */
#ifndef OAT_NSS_SOURCE_H
#define OAT_NSS_SOURCE_H

#include "common/snapshot.h"
#include "common/status.h"

struct oat_nss_source {
	const char *path;    /* of the snapshot */
	const char *run;     /* where syncs are limited, refresh.h */
	const char *program; /* that does one */
	const char *config;  /* that it reads, and root alone */
};

/*
 * This host's. A weak symbol, hidden in the plugin, so that a test program
 * linked with these objects defines its own.
 */
extern const struct oat_nss_source oat_nss_source;

/*
 * Put a question to the current snapshot. `ask` answers OAT_OK, OAT_NOTFOUND,
 * OAT_RANGE, OAT_NOMEM or OAT_UNAVAILABLE; it may be asked a second time, of a
 * newer version, and must then answer as if it were the first.
 * What `ask` answered; OAT_UNAVAILABLE when there is no usable snapshot.
 */
enum oat_status oat_nss_ask(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *snapshot, void *arg),
    void *arg);

#endif
