/* SPDX-License-Identifier: MIT */
/*
 * Finding records in a snapshot. The rules are in snapshot.h; each is a test of
 * tests/unit/test_snapshot.c. No byte counts before its check held.
 */
#include "snapshot.h"

#include <string.h>

#include "snapshot_format.h"
#include "snapshot_shortcuts.h"

/* Most lists of gids come with one read of so much. */
#define GROUPS_READ 512

_Static_assert(GROUPS_READ % OAT_SNAPSHOT_WORD == 0, "whole words");

/* --- records ------------------------------------------------------------- */

/* Is what a record says of itself possible, at this place of this file? */
static bool
is_possible(const struct oat_snapshot *snapshot,
    const struct oat_snapshot_record *record, uint64_t room)
{
	return (record->kind == OAT_RECORD_GROUP ||
		   record->kind == OAT_RECORD_IDENTITY) &&
	       oat_id_is_ours(record->id) && record->name_length > 0 &&
	       record->name_length <= OAT_GROUP_MAX &&
	       record->shell_length <= OAT_SHELL_MAX &&
	       oat_snapshot_record_size(
		   record->name_length, record->shell_length) <= room &&
	       (uint64_t)record->groups * OAT_SNAPSHOT_WORD <=
		   snapshot->size - snapshot->lists;
}

/* The check held: now nothing but a hostile writer can make it untrue. */
static bool
is_ours(const struct oat_record *record)
{
	if (record->kind == OAT_RECORD_IDENTITY)
		return oat_name_is_login(record->name);
	return oat_name_is_group(record->name);
}

static void
take_record(const struct oat_snapshot *snapshot,
    const struct oat_snapshot_record *head, const unsigned char *text,
    struct oat_record *ret_record)
{
	ret_record->kind = (enum oat_record_kind)head->kind;
	memcpy(ret_record->name, text, head->name_length);
	ret_record->name[head->name_length] = '\0';
	text += head->name_length;
	memcpy(ret_record->shell, text, head->shell_length);
	ret_record->shell[head->shell_length] = '\0';
	ret_record->id = head->id;
	ret_record->active = head->active != 0;
	ret_record->expires_at = head->expires_at;
	ret_record->group_count = head->group_count;
	ret_record->groups =
	    snapshot->lists + (uint64_t)head->groups * OAT_SNAPSHOT_WORD;
}

/* The record at `offset`. *ret_size is where the next one is, from there. */
static enum oat_status
record_at(const struct oat_snapshot *snapshot, uint64_t offset,
    struct oat_record *ret_record, size_t *ret_size)
{
	unsigned char scratch[OAT_SNAPSHOT_RECORD_MAX];
	struct oat_snapshot_record head;
	const unsigned char *bytes;
	uint64_t room, check;
	size_t size;

	room = offset < snapshot->lists ? snapshot->lists - offset : 0;
	size = room < sizeof(scratch) ? (size_t)room : sizeof(scratch);
	if (size < sizeof(head))
		return oat_snapshot_damaged();
	bytes = oat_snapshot_view(snapshot, offset, size, scratch);
	if (bytes == NULL)
		return OAT_UNAVAILABLE;
	memcpy(&head, bytes, sizeof(head));
	if (!is_possible(snapshot, &head, room))
		return oat_snapshot_damaged();
	size = oat_snapshot_record_size(head.name_length, head.shell_length);
	check = oat_snapshot_seed(snapshot->check, offset);
	check = oat_snapshot_check(
	    check, bytes + sizeof(head.check), size - sizeof(head.check));
	if (check != head.check)
		return oat_snapshot_damaged();
	take_record(snapshot, &head, bytes + sizeof(head), ret_record);
	if (!is_ours(ret_record))
		return oat_snapshot_damaged();
	*ret_size = size;
	return OAT_OK;
}

enum oat_status
oat_snapshot_next(const struct oat_snapshot *snapshot, uint64_t *cursor,
    struct oat_record *ret_record)
{
	uint64_t offset = *cursor == 0 ? snapshot->records : *cursor;
	size_t size;

