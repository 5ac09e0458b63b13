/* SPDX-License-Identifier: MIT */
/* The rules of snapshot.h, on files that are as they should be, or are not. */
#include "common/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/snapshot_format.h"
#include "common/snapshot_write.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define SMALL 9 /* members of a snapshot whose every byte is tried */
#define GARBAGE (64 << 20)

/* What a list of gids was like. */
struct gids {
	uint32_t gid[OAT_MEMBER_GROUPS];
	size_t count;
};

static enum oat_status
collect(uint32_t gid, void *arg)
{
	struct gids *gids = arg;

	if (gids->count < OAT_MEMBER_GROUPS)
		gids->gid[gids->count] = gid;
	gids->count++;
	return OAT_OK;
}

static enum oat_status
groups_of(const struct oat_snapshot *snapshot, const struct oat_record *record,
    struct gids *ret_gids)
{
	memset(ret_gids, 0, sizeof(*ret_gids));
	return oat_snapshot_groups(snapshot, record, collect, ret_gids);
}

static bool
are_member_groups(const struct gids *gids, size_t i)
{
	if (!oat_member_is_active(i))
		return gids->count == 0;
	return gids->count == OAT_MEMBER_GROUPS &&
	       memcmp(gids->gid, oat_member_gids, sizeof(gids->gid)) == 0;
}

/* Everything about everybody is right, or refused as unavailable. */
static bool
answers_truly(const struct oat_snapshot *snapshot, size_t count, bool *ret_all)
{
	char name[OAT_LOGIN_MAX + 1];
	struct oat_record record;
	enum oat_status status;
	struct gids gids;
	bool all = true;
	size_t i;

	for (i = 0; i < count; i++) {
		oat_member_name(i, name);
		status = oat_snapshot_find_name(snapshot, name, &record);
		if (status == OAT_OK) {
			if (!oat_member_is(&record, i, 0))
				return false;
			status = groups_of(snapshot, &record, &gids);
			if (status == OAT_OK && !are_member_groups(&gids, i))
				return false;
		}
		if (status != OAT_OK && status != OAT_UNAVAILABLE)
			return false;
		all = all && status == OAT_OK;
		status = oat_snapshot_find_id(
		    snapshot, OAT_MEMBER_UID + (uint32_t)i, &record);
		if (status != OAT_OK && status != OAT_UNAVAILABLE)
			return false;
		if (status == OAT_OK && !oat_member_is(&record, i, 0))
			return false;
		all = all && status == OAT_OK;
	}
	*ret_all = all;
	return true;
}

/* Walk it all: ascending members, or an end by OAT_UNAVAILABLE. */
static bool
walks_truly(const struct oat_snapshot *snapshot, size_t count)
{
	uint64_t cursor = 0;
	struct oat_record record;
	enum oat_status status;
	size_t seen = 0;

	while ((status = oat_snapshot_next(snapshot, &cursor, &record)) ==
	       OAT_OK) {
		if (seen >= OAT_MEMBER_GROUPS &&
		    !oat_member_is(&record, seen - OAT_MEMBER_GROUPS, 0))
			return false;
		seen++;
	}
	return status == OAT_UNAVAILABLE ||
	       (status == OAT_NOTFOUND && seen == count + OAT_MEMBER_GROUPS);
}

/* --- sound files --------------------------------------------------------- */

static void
test_snapshot_of_any_size_finds_everybody(void)
{
	static const size_t counts[] = { 0, 1, 2, 3, 7, 8, 20, 21, 22, 100,
		5000 };
	struct oat_snapshot snapshot;
	size_t i, size;
	void *image;
	bool all;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		image = oat_population_build(counts[i], 0, &size);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
		OAT_ASSERT_THAT(
		    answers_truly(&snapshot, counts[i], &all) && all,
		    "%zu members", counts[i]);
		OAT_ASSERT_THAT(walks_truly(&snapshot, counts[i]),
		    "%zu members", counts[i]);
		OAT_ASSERT_THAT(oat_snapshot_verify(&snapshot) == OAT_OK,
		    "%zu members", counts[i]);
		CU_ASSERT_EQUAL(snapshot.info.identity_count, counts[i]);
		free(image);
	}
}

