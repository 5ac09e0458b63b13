/* SPDX-License-Identifier: MIT */
#include "common/verdict.h"

#include <string.h>

#include "tests/runner.h"

/* The contract's spelling, in the order in which the first failure decides. */
static const char *const names[] = { "-", "malformed", "unknown_token",
	"host_not_granted", "bad_verifier", "wrong_secret", "retired_secret",
	"wrong_identity", "organization_suspended", "deactivated",
	"not_yet_valid", "expired", "idle", "used_up", "service_not_granted",
	"not_allowed", "address_not_allowed", "host_suspended", "unavailable" };

static void
test_verdict_reasons_are_spelled_and_ordered_as_promised(void)
{
	enum oat_reason reason;
	int i;

	CU_ASSERT_EQUAL(sizeof(names) / sizeof(names[0]), OAT_REASON_COUNT);
	for (i = 0; i < OAT_REASON_COUNT; i++) {
		OAT_ASSERT_THAT(
		    strcmp(oat_reason_name((enum oat_reason)i), names[i]) == 0,
		    "%s", names[i]);
		OAT_ASSERT_THAT(oat_reason_parse(names[i], &reason) == OAT_OK &&
				    (int)reason == i,
		    "%s", names[i]);
	}
}

static void
test_verdict_unknown_reason_is_invalid_and_untouched(void)
{
	static const char *const wrong[] = { "", "Expired", "expired ",
		"expire", "none", "--" };
	enum oat_reason reason = OAT_REASON_IDLE;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		OAT_ASSERT_THAT(
		    oat_reason_parse(wrong[i], &reason) == OAT_INVALID, "%s",
		    wrong[i]);
	CU_ASSERT_EQUAL(reason, OAT_REASON_IDLE);
}

static void
test_verdict_number_out_of_range_has_a_name(void)
{
	CU_ASSERT_STRING_EQUAL(
	    oat_reason_name(OAT_REASON_COUNT), "unavailable");
	CU_ASSERT_STRING_EQUAL(
	    oat_reason_name((enum oat_reason)1000), "unavailable");
}

static void
test_verdict_holder_is_told_only_once_the_secret_was_right(void)
{
	int i, expected;

	for (i = 0; i < OAT_REASON_COUNT; i++) {
		expected = i >= OAT_REASON_ORGANIZATION_SUSPENDED &&
			   i != OAT_REASON_UNAVAILABLE;
		OAT_ASSERT_THAT(
		    !oat_reason_is_policy((enum oat_reason)i) == !expected,
		    "%s", names[i]);
	}
}

static void
test_verdict_of_forgotten_memory_is_a_refusal(void)
{
	enum oat_verdict verdict;

	memset(&verdict, 0, sizeof(verdict));
	CU_ASSERT_EQUAL(verdict, OAT_BROKEN);
	CU_ASSERT_NOT_EQUAL(verdict, OAT_ALLOWED);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_verdict_reasons_are_spelled_and_ordered_as_promised),
	OAT_TEST(test_verdict_unknown_reason_is_invalid_and_untouched),
	OAT_TEST(test_verdict_number_out_of_range_has_a_name),
	OAT_TEST(test_verdict_holder_is_told_only_once_the_secret_was_right),
	OAT_TEST(test_verdict_of_forgotten_memory_is_a_refusal),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "verdict", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
