/* SPDX-License-Identifier: MIT */
/* Only what is a snapshot takes the place of one. */
#include "snapshot_write.h"

#include "replace.h"

#define MODE 0644 /* every process reads it */

enum oat_status
oat_snapshot_publish(const char *path, const void *image, size_t size)
{
	struct oat_snapshot snapshot;

	if (oat_snapshot_from_bytes(image, size, &snapshot) != OAT_OK ||
	    oat_snapshot_verify(&snapshot) != OAT_OK)
		return OAT_INVALID;
	return oat_replace_file(path, image, size, (gid_t)-1, MODE);
}
