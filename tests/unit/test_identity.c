/* SPDX-License-Identifier: MIT */
/* Rows of a database, believed or refused; one by one, and as a set. */
#include "common/identities.h"
#include "common/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runner.h"

static char folder[32], passwd[64], group[64], shells[64];
static struct oat_local *local;

/* Outside of a test, where nothing can be asserted. */
static bool
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	return file != NULL && fputs(text, file) >= 0 && fclose(file) == 0;
}

static int
set_up(void)
{
	const struct oat_local_files files = { passwd, group, shells };

	strcpy(folder, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(passwd, sizeof(passwd), "%s/passwd", folder);
	snprintf(group, sizeof(group), "%s/group", folder);
	snprintf(shells, sizeof(shells), "%s/shells", folder);
	if (!write_text(passwd, "root:x:0:0:::\nalice:x:70066:100:::\n"
				"oat-acme-local:x:1000:1000:::\n") ||
	    !write_text(group, "oat-g-local:x:1001:\nold:x:70077:\n") ||
	    !write_text(shells, "/bin/sh\n/bin/bash\n"))
		return 1;
	return oat_local_load(&files, 70000, 99999, &local) != OAT_OK;
}

static int
tear_down(void)
{
	oat_local_free(local);
	(void)unlink(passwd);
	(void)unlink(group);
	(void)unlink(shells);
	return rmdir(folder);
}

static const struct oat_identity_row good = {
	.name = "oat-acme-ci",
	.id = 70010,
	.organization = "acme",
	.token = "ci",
	.shell = "/bin/bash",
	.groups = "70002,70000,70002",
	.active = true,
	.expires_at = 1234,
};

static void
assert_identity_refused(
    const struct oat_identity_row *row, const char *what, const char *reason)
{
	struct oat_identity identity = { .uid = 7 };
	const char *why = "";
	enum oat_status status;

	status = oat_identity_from_row(row, local, &identity, &why);
	OAT_ASSERT_THAT(status == OAT_INVALID && strcmp(why, reason) == 0,
	    "%s: status %d, %s", what, status, why);
	CU_ASSERT_EQUAL(identity.uid, 7);
}

static void
test_identity_of_a_good_row_has_all_its_fields(void)
{
	struct oat_identity identity;
	const char *why = NULL;

	CU_ASSERT_EQUAL_FATAL(
	    oat_identity_from_row(&good, local, &identity, &why), OAT_OK);
	CU_ASSERT_STRING_EQUAL(identity.login, "oat-acme-ci");
	CU_ASSERT_STRING_EQUAL(identity.shell, "/bin/bash");
	CU_ASSERT_EQUAL(identity.uid, 70010);
	CU_ASSERT(identity.active);
	CU_ASSERT_EQUAL(identity.expires_at, 1234);
	CU_ASSERT_EQUAL_FATAL(identity.group_count, 2);
	CU_ASSERT_EQUAL(identity.groups[0], 70000);
	CU_ASSERT_EQUAL(identity.groups[1], 70002);
	CU_ASSERT_PTR_NULL(why);
	oat_identity_free(&identity);
	CU_ASSERT_PTR_NULL(identity.groups);
	oat_identity_free(NULL);
}

static void
test_identity_inactive_has_nologin_and_no_groups(void)
{
	struct oat_identity_row row = good;
	struct oat_identity identity;
	const char *why;

	row.active = false;
	row.groups = "garbage";
	CU_ASSERT_EQUAL_FATAL(
	    oat_identity_from_row(&row, local, &identity, &why), OAT_OK);
	CU_ASSERT_STRING_EQUAL(identity.shell, oat_local_nologin(local));
	CU_ASSERT_EQUAL(identity.group_count, 0);
	CU_ASSERT_FALSE(identity.active);
	oat_identity_free(&identity);
}

static void
test_identity_case_49_with_a_shell_of_elsewhere_gets_nologin(void)
{
	static const char *const shells_of_elsewhere[] = { "/bin/zsh", "", "sh",
		"/bin/sh ", "/bin/sh\n", "/bin/sh:x", "/bin/../bin/sh", NULL };
	struct oat_identity_row row = good;
	struct oat_identity identity;
	const char *why;
	size_t i;

	for (i = 0;
	     i < sizeof(shells_of_elsewhere) / sizeof(shells_of_elsewhere[0]);
	     i++) {
		row.shell = shells_of_elsewhere[i];
		CU_ASSERT_EQUAL_FATAL(
		    oat_identity_from_row(&row, local, &identity, &why),
		    OAT_OK);
		OAT_ASSERT_THAT(
		    strcmp(identity.shell, oat_local_nologin(local)) == 0,
		    "\"%s\"", row.shell == NULL ? "(null)" : row.shell);
		oat_identity_free(&identity);
	}
}

static void
test_identity_case_48_with_a_name_outside_the_grammar_is_refused(void)
{
	static const char *const names[] = { NULL, "", "root", "oat-acme",
		"oat-acme-", "oat-acme-ci:x", "oat-acme-ci\n", "OAT-acme-ci",
		"oat-acme-../x", "oat-acme-c\xc3\xaf", "oat-g-deploy",
		"oat-acme-cccccccccccccccccccccccccccc" };
	struct oat_identity_row row = good;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		row.name = names[i];
		assert_identity_refused(&row, names[i] ? names[i] : "(null)",
		    "not the name of an identity");
	}
}

