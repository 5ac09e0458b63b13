/* SPDX-License-Identifier: MIT */
/* Snapshots of a hostile writer, who makes the checks hold. */
#include "common/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/snapshot_format.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define SMALL 9 /* members of a snapshot of which one thing is changed */

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

/* Whoever reads the file has no shortcuts, which still lead to each record. */
static void
test_snapshot_loaded_is_verified_by_its_indexes(void)
{
	enum { BUCKET = sizeof(struct oat_snapshot_bucket) };
	const size_t first = sizeof(struct oat_snapshot_header);
	struct oat_snapshot snapshot;
	unsigned char spare[BUCKET];
	size_t size;
	unsigned char *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	memcpy(spare, image + first, BUCKET);
	memcpy(image + first, image + first + BUCKET, BUCKET);
	memcpy(image + first + BUCKET, spare, BUCKET);
	seal(&snapshot, image, first, BUCKET);
	seal(&snapshot, image, first + BUCKET, BUCKET);
	if (oat_population_is_root()) {
		oat_population_load(image, size, &snapshot);
		CU_ASSERT_EQUAL(
		    oat_snapshot_verify(&snapshot), OAT_UNAVAILABLE);
		oat_snapshot_close(&snapshot);
	}
	free(image);
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
	struct oat_gids gids;
	size_t size;
	void *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_name(&snapshot, "oat-acme-t0", &record), OAT_OK);
	record.group_count = UINT32_MAX;
	CU_ASSERT_EQUAL(oat_population_groups_of(&snapshot, &record, &gids),
	    OAT_UNAVAILABLE);
	record.groups = size;
	CU_ASSERT_EQUAL(oat_population_groups_of(&snapshot, &record, &gids),
	    OAT_UNAVAILABLE);
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

/* Bytes of the whole address space of this process. */
static long
mapped_bytes(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fscanf(file, "%ld", &pages), 1);
	(void)fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* What was mapped for the one is unmapped, not what the other would need. */
static void
test_snapshot_replaced_in_place_by_one_of_other_buckets_is_unmapped(void)
{
	enum { MANY = 5000, ROUNDS = 50 };
	struct oat_snapshot_header header;
	struct oat_snapshot snapshot;
	long before = 0;
	size_t i, size;
	unsigned char *image = oat_population_build(MANY, 0, &size);
	unsigned char *other = oat_population_build(MANY, 0, &size);

	memcpy(&header, other, sizeof(header));
	header.name_buckets = header.id_buckets = 1;
	header.check = oat_snapshot_check(OAT_SNAPSHOT_MAGIC, &header,
	    offsetof(struct oat_snapshot_header, check));
	memcpy(other, &header, sizeof(header));
	for (i = 0; oat_population_is_root() && i < ROUNDS; i++) {
		oat_population_write(image, size);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_open(oat_population_path, &snapshot, NULL),
		    OAT_OK);
		oat_population_write(other, size);
		if (i == 1)
			before = mapped_bytes();
		CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_UNAVAILABLE);
		oat_snapshot_close(&snapshot);
	}
	OAT_ASSERT_THAT(mapped_bytes() - before < ROUNDS * 1024,
	    "%ld bytes more", mapped_bytes() - before);
	free(image);
	free(other);
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
	OAT_TEST(test_snapshot_loaded_is_verified_by_its_indexes),
	OAT_TEST(test_snapshot_record_that_cannot_be_is_unavailable),
	OAT_TEST(test_snapshot_list_beyond_the_end_is_unavailable),
	OAT_TEST(test_snapshot_of_full_buckets_is_searched_once),
	OAT_TEST(
	    test_snapshot_replaced_in_place_by_one_of_other_buckets_is_unmapped),
	OAT_TEST(test_snapshot_header_that_cannot_be_is_unavailable),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "snapshot_hostile",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
