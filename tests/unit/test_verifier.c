/* SPDX-License-Identifier: MIT */
#include "common/verifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

#define SELECTOR "0123456789ab"
#define SALT "AAECAwQFBgcICQoLDA0ODw"			   /* 00 01 ... 0f */
#define HASH "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* 00 ... 1f */
#define VERIFIER SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" SALT "$" HASH

/* Bytes of zeros, as base64. */
#define ZEROS_7 "AAAAAAAAAA"
#define ZEROS_8 "AAAAAAAAAAA"
#define ZEROS_15 "AAAAAAAAAAAAAAAAAAAA"
#define ZEROS_16 "AAAAAAAAAAAAAAAAAAAAAA"
#define ZEROS_48 ZEROS_15 ZEROS_15 ZEROS_15 "AAAA"
#define ZEROS_64 ZEROS_48 ZEROS_16

static enum oat_status
parse(const char *text)
{
	struct oat_verifier verifier;

	return oat_verifier_parse(text, &verifier);
}

static void
test_verifier_known_one_is_taken_apart(void)
{
	struct oat_verifier v;
	uint8_t i;

	CU_ASSERT_EQUAL_FATAL(oat_verifier_parse(VERIFIER, &v), OAT_OK);
	CU_ASSERT_STRING_EQUAL(v.selector, SELECTOR);
	CU_ASSERT_EQUAL(v.m_kib, OAT_ARGON2_M_KIB);
	CU_ASSERT_EQUAL(v.t, OAT_ARGON2_T);
	CU_ASSERT_EQUAL(v.p, OAT_ARGON2_P);
	CU_ASSERT_EQUAL(v.salt_size, OAT_ARGON2_SALT);
	CU_ASSERT_EQUAL(v.hash_size, OAT_ARGON2_HASH);
	for (i = 0; i < OAT_ARGON2_SALT; i++)
		CU_ASSERT_EQUAL(v.salt[i], i);
	for (i = 0; i < OAT_ARGON2_HASH; i++)
		CU_ASSERT_EQUAL(v.hash[i], i);
}

static void
test_verifier_written_back_is_the_same(void)
{
	static const char *const texts[] = {
		VERIFIER,
		SELECTOR "$argon2id$v=19$m=8,t=1,p=1$" ZEROS_8 "$" ZEROS_16,
		SELECTOR "$argon2id$v=19$m=65536,t=8,p=4$" ZEROS_48
			 "$" ZEROS_64,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$/+8AAAAAAAAA$" HASH,
	};
	struct oat_verifier v;
	char text[OAT_VERIFIER_MAX];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		OAT_ASSERT_THAT(
		    oat_verifier_parse(texts[i], &v) == OAT_OK, "%s", texts[i]);
		OAT_ASSERT_THAT(
		    oat_verifier_format(&v, text, sizeof(text)) == OAT_OK, "%s",
		    texts[i]);
		OAT_ASSERT_THAT(strcmp(text, texts[i]) == 0, "%s", text);
	}
}

static void
test_verifier_longest_one_has_exactly_the_maximum(void)
{
	CU_ASSERT_EQUAL(
	    sizeof(SELECTOR "$argon2id$v=19$m=65536,t=8,p=4$" ZEROS_48
			    "$" ZEROS_64),
	    OAT_VERIFIER_MAX);
}

static void
test_verifier_every_salt_and_hash_size_survives(void)
{
	struct oat_verifier v = { SELECTOR, 7168, 5, 1, { 0 }, 8, { 0 }, 16 };
	struct oat_verifier again;
	char text[OAT_VERIFIER_MAX];
	size_t i;

	for (i = 0; i < sizeof(v.hash); i++)
		v.hash[i] = (uint8_t)(251 * i + 7);
	for (i = 0; i < sizeof(v.salt); i++)
		v.salt[i] = (uint8_t)(37 * i + 255);
	for (; v.salt_size <= OAT_ARGON2_SALT_MAX; v.salt_size++)
		for (v.hash_size = OAT_ARGON2_HASH_MIN;
		     v.hash_size <= OAT_ARGON2_HASH_MAX; v.hash_size++) {
			CU_ASSERT_EQUAL(
			    oat_verifier_format(&v, text, sizeof(text)),
			    OAT_OK);
			CU_ASSERT_EQUAL(
			    oat_verifier_parse(text, &again), OAT_OK);
			CU_ASSERT_EQUAL(again.salt_size, v.salt_size);
			CU_ASSERT_EQUAL(again.hash_size, v.hash_size);
			CU_ASSERT_EQUAL(
			    memcmp(again.salt, v.salt, v.salt_size), 0);
			CU_ASSERT_EQUAL(
			    memcmp(again.hash, v.hash, v.hash_size), 0);
		}
}