	if (offset == snapshot->lists)
		return OAT_NOTFOUND;
	if (record_at(snapshot, offset, ret_record, &size) != OAT_OK)
		return OAT_UNAVAILABLE;
	*cursor = offset + size;
	return OAT_OK;
}

/* --- indexes ------------------------------------------------------------- */

/* What is looked for: a name with its hash, or a number. */
struct wanted {
	const char *name; /* NULL: a number */
	uint32_t key;
	uint32_t first, buckets;
	uint64_t index; /* offset of the index */
};

enum oat_status
oat_snapshot_read_bucket(const struct oat_snapshot *snapshot, uint64_t offset,
    struct oat_snapshot_bucket *ret_bucket)
{
	struct oat_snapshot_bucket bucket;
	unsigned char scratch[sizeof(bucket)];
	const unsigned char *bytes;
	uint64_t check;

	bytes = oat_snapshot_view(snapshot, offset, sizeof(bucket), scratch);
	if (bytes == NULL)
		return OAT_UNAVAILABLE;
	memcpy(&bucket, bytes, sizeof(bucket));
	check = oat_snapshot_seed(snapshot->check, offset);
	check = oat_snapshot_check(check, bucket.entry, sizeof(bucket.entry));
	if (check != bucket.check)
		return oat_snapshot_damaged();
	*ret_bucket = bucket;
	return OAT_OK;
}

static bool
is_wanted(const struct wanted *wanted, const struct oat_record *record)
{
	if (wanted->name == NULL)
		return record->id == wanted->key;
	return strcmp(record->name, wanted->name) == 0;
}

/* Where the record of an entry begins. */
static uint64_t
offset_of(const struct oat_snapshot *snapshot, uint32_t where)
{
	return snapshot->records + ((uint64_t)where - 1) * OAT_SNAPSHOT_LINE;
}

/*
 * Look through one bucket. OAT_NOTFOUND when it is not there nor in any other;
 * OAT_RANGE when the bucket is full and the search goes on.
 */
static enum oat_status
search_bucket(const struct oat_snapshot *snapshot, const struct wanted *wanted,
    uint32_t number, struct oat_record *ret_record)
{
	struct oat_snapshot_bucket bucket;
	uint64_t offset;
	size_t size;
	int i;

	offset = wanted->index + (uint64_t)number * sizeof(bucket);
	if (oat_snapshot_read_bucket(snapshot, offset, &bucket) != OAT_OK)
		return OAT_UNAVAILABLE;
	for (i = 0; i < OAT_SNAPSHOT_ENTRIES; i++) {
		if (bucket.entry[i].where == 0)
			return OAT_NOTFOUND;
		if (bucket.entry[i].key != wanted->key)
			continue;
		offset = offset_of(snapshot, bucket.entry[i].where);
		if (record_at(snapshot, offset, ret_record, &size) != OAT_OK)
			return OAT_UNAVAILABLE;
		if (is_wanted(wanted, ret_record))
			return OAT_OK;
	}
	return OAT_RANGE;
}

/* Does one of the shortcuts lead to it? Whatever else they do is no answer. */
static bool
is_by_shortcut(const struct oat_snapshot *snapshot, const struct wanted *wanted,
    struct oat_record *ret_record)
{
	uint64_t index = wanted->index - sizeof(struct oat_snapshot_header);
	const uint32_t *line = oat_shortcuts_line(snapshot->shortcuts,
	    index / sizeof(struct oat_snapshot_bucket) + wanted->first);
	uint32_t i, where;
	size_t size;

	for (i = 0; i < OAT_SHORTCUTS_LINE && line[i] != 0; i++) {
		where = line[i] >> OAT_SHORTCUTS_KEY_BITS;
		if (line[i] == oat_shortcut(wanted->key, where) &&
		    record_at(snapshot, offset_of(snapshot, where), ret_record,
			&size) == OAT_OK &&
		    is_wanted(wanted, ret_record))
			return true;
	}
	return false;
}