static void
test_snapshot_group_is_found_by_name_and_number(void)
{
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t size;
	void *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_name(&snapshot, "oat-acme", &record), OAT_OK);
	CU_ASSERT_EQUAL(record.kind, OAT_RECORD_GROUP);
	CU_ASSERT_EQUAL(record.id, 70001);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_id(&snapshot, 70002, &record), OAT_OK);
	CU_ASSERT_STRING_EQUAL(record.name, "oat-g-deploy");
	free(image);
}

static void
test_snapshot_missing_is_not_found(void)
{
	static const char *const names[] = { "", "oat-acme-t", "oat-acme-t10",
		"oat-acme-t999999", "root", "oat-acme-t1 ",
		"oat-acme-t00000000000000000000000000000000000000000000" };
	static const uint32_t ids[] = { 0, 1, 69999, 70003,
		OAT_MEMBER_UID + SMALL, UINT32_MAX };
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t i, size;
	void *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		OAT_ASSERT_THAT(oat_snapshot_find_name(&snapshot, names[i],
				    &record) == OAT_NOTFOUND,
		    "\"%s\"", names[i]);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		OAT_ASSERT_THAT(oat_snapshot_find_id(
				    &snapshot, ids[i], &record) == OAT_NOTFOUND,
		    "%u", ids[i]);
	free(image);
}

static void
test_snapshot_header_tells_what_was_built(void)
{
	struct oat_snapshot snapshot;

	if (!oat_population_is_root())
		return;
	oat_population_publish(SMALL, 5);
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_open(oat_population_path, &snapshot, NULL), OAT_OK);
	CU_ASSERT_EQUAL(snapshot.info.generation, 5);
	CU_ASSERT_EQUAL(snapshot.info.group_count, OAT_MEMBER_GROUPS);
	CU_ASSERT_EQUAL(snapshot.info.identity_count, SMALL);
	CU_ASSERT_STRING_EQUAL(snapshot.info.home_root, OAT_MEMBER_HOME);
	oat_snapshot_close(&snapshot);
	oat_snapshot_close(&snapshot);
	oat_snapshot_close(NULL);
}

static void
test_snapshot_opened_and_loaded_answer_alike(void)
{
	struct oat_snapshot snapshot;
	bool all;

	if (!oat_population_is_root())
		return;
	oat_population_publish(100, 0);
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_open(oat_population_path, &snapshot, NULL), OAT_OK);
	CU_ASSERT(answers_truly(&snapshot, 100, &all) && all);
	CU_ASSERT(walks_truly(&snapshot, 100));
	CU_ASSERT_EQUAL(oat_snapshot_verify(&snapshot), OAT_OK);
	CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_OK);
	CU_ASSERT_EQUAL(snapshot.fd, -1);
	CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_OK);
	CU_ASSERT_EQUAL(unlink(oat_population_path), 0);
	CU_ASSERT(answers_truly(&snapshot, 100, &all) && all);
	CU_ASSERT(walks_truly(&snapshot, 100));
	oat_snapshot_close(&snapshot);
}

static void
test_snapshot_at_an_odd_address_is_read(void)
{
	struct oat_snapshot snapshot;
	size_t size;
	unsigned char *image = oat_population_build(SMALL, 0, &size), *odd;
	bool all;

	odd = malloc(size + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(odd);
	memcpy(odd + 1, image, size);
	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(odd + 1, size, &snapshot), OAT_OK);
	CU_ASSERT(answers_truly(&snapshot, SMALL, &all) && all);
	CU_ASSERT_EQUAL(oat_snapshot_verify(&snapshot), OAT_OK);
	free(odd);
	free(image);
}

static void
test_snapshot_with_70000_groups_gives_all(void)
{
	static uint32_t gids[70000];
	struct oat_snapshot_info info = { .home_root = "/h" };
	struct oat_identity one = { .login = "oat-acme-ci",
		.uid = 70001,
		.active = true,
		.shell = "/bin/sh",
		.groups = gids,
		.group_count = 70000 };
	struct oat_snapshot snapshot;
	struct oat_record record;
	struct gids seen;
	size_t i, size;
	void *image;

	for (i = 0; i < 70000; i++)
		gids[i] = 100000 + (uint32_t)i;
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_build(&info, NULL, 0, &one, 1, &image, &size), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_id(&snapshot, 70001, &record), OAT_OK);
	CU_ASSERT_EQUAL(groups_of(&snapshot, &record, &seen), OAT_OK);
	CU_ASSERT_EQUAL(seen.count, 70000);
	CU_ASSERT_EQUAL(oat_snapshot_verify(&snapshot), OAT_OK);
	free(image);
}

