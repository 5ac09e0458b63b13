/* SPDX-License-Identifier: MIT */
#include "common/name.h"

#include <string.h>

#include "tests/runner.h"

struct sample {
	const char *name;
	bool accepted;
};

static void
check_samples(bool (*accepts)(const char *), const struct sample *samples)
{
	const struct sample *s;

	for (s = samples; s->name != NULL; s++)
		OAT_ASSERT_THAT(accepts(s->name) == s->accepted, "\"%s\": %s",
		    s->name, s->accepted ? "accepted" : "refused");
	OAT_ASSERT_THAT(!accepts(NULL), "NULL");
}

static void
test_name_login_follows_its_grammar(void)
{
	static const struct sample samples[] = {
		{ "oat-acme-ci", true },
		{ "oat-a1-b", true },
		{ "oat-ab-0", true },
		{ "oat-acme-ci-2-x", true },
		{ "oat-abcdefghijklmnop-c", true },
		{ "oat-abcdefghijklmnopq-c", false },
		{ "oat-a-ci", false },
		{ "oat-1acme-ci", false },
		{ "oat-acme", false },
		{ "oat-acme-", false },
		{ "oat-acme--ci", false },
		{ "oat-acme-ci-", false },
		{ "oat--ci", false },
		{ "oat-Acme-ci", false },
		{ "oat-acme-Ci", false },
		{ "oat-acme_x-ci", false },
		{ "oat-acme-c.i", false },
		{ "oat-acme-ci\n", false },
		{ "oat-acme-ci ", false },
		{ " oat-acme-ci", false },
		{ "oat-../x", false },
		{ "oat-a:b-c", false },
		{ "oat-acm\303\251-ci", false },
		{ "OAT-acme-ci", false },
		{ "oat", false },
		{ "oat-", false },
		{ "root", false },
		{ "", false },
		{ NULL, false },
	};

	check_samples(oat_name_is_login, samples);
}

static void
test_name_login_of_32_bytes_is_accepted_of_33_refused(void)
{
	const char *at = "oat-abcdefghijklmnop-tokentoken1";
	const char *above = "oat-abcdefghijklmnop-tokentoken12";

	CU_ASSERT_EQUAL(strlen(at), OAT_LOGIN_MAX);
	CU_ASSERT_TRUE(oat_name_is_login(at));
	CU_ASSERT_FALSE(oat_name_is_login(above));
}

static void
test_name_group_is_one_of_four_kinds(void)
{
	static const struct sample samples[] = {
		{ "oat-users", true },
		{ "oat-sudo", true },
		{ "oat-acme", true },
		{ "oat-acme-ci", true },
		{ "oat-g-deploy", true },
		{ "oat-g-deploy-web-2", true },
		{ "oat-g-0", true },
		{ "oat-g-abcdefghijklmnopqrstuvwxyz", true },
		{ "oat-g-abcdefghijklmnopqrstuvwxyz0", false },
		{ "oat-g-", false },
		{ "oat-g", false },
		{ "oat-g-De", false },
		{ "oat-g-a--b", false },
		{ "oat-abcdefghijklmnop", true },
		{ "oat-abcdefghijklmnopq", false },
		{ "oat-a", false },
		{ "oat-acme:x", false },
		{ "sudo", false },
		{ "wheel", false },
		{ "users", false },
		{ "oat-", false },
		{ "", false },
		{ NULL, false },
	};

	check_samples(oat_name_is_group, samples);
}

static void
test_name_organization_has_2_to_16_characters_and_is_not_reserved(void)
{
	static const struct sample samples[] = {
		{ "ab", true },
		{ "a1", true },
		{ "abcdefghijklmnop", true },
		{ "abcdefghijklmnopq", false },
		{ "a", false },
		{ "1a", false },
		{ "a-b", false },
		{ "Ab", false },
		{ "ab\n", false },
		{ "sudo", false },
		{ "users", false },
		{ "sudo1", true },
		{ "", false },
		{ NULL, false },
	};

	check_samples(oat_name_is_organization, samples);
}

