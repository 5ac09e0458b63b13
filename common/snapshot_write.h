/* SPDX-License-Identifier: MIT */
/* Making a snapshot and putting it in its place; `oat sync` only. */
#ifndef OAT_SNAPSHOT_WRITE_H
#define OAT_SNAPSHOT_WRITE_H

#include <stddef.h>

#include "identity.h"
#include "snapshot.h"
#include "status.h"

/*
 * Build the image of a snapshot file from validated groups and identities (see
 * identities.h) in any order. Of `info`, generation, as_of_us, flags and
 * home_root count. The same input gives the same bytes.
 * OAT_OK, *ret_image is free()d by the caller; OAT_NOMEM; OAT_INVALID when
 * home_root is not a plain absolute path, or a name or a number is there
 * twice, or is none of ours: nothing that a validated set can contain.
 */
enum oat_status oat_snapshot_build(const struct oat_snapshot_info *info,
    const struct oat_group *groups, size_t group_count,
    const struct oat_identity *identities, size_t identity_count,
    void **ret_image, size_t *ret_size);

/*
 * Publish an image as `path`: a new file beside it, mode 0644, fsync, read
 * back and verified, renamed over it, folder fsynced. Whenever this is
 * interrupted, by kill -9 or a power cut, `path` is the old file or the new
 * one, complete. Only one process may publish at a time: the caller holds its
 * lock (OAT_PATH_RUN "/sync.lock").
 * OAT_OK; OAT_INVALID when the image is not a snapshot; OAT_SYSTEM with errno,
 * and the old file is still there (unless only the last fsync failed);
 * OAT_UNAVAILABLE when what was read back is not what was written.
 */
enum oat_status
oat_snapshot_publish(const char *path, const void *image, size_t size);

#endif