static enum oat_status
stop(uint32_t gid, void *arg)
{
	(void)gid;
	++*(int *)arg;
	return OAT_RANGE;
}

static void
test_snapshot_groups_end_when_told_to(void)
{
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t size;
	void *image = oat_population_build(1, 0, &size);
	int calls = 0;

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_name(&snapshot, "oat-acme-t0", &record), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_groups(&snapshot, &record, stop, &calls), OAT_RANGE);
	CU_ASSERT_EQUAL(calls, 1);
	free(image);
}

/* --- files that do not count --------------------------------------------- */

static void
assert_refused(int expected, const char *what)
{
	struct oat_snapshot snapshot;
	enum oat_status status;

	errno = 0;
	status = oat_snapshot_open(oat_population_path, &snapshot, NULL);
	OAT_ASSERT_THAT(status == OAT_UNAVAILABLE && errno == expected,
	    "%s: status %d, errno %d", what, status, errno);
	if (status == OAT_OK)
		oat_snapshot_close(&snapshot);
}

static void
test_snapshot_of_another_kind_is_unavailable(void)
{
	const char *path = oat_population_path;
	char target[128];

	if (!oat_population_is_root())
		return;
	(void)unlink(path);
	assert_refused(ENOENT, "nothing there");
	oat_population_publish(SMALL, 0);
	snprintf(target, sizeof(target), "%s.target", path);
	CU_ASSERT_EQUAL(rename(path, target), 0);
	CU_ASSERT_EQUAL(symlink(target, path), 0);
	assert_refused(ELOOP, "symbolic link");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0644), 0);
	assert_refused(EPERM, "FIFO");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	assert_refused(EPERM, "folder");
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

static void
test_snapshot_of_foreign_owner_or_writable_is_unavailable(void)
{
	struct oat_snapshot snapshot;
	const char *path = oat_population_path;

	if (!oat_population_is_root())
		return;
	oat_population_publish(SMALL, 0);
	CU_ASSERT_EQUAL(chown(path, 1, 0), 0);
	assert_refused(EPERM, "owner 1");
	CU_ASSERT_EQUAL(chown(path, 0, 1), 0);
	CU_ASSERT_EQUAL(chmod(path, 0664), 0);
	assert_refused(EPERM, "writable by the group");
	CU_ASSERT_EQUAL(chmod(path, 0646), 0);
	assert_refused(EPERM, "writable by others");
	CU_ASSERT_EQUAL(chmod(path, 0444), 0);
	CU_ASSERT_EQUAL(oat_snapshot_open(path, &snapshot, NULL), OAT_OK);
	oat_snapshot_close(&snapshot);
}

static void
test_snapshot_of_garbage_is_unavailable(void)
{
	unsigned char *garbage = malloc(GARBAGE);
	size_t i;

	if (!oat_population_is_root()) {
		free(garbage);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(garbage);
	for (i = 0; i < GARBAGE; i++)
		garbage[i] = (unsigned char)(i * 2654435761U >> 13);
	oat_population_write(garbage, GARBAGE);
	assert_refused(EBADMSG, "garbage");
	memset(garbage, 0, GARBAGE);
	oat_population_write(garbage, GARBAGE);
	assert_refused(EBADMSG, "zeros");
	oat_population_write("", 0);
	assert_refused(EBADMSG, "empty");
	free(garbage);
}

static void
test_snapshot_truncated_at_each_byte_is_unavailable(void)
{
	struct oat_snapshot snapshot;
	size_t size, length;
	void *image = oat_population_build(SMALL, 0, &size);

	for (length = 0; length < size; length++)
		OAT_ASSERT_THAT(oat_snapshot_from_bytes(image, length,
				    &snapshot) == OAT_UNAVAILABLE,
		    "%zu of %zu bytes", length, size);
	free(image);
}

static void
test_snapshot_with_bytes_after_it_is_unavailable(void)
{
	struct oat_snapshot snapshot;
	size_t size;
	void *image = oat_population_build(SMALL, 0, &size);

	image = realloc(image, size + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	((char *)image)[size] = 0;
	CU_ASSERT_EQUAL(oat_snapshot_from_bytes(image, size + 1, &snapshot),
	    OAT_UNAVAILABLE);
	free(image);
}

static void
test_snapshot_truncated_while_open_is_right_or_unavailable(void)
{
	struct oat_snapshot snapshot;
	size_t size, length;
	void *image = oat_population_build(SMALL, 0, &size);
	bool all;

	if (!oat_population_is_root()) {
		free(image);
		return;
	}
	for (length = 0; length < size; length += 61) {
		oat_population_write(image, size);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_open(oat_population_path, &snapshot, NULL),
		    OAT_OK);
		CU_ASSERT_EQUAL(
		    truncate(oat_population_path, (off_t)length), 0);
		OAT_ASSERT_THAT(answers_truly(&snapshot, SMALL, &all),
		    "%zu bytes left", length);
		OAT_ASSERT_THAT(
		    oat_snapshot_load(&snapshot) == OAT_UNAVAILABLE &&
			snapshot.fd != -1,
		    "%zu bytes left", length);
		oat_snapshot_close(&snapshot);
	}
	free(image);
}

static void
test_snapshot_overwritten_while_open_is_never_mixed(void)
{
	struct oat_snapshot snapshot;
	size_t size, other_size;
	void *image = oat_population_build(SMALL, 0, &size);
	void *other = oat_population_build(SMALL, 2, &other_size);
	bool all;

	CU_ASSERT_EQUAL(size, other_size);
	if (oat_population_is_root()) {
		oat_population_write(image, size);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_open(oat_population_path, &snapshot, NULL),
		    OAT_OK);
		oat_population_write(other, size);
		CU_ASSERT(answers_truly(&snapshot, SMALL, &all) && !all);
		CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_UNAVAILABLE);
		oat_snapshot_close(&snapshot);
	}
	free(image);
	free(other);
}