static void
test_name_token_has_words_and_at_most_25_bytes(void)
{
	static const struct sample samples[] = {
		{ "c", true },
		{ "0", true },
		{ "ci-2", true },
		{ "abcdefghijklmnopqrstuvwxy", true },
		{ "abcdefghijklmnopqrstuvwxyz", false },
		{ "-ci", false },
		{ "ci-", false },
		{ "c--i", false },
		{ "Ci", false },
		{ "c_i", false },
		{ "ci\n", false },
		{ "", false },
		{ NULL, false },
	};

	check_samples(oat_name_is_token, samples);
}

static void
test_name_longest_token_with_shortest_organization_is_a_login(void)
{
	CU_ASSERT_TRUE(oat_name_is_login("oat-ab-abcdefghijklmnopqrstuvwxy"));
	CU_ASSERT_FALSE(oat_name_is_login("oat-ab-abcdefghijklmnopqrstuvwxyz"));
	CU_ASSERT_EQUAL(strlen("oat-ab-") + OAT_TOKEN_NAME_MAX, OAT_LOGIN_MAX);
}

static void
test_name_login_is_split_at_its_first_hyphens(void)
{
	static const struct {
		const char *login, *organization, *token;
	} cases[] = {
		{ "oat-acme-ci", "acme", "ci" },
		{ "oat-acme-ci-2-x", "acme", "ci-2-x" },
		{ "oat-ab-abcdefghijklmnopqrstuvwxy", "ab",
		    "abcdefghijklmnopqrstuvwxy" },
		{ "oat-abcdefghijklmnop-abcdefghijk", "abcdefghijklmnop",
		    "abcdefghijk" },
	};
	struct oat_name_parts parts;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&parts, 'x', sizeof(parts));
		CU_ASSERT_TRUE(oat_name_split(cases[i].login, &parts));
		CU_ASSERT_STRING_EQUAL(
		    parts.organization, cases[i].organization);
		CU_ASSERT_STRING_EQUAL(parts.token, cases[i].token);
	}
}

static void
test_name_that_is_no_login_is_not_split(void)
{
	static const char *const names[] = { "", "root", "oat-", "oat-acme",
		"oat-acme-", "oat-Acme-ci", "oat-ab-abcdefghijklmnopqrstuvwxyz",
		NULL };
	struct oat_name_parts parts = { "kept", "kept" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_FALSE(oat_name_split(names[i], &parts));
	CU_ASSERT_STRING_EQUAL(parts.organization, "kept");
	CU_ASSERT_STRING_EQUAL(parts.token, "kept");
}

static void
test_name_id_is_ours_within_its_bounds(void)
{
	CU_ASSERT_FALSE(oat_id_is_ours(0));
	CU_ASSERT_FALSE(oat_id_is_ours(65534));
	CU_ASSERT_FALSE(oat_id_is_ours(65535));
	CU_ASSERT_TRUE(oat_id_is_ours(65536));
	CU_ASSERT_TRUE(oat_id_is_ours(2147483647));
	CU_ASSERT_FALSE(oat_id_is_ours(UINT32_C(2147483648)));
	CU_ASSERT_FALSE(oat_id_is_ours(UINT32_MAX));
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_name_login_follows_its_grammar),
	OAT_TEST(test_name_login_of_32_bytes_is_accepted_of_33_refused),
	OAT_TEST(test_name_group_is_one_of_four_kinds),
	OAT_TEST(
	    test_name_organization_has_2_to_16_characters_and_is_not_reserved),
	OAT_TEST(test_name_token_has_words_and_at_most_25_bytes),
	OAT_TEST(test_name_longest_token_with_shortest_organization_is_a_login),
	OAT_TEST(test_name_login_is_split_at_its_first_hyphens),
	OAT_TEST(test_name_that_is_no_login_is_not_split),
	OAT_TEST(test_name_id_is_ours_within_its_bounds),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "name", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
