/* SPDX-License-Identifier: MIT */
#include "common/status.h"

#include <string.h>

#include "tests/runner.h"

static void
test_status_each_has_a_text_of_its_own(void)
{
	int i, j;

	for (i = OAT_OK; i <= OAT_SYSTEM; i++)
		for (j = OAT_OK; j < i; j++)
			OAT_ASSERT_THAT(
			    strcmp(oat_status_text((enum oat_status)i),
				oat_status_text((enum oat_status)j)) != 0,
			    "status %d and %d", i, j);
	CU_ASSERT_STRING_EQUAL(
	    oat_status_text((enum oat_status)99), "unknown status");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_status_each_has_a_text_of_its_own),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "status", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
