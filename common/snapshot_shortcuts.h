/* SPDX-License-Identifier: MIT */
/*
 * Shortcuts of a snapshot that was taken into memory: a quarter of its indexes'
 * size, and most hits need nothing else of them. Random look-ups among many
 * find no index in a processor's cache and wait for it as long as all the rest
 * takes; this much is mostly there.
 *
 * A shortcut is a guess, made from bytes that nobody checked: whoever takes one
 * checks the record that it leads to, and asks the index if that is not it. So
 * no answer rests on a shortcut, least of all that something is missing.
 */
#ifndef OAT_SNAPSHOT_SHORTCUTS_H
#define OAT_SNAPSHOT_SHORTCUTS_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define OAT_SHORTCUTS_LINE 16	/* of so many, a cache line */
#define OAT_SHORTCUTS_BUCKETS 4 /* share a line; 12 entries on average */
#define OAT_SHORTCUTS_KEY_BITS 8
#define OAT_SHORTCUTS_KEY_MASK ((UINT32_C(1) << OAT_SHORTCUTS_KEY_BITS) - 1)

/* Of an entry: the end of its key below its `where`. `where` 0 is none. */
static inline uint32_t
oat_shortcut(uint32_t key, uint32_t where)
{
	return where << OAT_SHORTCUTS_KEY_BITS | (key & OAT_SHORTCUTS_KEY_MASK);
}

/* The line of a bucket, counted from the first of the names' index. */
static inline const uint32_t *
oat_shortcuts_line(const uint32_t *shortcuts, uint64_t bucket)
{
	return shortcuts + bucket / OAT_SHORTCUTS_BUCKETS * OAT_SHORTCUTS_LINE;
}

/* Bytes of all lines, a multiple of a line's. */
size_t oat_shortcuts_size(const struct oat_snapshot *snapshot);

/*
 * Fill them, in memory that is zero. The snapshot's bytes are in memory, and
 * its header has been checked. What has no room is left to the index.
 */
void
oat_shortcuts_put(const struct oat_snapshot *snapshot, uint32_t *ret_shortcuts);

#endif
