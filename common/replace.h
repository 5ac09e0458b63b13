/* SPDX-License-Identifier: MIT */
/*
 * Putting a file in its place, so that at every moment, a power cut's included,
 * the path is the old file or the new one, complete:
 *
 *  - the bytes are on disk and were read back before the name moves;
 *  - owner and mode are right before the name moves, whatever the umask, and
 *    until then nobody but the owner can read it;
 *  - the name moves by rename(2), and then the folder is on disk, too.
 *
 * What a killed predecessor left under the temporary name, the path's with
 * ".new" behind it, is removed first. It cannot be somebody's who still writes:
 * the caller holds a lock, and nobody else may write to the folder.
 */
#ifndef OAT_REPLACE_H
#define OAT_REPLACE_H

#include <sys/types.h>

#include "status.h"

/*
 * The file belongs to this process's user and to `gid`; (gid_t)-1: to the
 * group that new files get.
 * OAT_OK; OAT_SYSTEM with errno; OAT_UNAVAILABLE when the disk does not give
 * back what was written. After a failure the path is what it was, unless the
 * folder alone could not be put on disk.
 */
enum oat_status oat_replace_file(
    const char *path, const void *bytes, size_t size, gid_t gid, mode_t mode);

/* A complete file takes another's place, in the same folder. As above. */
enum oat_status oat_replace_rename(const char *from, const char *to);

#endif
