/* SPDX-License-Identifier: MIT */
/*
 * Building the image of a snapshot. Order of work: records, their common
 * check, header, and last what is seeded by the header's check: the records'
 * own checks and the indexes.
 */
#include "snapshot_write.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot_format.h"

/* Entries for a bucket on average: 3 of 7, so that few searches go on. */
#define ENTRIES_PLANNED 3

/* More than there are numbers in any uid_range one would write. */
#define COUNT_MAX (UINT32_C(1) << 24)

/* What a record is made from, one of the two, and where it goes. */
struct source {
	uint32_t id;
	const struct oat_group *group;
	const struct oat_identity *identity;
	uint64_t record;
	uint64_t list; /* of its gids, if it has any */
	bool shared;   /* with the source before */
};

struct image {
	unsigned char *bytes;
	struct source *sources; /* ascending by id */
	size_t count;
	struct oat_snapshot_header header;
	uint64_t names, ids, records; /* where they begin */
};

static const char *
source_name(const struct source *source)
{
	return source->group != NULL ? source->group->name
				     : source->identity->login;
}

static const char *
source_shell(const struct source *source)
{
	return source->group != NULL ? "" : source->identity->shell;
}

static size_t
source_group_count(const struct source *source)
{
	return source->group != NULL ? 0 : source->identity->group_count;
}

static size_t
source_size(const struct source *source)
{
	return oat_snapshot_record_size(
	    strlen(source_name(source)), strlen(source_shell(source)));
}

