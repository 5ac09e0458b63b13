/* SPDX-License-Identifier: MIT */
#include "common/token.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "common/base62.h"
#include "tests/runner.h"

#define TOKEN "oat_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3Xnoee"

static enum oat_status
parse(const char *text)
{
	struct oat_token token;

	return oat_token_parse(text, &token);
}

/* The 49 bytes with the check that zlib says belongs to them. */
static const char *
with_check(const char *body)
{
	static char text[128];
	size_t n = strlen(body);

	memcpy(text, body, n);
	oat_base62_encode(
	    (uint32_t)crc32(0, (const unsigned char *)body, (unsigned)n),
	    text + n);
	text[n + OAT_BASE62_U32] = '\0';
	return text;
}

static void
test_token_known_ones_are_read(void)
{
	struct oat_token token;

	CU_ASSERT_EQUAL(oat_token_parse(TOKEN, &token), OAT_OK);
	CU_ASSERT_STRING_EQUAL(token.text, TOKEN);
	CU_ASSERT_STRING_EQUAL(token.selector, "0123456789ab");
	CU_ASSERT_EQUAL(
	    parse("oat_zzzzzzzzzzzz_000000000000000000000000000000002WMCSw"),
	    OAT_OK);
}

static void
test_token_check_is_padded_with_zeros(void)
{
	CU_ASSERT_EQUAL(
	    parse("oat_0123456789ab_0000000000000000000000000000024000OShN"),
	    OAT_OK);
}

static void
test_token_wrong_shape_is_refused_whatever_its_check(void)
{
	static const char *const bodies[] = {
		"Oat_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
		"oat-0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
		"oat_0123456789abcABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
		"oat_0123456789a__ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
		"oat_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcde-",
		"oat_0123456789ab__BCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
		"oat_0123456789a _ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
		"oat_0123456789a\303_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
		"oat_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcde",
		"oat_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg",
		"oat_0123456789a_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg",
		"",
	};
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		OAT_ASSERT_THAT(parse(with_check(bodies[i])) == OAT_INVALID,
		    "\"%s\"", bodies[i]);
}

static void
test_token_surroundings_are_refused(void)
{
	CU_ASSERT_EQUAL(parse(NULL), OAT_INVALID);
	CU_ASSERT_EQUAL(parse(""), OAT_INVALID);
	CU_ASSERT_EQUAL(parse("\b\n\r\177INCORRECT"), OAT_INVALID);
	CU_ASSERT_EQUAL(parse(TOKEN "\n"), OAT_INVALID);
	CU_ASSERT_EQUAL(parse(" " TOKEN), OAT_INVALID);
	CU_ASSERT_EQUAL(parse(TOKEN TOKEN), OAT_INVALID);
}

static void
test_token_case_51_each_changed_character_is_refused(void)
{
	char text[] = TOKEN;
	int c;
	size_t i;

	for (i = 0; i < OAT_TOKEN_LENGTH; i++) {
		for (c = 0; c < 256; c++) {
			text[i] = (char)c;
			OAT_ASSERT_THAT(
			    (parse(text) == OAT_OK) == (text[i] == TOKEN[i]),
			    "character %d at %zu", c, i);
		}
		text[i] = TOKEN[i];
	}
}

static void
test_token_case_51_shortened_anywhere_is_refused(void)
{
	char text[] = TOKEN;
	size_t n;

	for (n = 0; n < OAT_TOKEN_LENGTH; n++) {
		text[n] = '\0';
		OAT_ASSERT_THAT(parse(text) == OAT_INVALID, "%zu bytes", n);
		text[n] = TOKEN[n];
	}
}

static void
test_token_refused_one_leaves_the_result_untouched(void)
{
	struct oat_token token, before;

	memset(&token, '#', sizeof(token));
	before = token;
	CU_ASSERT_EQUAL(oat_token_parse("oat_", &token), OAT_INVALID);
	CU_ASSERT_EQUAL(memcmp(&token, &before, sizeof(token)), 0);
}

static void
test_token_generated_ones_parse_and_differ(void)
{
	struct oat_token a, b, again;
	int i;

	for (i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(oat_token_generate(&a), OAT_OK);
		CU_ASSERT_EQUAL(oat_token_generate(&b), OAT_OK);
		CU_ASSERT_EQUAL(oat_token_parse(a.text, &again), OAT_OK);
		CU_ASSERT_STRING_EQUAL(a.selector, again.selector);
		CU_ASSERT_STRING_NOT_EQUAL(a.selector, b.selector);
		CU_ASSERT_NOT_EQUAL(memcmp(a.text + 17, b.text + 17, 32), 0);
	}
}

static void
test_token_selector_is_12_digits(void)
{
	CU_ASSERT_TRUE(oat_token_is_selector("0123456789ab"));
	CU_ASSERT_TRUE(oat_token_is_selector("zzzzzzzzzzzz"));
	CU_ASSERT_FALSE(oat_token_is_selector("0123456789a"));
	CU_ASSERT_FALSE(oat_token_is_selector("0123456789abc"));
	CU_ASSERT_FALSE(oat_token_is_selector("0123456789a-"));
	CU_ASSERT_FALSE(oat_token_is_selector("0123456789a\n"));
	CU_ASSERT_FALSE(oat_token_is_selector(""));
	CU_ASSERT_FALSE(oat_token_is_selector(NULL));
}

static void
test_token_wiped_one_is_zeros(void)
{
	static const struct oat_token zeros;
	struct oat_token token;

	CU_ASSERT_EQUAL(oat_token_parse(TOKEN, &token), OAT_OK);
	oat_token_wipe(&token);
	CU_ASSERT_EQUAL(memcmp(&token, &zeros, sizeof(token)), 0);
	oat_token_wipe(NULL);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_token_known_ones_are_read),
	OAT_TEST(test_token_check_is_padded_with_zeros),
	OAT_TEST(test_token_wrong_shape_is_refused_whatever_its_check),
	OAT_TEST(test_token_surroundings_are_refused),
	OAT_TEST(test_token_case_51_each_changed_character_is_refused),
	OAT_TEST(test_token_case_51_shortened_anywhere_is_refused),
	OAT_TEST(test_token_refused_one_leaves_the_result_untouched),
	OAT_TEST(test_token_generated_ones_parse_and_differ),
	OAT_TEST(test_token_selector_is_12_digits),
	OAT_TEST(test_token_wiped_one_is_zeros),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "token", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
