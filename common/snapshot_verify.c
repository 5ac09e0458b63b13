/* SPDX-License-Identifier: MIT */
/* Every byte of a snapshot, checked: for its writer and for the doctor. */
#include "snapshot.h"

#include <string.h>

#include "snapshot_format.h"

static enum oat_status
ignore_gid(uint32_t gid, void *arg)
{
	(void)gid;
	(void)arg;
	return OAT_OK;
}

/* Do both indexes lead to it, and is its list of groups whole? */
static enum oat_status
verify_record(
    const struct oat_snapshot *snapshot, const struct oat_record *record)
{
	struct oat_snapshot plain = *snapshot;
	struct oat_record by_name, by_id;

	plain.shortcuts = NULL; /* they would do without the indexes */
	if (oat_snapshot_find_name(&plain, record->name, &by_name) != OAT_OK ||
	    oat_snapshot_find_id(&plain, record->id, &by_id) != OAT_OK ||
	    by_name.id != record->id || strcmp(by_id.name, record->name) != 0)
		return oat_snapshot_damaged();
	return oat_snapshot_groups(snapshot, record, ignore_gid, NULL);
}

static enum oat_status
verify_records(const struct oat_snapshot *snapshot)
{
	uint64_t cursor = 0;
	struct oat_record record;
	enum oat_status status;
	uint32_t groups = 0, identities = 0, last = 0;

	while ((status = oat_snapshot_next(snapshot, &cursor, &record)) ==
	       OAT_OK) {
		if (record.id <= last ||
		    verify_record(snapshot, &record) != OAT_OK)
			return oat_snapshot_damaged();
		last = record.id;
		if (record.kind == OAT_RECORD_GROUP)
			groups++;
		else
			identities++;
	}
	if (status != OAT_NOTFOUND)
		return status;
	if (groups != snapshot->info.group_count ||
	    identities != snapshot->info.identity_count)
		return oat_snapshot_damaged();
	return OAT_OK;
}

/* All buckets are whole, and hold as many entries as there are records. */
static enum oat_status
verify_index(
    const struct oat_snapshot *snapshot, uint64_t offset, uint32_t buckets)
{
	struct oat_snapshot_bucket bucket;
	uint64_t entries = 0;
	uint32_t i, j;

	for (i = 0; i < buckets; i++, offset += sizeof(bucket)) {
		if (oat_snapshot_read_bucket(snapshot, offset, &bucket) !=
		    OAT_OK)
			return OAT_UNAVAILABLE;
		for (j = 0; j < OAT_SNAPSHOT_ENTRIES; j++)
			entries += bucket.entry[j].where != 0;
	}
	if (entries != (uint64_t)snapshot->info.group_count +
			   snapshot->info.identity_count)
		return oat_snapshot_damaged();
	return OAT_OK;
}

enum oat_status
oat_snapshot_verify(const struct oat_snapshot *snapshot)
{
	uint64_t names = sizeof(struct oat_snapshot_header);
	uint64_t ids = names + (uint64_t)snapshot->name_buckets *
				   sizeof(struct oat_snapshot_bucket);
	enum oat_status status;

	status = verify_index(snapshot, names, snapshot->name_buckets);
	if (status == OAT_OK)
		status = verify_index(snapshot, ids, snapshot->id_buckets);
	if (status == OAT_OK)
		status = verify_records(snapshot);
	return status;
}
