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

/* --- keeping ------------------------------------------------------------- */

/*
 * Keep an event under a name that begins with the time and ends with its id
 * (letters, digits, hyphens). The folder is made (0700) when it is missing.
 * OAT_OK: it is on disk; OAT_RANGE: the spool is full, files put aside and
 * others included; OAT_SYSTEM with errno, EPERM when the folder is not this
 * user's alone.
 */
enum oat_status
oat_spool_add(const char *folder, const char *event_id, const char *json);

/*
 * Why oat_spool_add() did not keep an event, and the way out, for an
 * administrator: one line about what it answered, and errno as it left it.
 * Returns dst, of `size` bytes; 320 hold a path of 200.
 */
char *oat_spool_explain(
    char *dst, size_t size, const char *folder, enum oat_status status);

/* How many events wait. OAT_OK; OAT_SYSTEM. A missing folder holds none. */
enum oat_status oat_spool_count(const char *folder, size_t *ret_count);

/* --- sending ------------------------------------------------------------- */

/* The events that were there when it was opened, oldest first. */
struct oat_spool {
	int folder;
	struct dirent **entries; /* owned */
	size_t count;
	size_t next; /* the first of them that was not read yet */
};

/* Events on their way: a JSON array, and the files it came from. */
struct oat_batch {
	char *events; /* owned */
	size_t count;
	char *names[OAT_SPOOL_BATCH_MAX]; /* owned */
};

/*
 * Open the spool, made when it is missing, and clear away what writers left
 * that were killed. OAT_OK, and oat_spool_close() closes it; OAT_SYSTEM with
 * errno as above.
 */
enum oat_status oat_spool_open(const char *folder, struct oat_spool *ret_spool);
void oat_spool_close(struct oat_spool *spool);

/*
 * Take up to `max` (at most OAT_SPOOL_BATCH_MAX) events and `size` (at least
 * OAT_EVENT_MAX + 2) bytes of array, from spool->next on. Files that cannot be
 * events are put aside; *ret_aside says how many, in every case.
 * OAT_OK; OAT_NOTFOUND when there is no further event; OAT_NOMEM; OAT_SYSTEM.
 */
enum oat_status oat_spool_read(struct oat_spool *spool, size_t max, size_t size,
    struct oat_batch *ret_batch, size_t *ret_aside);

/* Remove a batch that has arrived. OAT_OK; OAT_SYSTEM. */
enum oat_status
oat_spool_remove(const struct oat_spool *spool, const struct oat_batch *batch);

/* Put a batch aside that the database will never take. OAT_OK; OAT_SYSTEM. */
enum oat_status oat_spool_put_aside(
    const struct oat_spool *spool, const struct oat_batch *batch);

void oat_batch_free(struct oat_batch *batch);

#endif
