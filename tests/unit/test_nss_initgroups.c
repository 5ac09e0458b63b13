/* SPDX-License-Identifier: MIT */
/* Case 22: limits kept, nothing twice, no leak (under the sanitizers). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/snapshot_write.h"
#include "nss_oat/nss_oat.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define PRIMARY OAT_MEMBER_UID
#define MANY 70000
#define MANY_FIRST 100000

struct list {
	long int start, size;
	gid_t *groups;
};

/* As glibc begins: the primary group, and room for `size`. */
static struct list
begin(long int size, gid_t first)
{
	struct list list = { .start = 1, .size = size };

	list.groups = calloc((size_t)size, sizeof(gid_t));
	CU_ASSERT_PTR_NOT_NULL_FATAL(list.groups);
	list.groups[0] = first;
	return list;
}

static enum nss_status
ask(const char *user, gid_t primary, struct list *list, long int limit)
{
	errno = 1234;
	return _nss_oat_initgroups_dyn(user, primary, &list->start, &list->size,
	    &list->groups, limit, &errno);
}

static void
test_nss_initgroups_of_an_active_one_are_all_its_groups(void)
{
	static const long int sizes[] = { 1, 2, 3, 4, 5, 64 };
	struct list list;
	size_t i;

	if (!oat_population_is_root())
		return;
	oat_population_publish(20, 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		list = begin(sizes[i], PRIMARY);
		CU_ASSERT_EQUAL(
		    ask("oat-acme-t0", PRIMARY, &list, -1), NSS_STATUS_SUCCESS);
		CU_ASSERT_EQUAL(errno, 1234);
		OAT_ASSERT_THAT(list.start == 4 && list.size >= 4 &&
				    list.groups[0] == PRIMARY &&
				    memcmp(list.groups + 1, oat_member_gids,
					sizeof(oat_member_gids)) == 0,
		    "size %ld: %ld of %ld", sizes[i], list.start, list.size);
		free(list.groups);
	}
}

static void
test_nss_initgroups_of_an_inactive_one_are_none(void)
{
	struct list list;

	if (!oat_population_is_root())
		return;
	list = begin(1, PRIMARY + 6);
	CU_ASSERT_EQUAL(
	    ask("oat-acme-t6", PRIMARY + 6, &list, -1), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(list.start, 1);
	CU_ASSERT_EQUAL(list.size, 1);
	free(list.groups);
}

static void
test_nss_initgroups_of_the_unknown_is_not_found(void)
{
	struct list list;

	if (!oat_population_is_root())
		return;
	list = begin(1, 100);
	CU_ASSERT_EQUAL(
	    ask("oat-acme-t777", 100, &list, -1), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(list.start, 1);
	free(list.groups);
}

static void
case_22_initgroups_keep_the_limit(void)
{
	static const long int limits[] = { 1, 2, 3, 4, 64 };
	long int expected;
	struct list list;
	size_t i;

	if (!oat_population_is_root())
		return;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		list = begin(1, PRIMARY);
		expected = limits[i] < 4 ? limits[i] : 4;
		CU_ASSERT_EQUAL(ask("oat-acme-t0", PRIMARY, &list, limits[i]),
		    NSS_STATUS_SUCCESS);
		OAT_ASSERT_THAT(
		    list.start == expected && list.size <= limits[i],
		    "limit %ld: %ld of %ld", limits[i], list.start, list.size);
		free(list.groups);
	}
}

static void
case_22_initgroups_are_there_once(void)
{
	struct list list;

	if (!oat_population_is_root())
		return;
	/* The primary group is one of ours, and files found another. */
	list = begin(2, 70001);
	list.groups[1] = 70002;
	list.start = 2;
	CU_ASSERT_EQUAL(
	    ask("oat-acme-t0", 70001, &list, -1), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL_FATAL(list.start, 3);
	CU_ASSERT_EQUAL(list.groups[2], 70000);
	free(list.groups);
	/* A caller that did not put the primary group into the list. */
	list = begin(4, 0);
	list.start = 0;
	CU_ASSERT_EQUAL(
	    ask("oat-acme-t0", 70001, &list, -1), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL_FATAL(list.start, 2);
	CU_ASSERT_EQUAL(list.groups[0], 70000);
	CU_ASSERT_EQUAL(list.groups[1], 70002);
	free(list.groups);
}

static void
publish_many(void)
{
	static uint32_t gids[MANY];
	struct oat_snapshot_info info = { .home_root = "/h" };
	struct oat_identity one = { .login = "oat-acme-many",
		.uid = 70001,
		.active = true,
		.shell = "/bin/sh",
		.groups = gids,
		.group_count = MANY };
	size_t i, size;
	void *image;

	for (i = 0; i < MANY; i++)
		gids[i] = MANY_FIRST + (uint32_t)i;
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_build(&info, NULL, 0, &one, 1, &image, &size), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_publish(oat_population_path, image, size), OAT_OK);
	free(image);
}

static void
case_22_initgroups_of_70000_groups_are_all_or_the_limit(void)
{
	static const struct {
		long int limit, expected;
	} cases[] = { { -1, MANY + 1 }, { 65536, 65536 }, { 64, 64 }, { 2, 2 },
		{ 1, 1 } };
	struct list list;
	size_t i;
	long int j;

	if (!oat_population_is_root())
		return;
	publish_many();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		list = begin(1, 70001);
		CU_ASSERT_EQUAL(
		    ask("oat-acme-many", 70001, &list, cases[i].limit),
		    NSS_STATUS_SUCCESS);
		OAT_ASSERT_THAT(list.start == cases[i].expected,
		    "limit %ld: %ld", cases[i].limit, list.start);
		for (j = 1; j < list.start; j++)
			if (list.groups[j] != MANY_FIRST + (gid_t)j - 1)
				break;
		CU_ASSERT_EQUAL(j, list.start);
		free(list.groups);
	}
}

/* The last gid of the list is not the one that was written. */
static void
test_nss_initgroups_of_a_damaged_list_are_none(void)
{
	struct list list;
	unsigned char *image;
	size_t size;

	if (!oat_population_is_root())
		return;
	image = oat_population_build(1, 0, &size);
	image[size - 4] ^= 1;
	CU_ASSERT_EQUAL(unlink(oat_population_path), 0);
	oat_population_write(image, size);
	list = begin(1, PRIMARY);
	CU_ASSERT_EQUAL(
	    ask("oat-acme-t777", PRIMARY, &list, -1), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(
	    ask("oat-acme-t0", PRIMARY, &list, -1), NSS_STATUS_UNAVAIL);
	CU_ASSERT_EQUAL(errno, EIO);
	CU_ASSERT_EQUAL(list.start, 1);
	CU_ASSERT_EQUAL(
	    ask("oat-acme-t0", PRIMARY, &list, 2), NSS_STATUS_UNAVAIL);
	CU_ASSERT_EQUAL(list.start, 1);
	free(list.groups);
	free(image);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nss_initgroups_of_an_active_one_are_all_its_groups),
	OAT_TEST(test_nss_initgroups_of_an_inactive_one_are_none),
	OAT_TEST(test_nss_initgroups_of_the_unknown_is_not_found),
	OAT_TEST(case_22_initgroups_keep_the_limit),
	OAT_TEST(case_22_initgroups_are_there_once),
	OAT_TEST(case_22_initgroups_of_70000_groups_are_all_or_the_limit),
	OAT_TEST(test_nss_initgroups_of_a_damaged_list_are_none),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_initgroups",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
