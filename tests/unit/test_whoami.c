/* SPDX-License-Identifier: MIT */
#include "common/whoami.h"

#include "common/identity.h"
#include "tests/runner.h"
#include "tests/unit/command.h"
#include "tests/unit/population.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DAY INT64_C(86400)
#define NOW INT64_C(1795860000) /* 2026-11-28 10:00:00 UTC */

/* Member i is oat-acme-t<i>; its access ends i seconds after the epoch. */
#define MEMBER 100
#define UID (OAT_MEMBER_UID + MEMBER)

static struct oat_whoami who;

static bool
find(uid_t uid)
{
	return oat_whoami_find(oat_population_path, uid, &who) == OAT_OK;
}

/* --- finding out ---------------------------------------------------------- */

static void
test_whoami_finds_who_a_number_is(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(200, 1);
	CU_ASSERT_TRUE_FATAL(find(UID));
	CU_ASSERT_STRING_EQUAL(who.login, "oat-acme-t100");
	CU_ASSERT_STRING_EQUAL(who.parts.organization, "acme");
	CU_ASSERT_STRING_EQUAL(who.parts.token, "t100");
	CU_ASSERT_EQUAL(who.uid, UID);
	CU_ASSERT_TRUE(who.active);
	CU_ASSERT_EQUAL(who.expires_at, MEMBER);
	CU_ASSERT_EQUAL_FATAL(who.group_count, 3);
	CU_ASSERT_STRING_EQUAL(who.groups[0], "oat-users");
	CU_ASSERT_STRING_EQUAL(who.groups[1], "oat-acme");
	CU_ASSERT_STRING_EQUAL(who.groups[2], "oat-g-deploy");
	oat_whoami_free(&who);
}

static void
test_whoami_without_access_has_no_groups(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(200, 1);
	CU_ASSERT_TRUE_FATAL(find(OAT_MEMBER_UID + 6));
	CU_ASSERT_FALSE(who.active);
	CU_ASSERT_EQUAL(who.group_count, 0);
	oat_whoami_free(&who);
}

static void
test_whoami_of_others_is_not_found(void)
{
	/* A group of ours, a number nobody has, and numbers of others. */
	static const uid_t others[] = { 70000, 99999, 0, 1000, 65534,
		(uid_t)-1 };
	size_t i;

	if (!oat_population_is_root())
		return;
	oat_population_publish(200, 1);
	for (i = 0; i < COUNT(others); i++)
		OAT_ASSERT_THAT(oat_whoami_find(oat_population_path, others[i],
				    &who) == OAT_NOTFOUND,
		    "%u", others[i]);
}

