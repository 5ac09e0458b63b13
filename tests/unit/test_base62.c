/* SPDX-License-Identifier: MIT */
#include "common/base62.h"

#include <string.h>

#include "tests/runner.h"

static void
test_base62_digits_are_0_to_9_and_letters_alone(void)
{
	const char *digits =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	int c;

	CU_ASSERT_FALSE(oat_base62_is_digit('\0'));
	for (c = 1; c < 256; c++)
		OAT_ASSERT_THAT(
		    oat_base62_is_digit((char)c) == (strchr(digits, c) != NULL),
		    "character %d", c);
}

static void
test_base62_numbers_are_padded_and_most_significant_first(void)
{
	static const struct {
		uint32_t value;
		const char *digits;
	} samples[] = {
		{ 0, "000000" },
		{ 1, "000001" },
		{ 10, "00000A" },
		{ 35, "00000Z" },
		{ 36, "00000a" },
		{ 61, "00000z" },
		{ 62, "000010" },
		{ 62 * 62, "000100" },
		{ 916132831, "0zzzzz" },
		{ 916132832, "100000" },
		{ UINT32_MAX, "4gfFC3" },
	};
	char digits[OAT_BASE62_U32 + 1] = "";
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		oat_base62_encode(samples[i].value, digits);
		OAT_ASSERT_THAT(strcmp(digits, samples[i].digits) == 0,
		    "%u is %s", samples[i].value, digits);
	}
}

static void
test_base62_random_fills_exactly_the_count_with_digits(void)
{
	char digits[300];
	size_t count, i;

	for (count = 0; count < sizeof(digits); count++) {
		memset(digits, '#', sizeof(digits));
		CU_ASSERT_EQUAL(oat_base62_random(digits, count), OAT_OK);
		for (i = 0; i < count; i++)
			OAT_ASSERT_THAT(oat_base62_is_digit(digits[i]),
			    "%zu of %zu", i, count);
		OAT_ASSERT_THAT(digits[count] == '#', "%zu", count);
	}
}

/* 20,000 digits: that one of 62 is missing has odds of 1 in 10^139. */
static void
test_base62_random_reaches_every_digit_and_never_repeats(void)
{
	char digits[20000], other[32];
	bool seen[256] = { false };
	int c, kinds = 0;
	size_t i;

	CU_ASSERT_EQUAL(oat_base62_random(digits, sizeof(digits)), OAT_OK);
	CU_ASSERT_EQUAL(oat_base62_random(other, sizeof(other)), OAT_OK);
	for (i = 0; i < sizeof(digits); i++)
		seen[(unsigned char)digits[i]] = true;
	for (c = 0; c < 256; c++)
		kinds += seen[c];
	CU_ASSERT_EQUAL(kinds, 62);
	CU_ASSERT_NOT_EQUAL(memcmp(digits, other, sizeof(other)), 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_base62_digits_are_0_to_9_and_letters_alone),
	OAT_TEST(test_base62_numbers_are_padded_and_most_significant_first),
	OAT_TEST(test_base62_random_fills_exactly_the_count_with_digits),
	OAT_TEST(test_base62_random_reaches_every_digit_and_never_repeats),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "base62", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
