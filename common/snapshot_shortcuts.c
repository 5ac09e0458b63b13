/* SPDX-License-Identifier: MIT */
#include "snapshot_shortcuts.h"

#include <string.h>

#include "snapshot_format.h"

#define WHERE_MAX (UINT32_MAX >> OAT_SHORTCUTS_KEY_BITS)

static uint64_t
bucket_count(const struct oat_snapshot *snapshot)
{
	return (uint64_t)snapshot->name_buckets + snapshot->id_buckets;
}

size_t
oat_shortcuts_size(const struct oat_snapshot *snapshot)
{
	uint64_t lines = bucket_count(snapshot) / OAT_SHORTCUTS_BUCKETS + 1;

	return (size_t)lines * OAT_SHORTCUTS_LINE * sizeof(uint32_t);
}

/* Add a bucket's entries to its line, from slot `used`; the next one's slot. */
static size_t
put_bucket(const unsigned char *bytes, uint32_t *line, size_t used)
{
	struct oat_snapshot_bucket bucket;
	uint32_t where;
	int i;

	memcpy(&bucket, bytes, sizeof(bucket));
	for (i = 0; i < OAT_SNAPSHOT_ENTRIES; i++) {
		where = bucket.entry[i].where;
		if (where == 0 || used == OAT_SHORTCUTS_LINE)
			break;
		if (where <= WHERE_MAX)
			line[used++] = oat_shortcut(bucket.entry[i].key, where);
	}
	return used;
}

void
oat_shortcuts_put(const struct oat_snapshot *snapshot, uint32_t *ret_shortcuts)
{
	const unsigned char *bytes =
	    snapshot->bytes + sizeof(struct oat_snapshot_header);
	uint64_t i, count = bucket_count(snapshot);
	uint32_t *line = ret_shortcuts;
	size_t used = 0;

	for (i = 0; i < count; i++) {
		if (i > 0 && i % OAT_SHORTCUTS_BUCKETS == 0) {
			line += OAT_SHORTCUTS_LINE;
			used = 0;
		}
		used = put_bucket(bytes, line, used);
		bytes += sizeof(struct oat_snapshot_bucket);
	}
}