static int
compare_ids(const void *a, const void *b)
{
	const struct source *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static bool
is_servable(const struct source *source)
{
	bool named = source->group != NULL
			 ? oat_name_is_group(source->group->name)
			 : oat_name_is_login(source->identity->login);

	return named && oat_id_is_ours(source->id) &&
	       source_group_count(source) <= COUNT_MAX;
}

/* Bring groups and identities into one row, ascending. */
static enum oat_status
collect(struct image *image, const struct oat_group *groups, size_t group_count,
    const struct oat_identity *identities, size_t identity_count)
{
	size_t i;

	/* calloc(0) may be NULL */
	image->sources =
	    calloc(group_count + identity_count + 1, sizeof(*image->sources));
	if (image->sources == NULL)
		return OAT_NOMEM;
	for (i = 0; i < group_count; i++)
		image->sources[image->count++] =
		    (struct source){ .id = groups[i].gid, .group = &groups[i] };
	for (i = 0; i < identity_count; i++)
		image->sources[image->count++] =
		    (struct source){ .id = identities[i].uid,
			    .identity = &identities[i] };
	qsort(
	    image->sources, image->count, sizeof(*image->sources), compare_ids);
	for (i = 0; i < image->count; i++)
		if (!is_servable(&image->sources[i]) ||
		    (i > 0 && image->sources[i].id == image->sources[i - 1].id))
			return OAT_INVALID;
	return OAT_OK;
}

/* A path that no line of passwd(5) and no log could be spoilt by. */
static bool
is_plain_path(const char *path)
{
	const unsigned char *c;

	if (path[0] != '/' ||
	    strnlen(path, OAT_HOME_ROOT_MAX + 1) > OAT_HOME_ROOT_MAX)
		return false;
	for (c = (const unsigned char *)path; *c != '\0'; c++)
		if (*c < ' ' || *c == 0x7f || *c == ':')
			return false;
	return true;
}

static void
fill_header(struct image *image, const struct oat_snapshot_info *info,
    size_t group_count)
{
	struct oat_snapshot_header *header = &image->header;
	uint32_t buckets = (uint32_t)(image->count / ENTRIES_PLANNED + 1);

	header->magic = OAT_SNAPSHOT_MAGIC;
	header->generation = info->generation;
	header->as_of_us = info->as_of_us;
	header->flags = info->flags;
	memcpy(header->home_root, info->home_root, strlen(info->home_root));
	header->name_buckets = header->id_buckets = buckets;
	header->group_count = (uint32_t)group_count;
	header->identity_count = (uint32_t)(image->count - group_count);
}

static bool
has_groups_of(const struct source *source, const struct source *other)
{
	size_t count = source_group_count(source);

	return count > 0 && count == source_group_count(other) &&
	       memcmp(source->identity->groups, other->identity->groups,
		   count * sizeof(uint32_t)) == 0;
}

/* Where everything goes; then the file's memory, all zeros. */
static enum oat_status
lay_out(struct image *image)
{
	struct oat_snapshot_header *header = &image->header;
	struct source *source = image->sources;
	uint64_t index =
	    (uint64_t)header->name_buckets * sizeof(struct oat_snapshot_bucket);
	uint64_t end;
	size_t i;

	image->names = sizeof(*header);
	image->ids = image->names + index;
	image->records = end = image->ids + index;
	for (i = 0; i < image->count; i++) {
		source[i].record = end;
		end += source_size(&source[i]);
	}
	header->lists = end;
	for (i = 0; i < image->count; i++) {
		source[i].list = end;
		source[i].shared =
		    i > 0 && has_groups_of(&source[i], &source[i - 1]);
		if (source[i].shared)
			source[i].list = source[i - 1].list;
		else
			end += oat_snapshot_list_size(
			    source_group_count(&source[i]));
	}
	header->size = end;
	if ((end - header->lists) / OAT_SNAPSHOT_WORD > UINT32_MAX)
		return OAT_INVALID;
	image->bytes = calloc(1, end);
	return image->bytes == NULL ? OAT_NOMEM : OAT_OK;
}

/* A record without its checks, and its list. */
static void
put_record(struct image *image, const struct source *source)
{
	const char *name = source_name(source), *shell = source_shell(source);
	const struct oat_identity *identity = source->identity;
	struct oat_snapshot_record record = {
		.id = source->id,
		.kind =
		    identity == NULL ? OAT_RECORD_GROUP : OAT_RECORD_IDENTITY,
		.active = identity != NULL && identity->active,
		/* A source is a group or an identity: NOLINTNEXTLINE */
		.name_length = (uint8_t)strlen(name),
		.shell_length = (uint8_t)strlen(shell),
		.expires_at = identity == NULL ? 0 : identity->expires_at,
		.group_count = (uint32_t)source_group_count(source),
	};
	unsigned char *bytes = image->bytes + source->record;

	if (record.group_count > 0) {
		record.groups =
		    (uint32_t)((source->list - image->header.lists) /
			       OAT_SNAPSHOT_WORD);
		memcpy(image->bytes + source->list + OAT_SNAPSHOT_WORD,
		    identity->groups, record.group_count * sizeof(uint32_t));
	}
	memcpy(bytes, &record, sizeof(record));
	memcpy(bytes + sizeof(record), name, record.name_length);
	memcpy(bytes + sizeof(record) + record.name_length, shell,
	    record.shell_length);
}

static void
put_header(struct image *image)
{
	struct oat_snapshot_header *header = &image->header;

	header->content = oat_snapshot_check(OAT_SNAPSHOT_MAGIC,
	    image->bytes + image->records, header->size - image->records);
	header->check = oat_snapshot_check(OAT_SNAPSHOT_MAGIC, header,
	    offsetof(struct oat_snapshot_header, check));
	memcpy(image->bytes, header, sizeof(*header));
}

/* Write the check in front of a block that lies at `offset`. */
static void
seal(struct image *image, uint64_t offset, size_t size)
{
	unsigned char *bytes = image->bytes + offset;
	uint64_t check = oat_snapshot_seed(image->header.check, offset);

	check = oat_snapshot_check(
	    check, bytes + sizeof(check), size - sizeof(check));
	memcpy(bytes, &check, sizeof(check));
}

static void
seal_all(struct image *image)
{
	const struct source *source = image->sources;
	uint64_t offset;
	size_t i;

	for (offset = image->names; offset < image->records;
	     offset += sizeof(struct oat_snapshot_bucket))
		seal(image, offset, sizeof(struct oat_snapshot_bucket));
	for (i = 0; i < image->count; i++, source++) {
		seal(image, source->record, source_size(source));
		if (source_group_count(source) > 0 && !source->shared)
			seal(image, source->list,
			    oat_snapshot_list_size(source_group_count(source)));
	}
}

/* Is the record that an entry points to called so? */
static bool
is_called(const struct image *image, uint32_t where, const char *name)
{
	const unsigned char *bytes = image->bytes + image->records +
				     ((uint64_t)where - 1) * OAT_SNAPSHOT_LINE;
	struct oat_snapshot_record record;

	memcpy(&record, bytes, sizeof(record));
	return record.name_length == strlen(name) &&
	       memcmp(bytes + sizeof(record), name, record.name_length) == 0;
}

/*
 * Put an entry into a bucket. OAT_OK; OAT_RANGE when the bucket is full;
 * OAT_INVALID when it has a record of that name (unless NULL).
 */
static enum oat_status
put_into(struct image *image, struct oat_snapshot_bucket *bucket, uint32_t key,
    uint32_t where, const char *name)
{
	int i;

	for (i = 0; i < OAT_SNAPSHOT_ENTRIES; i++) {
		if (bucket->entry[i].where == 0) {
			bucket->entry[i].key = key;
			bucket->entry[i].where = where;
			return OAT_OK;
		}
		if (name != NULL && bucket->entry[i].key == key &&
		    is_called(image, bucket->entry[i].where, name))
			return OAT_INVALID;
	}
	return OAT_RANGE;
}

/* The same for an index: there are more buckets than it takes. */
static enum oat_status
put_entry(struct image *image, uint64_t index, uint64_t hash, uint32_t key,
    uint32_t where, const char *name)
{
	struct oat_snapshot_bucket *buckets = (void *)(image->bytes + index);
	uint32_t count = image->header.name_buckets; /* of both */
	uint32_t number = oat_snapshot_first_bucket(hash, count);
	enum oat_status status;

	for (;;) {
		status = put_into(image, &buckets[number], key, where, name);
		if (status != OAT_RANGE)
			return status;
		number = number + 1 == count ? 0 : number + 1;
	}
}

static enum oat_status
put_indexes(struct image *image)
{
	uint64_t seed = image->header.check, hash, line;
	const struct source *source = image->sources;
	enum oat_status status = OAT_OK;
	const char *name;
	size_t i;

	for (i = 0; i < image->count && status == OAT_OK; i++, source++) {
		name = source_name(source);
		line = (source->record - image->records) / OAT_SNAPSHOT_LINE;
		hash = oat_snapshot_hash_name(seed, name, strlen(name));
		status = put_entry(image, image->names, hash,
		    (uint32_t)(hash >> 32), (uint32_t)line + 1, name);
		if (status == OAT_OK)
			status = put_entry(image, image->ids,
			    oat_snapshot_hash_id(seed, source->id), source->id,
			    (uint32_t)line + 1, NULL);
	}
	return status;
}

enum oat_status
oat_snapshot_build(const struct oat_snapshot_info *info,
    const struct oat_group *groups, size_t group_count,
    const struct oat_identity *identities, size_t identity_count,
    void **ret_image, size_t *ret_size)
{
	struct image image = { .bytes = NULL };
	enum oat_status status = OAT_INVALID;
	size_t i;

	if (!is_plain_path(info->home_root) || group_count > COUNT_MAX ||
	    identity_count > COUNT_MAX)
		goto out;
	status =
	    collect(&image, groups, group_count, identities, identity_count);
	if (status != OAT_OK)
		goto out;
	fill_header(&image, info, group_count);
	status = lay_out(&image);
	if (status != OAT_OK)
		goto out;
	for (i = 0; i < image.count; i++)
		put_record(&image, &image.sources[i]);
	put_header(&image);
	status = put_indexes(&image);
	if (status != OAT_OK)
		goto out;
	seal_all(&image);
	*ret_image = image.bytes;
	*ret_size = image.header.size;
	image.bytes = NULL;
out:
	free(image.bytes);
	free(image.sources);
	return status;
}