static void
test_identity_of_another_organization_or_token_is_refused(void)
{
	struct oat_identity_row row = good;

	row.organization = "acm";
	assert_identity_refused(&row, "acm", "login of another token");
	row.organization = "zulu";
	assert_identity_refused(&row, "zulu", "login of another token");
	row.organization = "sudo";
	assert_identity_refused(
	    &row, "sudo", "not the name of an organization");
	row.organization = NULL;
	assert_identity_refused(
	    &row, "(null)", "not the name of an organization");
	row = good;
	row.token = "cj";
	assert_identity_refused(&row, "cj", "login of another token");
	row.token = "ci-ci";
	assert_identity_refused(&row, "ci-ci", "login of another token");
	row.token = "c/i";
	assert_identity_refused(&row, "c/i", "not the name of a token");
}

static void
test_identity_case_47_outside_uid_range_is_refused(void)
{
	static const int64_t ids[] = { 0, -1, 1, 65535, 65536, 69999, 100000,
		INT64_C(1) << 32, (INT64_C(1) << 32) + 70010, INT64_MIN,
		INT64_MAX, UINT32_MAX };
	struct oat_identity_row row = good;
	char what[32];
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		row.id = ids[i];
		snprintf(what, sizeof(what), "%lld", (long long)ids[i]);
		assert_identity_refused(&row, what, "number outside uid_range");
	}
}

static void
test_identity_case_48_of_a_local_account_is_refused(void)
{
	struct oat_identity_row row = good;

	row.name = "oat-acme-local";
	row.token = "local";
	assert_identity_refused(&row, "name", "name of a local account");
	row = good;
	row.id = 70066;
	assert_identity_refused(&row, "uid", "number of a local account");
	row.id = 70077;
	assert_identity_refused(&row, "gid", "number of a local account");
}

static void
test_identity_case_47_with_bad_groups_is_refused(void)
{
	static const struct {
		const char *groups;
		const char *reason;
	} cases[] = {
		{ ",", "malformed list of groups" },
		{ "70000,", "malformed list of groups" },
		{ ",70000", "malformed list of groups" },
		{ "70000,,70001", "malformed list of groups" },
		{ "70000 70001", "malformed list of groups" },
		{ "7000x", "group that is not ours" },
		{ "70000x", "malformed list of groups" },
		{ "-70000", "malformed list of groups" },
		{ "70000\n", "malformed list of groups" },
		{ "99999999999", "malformed list of groups" },
		{ "0", "group that is not ours" },
		{ "70000,27", "group that is not ours" },
		{ "100000", "group that is not ours" },
		{ "4294967296", "group that is not ours" },
		{ "70077", "group that is not ours" },
		{ "70066", "group that is not ours" },
	};
	struct oat_identity_row row = good;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		row.groups = cases[i].groups;
		assert_identity_refused(&row, cases[i].groups, cases[i].reason);
	}
}