static void
test_whoami_without_a_usable_snapshot_is_unavailable(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_write("garbage", 7);
	errno = 0;
	CU_ASSERT_EQUAL(
	    oat_whoami_find(oat_population_path, UID, &who), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(errno, EBADMSG);
	CU_ASSERT_EQUAL(unlink(oat_population_path), 0);
	CU_ASSERT_EQUAL(
	    oat_whoami_find(oat_population_path, UID, &who), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(errno, ENOENT);
}

/* Case 28: whatever byte is wrong, it is never somebody else. */
static void
test_whoami_case_28_damaged_snapshot_is_nobody_else(void)
{
	unsigned char *image;
	enum oat_status status;
	size_t size, i;

	if (!oat_population_is_root())
		return;
	image = oat_population_build(20, 1, &size);
	for (i = 0; i < size; i++) {
		image[i] ^= 0x20;
		oat_population_write(image, size);
		image[i] ^= 0x20;
		status = oat_whoami_find(
		    oat_population_path, OAT_MEMBER_UID + 5, &who);
		if (status != OAT_OK)
			continue;
		OAT_ASSERT_THAT(strcmp(who.login, "oat-acme-t5") == 0 &&
				    who.expires_at == 5 && who.group_count == 3,
		    "byte %zu", i);
		oat_whoami_free(&who);
	}
	free(image);
}

static void
test_whoami_is_due_when_access_ends_or_has_ended(void)
{
	struct oat_whoami someone = { .active = true, .expires_at = NOW + 10 };

	CU_ASSERT_FALSE(oat_whoami_is_due(&someone, NOW, 9));
	CU_ASSERT_TRUE(oat_whoami_is_due(&someone, NOW, 10));
	CU_ASSERT_TRUE(oat_whoami_is_due(&someone, NOW + 11, 0));
	someone.expires_at = OAT_NEVER;
	CU_ASSERT_FALSE(oat_whoami_is_due(&someone, NOW, UINT32_MAX));
	someone.active = false;
	CU_ASSERT_TRUE(oat_whoami_is_due(&someone, NOW, 0));
}

/* --- telling -------------------------------------------------------------- */

static char groups[2][OAT_GROUP_MAX + 1] = { "oat-users", "oat-acme" };

static const struct oat_whoami ci = {
	.login = "oat-acme-ci-2",
	.parts = { "acme", "ci-2" },
	.uid = 70003,
	.active = true,
	.expires_at = NOW + 3 * DAY + 5,
	.groups = groups,
	.group_count = 2,
	.host = "web-1",
};

static struct oat_whoami printed;

static int
print_text(int argc, char *argv[])
{
	(void)argc;
	(void)argv;
	oat_whoami_print(&printed, NOW);
	return 0;
}

static int
print_json(int argc, char *argv[])
{
	(void)argc;
	(void)argv;
	oat_whoami_print_json(&printed, NOW);
	return 0;
}

static void
assert_printed(int (*print)(int argc, char *argv[]), const char *wanted)
{
	struct command command = { .main = print, .argv = { "whoami" } };

	command_run(&command);
	OAT_ASSERT_THAT(strcmp(command.out, wanted) == 0, "%s", command.out);
}

static void
test_whoami_prints_a_line_for_each_thing(void)
{
	printed = ci;
	assert_printed(print_text, "organization acme\n"
				   "token ci-2\n"
				   "login oat-acme-ci-2\n"
				   "uid 70003\n"
				   "access yes\n"
				   "expires 2026-12-01 10:00 UTC, in 3 days\n"
				   "groups oat-users oat-acme\n"
				   "host web-1\n");
}

static void
test_whoami_prints_one_object_as_json(void)
{
	printed = ci;
	assert_printed(print_json,
	    "{\"organization\":\"acme\",\"token\":\"ci-2\","
	    "\"login\":\"oat-acme-ci-2\",\"uid\":70003,\"access\":true,"
	    "\"expires_at\":\"2026-12-01T10:00:05Z\",\"seconds_left\":259205,"
	    "\"groups\":[\"oat-users\",\"oat-acme\"],\"host\":\"web-1\"}\n");
}

static void
test_whoami_prints_an_end_that_never_comes_or_has_come(void)
{
	printed = ci;
	printed.group_count = 0;
	printed.expires_at = OAT_NEVER;
	assert_printed(print_text,
	    "organization acme\ntoken ci-2\nlogin oat-acme-ci-2\nuid 70003\n"
	    "access yes\nexpires never\ngroups\nhost web-1\n");
	assert_printed(print_json,
	    "{\"organization\":\"acme\",\"token\":\"ci-2\","
	    "\"login\":\"oat-acme-ci-2\",\"uid\":70003,\"access\":true,"
	    "\"expires_at\":null,\"seconds_left\":null,"
	    "\"groups\":[],\"host\":\"web-1\"}\n");
	printed.active = false;
	assert_printed(print_text,
	    "organization acme\ntoken ci-2\nlogin oat-acme-ci-2\nuid 70003\n"
	    "access no\nexpires unknown\ngroups\nhost web-1\n");
	printed.expires_at = NOW - 2 * DAY;
	assert_printed(print_text,
	    "organization acme\ntoken ci-2\nlogin oat-acme-ci-2\nuid 70003\n"
	    "access no\nexpired 2026-11-26 10:00 UTC, 2 days ago\ngroups\n"
	    "host web-1\n");
	assert_printed(print_json,
	    "{\"organization\":\"acme\",\"token\":\"ci-2\","
	    "\"login\":\"oat-acme-ci-2\",\"uid\":70003,\"access\":false,"
	    "\"expires_at\":\"2026-11-26T10:00:00Z\",\"seconds_left\":0,"
	    "\"groups\":[],\"host\":\"web-1\"}\n");
}

/* A host's name is whatever its root made it. */
static void
test_whoami_case_44_hostile_host_name_is_escaped(void)
{
	printed = ci;
	printed.group_count = 0;
	(void)oat_escape(printed.host, sizeof(printed.host), "a\"b\\c\nhost x");
	assert_printed(print_text,
	    "organization acme\ntoken ci-2\nlogin oat-acme-ci-2\nuid 70003\n"
	    "access yes\nexpires 2026-12-01 10:00 UTC, in 3 days\ngroups\n"
	    "host a\\x22b\\x5cc\\x0ahost\\x20x\n");
	assert_printed(print_json,
	    "{\"organization\":\"acme\",\"token\":\"ci-2\","
	    "\"login\":\"oat-acme-ci-2\",\"uid\":70003,\"access\":true,"
	    "\"expires_at\":\"2026-12-01T10:00:05Z\",\"seconds_left\":259205,"
	    "\"groups\":[],\"host\":\"a\\\\x22b\\\\x5cc\\\\x0ahost\\\\x20x\"}"
	    "\n");
}

/* --- the command ---------------------------------------------------------- */

static void
test_whoami_wrong_usage_is_2_and_says_what(void)
{
	static const struct {
		char *argv[8];
		const char *said;
	} cases[] = {
		{ { "whoami", "me" }, "takes no arguments" },
		{ { "whoami", "--jason" }, "unknown option" },
		{ { "whoami", "--warn" }, "no value for it" },
		{ { "whoami", "--json=yes" }, "unknown option" },
		{ { "whoami", "--warn", "" }, "such as 14d" },
		{ { "whoami", "--warn", "14" }, "such as 14d" },
		{ { "whoami", "--warn", "-1d" }, "such as 14d" },
		{ { "whoami", "--warn", "3651d" }, "such as 14d" },
		{ { "whoami", "--warn", "1500ms" }, "such as 14d" },
		{ { "whoami", "--warn", "14d", "--warn", "x" }, "such as 14d" },
	};
	struct command command;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		memset(&command, 0, sizeof(command));
		command.main = oat_whoami_main;
		memcpy(command.argv, cases[i].argv, sizeof(command.argv));
		command_run(&command);
		OAT_ASSERT_THAT(
		    command.code == 2 &&
			strstr(command.err, cases[i].said) != NULL &&
			strstr(command.err, "usage: oat whoami") != NULL &&
			command.out[0] == '\0',
		    "%zu: %d %s", i, command.code, command.err);
	}
}

/* This test's user is none of ours. */
static void
test_whoami_of_somebody_else_is_1_and_says_so(void)
{
	struct command command = { .main = oat_whoami_main,
		.argv = { "whoami", "--json", "--warn", "14d" } };

	command_run(&command);
	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_STRING_EQUAL(command.out, "");
	CU_ASSERT(strstr(command.err, "is no identity of oat") != NULL);
}

static CU_TestInfo finding[] = {
	OAT_TEST(test_whoami_finds_who_a_number_is),
	OAT_TEST(test_whoami_without_access_has_no_groups),
	OAT_TEST(test_whoami_of_others_is_not_found),
	OAT_TEST(test_whoami_without_a_usable_snapshot_is_unavailable),
	OAT_TEST(test_whoami_case_28_damaged_snapshot_is_nobody_else),
	OAT_TEST(test_whoami_is_due_when_access_ends_or_has_ended),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo telling[] = {
	OAT_TEST(test_whoami_prints_a_line_for_each_thing),
	OAT_TEST(test_whoami_prints_one_object_as_json),
	OAT_TEST(test_whoami_prints_an_end_that_never_comes_or_has_come),
	OAT_TEST(test_whoami_case_44_hostile_host_name_is_escaped),
	OAT_TEST(test_whoami_wrong_usage_is_2_and_says_what),
	OAT_TEST(test_whoami_of_somebody_else_is_1_and_says_so),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "whoami: finding", oat_population_set_up, oat_population_tear_down,
	    NULL, NULL, finding },
	{ "whoami: telling", NULL, NULL, NULL, NULL, telling },
	CU_SUITE_INFO_NULL,
};
