/* SPDX-License-Identifier: MIT */
#include "common/doctor_clock.h"

#include <string.h>

#include "tests/runner.h"

#define OK OAT_LEVEL_OK
#define WARNING OAT_LEVEL_WARNING
#define FAILURE OAT_LEVEL_FAILURE

static void
test_clock_skew_at_below_and_above_each_limit(void)
{
	static const struct {
		int64_t ms;
		enum oat_level level;
	} samples[] = {
		{ 0, OK },
		{ 30000, OK },
		{ -30000, OK },
		{ 30001, WARNING },
		{ -30001, WARNING },
		{ 300000, WARNING },
		{ -300000, WARNING },
		{ 300001, FAILURE },
		{ -300001, FAILURE },
		{ INT64_C(1) << 52, FAILURE },
		{ -(INT64_C(1) << 52), FAILURE },
	};
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		OAT_ASSERT_THAT(
		    oat_doctor_skew_level(samples[i].ms) == samples[i].level,
		    "%lld ms", (long long)samples[i].ms);
}

static void
test_clock_certificate_at_below_and_above_each_limit(void)
{
	const int64_t notice = OAT_DOCTOR_CERTIFICATE_S;

	CU_ASSERT_EQUAL(oat_doctor_certificate_level(notice), OK);
	CU_ASSERT_EQUAL(oat_doctor_certificate_level(notice - 1), WARNING);
	CU_ASSERT_EQUAL(oat_doctor_certificate_level(0), WARNING);
	CU_ASSERT_EQUAL(oat_doctor_certificate_level(-1), FAILURE);
}

static void
test_clock_sync_at_below_and_above_each_limit(void)
{
	CU_ASSERT_EQUAL(oat_doctor_sync_level(-5), OK);
	CU_ASSERT_EQUAL(oat_doctor_sync_level(180), OK);
	CU_ASSERT_EQUAL(oat_doctor_sync_level(181), WARNING);
	CU_ASSERT_EQUAL(oat_doctor_sync_level(3600), WARNING);
	CU_ASSERT_EQUAL(oat_doctor_sync_level(3601), FAILURE);
}

static void
test_clock_span_has_the_largest_unit_of_which_there_are_two(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} samples[] = {
		{ 0, "0 s" },
		{ 1, "1 s" },
		{ 119, "119 s" },
		{ 120, "2 min" },
		{ 7199, "119 min" },
		{ 7200, "2 h" },
		{ 172799, "47 h" },
		{ 172800, "2 days" },
		{ INT64_C(1) << 52, "52124995687 days" },
	};
	char text[OAT_DOCTOR_SPAN_MAX];
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		CU_ASSERT_STRING_EQUAL(
		    oat_doctor_span(text, samples[i].seconds), samples[i].text);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_clock_skew_at_below_and_above_each_limit),
	OAT_TEST(test_clock_certificate_at_below_and_above_each_limit),
	OAT_TEST(test_clock_sync_at_below_and_above_each_limit),
	OAT_TEST(test_clock_span_has_the_largest_unit_of_which_there_are_two),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "doctor_clock", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
