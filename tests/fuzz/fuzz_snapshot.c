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
seal(unsigned char *bytes, uint64_t seed, uint64_t offset, size_t size)
{
	uint64_t check = oat_snapshot_seed(seed, offset);

	check = oat_snapshot_check(
	    check, bytes + offset + sizeof(check), size - sizeof(check));
	memcpy(bytes + offset, &check, sizeof(check));
}

static void
seal_header(unsigned char *bytes, size_t size)
{
	struct oat_snapshot_header header;

	memcpy(&header, bytes, sizeof(header));
	header.magic = OAT_SNAPSHOT_MAGIC;
	header.size = size;
	header.home_root[OAT_HOME_ROOT_MAX] = '\0';
	header.check = oat_snapshot_check(OAT_SNAPSHOT_MAGIC, &header,
	    offsetof(struct oat_snapshot_header, check));
	memcpy(bytes, &header, sizeof(header));
}

/* Buckets, and records of one line, where there may be some. */
static void
seal_blocks(unsigned char *bytes, const struct oat_snapshot *snapshot)
{
	uint64_t offset = sizeof(struct oat_snapshot_header);

	for (; offset + OAT_SNAPSHOT_LINE <= snapshot->lists;
	     offset += OAT_SNAPSHOT_LINE)
		seal(bytes, snapshot->check, offset, OAT_SNAPSHOT_LINE);
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
	seal_header(bytes, size);
	if (oat_snapshot_from_bytes(bytes, size, &snapshot) == OAT_OK) {
		read_all(&snapshot);
		seal_blocks(bytes, &snapshot);
		read_all(&snapshot);
	}
	free(bytes);
	return 0;
}