static void
test_identity_without_groups_has_none(void)
{
	struct oat_identity_row row = good;
	struct oat_identity identity;
	const char *why;

	row.groups = "";
	CU_ASSERT_EQUAL(
	    oat_identity_from_row(&row, local, &identity, &why), OAT_OK);
	CU_ASSERT_EQUAL(identity.group_count, 0);
	oat_identity_free(&identity);
	row.groups = NULL;
	CU_ASSERT_EQUAL(
	    oat_identity_from_row(&row, local, &identity, &why), OAT_OK);
	CU_ASSERT_EQUAL(identity.group_count, 0);
	oat_identity_free(&identity);
}

static void
test_group_of_a_row_is_taken_or_refused(void)
{
	static const struct {
		const char *name;
		int64_t id;
		const char *reason; /* NULL: taken */
	} cases[] = {
		{ "oat-users", 70000, NULL },
		{ "oat-sudo", 70001, NULL },
		{ "oat-acme", 70002, NULL },
		{ "oat-g-deploy", 99999, NULL },
		{ "oat-acme-ci", 70003, "not the name of a group" },
		{ "sudo", 70003, "not the name of a group" },
		{ "oat-g-a:b", 70003, "not the name of a group" },
		{ NULL, 70003, "not the name of a group" },
		{ "oat-users", 27, "number outside uid_range" },
		{ "oat-users", 100000, "number outside uid_range" },
		{ "oat-g-local", 70003, "name of a local account" },
		{ "oat-users", 70077, "number of a local account" },
	};
	struct oat_identity_row row = { .name = NULL };
	struct oat_group taken;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		row.name = cases[i].name;
		row.id = cases[i].id;
		why = NULL;
		if (oat_group_from_row(&row, local, &taken, &why) == OAT_OK)
			OAT_ASSERT_THAT(cases[i].reason == NULL &&
					    strcmp(taken.name, row.name) == 0 &&
					    taken.gid == row.id,
			    "case %zu", i);
		else
			OAT_ASSERT_THAT(cases[i].reason != NULL &&
					    strcmp(why, cases[i].reason) == 0,
			    "case %zu: %s", i, why);
	}
}

/* --- the set ------------------------------------------------------------- */

