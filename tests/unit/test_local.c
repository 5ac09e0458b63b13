/* SPDX-License-Identifier: MIT */
#include "common/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runner.h"

#define UID_MIN 70000
#define UID_MAX 99999

static char folder[32], passwd[64], group[64], shells[64];
static const struct oat_local_files files = { passwd, group, shells };

static int
set_up(void)
{
	strcpy(folder, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(passwd, sizeof(passwd), "%s/passwd", folder);
	snprintf(group, sizeof(group), "%s/group", folder);
	snprintf(shells, sizeof(shells), "%s/shells", folder);
	return 0;
}

static int
tear_down(void)
{
	(void)unlink(passwd);
	(void)unlink(group);
	(void)unlink(shells);
	return rmdir(folder);
}

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static struct oat_local *
load(const char *passwd_text, const char *group_text, const char *shells_text)
{
	struct oat_local *local = NULL;

	write_text(passwd, passwd_text);
	write_text(group, group_text);
	write_text(shells, shells_text);
	CU_ASSERT_EQUAL_FATAL(
	    oat_local_load(&files, UID_MIN, UID_MAX, &local), OAT_OK);
	return local;
}

static void
test_local_names_of_users_and_groups_are_known(void)
{
	struct oat_local *local = load("root:x:0:0:root:/root:/bin/sh\n"
				       "oat-acme-ci:x:1000:1000::/h:/bin/sh\n",
	    "oat-users:x:900:\noat-g-deploy:x:901:a,b", "/bin/sh\n");

	CU_ASSERT(oat_local_has_name(local, "oat-acme-ci"));
	CU_ASSERT(oat_local_has_name(local, "oat-users"));
	CU_ASSERT(oat_local_has_name(local, "oat-g-deploy"));
	CU_ASSERT_FALSE(oat_local_has_name(local, "oat-acme-c"));
	CU_ASSERT_FALSE(oat_local_has_name(local, "oat-acme"));
	oat_local_free(local);
}

static void
test_local_numbers_of_users_groups_and_primary_groups_are_known(void)
{
	struct oat_local *local =
	    load("a:x:70000:70001:::\n", "g:x:70002:\n", "");

	CU_ASSERT(oat_local_has_id(local, 70000));
	CU_ASSERT(oat_local_has_id(local, 70001));
	CU_ASSERT(oat_local_has_id(local, 70002));
	CU_ASSERT_FALSE(oat_local_has_id(local, 70003));
	oat_local_free(local);
}

static void
test_local_lines_that_are_malformed_still_block(void)
{
	static const char *const lines[] = { "a:x:70005",
		"a:x:70005:", "a:x:70005zz:1", "a:x:+70005:1", "a:x: 70005:1",
		":x:70005:1:::", "a:x::70005", "+a:x:70005:1",
		"a:x:70005:1:::\r", "#a:x:70005:1" };
	struct oat_local *local;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		local = load(lines[i], "", "");
		OAT_ASSERT_THAT(
		    oat_local_has_id(local, 70005), "\"%s\"", lines[i]);
		oat_local_free(local);
	}
}

static void
test_local_lines_without_a_number_block_nothing(void)
{
	static const char *const lines[] = { "", "\n\n", "+", "+::::::", ":",
		"a", "a:x:-1:-1", "a:x:99999999999999999999:x", "a:x:0:0" };
	struct oat_local *local;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		local = load(lines[i], lines[i], "");
		OAT_ASSERT_THAT(!oat_local_has_id(local, 70005) &&
				    !oat_local_has_id(local, 0),
		    "\"%s\"", lines[i]);
		oat_local_free(local);
	}
}

static void
test_local_range_has_exact_ends(void)
{
	struct oat_local *local = load("", "", "");

	CU_ASSERT_FALSE(oat_local_allows_id(local, UID_MIN - 1));
	CU_ASSERT(oat_local_allows_id(local, UID_MIN));
	CU_ASSERT(oat_local_allows_id(local, UID_MAX));
	CU_ASSERT_FALSE(oat_local_allows_id(local, UID_MAX + 1));
	CU_ASSERT_FALSE(oat_local_allows_id(local, 0));
	CU_ASSERT_FALSE(oat_local_allows_id(local, -1));
	CU_ASSERT_FALSE(
	    oat_local_allows_id(local, (INT64_C(1) << 32) + UID_MIN));
	CU_ASSERT_FALSE(oat_local_allows_id(local, INT64_MIN));
	oat_local_free(local);
}

