/* SPDX-License-Identifier: MIT */
/* What a host says of itself when it asks for its identities. */
#ifndef OAT_SELFREPORT_H
#define OAT_SELFREPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endings.h"
#include "status.h"

struct oat_selfreport {
	size_t spooled;		 /* events that wait */
	int64_t certificate_end; /* epoch seconds; 0 for none */
	const char *problem;	 /* printable; "" for none */
	/*
	 * Is the snapshot that is asked with published, and are the sessions
	 * ended of all that have no access, but for these? NULL: not yet.
	 */
	const struct oat_endings *applied;
};

/*
 * The JSON object for oat.host_sync(), with the version and this moment by the
 * host's clock. Where more than OAT_SELFREPORT_LEFT_MAX identities are left it
 * does not say that anything is applied: the others would count as ended.
 * OAT_OK; OAT_RANGE when it does not fit in `size`.
 */
#define OAT_SELFREPORT_LEFT_MAX 100
enum oat_status oat_selfreport_write(
    const struct oat_selfreport *report, char *ret_json, size_t size);

#endif
