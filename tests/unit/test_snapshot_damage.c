/* SPDX-License-Identifier: MIT */
/* Snapshots with bytes that are not as they were written: by accident. */
#include "common/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "common/snapshot_format.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define SMALL 9 /* members of a snapshot whose every byte is tried */

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
				OAT_ASSERT_THAT(oat_population_answers_truly(
						    &snapshot, SMALL, &all) &&
						    oat_population_walks_truly(
							&snapshot, SMALL),
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
			    oat_population_answers_truly(
				&snapshot, SMALL, &all) &&
				oat_population_walks_truly(&snapshot, SMALL) &&
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
		OAT_ASSERT_THAT(
		    oat_population_answers_truly(&snapshot, SMALL, &all) &&
			oat_population_walks_truly(&snapshot, SMALL),
		    "block at %zu", i);
		memcpy(image + i, spare, BLOCK);
	}
	free(image);
	free(other);
}

/* --- the same, taken into memory ------------------------------------------ */

static void
test_snapshot_loaded_with_any_byte_changed_is_right_or_unavailable(void)
{
	const size_t header = sizeof(struct oat_snapshot_header);
	struct oat_snapshot snapshot;
	size_t i, size;
	unsigned char *image = oat_population_build(SMALL, 0, &size);
	bool all;

	for (i = header; oat_population_is_root() && i < size; i++) {
		image[i] ^= 0x11;
		oat_population_load(image, size, &snapshot);
		OAT_ASSERT_THAT(
		    oat_population_answers_truly(&snapshot, SMALL, &all) &&
			oat_population_walks_truly(&snapshot, SMALL) &&
			oat_snapshot_verify(&snapshot) != OAT_OK,
		    "byte %zu", i);
		oat_snapshot_close(&snapshot);
		image[i] ^= 0x11;
	}
	free(image);
}

/* How many of the members are found by name, and how many by number? */
static void
count_found(const struct oat_snapshot *snapshot, size_t count,
    size_t *ret_by_name, size_t *ret_by_id)
{
	char name[OAT_LOGIN_MAX + 1];
	struct oat_record record;
	size_t i;

	*ret_by_name = *ret_by_id = 0;
	for (i = 0; i < count; i++) {
		oat_member_name(i, name);
		if (oat_snapshot_find_name(snapshot, name, &record) == OAT_OK)
			*ret_by_name += oat_member_is(&record, i, 0);
		if (oat_snapshot_find_id(snapshot, OAT_MEMBER_UID + (uint32_t)i,
			&record) == OAT_OK)
			*ret_by_id += oat_member_is(&record, i, 0);
	}
}

/* Indexes of which no check holds: what is found all the same needs none. */
static void
test_snapshot_loaded_hits_need_no_index_and_misses_do(void)
{
	enum { MANY = 5000 };
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t i, size, by_name, by_id;
	unsigned char *image = oat_population_build(MANY, 0, &size);

	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	for (i = sizeof(struct oat_snapshot_header); i < snapshot.records;
	     i += sizeof(struct oat_snapshot_bucket))
		image[i] ^= 1;
	count_found(&snapshot, MANY, &by_name, &by_id);
	CU_ASSERT_EQUAL(by_name + by_id, 0);
	if (oat_population_is_root()) {
		oat_population_load(image, size, &snapshot);
		count_found(&snapshot, MANY, &by_name, &by_id);
		OAT_ASSERT_THAT(by_name > MANY * 9 / 10 && by_name < MANY,
		    "%zu by name", by_name);
		OAT_ASSERT_THAT(by_id > MANY * 9 / 10 && by_id < MANY,
		    "%zu by number", by_id);
		CU_ASSERT_EQUAL(
		    oat_snapshot_find_name(&snapshot, "oat-acme-no", &record),
		    OAT_UNAVAILABLE);
		oat_snapshot_close(&snapshot);
	}
	free(image);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_snapshot_with_any_byte_changed_is_right_or_unavailable),
	OAT_TEST(test_snapshot_with_blocks_exchanged_is_right_or_unavailable),
	OAT_TEST(
	    test_snapshot_with_any_block_of_another_is_right_or_unavailable),
	OAT_TEST(
	    test_snapshot_loaded_with_any_byte_changed_is_right_or_unavailable),
	OAT_TEST(test_snapshot_loaded_hits_need_no_index_and_misses_do),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "snapshot_damage",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