static void
test_local_range_never_goes_beyond_what_can_be_ours(void)
{
	struct oat_local *local = NULL;

	write_text(passwd, "");
	write_text(group, "");
	CU_ASSERT_EQUAL_FATAL(
	    oat_local_load(&files, 0, UINT32_MAX, &local), OAT_OK);
	CU_ASSERT_FALSE(oat_local_allows_id(local, 0));
	CU_ASSERT_FALSE(oat_local_allows_id(local, 65535));
	CU_ASSERT(oat_local_allows_id(local, 65536));
	CU_ASSERT(oat_local_allows_id(local, INT32_MAX));
	CU_ASSERT_FALSE(oat_local_allows_id(local, INT64_C(2147483648)));
	oat_local_free(local);
}

static void
test_local_shells_are_read_as_getusershell_reads_them(void)
{
	struct oat_local *local = load("", "",
	    "# comment\n/bin/sh\n  /bin/bash # the other\nzsh\n/bin/dash\t\n");

	CU_ASSERT(oat_local_has_shell(local, "/bin/sh"));
	CU_ASSERT(oat_local_has_shell(local, "/bin/bash"));
	CU_ASSERT(oat_local_has_shell(local, "/bin/dash"));
	CU_ASSERT_FALSE(oat_local_has_shell(local, "zsh"));
	CU_ASSERT_FALSE(oat_local_has_shell(local, "/bin/zsh"));
	CU_ASSERT_FALSE(oat_local_has_shell(local, ""));
	oat_local_free(local);
}

static void
test_local_without_shells_allows_sh(void)
{
	struct oat_local *local = NULL;

	write_text(passwd, "");
	write_text(group, "");
	(void)unlink(shells);
	CU_ASSERT_EQUAL_FATAL(
	    oat_local_load(&files, UID_MIN, UID_MAX, &local), OAT_OK);
	CU_ASSERT(oat_local_has_shell(local, "/bin/sh"));
	CU_ASSERT_FALSE(oat_local_has_shell(local, "/bin/bash"));
	oat_local_free(local);
}

static void
test_local_nologin_is_a_program_of_this_host(void)
{
	struct oat_local *local = load("", "", "");

	CU_ASSERT_EQUAL(access(oat_local_nologin(local), X_OK), 0);
	oat_local_free(local);
	oat_local_free(NULL);
}

static void
test_local_without_passwd_or_group_is_a_system_error(void)
{
	struct oat_local *local = NULL;

	write_text(group, "");
	(void)unlink(passwd);
	CU_ASSERT_EQUAL(
	    oat_local_load(&files, UID_MIN, UID_MAX, &local), OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, ENOENT);
	write_text(passwd, "");
	(void)unlink(group);
	CU_ASSERT_EQUAL(
	    oat_local_load(&files, UID_MIN, UID_MAX, &local), OAT_SYSTEM);
	CU_ASSERT_PTR_NULL(local);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_local_names_of_users_and_groups_are_known),
	OAT_TEST(
	    test_local_numbers_of_users_groups_and_primary_groups_are_known),
	OAT_TEST(test_local_lines_that_are_malformed_still_block),
	OAT_TEST(test_local_lines_without_a_number_block_nothing),
	OAT_TEST(test_local_range_has_exact_ends),
	OAT_TEST(test_local_range_never_goes_beyond_what_can_be_ours),
	OAT_TEST(test_local_shells_are_read_as_getusershell_reads_them),
	OAT_TEST(test_local_without_shells_allows_sh),
	OAT_TEST(test_local_nologin_is_a_program_of_this_host),
	OAT_TEST(test_local_without_passwd_or_group_is_a_system_error),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "local",
	    .pInitFunc = set_up,
	    .pCleanupFunc = tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
