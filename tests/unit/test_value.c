/* SPDX-License-Identifier: MIT */
#include "common/value.h"

#include <string.h>

#include "tests/runner.h"

static void
test_value_durations_are_read_in_every_unit(void)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} samples[] = {
		{ "0ms", 0 },
		{ "0s", 0 },
		{ "1ms", 1 },
		{ "500ms", 500 },
		{ "5s", 5000 },
		{ "05s", 5000 },
		{ "2m", 120000 },
		{ "4h", 14400000 },
		{ "14d", UINT64_C(1209600000) },
		{ "4294967295d", UINT64_C(4294967295) * 86400000 },
	};
	uint64_t ms = 0;
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		OAT_ASSERT_THAT(oat_value_duration(samples[i].text, 0,
				    UINT64_MAX, &ms) == OAT_OK &&
				    ms == samples[i].ms,
		    "%s", samples[i].text);
}

static void
test_value_what_is_no_duration_is_invalid_and_untouched(void)
{
	static const char *const texts[] = { "", "5", "s", "ms", "5 s", " 5s",
		"5s ", "-5s", "+5s", "5S", "5sec", "5.5s", "5s5ms", "0x5s",
		"4294967296ms", "18446744073709551617ms",
		"99999999999999999999999d" };
	uint64_t ms = 42;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		OAT_ASSERT_THAT(oat_value_duration(texts[i], 0, UINT64_MAX,
				    &ms) == OAT_INVALID,
		    "\"%s\"", texts[i]);
	CU_ASSERT_EQUAL(ms, 42);
}

static void
test_value_duration_bounds_are_inclusive(void)
{
	uint64_t ms;

	CU_ASSERT_EQUAL(
	    oat_value_duration("99ms", 100, 60000, &ms), OAT_INVALID);
	CU_ASSERT_EQUAL(oat_value_duration("100ms", 100, 60000, &ms), OAT_OK);
	CU_ASSERT_EQUAL(oat_value_duration("60s", 100, 60000, &ms), OAT_OK);
	CU_ASSERT_EQUAL(oat_value_duration("1m", 100, 60000, &ms), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_value_duration("60001ms", 100, 60000, &ms), OAT_INVALID);
}

static void
test_value_id_range_is_two_ids_of_ours_in_order(void)
{
	static const struct {
		const char *text;
		enum oat_status status;
	} samples[] = {
		{ "70000-99999", OAT_OK },
		{ "65536-2147483647", OAT_OK },
		{ "70000-70000", OAT_OK },
		{ "65535-99999", OAT_INVALID },
		{ "65536-2147483648", OAT_INVALID },
		{ "0-99999", OAT_INVALID },
		{ "70001-70000", OAT_INVALID },
		{ "70000 - 99999", OAT_INVALID },
		{ "70000", OAT_INVALID },
		{ "70000-", OAT_INVALID },
		{ "-99999", OAT_INVALID },
		{ "70000-99999x", OAT_INVALID },
		{ "70000--99999", OAT_INVALID },
		{ "70000:99999", OAT_INVALID },
		{ "4295037296-4295067295", OAT_INVALID },
		{ "", OAT_INVALID },
	};
	uint32_t min = 1, max = 2;
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		OAT_ASSERT_THAT(oat_value_id_range(samples[i].text, &min,
				    &max) == samples[i].status,
		    "\"%s\"", samples[i].text);
	CU_ASSERT_EQUAL(min, 70000);
	CU_ASSERT_EQUAL(max, 70000);
}

static void
test_value_path_is_absolute_plain_and_bounded(void)
{
	static const struct {
		const char *text;
		bool accepted;
	} samples[] = {
		{ "/a", true },
		{ "/var/lib/oat/home", true },
		{ "/etc/oat/.password", true },
		{ "/a/..b/c.", true },
		{ "", false },
		{ "/", false },
		{ "a", false },
		{ "./a", false },
		{ "~/a", false },
		{ "/a/", false },
		{ "//a", false },
		{ "/a//b", false },
		{ "/a/./b", false },
		{ "/a/../b", false },
		{ "/..", false },
		{ "/.", false },
		{ "/a:b", false },
		{ "/a b", false },
		{ "/a\tb", false },
	};
	char text[OAT_VALUE_PATH_MAX + 2] = "/";
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		OAT_ASSERT_THAT(
		    oat_value_is_path(samples[i].text) == samples[i].accepted,
		    "\"%s\"", samples[i].text);
	memset(text + 1, 'x', OAT_VALUE_PATH_MAX - 1);
	CU_ASSERT_TRUE(oat_value_is_path(text));
	text[OAT_VALUE_PATH_MAX] = 'x';
	CU_ASSERT_FALSE(oat_value_is_path(text));
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_value_durations_are_read_in_every_unit),
	OAT_TEST(test_value_what_is_no_duration_is_invalid_and_untouched),
	OAT_TEST(test_value_duration_bounds_are_inclusive),
	OAT_TEST(test_value_id_range_is_two_ids_of_ours_in_order),
	OAT_TEST(test_value_path_is_absolute_plain_and_bounded),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "value", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
