/* SPDX-License-Identifier: MIT */
#include "common/crc32.h"

#include <string.h>
#include <zlib.h>

#include "tests/runner.h"

static void
test_crc32_check_value_of_the_standard(void)
{
	CU_ASSERT_EQUAL(oat_crc32("123456789", 9), 0xcbf43926);
	CU_ASSERT_EQUAL(oat_crc32("", 0), 0);
	CU_ASSERT_EQUAL(oat_crc32(NULL, 0), 0);
	CU_ASSERT_EQUAL(oat_crc32("a", 1), 0xe8b7be43);
}

static void
test_crc32_agrees_with_zlib_on_every_byte_and_length(void)
{
	unsigned char bytes[1024];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + (i >> 8));
	for (i = 0; i <= sizeof(bytes); i++)
		OAT_ASSERT_THAT(
		    oat_crc32(bytes, i) == crc32(0, bytes, (unsigned)i),
		    "%zu bytes", i);
	for (i = 0; i < 256; i++) {
		bytes[0] = (unsigned char)i;
		OAT_ASSERT_THAT(
		    oat_crc32(bytes, 1) == crc32(0, bytes, 1), "byte %zu", i);
	}
}

static void
test_crc32_in_pieces_is_that_of_the_whole(void)
{
	const char *text = "oat_0123456789ab_";
	size_t n = strlen(text), cut;
	uint32_t crc;

	for (cut = 0; cut <= n; cut++) {
		crc = oat_crc32_update(0, text, cut);
		crc = oat_crc32_update(crc, text + cut, n - cut);
		OAT_ASSERT_THAT(crc == oat_crc32(text, n), "cut at %zu", cut);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_crc32_check_value_of_the_standard),
	OAT_TEST(test_crc32_agrees_with_zlib_on_every_byte_and_length),
	OAT_TEST(test_crc32_in_pieces_is_that_of_the_whole),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "crc32", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