/* --- bytes that are not as written --------------------------------------- */

static void
test_snapshot_with_any_byte_changed_is_right_or_unavailable(void)
{
	static const unsigned char masks[] = { 0x01, 0x10, 0x80, 0xff };
	struct oat_snapshot snapshot;
	size_t i, j, size;
	unsigned char *image = oat_population_build(SMALL, 0, &size);
	bool all;

	for (i = 0; i < size; i++)
		for (j = 0; j < sizeof(masks); j++) {
			image[i] ^= masks[j];
			if (oat_snapshot_from_bytes(image, size, &snapshot) ==
			    OAT_OK) {
				OAT_ASSERT_THAT(
				    answers_truly(&snapshot, SMALL, &all) &&
					walks_truly(&snapshot, SMALL),
				    "byte %zu, mask %02x", i, masks[j]);
				OAT_ASSERT_THAT(
				    oat_snapshot_verify(&snapshot) != OAT_OK,
				    "byte %zu, mask %02x", i, masks[j]);
			}
			image[i] ^= masks[j];
		}
	free(image);
}

static void
test_snapshot_with_blocks_exchanged_is_right_or_unavailable(void)
{
	enum { BLOCK = 64 };
	unsigned char spare[BLOCK];
	struct oat_snapshot snapshot;
	size_t i, j, size;
	unsigned char *image = oat_population_build(SMALL, 0, &size);
	bool all;

	for (i = 320; i + BLOCK <= size; i += BLOCK)
		for (j = i + BLOCK; j + BLOCK <= size; j += BLOCK) {
			memcpy(spare, image + i, BLOCK);
			memcpy(image + i, image + j, BLOCK);
			memcpy(image + j, spare, BLOCK);
			CU_ASSERT_EQUAL(
			    oat_snapshot_from_bytes(image, size, &snapshot),
			    OAT_OK);
			OAT_ASSERT_THAT(
			    answers_truly(&snapshot, SMALL, &all) &&
				walks_truly(&snapshot, SMALL) &&
				oat_snapshot_verify(&snapshot) != OAT_OK,
			    "blocks at %zu and %zu", i, j);
			memcpy(image + j, image + i, BLOCK);
			memcpy(image + i, spare, BLOCK);
		}
	free(image);
}

