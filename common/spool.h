/* SPDX-License-Identifier: MIT */
/*
 * Events that wait on this host until the database has them: one file an
 * event, in a folder that only root can enter. A file that is there is whole:
 * it was written under another name, synced, renamed, and its folder synced.
 *
 * What cannot be sent is put aside (".bad") and left for the administrator.
 */
#ifndef OAT_SPOOL_H
#define OAT_SPOOL_H

#include <stddef.h>

#include "status.h"

#define OAT_SPOOL_EVENTS_MAX 10000 /* files; some 40 MiB on a 4 KiB disk */
#define OAT_SPOOL_BATCH_MAX 100	   /* files in one batch */

/* Events on their way: a JSON array, and the files it came from. */
struct oat_batch {
	char *events; /* owned */
	size_t count;
	char *names[OAT_SPOOL_BATCH_MAX]; /* owned */
};

/*
 * Keep an event under a name that begins with the time and ends with its id
 * (letters, digits, hyphens). The folder is made (0700) when it is missing.
 * OAT_OK: it is on disk; OAT_RANGE: the spool is full; OAT_SYSTEM with errno,
 * EPERM when the folder is not this user's alone.
 */
enum oat_status
oat_spool_add(const char *folder, const char *event_id, const char *json);

/*
 * Take up to `max` (at most OAT_SPOOL_BATCH_MAX) events and `size` (at least
 * OAT_EVENT_MAX + 2) bytes of array, oldest first. Files that cannot be events
 * are put aside; *ret_aside says how many, in every case.
 * OAT_OK; OAT_NOTFOUND when there is no event; OAT_NOMEM; OAT_SYSTEM.
 */
enum oat_status oat_spool_read(const char *folder, size_t max, size_t size,
    struct oat_batch *ret_batch, size_t *ret_aside);

/* Remove a batch that has arrived. OAT_OK; OAT_SYSTEM. */
enum oat_status
oat_spool_remove(const char *folder, const struct oat_batch *batch);

/* Put a batch aside that the database will never take. OAT_OK; OAT_SYSTEM. */
enum oat_status
oat_spool_put_aside(const char *folder, const struct oat_batch *batch);

void oat_batch_free(struct oat_batch *batch);

/* How many events wait. OAT_OK; OAT_SYSTEM. A missing folder holds none. */
enum oat_status oat_spool_count(const char *folder, size_t *ret_count);

#endif