static void
test_verifier_case_46_numbers_are_bounded_on_both_sides(void)
{
	static const struct {
		const char *numbers;
		enum oat_status status;
	} samples[] = {
		{ "m=7,t=5,p=1", OAT_INVALID },
		{ "m=8,t=5,p=1", OAT_OK },
		{ "m=65536,t=5,p=1", OAT_OK },
		{ "m=65537,t=5,p=1", OAT_INVALID },
		{ "m=4194304,t=5,p=1", OAT_INVALID },
		{ "m=4294967304,t=5,p=1", OAT_INVALID },
		{ "m=18446744073709551624,t=5,p=1", OAT_INVALID },
		{ "m=7168,t=0,p=1", OAT_INVALID },
		{ "m=7168,t=1,p=1", OAT_OK },
		{ "m=7168,t=8,p=1", OAT_OK },
		{ "m=7168,t=9,p=1", OAT_INVALID },
		{ "m=7168,t=4294967295,p=1", OAT_INVALID },
		{ "m=7168,t=5,p=0", OAT_INVALID },
		{ "m=7168,t=5,p=4", OAT_OK },
		{ "m=7168,t=5,p=5", OAT_INVALID },
		{ "m=7168,t=5,p=255", OAT_INVALID },
		{ "m=31,t=5,p=4", OAT_INVALID },
		{ "m=32,t=5,p=4", OAT_OK },
		{ "m=07168,t=5,p=1", OAT_INVALID },
		{ "m=+7168,t=5,p=1", OAT_INVALID },
		{ "m=-1,t=5,p=1", OAT_INVALID },
		{ "m= 7168,t=5,p=1", OAT_INVALID },
		{ "m=0x1c00,t=5,p=1", OAT_INVALID },
		{ "m=,t=5,p=1", OAT_INVALID },
		{ "t=5,m=7168,p=1", OAT_INVALID },
		{ "m=7168,t=5,p=1,keyid=x", OAT_INVALID },
		{ "m=7168,t=5", OAT_INVALID },
	};
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		snprintf(text, sizeof(text),
		    SELECTOR "$argon2id$v=19$%s$" SALT "$" HASH,
		    samples[i].numbers);
		OAT_ASSERT_THAT(parse(text) == samples[i].status, "%s", text);
	}
}

static void
test_verifier_case_46_salt_and_hash_are_bounded_on_both_sides(void)
{
	static const struct {
		const char *salt, *hash;
		enum oat_status status;
	} samples[] = {
		{ "", HASH, OAT_INVALID },
		{ ZEROS_7, HASH, OAT_INVALID },
		{ ZEROS_8, HASH, OAT_OK },
		{ ZEROS_48, HASH, OAT_OK },
		{ ZEROS_48 "AA", HASH, OAT_INVALID },
		{ SALT, "", OAT_INVALID },
		{ SALT, "AAAAAA", OAT_INVALID },
		{ SALT, ZEROS_15, OAT_INVALID },
		{ SALT, ZEROS_16, OAT_OK },
		{ SALT, ZEROS_64, OAT_OK },
		{ ZEROS_8, ZEROS_64 "AA", OAT_INVALID },
	};
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		snprintf(text, sizeof(text),
		    SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$%s$%s",
		    samples[i].salt, samples[i].hash);
		OAT_ASSERT_THAT(parse(text) == samples[i].status, "%s", text);
	}
}

