/* SPDX-License-Identifier: MIT */
#include "common/expiry.h"

#include "common/identity.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DAY INT64_C(86400)
#define NOW INT64_C(1795860000) /* 2026-11-28 10:00:00 UTC */

static void
test_expiry_date_is_utc_to_the_minute(void)
{
	static const struct {
		int64_t at;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01 00:00 UTC" },
		{ NOW, "2026-11-28 10:00 UTC" },
		{ NOW + 59, "2026-11-28 10:00 UTC" },
		{ NOW + 60, "2026-11-28 10:01 UTC" },
		{ INT64_C(253402300799), "9999-12-31 23:59 UTC" },
		{ -1, "1969-12-31 23:59 UTC" },
	};
	char text[OAT_EXPIRY_TEXT_MAX];
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		OAT_ASSERT_THAT(strcmp(oat_expiry_date(text, cases[i].at),
				    cases[i].text) == 0,
		    "%lld: %s", (long long)cases[i].at, text);
}

static void
test_expiry_timestamp_is_rfc_3339(void)
{
	char text[OAT_EXPIRY_TEXT_MAX];

	CU_ASSERT_STRING_EQUAL(
	    oat_expiry_timestamp(text, NOW + 61), "2026-11-28T10:01:01Z");
}

/* Case 8: the caller's time zone says nothing. */
static void
test_expiry_case_8_time_zone_of_the_caller_changes_nothing(void)
{
	char text[OAT_EXPIRY_TEXT_MAX];

	CU_ASSERT_EQUAL(setenv("TZ", "America/New_York", 1), 0);
	tzset();
	CU_ASSERT_STRING_EQUAL(
	    oat_expiry_date(text, NOW), "2026-11-28 10:00 UTC");
	CU_ASSERT_EQUAL(unsetenv("TZ"), 0);
	tzset();
}

static void
test_expiry_year_beyond_reason_is_written_all_the_same(void)
{
	static const int64_t times[] = { INT64_MAX, INT64_MAX - 1, INT64_MIN };
	char text[OAT_EXPIRY_TEXT_MAX];
	size_t i;

	for (i = 0; i < COUNT(times); i++) {
		CU_ASSERT_PTR_NOT_NULL(
		    strstr(oat_expiry_date(text, times[i]), "UTC"));
		CU_ASSERT_PTR_NOT_NULL(
		    strchr(oat_expiry_timestamp(text, times[i]), 'Z'));
		CU_ASSERT_PTR_NOT_NULL(
		    strstr(oat_expiry_distance(text, times[i], NOW), "day"));
	}
}

static void
test_expiry_distance_has_the_largest_whole_unit(void)
{
	static const struct {
		int64_t left;
		const char *text;
	} cases[] = {
		{ 14 * DAY, "in 14 days" },
		{ 14 * DAY - 1, "in 13 days" },
		{ 2 * DAY, "in 2 days" },
		{ 2 * DAY - 1, "in 1 day" },
		{ DAY, "in 1 day" },
		{ DAY - 1, "in 23 hours" },
		{ 7200, "in 2 hours" },
		{ 7199, "in 1 hour" },
		{ 3599, "in 59 minutes" },
		{ 60, "in 1 minute" },
		{ 59, "in less than a minute" },
		{ 1, "in less than a minute" },
		{ 0, "less than a minute ago" },
		{ -59, "less than a minute ago" },
		{ -60, "1 minute ago" },
		{ -3 * DAY, "3 days ago" },
	};
	char text[OAT_EXPIRY_TEXT_MAX];
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		OAT_ASSERT_THAT(
		    strcmp(oat_expiry_distance(text, NOW + cases[i].left, NOW),
			cases[i].text) == 0,
		    "%lld: %s", (long long)cases[i].left, text);
}

static void
test_expiry_is_due_from_so_long_before_until_for_ever(void)
{
	CU_ASSERT_FALSE(oat_expiry_is_due(NOW + 101, NOW, 100));
	CU_ASSERT_TRUE(oat_expiry_is_due(NOW + 100, NOW, 100));
	CU_ASSERT_TRUE(oat_expiry_is_due(NOW + 99, NOW, 100));
	CU_ASSERT_TRUE(oat_expiry_is_due(NOW, NOW, 0));
	CU_ASSERT_FALSE(oat_expiry_is_due(NOW + 1, NOW, 0));
	CU_ASSERT_TRUE(oat_expiry_is_due(NOW - 1, NOW, 0));
	CU_ASSERT_TRUE(oat_expiry_is_due(INT64_MIN, NOW, 0));
	CU_ASSERT_FALSE(oat_expiry_is_due(OAT_NEVER, NOW, UINT32_MAX));
	CU_ASSERT_FALSE(oat_expiry_is_due(OAT_NEVER - 1, -NOW, UINT32_MAX));
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_expiry_date_is_utc_to_the_minute),
	OAT_TEST(test_expiry_timestamp_is_rfc_3339),
	OAT_TEST(test_expiry_case_8_time_zone_of_the_caller_changes_nothing),
	OAT_TEST(test_expiry_year_beyond_reason_is_written_all_the_same),
	OAT_TEST(test_expiry_distance_has_the_largest_whole_unit),
	OAT_TEST(test_expiry_is_due_from_so_long_before_until_for_ever),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "expiry", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