/* Bounded by the number of buckets, whatever they hold. */
static enum oat_status
search(const struct oat_snapshot *snapshot, const struct wanted *wanted,
    struct oat_record *ret_record)
{
	enum oat_status status = OAT_RANGE;
	uint32_t i, number = wanted->first;

	if (snapshot->shortcuts != NULL &&
	    is_by_shortcut(snapshot, wanted, ret_record))
		return OAT_OK;
	for (i = 0; i < wanted->buckets && status == OAT_RANGE; i++) {
		status = search_bucket(snapshot, wanted, number, ret_record);
		number = number + 1 == wanted->buckets ? 0 : number + 1;
	}
	return status == OAT_RANGE ? OAT_NOTFOUND : status;
}

enum oat_status
oat_snapshot_find_name(const struct oat_snapshot *snapshot, const char *name,
    struct oat_record *ret_record)
{
	size_t length = strnlen(name, OAT_GROUP_MAX + 1);
	struct wanted wanted = { .name = name };
	uint64_t hash;

	if (length > OAT_GROUP_MAX)
		return OAT_NOTFOUND;
	hash = oat_snapshot_hash_name(snapshot->check, name, length);
	wanted.key = (uint32_t)(hash >> 32);
	wanted.buckets = snapshot->name_buckets;
	wanted.first = oat_snapshot_first_bucket(hash, wanted.buckets);
	wanted.index = sizeof(struct oat_snapshot_header);
	return search(snapshot, &wanted, ret_record);
}

enum oat_status
oat_snapshot_find_id(const struct oat_snapshot *snapshot, uint32_t id,
    struct oat_record *ret_record)
{
	struct wanted wanted = { .key = id };
	uint64_t hash = oat_snapshot_hash_id(snapshot->check, id);

	wanted.buckets = snapshot->id_buckets;
	wanted.first = oat_snapshot_first_bucket(hash, wanted.buckets);
	wanted.index = sizeof(struct oat_snapshot_header) +
		       (uint64_t)snapshot->name_buckets *
			   sizeof(struct oat_snapshot_bucket);
	return search(snapshot, &wanted, ret_record);
}

/* --- groups -------------------------------------------------------------- */

static enum oat_status
take_gids(const unsigned char *bytes, size_t count,
    enum oat_status (*take)(uint32_t gid, void *arg), void *arg)
{
	enum oat_status status = OAT_OK;
	uint32_t gid;

	for (; count > 0 && status == OAT_OK; count--) {
		memcpy(&gid, bytes, sizeof(gid));
		bytes += sizeof(gid);
		status = oat_id_is_ours(gid) ? take(gid, arg)
					     : oat_snapshot_damaged();
	}
	return status;
}

enum oat_status
oat_snapshot_groups(const struct oat_snapshot *snapshot,
    const struct oat_record *record,
    enum oat_status (*take)(uint32_t gid, void *arg), void *arg)
{
	uint64_t offset = record->groups, words, check, stored;
	unsigned char scratch[GROUPS_READ];
	const unsigned char *bytes;
	enum oat_status status;
	uint32_t left = record->group_count;
	size_t size, used;

	if (left == 0)
		return OAT_OK;
	words = oat_snapshot_list_size(left) - sizeof(stored);
	bytes = oat_snapshot_view(snapshot, offset, sizeof(stored), scratch);
	if (bytes == NULL)
		return OAT_UNAVAILABLE;
	memcpy(&stored, bytes, sizeof(stored));
	check = oat_snapshot_seed(snapshot->check, offset);
	offset += sizeof(stored);
	for (; words > 0; words -= size, offset += size) {
		size = words < GROUPS_READ ? (size_t)words : GROUPS_READ;
		bytes = oat_snapshot_view(snapshot, offset, size, scratch);
		if (bytes == NULL)
			return OAT_UNAVAILABLE;
		check = oat_snapshot_check(check, bytes, size);
		used = left < size / sizeof(uint32_t) ? left
						      : size / sizeof(uint32_t);
		status = take_gids(bytes, used, take, arg);
		if (status != OAT_OK)
			return status;
		left -= (uint32_t)used;
	}
	return check == stored ? OAT_OK : oat_snapshot_damaged();
}
