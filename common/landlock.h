/* SPDX-License-Identifier: MIT */
/* What of the file system and the network this process can reach: landlock(7).
 */
#ifndef OAT_LANDLOCK_H
#define OAT_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* Plain data, all borrowed. */
struct oat_reach {
	const char *const *files; /* to be read, with all below; NULL is none */
	size_t file_count;
	const uint16_t *ports; /* of TCP, to connect to */
	size_t port_count;
	bool abstract_sockets; /* of processes that are not confined like it */
};

/*
 * For good: files are read below those paths alone, and none is written,
 * created, removed or executed; TCP is connected to those ports alone, and
 * listens nowhere; nobody outside gets a signal. Paths that are not there are
 * passed over. The process must have PR_SET_NO_NEW_PRIVS.
 * OAT_OK, also with as much of this as the kernel knows; OAT_SYSTEM with errno.
 */
enum oat_status oat_landlock_enter(const struct oat_reach *reach);

#endif