static void
test_snapshot_with_any_block_of_another_is_right_or_unavailable(void)
{
	enum { BLOCK = 64 };
	struct oat_snapshot snapshot;
	size_t i, size, other_size;
	unsigned char *image = oat_population_build(SMALL, 0, &size);
	unsigned char *other = oat_population_build(SMALL, 2, &other_size);
	unsigned char spare[BLOCK];
	bool all;

	for (i = 320; i + BLOCK <= size; i += BLOCK) {
		memcpy(spare, image + i, BLOCK);
		memcpy(image + i, other + i, BLOCK);
		CU_ASSERT_EQUAL(
		    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
		OAT_ASSERT_THAT(answers_truly(&snapshot, SMALL, &all) &&
				    walks_truly(&snapshot, SMALL),
		    "block at %zu", i);
		memcpy(image + i, spare, BLOCK);
	}
	free(image);
	free(other);
}

/* --- bytes with right checks, by a hostile writer ------------------------ */

/* Write the check of a block again. */
static void
seal(const struct oat_snapshot *snapshot, unsigned char *bytes, uint64_t offset,
    size_t size)
{
	uint64_t check = oat_snapshot_seed(snapshot->check, offset);

	check = oat_snapshot_check(
	    check, bytes + offset + sizeof(check), size - sizeof(check));
	memcpy(bytes + offset, &check, sizeof(check));
}

/* Change member 0's record and seal it again. */
static void
assert_record_refused(
    void (*change)(struct oat_snapshot_record *), const char *what)
{
	struct oat_snapshot snapshot;
	struct oat_snapshot_record head;
	struct oat_record record;
	uint64_t offset;
	size_t size;
	unsigned char *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	/* Behind the groups, each of one line. */
	offset = snapshot.records + OAT_MEMBER_GROUPS * OAT_SNAPSHOT_LINE;
	memcpy(&head, image + offset, sizeof(head));
	CU_ASSERT_EQUAL(head.id, OAT_MEMBER_UID);
	change(&head);
	memcpy(image + offset, &head, sizeof(head));
	seal(&snapshot, image, offset, OAT_SNAPSHOT_LINE);
	OAT_ASSERT_THAT(oat_snapshot_find_name(&snapshot, "oat-acme-t0",
			    &record) == OAT_UNAVAILABLE,
	    "%s", what);
	OAT_ASSERT_THAT(
	    oat_snapshot_verify(&snapshot) == OAT_UNAVAILABLE, "%s", what);
	free(image);
}

static void
make_kind_unknown(struct oat_snapshot_record *head)
{
	head->kind = 3;
}

static void
make_root(struct oat_snapshot_record *head)
{
	head->id = 0;
}

static void
make_name_too_long(struct oat_snapshot_record *head)
{
	head->name_length = OAT_GROUP_MAX + 1;
}

static void
make_name_empty(struct oat_snapshot_record *head)
{
	head->name_length = 0;
}

static void
make_name_foreign(struct oat_snapshot_record *head)
{
	head->name_length = 4;
}

static void
make_shell_too_long(struct oat_snapshot_record *head)
{
	head->shell_length = 255;
}

static void
make_list_outside(struct oat_snapshot_record *head)
{
	head->groups = UINT32_MAX;
}

static void
test_snapshot_record_that_cannot_be_is_unavailable(void)
{
	assert_record_refused(make_kind_unknown, "unknown kind");
	assert_record_refused(make_root, "number 0");
	assert_record_refused(make_name_too_long, "name too long");
	assert_record_refused(make_name_empty, "empty name");
	assert_record_refused(make_name_foreign, "name that is not ours");
	assert_record_refused(make_shell_too_long, "shell too long");
	assert_record_refused(make_list_outside, "list outside");
}

static void
test_snapshot_list_beyond_the_end_is_unavailable(void)
{
	struct oat_snapshot snapshot;
	struct oat_record record;
	struct gids gids;
	size_t size;
	void *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_name(&snapshot, "oat-acme-t0", &record), OAT_OK);
	record.group_count = UINT32_MAX;
	CU_ASSERT_EQUAL(groups_of(&snapshot, &record, &gids), OAT_UNAVAILABLE);
	record.groups = size;
	CU_ASSERT_EQUAL(groups_of(&snapshot, &record, &gids), OAT_UNAVAILABLE);
	free(image);
}

/* Every bucket is full, so that the search never finds an end. */
static void
test_snapshot_of_full_buckets_is_searched_once(void)
{
	struct oat_snapshot_bucket *bucket;
	struct oat_snapshot snapshot;
	struct oat_record record;
	uint64_t offset;
	size_t size;
	unsigned char *image = oat_population_build(100, 0, &size);
	int i;

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	for (offset = sizeof(struct oat_snapshot_header);
	     offset < snapshot.records; offset += sizeof(*bucket)) {
		bucket = (struct oat_snapshot_bucket *)(void *)(image + offset);
		for (i = 0; i < OAT_SNAPSHOT_ENTRIES; i++) {
			bucket->entry[i].key = 1;
			bucket->entry[i].where = UINT32_MAX;
		}
		seal(&snapshot, image, offset, sizeof(*bucket));
	}
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_id(&snapshot, 70000, &record), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_name(&snapshot, "oat-acme-t0", &record),
	    OAT_NOTFOUND);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_id(&snapshot, 1, &record), OAT_UNAVAILABLE);
	free(image);
}