static struct oat_identities *
set_with_groups(void)
{
	const struct oat_identity_row rows[] = {
		{ .name = "oat-users", .id = 70000 },
		{ .name = "oat-acme", .id = 70001 },
	};
	struct oat_identities *set = NULL;
	const char *why;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(oat_identities_new(local, &set), OAT_OK);
	for (i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(
		    oat_identities_add_group(set, &rows[i], &why), OAT_OK);
	return set;
}

static void
test_identities_keep_what_was_added(void)
{
	struct oat_identities *set = set_with_groups();
	struct oat_identity_row row = good;
	const struct oat_identity *all;
	char login[OAT_LOGIN_MAX + 1];
	const char *why = NULL;
	size_t i, count;

	row.groups = "70001";
	for (i = 0; i < 1000; i++) {
		snprintf(login, sizeof(login), "oat-acme-t%zu", i);
		row.name = login;
		row.token = login + strlen("oat-acme-");
		row.id = 71000 + (int64_t)i;
		CU_ASSERT_EQUAL(oat_identities_add(set, &row, &why), OAT_OK);
	}
	all = oat_identities_all(set, &count);
	CU_ASSERT_EQUAL_FATAL(count, 1000);
	for (i = 0; i < count; i++)
		OAT_ASSERT_THAT(all[i].uid == 71000 + i &&
				    all[i].group_count == 1 &&
				    all[i].groups[0] == 70001,
		    "%zu", i);
	CU_ASSERT_STRING_EQUAL(
	    oat_identities_groups(set, &count)->name, "oat-users");
	CU_ASSERT_EQUAL(count, 2);
	oat_identities_free(set);
	oat_identities_free(NULL);
}

static void
test_identities_refuse_a_name_or_number_given_twice(void)
{
	static const struct oat_identity_row group_twice = { .name = "oat-g-x",
		.id = 70001 };
	struct oat_identities *set = set_with_groups();
	struct oat_identity_row row = good;
	const char *why = NULL;
	size_t count;

	CU_ASSERT_EQUAL(oat_identities_add(set, &row, &why), OAT_OK);
	row.id = 70011;
	CU_ASSERT_EQUAL(oat_identities_add(set, &row, &why), OAT_INVALID);
	CU_ASSERT_STRING_EQUAL(why, "name or number given twice");
	row = good;
	row.name = "oat-acme-cd";
	row.token = "cd";
	CU_ASSERT_EQUAL(oat_identities_add(set, &row, &why), OAT_INVALID);
	row.id = 70001; /* a group's */
	CU_ASSERT_EQUAL(oat_identities_add(set, &row, &why), OAT_INVALID);
	CU_ASSERT_EQUAL(
	    oat_identities_add_group(set, &group_twice, &why), OAT_INVALID);
	(void)oat_identities_all(set, &count);
	CU_ASSERT_EQUAL(count, 1);
	oat_identities_free(set);
}

static void
test_identities_keep_others_when_a_row_is_refused(void)
{
	struct oat_identities *set = set_with_groups();
	struct oat_identity_row row = good;
	const char *why = NULL;
	size_t count;

	row.id = 0;
	CU_ASSERT_EQUAL(oat_identities_add(set, &row, &why), OAT_INVALID);
	CU_ASSERT_EQUAL(oat_identities_add(set, &good, &why), OAT_OK);
	(void)oat_identities_all(set, &count);
	CU_ASSERT_EQUAL(count, 1);
	oat_identities_free(set);
}

static void
test_identities_drop_membership_in_groups_that_are_not_there(void)
{
	struct oat_identities *set = set_with_groups();
	struct oat_identity_row row = good;
	const struct oat_identity *all;
	const char *why = NULL;
	size_t count;

	/* 70010 will be an identity, and so its own group, not another's. */
	CU_ASSERT_EQUAL(oat_identities_add(set, &good, &why), OAT_OK);
	row.name = "oat-acme-cd";
	row.token = "cd";
	row.id = 70011;
	row.groups = "70001,70005,70010";
	CU_ASSERT_EQUAL(oat_identities_add(set, &row, &why), OAT_OK);
	all = oat_identities_all(set, &count);
	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT_EQUAL(all[0].group_count, 1);
	CU_ASSERT_EQUAL(all[1].group_count, 1);
	CU_ASSERT_EQUAL(all[1].groups[0], 70001);
	oat_identities_free(set);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_identity_of_a_good_row_has_all_its_fields),
	OAT_TEST(test_identity_inactive_has_nologin_and_no_groups),
	OAT_TEST(test_identity_case_49_with_a_shell_of_elsewhere_gets_nologin),
	OAT_TEST(
	    test_identity_case_48_with_a_name_outside_the_grammar_is_refused),
	OAT_TEST(test_identity_of_another_organization_or_token_is_refused),
	OAT_TEST(test_identity_case_47_outside_uid_range_is_refused),
	OAT_TEST(test_identity_case_48_of_a_local_account_is_refused),
	OAT_TEST(test_identity_case_47_with_bad_groups_is_refused),
	OAT_TEST(test_identity_without_groups_has_none),
	OAT_TEST(test_group_of_a_row_is_taken_or_refused),
	OAT_TEST(test_identities_keep_what_was_added),
	OAT_TEST(test_identities_refuse_a_name_or_number_given_twice),
	OAT_TEST(test_identities_keep_others_when_a_row_is_refused),
	OAT_TEST(test_identities_drop_membership_in_groups_that_are_not_there),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "identity",
	    .pInitFunc = set_up,
	    .pCleanupFunc = tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
