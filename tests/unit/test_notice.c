/* SPDX-License-Identifier: MIT */
#include "common/notice.h"

#include "tests/runner.h"
#include "tests/unit/population.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Member i's access ends i seconds after the epoch. */
#define LOGIN "oat-acme-t100"
#define END 100

static char notice[OAT_NOTICE_MAX];

static const char *
notice_at(int64_t now, uint32_t within_s)
{
	memset(notice, 'x', sizeof(notice));
	return oat_notice_expiry(
	    notice, oat_population_path, LOGIN, now, within_s);
}

static void
test_notice_names_the_token_and_its_end_when_that_is_near(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(200, 1);
	CU_ASSERT_STRING_EQUAL(notice_at(END - 86400, 86400),
	    "oat: acme/t100 expires 1970-01-01 00:01 UTC, in 1 day");
	CU_ASSERT_STRING_EQUAL(notice_at(END - 86401, 86400), "");
	CU_ASSERT_STRING_EQUAL(notice_at(END - 1, 86400),
	    "oat: acme/t100 expires 1970-01-01 00:01 UTC, in less than a "
	    "minute");
}

static void
test_notice_within_no_time_is_off(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(200, 1);
	CU_ASSERT_STRING_EQUAL(notice_at(END, 0), "");
	CU_ASSERT_STRING_EQUAL(notice_at(END - 1, 0), "");
}

/* They were let in just now: the snapshot is behind. */
static void
test_notice_of_an_end_that_has_passed_is_not_given(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(200, 1);
	CU_ASSERT_STRING_EQUAL(notice_at(END, 86400), "");
	CU_ASSERT_STRING_EQUAL(notice_at(END + 1, 86400), "");
}

static void
test_notice_needs_a_snapshot_that_knows_the_login(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(100, 1);
	CU_ASSERT_STRING_EQUAL(notice_at(END - 1, 86400), "");
	oat_population_write("garbage", 7);
	CU_ASSERT_STRING_EQUAL(notice_at(END - 1, 86400), "");
	CU_ASSERT_EQUAL(unlink(oat_population_path), 0);
	CU_ASSERT_STRING_EQUAL(notice_at(END - 1, 86400), "");
}

static void
test_notice_of_a_group_or_a_foreign_name_is_not_given(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(200, 1);
	CU_ASSERT_STRING_EQUAL(oat_notice_expiry(notice, oat_population_path,
				   "oat-users", 0, 86400),
	    "");
	CU_ASSERT_STRING_EQUAL(
	    oat_notice_expiry(notice, oat_population_path, "root", 0, 86400),
	    "");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_notice_names_the_token_and_its_end_when_that_is_near),
	OAT_TEST(test_notice_within_no_time_is_off),
	OAT_TEST(test_notice_of_an_end_that_has_passed_is_not_given),
	OAT_TEST(test_notice_needs_a_snapshot_that_knows_the_login),
	OAT_TEST(test_notice_of_a_group_or_a_foreign_name_is_not_given),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "notice", oat_population_set_up, oat_population_tear_down, NULL, NULL,
	    tests },
	CU_SUITE_INFO_NULL,
};