/* Change the header and seal it again. */
static void
assert_header_refused(
    void (*change)(struct oat_snapshot_header *), const char *what)
{
	struct oat_snapshot_header header;
	struct oat_snapshot snapshot;
	size_t size;
	unsigned char *image = oat_population_build(SMALL, 0, &size);

	memcpy(&header, image, sizeof(header));
	change(&header);
	header.check = oat_snapshot_check(OAT_SNAPSHOT_MAGIC, &header,
	    offsetof(struct oat_snapshot_header, check));
	memcpy(image, &header, sizeof(header));
	OAT_ASSERT_THAT(
	    oat_snapshot_from_bytes(image, size, &snapshot) == OAT_UNAVAILABLE,
	    "%s", what);
	free(image);
}

static void
make_magic_newer(struct oat_snapshot_header *header)
{
	header->magic += UINT64_C(1) << 56;
}

static void
make_size_wrong(struct oat_snapshot_header *header)
{
	header->size--;
}

static void
make_no_buckets(struct oat_snapshot_header *header)
{
	header->name_buckets = 0;
}

static void
make_no_id_buckets(struct oat_snapshot_header *header)
{
	header->id_buckets = 0;
}

static void
make_too_many_buckets(struct oat_snapshot_header *header)
{
	header->name_buckets = header->id_buckets = UINT32_MAX;
}

static void
make_lists_beyond(struct oat_snapshot_header *header)
{
	header->lists = header->size + OAT_SNAPSHOT_LINE;
}

static void
make_lists_before(struct oat_snapshot_header *header)
{
	header->lists = 0;
}

static void
make_home_endless(struct oat_snapshot_header *header)
{
	memset(header->home_root, 'h', sizeof(header->home_root));
}

static void
test_snapshot_header_that_cannot_be_is_unavailable(void)
{
	assert_header_refused(make_magic_newer, "another version");
	assert_header_refused(make_size_wrong, "another size");
	assert_header_refused(make_no_buckets, "no buckets for names");
	assert_header_refused(make_no_id_buckets, "no buckets for numbers");
	assert_header_refused(make_too_many_buckets, "buckets beyond the end");
	assert_header_refused(make_lists_beyond, "lists beyond the end");
	assert_header_refused(make_lists_before, "lists before the records");
	assert_header_refused(make_home_endless, "endless home_root");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_snapshot_of_any_size_finds_everybody),
	OAT_TEST(test_snapshot_group_is_found_by_name_and_number),
	OAT_TEST(test_snapshot_missing_is_not_found),
	OAT_TEST(test_snapshot_header_tells_what_was_built),
	OAT_TEST(test_snapshot_opened_and_loaded_answer_alike),
	OAT_TEST(test_snapshot_at_an_odd_address_is_read),
	OAT_TEST(test_snapshot_with_70000_groups_gives_all),
	OAT_TEST(test_snapshot_groups_end_when_told_to),
	OAT_TEST(test_snapshot_of_another_kind_is_unavailable),
	OAT_TEST(test_snapshot_of_foreign_owner_or_writable_is_unavailable),
	OAT_TEST(test_snapshot_of_garbage_is_unavailable),
	OAT_TEST(test_snapshot_truncated_at_each_byte_is_unavailable),
	OAT_TEST(test_snapshot_with_bytes_after_it_is_unavailable),
	OAT_TEST(test_snapshot_truncated_while_open_is_right_or_unavailable),
	OAT_TEST(test_snapshot_overwritten_while_open_is_never_mixed),
	OAT_TEST(test_snapshot_with_any_byte_changed_is_right_or_unavailable),
	OAT_TEST(test_snapshot_with_blocks_exchanged_is_right_or_unavailable),
	OAT_TEST(
	    test_snapshot_with_any_block_of_another_is_right_or_unavailable),
	OAT_TEST(test_snapshot_record_that_cannot_be_is_unavailable),
	OAT_TEST(test_snapshot_list_beyond_the_end_is_unavailable),
	OAT_TEST(test_snapshot_of_full_buckets_is_searched_once),
	OAT_TEST(test_snapshot_header_that_cannot_be_is_unavailable),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "snapshot",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