static void
test_verifier_case_46_other_spellings_are_refused(void)
{
	static const char *const texts[] = {
		"",
		SELECTOR,
		SELECTOR "$",
		"$argon2id$v=19$m=7168,t=5,p=1$" SALT "$" HASH,
		"0123456789a$argon2id$v=19$m=7168,t=5,p=1$" SALT "$" HASH,
		"0123456789a-$argon2id$v=19$m=7168,t=5,p=1$" SALT "$" HASH,
		"0123456789abc$argon2id$v=19$m=7168,t=5,p=1$" SALT "$" HASH,
		SELECTOR "$argon2i$v=19$m=7168,t=5,p=1$" SALT "$" HASH,
		SELECTOR "$argon2d$v=19$m=7168,t=5,p=1$" SALT "$" HASH,
		SELECTOR "$Argon2id$v=19$m=7168,t=5,p=1$" SALT "$" HASH,
		SELECTOR "$argon2id$v=16$m=7168,t=5,p=1$" SALT "$" HASH,
		SELECTOR "$argon2id$m=7168,t=5,p=1$" SALT "$" HASH,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" SALT,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" SALT HASH,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" SALT "==$" HASH,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" SALT "$" HASH "=",
		VERIFIER "$",
		VERIFIER "\n",
		VERIFIER " ",
		" " VERIFIER,
		VERIFIER VERIFIER,
		/* base64 of other alphabets, and foreign bytes */
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$____AAAAAAA$" HASH,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" SALT "$" ZEROS_16
			 "\303\251",
		/* a digit too many, and spare bits that are not zero */
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" ZEROS_8 "AA$" HASH,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$AAAAAAAAAAB$" HASH,
		SELECTOR "$argon2id$v=19$m=7168,t=5,p=1$" SALT
			 "$AAAAAAAAAAAAAAAAAAAAAB",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		OAT_ASSERT_THAT(
		    parse(texts[i]) == OAT_INVALID, "\"%s\"", texts[i]);
	CU_ASSERT_EQUAL(parse(NULL), OAT_INVALID);
}

/* A shorter hash may be one too, but only if it is spelled as it would be. */
static void
test_verifier_shortened_anywhere_is_refused_or_another_verifier(void)
{
	const size_t shortest =
	    strlen(VERIFIER) - strlen(HASH) + strlen(ZEROS_16);
	char text[] = VERIFIER, again[OAT_VERIFIER_MAX];
	struct oat_verifier v;
	size_t n;

	for (n = 0; n < strlen(VERIFIER); n++) {
		text[n] = '\0';
		if (oat_verifier_parse(text, &v) == OAT_OK) {
			OAT_ASSERT_THAT(n >= shortest, "%zu bytes", n);
			CU_ASSERT_EQUAL(
			    oat_verifier_format(&v, again, sizeof(again)),
			    OAT_OK);
			CU_ASSERT_STRING_EQUAL(text, again);
		}
		text[n] = VERIFIER[n];
	}
}

static void
test_verifier_case_46_megabyte_is_refused(void)
{
	char *text = malloc(1 << 20);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'A', 1 << 20);
	memcpy(text, VERIFIER, strlen(VERIFIER));
	text[(1 << 20) - 1] = '\0';
	CU_ASSERT_EQUAL(parse(text), OAT_INVALID);
	free(text);
}

static void
test_verifier_short_buffer_is_range_and_untouched(void)
{
	struct oat_verifier v;
	char text[OAT_VERIFIER_MAX];
	size_t size;

	CU_ASSERT_EQUAL_FATAL(oat_verifier_parse(VERIFIER, &v), OAT_OK);
	memset(text, '#', sizeof(text));
	for (size = 0; size <= strlen(VERIFIER); size++)
		CU_ASSERT_EQUAL(oat_verifier_format(&v, text, size), OAT_RANGE);
	for (size = 0; size < sizeof(text); size++)
		CU_ASSERT_EQUAL(text[size], '#');
	CU_ASSERT_EQUAL(
	    oat_verifier_format(&v, text, strlen(VERIFIER) + 1), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, VERIFIER);
}

static void
test_verifier_out_of_bounds_is_not_written(void)
{
	struct oat_verifier good, v;
	char text[OAT_VERIFIER_MAX];

	CU_ASSERT_EQUAL_FATAL(oat_verifier_parse(VERIFIER, &good), OAT_OK);
	v = good;
	v.salt_size = OAT_ARGON2_SALT_MAX + 1;
	CU_ASSERT_EQUAL(
	    oat_verifier_format(&v, text, sizeof(text)), OAT_INVALID);
	v = good;
	v.hash_size = SIZE_MAX;
	CU_ASSERT_EQUAL(
	    oat_verifier_format(&v, text, sizeof(text)), OAT_INVALID);
	v = good;
	v.p = UINT32_C(1) << 29; /* 8 * p is 0 in 32 bits */
	CU_ASSERT_FALSE(oat_verifier_is_bounded(&v));
	v = good;
	v.selector[3] = '$';
	CU_ASSERT_FALSE(oat_verifier_is_bounded(&v));
}

static void
test_verifier_refused_one_leaves_the_result_untouched(void)
{
	struct oat_verifier v, before;

	memset(&v, '#', sizeof(v));
	before = v;
	CU_ASSERT_EQUAL(oat_verifier_parse(VERIFIER "$", &v), OAT_INVALID);
	CU_ASSERT_EQUAL(memcmp(&v, &before, sizeof(v)), 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_verifier_known_one_is_taken_apart),
	OAT_TEST(test_verifier_written_back_is_the_same),
	OAT_TEST(test_verifier_longest_one_has_exactly_the_maximum),
	OAT_TEST(test_verifier_every_salt_and_hash_size_survives),
	OAT_TEST(test_verifier_case_46_numbers_are_bounded_on_both_sides),
	OAT_TEST(test_verifier_case_46_salt_and_hash_are_bounded_on_both_sides),
	OAT_TEST(test_verifier_case_46_other_spellings_are_refused),
	OAT_TEST(
	    test_verifier_shortened_anywhere_is_refused_or_another_verifier),
	OAT_TEST(test_verifier_case_46_megabyte_is_refused),
	OAT_TEST(test_verifier_short_buffer_is_range_and_untouched),
	OAT_TEST(test_verifier_out_of_bounds_is_not_written),
	OAT_TEST(test_verifier_refused_one_leaves_the_result_untouched),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "verifier", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
