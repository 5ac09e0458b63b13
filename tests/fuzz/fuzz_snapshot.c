/* SPDX-License-Identifier: MIT */
/*
 * The reader of snapshots, on bytes of any kind. Checks would refuse nearly all
 * of them, so those of the header, and of as many blocks as look like some, are
 * made right first: what is left for the reader is a hostile writer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/snapshot.h"
#include "common/snapshot_format.h"
#include "tests/fuzz/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum oat_status
count(uint32_t gid, void *arg)
{
	if (!oat_id_is_ours(gid))
		abort();
	++*(uint64_t *)arg;
	return OAT_OK;
}

static void
check_record(
    const struct oat_snapshot *snapshot, const struct oat_record *record)
{
	uint64_t gids = 0;

	if (!oat_id_is_ours(record->id) || !oat_name_is_group(record->name) ||
	    strnlen(record->shell, sizeof(record->shell)) > OAT_SHELL_MAX)
		abort();
	if (oat_snapshot_groups(snapshot, record, count, &gids) == OAT_OK &&
	    gids != record->group_count)
		abort();
}

static void
read_all(const struct oat_snapshot *snapshot)
{
	uint64_t cursor = 0, before = 0;
	struct oat_record record;

	while (oat_snapshot_next(snapshot, &cursor, &record) == OAT_OK) {
		if (cursor <= before)
			abort();
		before = cursor;
		check_record(snapshot, &record);
	}
	if (oat_snapshot_find_name(snapshot, "oat-acme-t1", &record) ==
		OAT_OK &&
	    strcmp(record.name, "oat-acme-t1") != 0)
		abort();
	if (oat_snapshot_find_id(snapshot, 70101, &record) == OAT_OK &&
	    record.id != 70101)
		abort();
	(void)oat_snapshot_verify(snapshot);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_snapshot snapshot;
	unsigned char *bytes;

	if (oat_snapshot_from_bytes(data, size, &snapshot) == OAT_OK)
		read_all(&snapshot);
	if (size < sizeof(struct oat_snapshot_header))
		return 0;
	bytes = malloc(size);
	if (bytes == NULL)
		return 0;
	memcpy(bytes, data, size);
	oat_seal_header(bytes, size);
	if (oat_snapshot_from_bytes(bytes, size, &snapshot) == OAT_OK) {
		read_all(&snapshot);
		oat_seal_blocks(bytes, &snapshot);
		read_all(&snapshot);
	}
	free(bytes);
	return 0;
}
