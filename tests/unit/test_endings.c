/* SPDX-License-Identifier: MIT */
#include "common/endings.h"

#include "tests/runner.h"
#include "tests/unit/people.h"

#include <string.h>

/* Is a process of this uid to end? Everything about it, if so. */
static bool
meet(const struct oat_policy *policy, uint32_t uid,
    struct oat_ending *ret_ending)
{
	struct oat_endings endings = { .count = 0 };
	enum oat_status status = oat_endings_meet(&endings, policy, uid);

	CU_ASSERT_TRUE(status == OAT_OK || status == OAT_NOTFOUND);
	CU_ASSERT_EQUAL(endings.count, status == OAT_OK);
	if (status == OAT_OK)
		*ret_ending = *oat_endings_find(&endings, uid);
	oat_endings_free(&endings);
	CU_ASSERT_PTR_NULL(oat_endings_find(&endings, uid));
	return status == OAT_OK;
}

static void
test_endings_are_of_those_without_access_by_the_snapshot(void)
{
	struct oat_policy policy = people_policy(OAT_TERMINATE_REVOKED);
	const uint32_t safe[] = { 0, 1, 1000, 65534, 65535, PEOPLE_ACTIVE,
		PEOPLE_GROUP, PEOPLE_NOBODY, PEOPLE_OUTSIDE, UINT32_MAX - 1,
		UINT32_MAX };
	struct oat_ending ending;
	size_t i;

	CU_ASSERT_TRUE(meet(&policy, PEOPLE_REVOKED, &ending));
	CU_ASSERT_EQUAL(ending.uid, PEOPLE_REVOKED);
	CU_ASSERT_STRING_EQUAL(ending.login, "oat-acme-revoked");
	CU_ASSERT_EQUAL(ending.reason, OAT_ENDING_REVOKED);
	CU_ASSERT_FALSE(ending.spared);
	CU_ASSERT_EQUAL(ending.before, UINT64_MAX);
	for (i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		OAT_ASSERT_THAT(
		    !meet(&policy, safe[i], &ending), "%u", safe[i]);
}

static void
test_endings_follow_the_configuration(void)
{
	const struct {
		enum oat_terminate terminate;
		uint32_t uid;
		bool spared;
	} cases[] = {
		{ OAT_TERMINATE_REVOKED, PEOPLE_REVOKED, false },
		{ OAT_TERMINATE_REVOKED, PEOPLE_EXPIRED, true },
		{ OAT_TERMINATE_EXPIRED, PEOPLE_REVOKED, false },
		{ OAT_TERMINATE_EXPIRED, PEOPLE_EXPIRED, false },
		{ OAT_TERMINATE_NO, PEOPLE_REVOKED, true },
		{ OAT_TERMINATE_NO, PEOPLE_EXPIRED, true },
	};
	struct oat_policy policy;
	struct oat_ending ending;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		policy = people_policy(cases[i].terminate);
		CU_ASSERT_TRUE_FATAL(meet(&policy, cases[i].uid, &ending));
		OAT_ASSERT_THAT(
		    ending.spared == cases[i].spared, "case %zu", i);
		CU_ASSERT_EQUAL(ending.reason, cases[i].uid == PEOPLE_EXPIRED
						   ? OAT_ENDING_EXPIRED
						   : OAT_ENDING_REVOKED);
	}
}

static void
test_endings_that_are_asked_for_spare_later_sessions(void)
{
	const struct oat_termination asked[] = {
		{ PEOPLE_ACTIVE, 17 },
		{ PEOPLE_REVOKED, 18 },
		{ PEOPLE_EXPIRED, 19 },
		{ PEOPLE_GROUP, 20 },
		{ PEOPLE_NOBODY, 21 },
		{ PEOPLE_OUTSIDE, 22 },
		{ 0, 23 },
	};
	struct oat_policy policy = people_policy(OAT_TERMINATE_REVOKED);
	struct oat_ending ending;

	policy.terminations = asked;
	policy.count = sizeof(asked) / sizeof(asked[0]);
	CU_ASSERT_TRUE(meet(&policy, PEOPLE_ACTIVE, &ending));
	CU_ASSERT_EQUAL(ending.reason, OAT_ENDING_ASKED);
	CU_ASSERT_EQUAL(ending.before, 17);
	CU_ASSERT_FALSE(ending.spared);
	/* Who has no access has no later session that could stay. */
	CU_ASSERT_TRUE(meet(&policy, PEOPLE_REVOKED, &ending));
	CU_ASSERT_EQUAL(ending.reason, OAT_ENDING_REVOKED);
	CU_ASSERT_EQUAL(ending.before, UINT64_MAX);
	/* What is spared otherwise ends as far as it was asked. */
	CU_ASSERT_TRUE(meet(&policy, PEOPLE_EXPIRED, &ending));
	CU_ASSERT_EQUAL(ending.reason, OAT_ENDING_ASKED);
	CU_ASSERT_EQUAL(ending.before, 19);
	CU_ASSERT_FALSE(ending.spared);
	CU_ASSERT_FALSE(meet(&policy, PEOPLE_GROUP, &ending));
	CU_ASSERT_FALSE(meet(&policy, PEOPLE_NOBODY, &ending));
	CU_ASSERT_FALSE(meet(&policy, PEOPLE_OUTSIDE, &ending));
	CU_ASSERT_FALSE(meet(&policy, 0, &ending));
	policy = people_policy(OAT_TERMINATE_NO);
	policy.terminations = asked;
	policy.count = 1;
	CU_ASSERT_TRUE(meet(&policy, PEOPLE_ACTIVE, &ending));
	CU_ASSERT_TRUE(ending.spared);
}

static void
test_endings_are_met_once(void)
{
	struct oat_policy policy = people_policy(OAT_TERMINATE_REVOKED);
	struct oat_endings endings = { .count = 0 };

	CU_ASSERT_EQUAL(
	    oat_endings_meet(&endings, &policy, PEOPLE_REVOKED), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_endings_meet(&endings, &policy, PEOPLE_SECOND), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_endings_meet(&endings, &policy, PEOPLE_REVOKED), OAT_OK);
	CU_ASSERT_EQUAL(endings.count, 2);
	oat_endings_free(&endings);
}

static void
test_endings_of_a_damaged_snapshot_are_none(void)
{
	struct oat_policy policy = people_policy(OAT_TERMINATE_REVOKED);
	struct oat_snapshot snapshot = *policy.snapshot;
	struct oat_endings endings = { .count = 0 };

	snapshot.check++;
	policy.snapshot = &snapshot;
	CU_ASSERT_EQUAL(oat_endings_meet(&endings, &policy, PEOPLE_REVOKED),
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(endings.count, 0);
}

static void
test_endings_have_a_word_for_each_reason(void)
{
	CU_ASSERT_STRING_EQUAL(
	    oat_ending_reason_text(OAT_ENDING_REVOKED), "revoked");
	CU_ASSERT_STRING_EQUAL(
	    oat_ending_reason_text(OAT_ENDING_EXPIRED), "expired");
	CU_ASSERT_STRING_EQUAL(
	    oat_ending_reason_text(OAT_ENDING_ASKED), "end_sessions");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_endings_are_of_those_without_access_by_the_snapshot),
	OAT_TEST(test_endings_follow_the_configuration),
	OAT_TEST(test_endings_that_are_asked_for_spare_later_sessions),
	OAT_TEST(test_endings_are_met_once),
	OAT_TEST(test_endings_of_a_damaged_snapshot_are_none),
	OAT_TEST(test_endings_have_a_word_for_each_reason),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "endings", people_set_up, people_tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
