/* SPDX-License-Identifier: MIT */
/* Whose user is it? Everybody who is not ours must not notice the module. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/name.h"
#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/runner.h"

static void
assert_code(const char *user, enum oat_call_name name, int expected)
{
	int code = oat_application_once("sshd", user, OAT_GOOD_TOKEN, name);

	OAT_ASSERT_THAT(code == expected, "%s, call %d: %d instead of %d", user,
	    (int)name, code, expected);
}

/* Ignored by every phase, in silence, without a prompt or a process. */
static void
assert_foreign(const char *user)
{
	struct oat_application application;
	enum oat_call_name name;

	for (name = 0; name < OAT_CALLS; name++) {
		oat_application_start(
		    &application, "sshd", user, OAT_GOOD_TOKEN);
		OAT_ASSERT_THAT(oat_application_call(&application, name, 0) ==
				    OAT_STAGE_IGNORED,
		    "%s, call %d", user, (int)name);
		CU_ASSERT(application.prompts == 0);
		oat_application_end(&application);
	}
	CU_ASSERT(oat_stage_asked() == 0);
	CU_ASSERT(oat_journal_lines() == 0);
}

static const char *const foreign_names[] = {
	"root", "www-data", "oat", "oat-", "oat-acme", "oat-acme-", "oat-a-ci",
	"oat-Acme-ci", "oat-acme-CI", "oat-acme--ci", "oat-acme-ci-",
	"oat-acme-ci\n", "oat-acme-ci ", "oat-../x-y", "oat-acme-c:i",
	" oat-acme-ci", "xoat-acme-ci", "oat-acme-\xc3\xa9t\xc3\xa9",
	"oat-acme-aaaaaaaaaaaaaaaaaaaaaaaa", /* 33 bytes */
};

static void
test_pam_case_31_foreign_users_are_ignored_in_every_phase(void)
{
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < sizeof(foreign_names) / sizeof(*foreign_names); i++)
		assert_foreign(foreign_names[i]);
}

static void
test_pam_case_31_local_user_with_our_kind_of_name_is_foreign(void)
{
	if (!oat_stage_set())
		return;
	assert_foreign("oat-local-user");
}

/* Not the passwd file, not the configuration, not the program. */
static void
test_pam_case_31_other_names_are_foreign_without_any_file(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(unlink("/etc/passwd") == 0);
	CU_ASSERT(unlink(OAT_PATH_CONFIG) == 0);
	assert_foreign("root");
	assert_foreign("oat-acme");
}

static void
test_pam_case_31_options_are_nothing_to_foreign_users(void)
{
	if (!oat_stage_set())
		return;
	oat_stage_service("sshd", "no_such_option");
	assert_foreign("root");
}

/* pam_oat.so alone: nobody has said yes. */
static void
test_pam_case_32_stack_of_pam_oat_alone_refuses_a_local_user(void)
{
	char text[8192];
	const char *so = oat_stage_module();
	enum oat_call_name name;

	if (!oat_stage_set())
		return;
	snprintf(text, sizeof(text),
	    "auth [success=done ignore=ignore default=die] %s\n"
	    "account [success=ok ignore=ignore default=die] %s\n"
	    "session [success=ok ignore=1 default=1] %s\n"
	    "session optional pam_debug.so\n",
	    so, so, so);
	oat_stage_write(OAT_STAGE_PAM_D "/alone", 0644, text);
	for (name = 0; name < OAT_CALLS; name++)
		OAT_ASSERT_THAT(oat_application_once("alone", "root",
				    OAT_GOOD_TOKEN, name) == PAM_PERM_DENIED,
		    "call %d", (int)name);
}

static void
test_pam_names_are_sought_at_the_start_of_whole_passwd_lines(void)
{
	static const struct {
		const char *passwd;
		bool local;
	} cases[] = {
		{ "", false },
		{ "oat-acme-ci:x:1:1:::\n", true },
		{ "oat-acme-ci:", true },
		{ "root:x:0:0:::\noat-acme-ci:x:1:1:::", true },
		{ "\n\noat-acme-ci:x:1:1:::\n", true },
		{ "oat-acme-ci", false },
		{ "xoat-acme-ci:x:1:1:::\n", false },
		{ "oat-acme-cix:x:1:1:::\n", false },
		{ "oat-acme-c:x:1:1:::\n", false },
		{ "oat-acme-c\noat-acme-ci:x\n", true },
		{ "#oat-acme-ci:x:1:1:::\n", false },
		{ "oat-acme-ci+oat-acme-ci:x:1:1:::\n", false },
		{ "a:x:1:1:oat-acme-ci:/oat-acme-ci:\n", false },
		{ "oat-oat-acme-ci:x:1:1:::\n", false },
	};
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		oat_stage_write("/etc/passwd", 0644, cases[i].passwd);
		assert_code("oat-acme-ci", OAT_ACCOUNT,
		    cases[i].local ? OAT_STAGE_IGNORED : PAM_SUCCESS);
	}
}

/* Wherever in the file the line is: also across two reads. */
static void
test_pam_name_is_found_at_every_offset_of_passwd(void)
{
	static char text[8300];
	size_t offset;

	if (!oat_stage_set())
		return;
	for (offset = 4070; offset < 4110; offset++) {
		memset(text, 'x', sizeof(text));
		snprintf(text + offset, sizeof(text) - offset,
		    "\noat-acme-ci:x:1:1:::\n");
		oat_stage_write("/etc/passwd", 0644, text);
		assert_code("oat-acme-ci", OAT_ACCOUNT, OAT_STAGE_IGNORED);
	}
}

static void
assert_broken_with(const char *detail)
{
	static const enum oat_call_name deciding[] = { OAT_AUTHENTICATE,
		OAT_ACCOUNT, OAT_OPEN };
	size_t i;

	for (i = 0; i < sizeof(deciding) / sizeof(*deciding); i++) {
		oat_journal_clear();
		assert_code("oat-acme-ci", deciding[i], PAM_SYSTEM_ERR);
		CU_ASSERT(oat_journal_lines() == 1);
		OAT_ASSERT_THAT(strstr(oat_journal_last(), detail) != NULL,
		    "%s", oat_journal_last());
	}
	assert_code("oat-acme-ci", OAT_SETCRED, PAM_SUCCESS);
	assert_code("oat-acme-ci", OAT_CLOSE, PAM_SUCCESS);
	CU_ASSERT(oat_stage_asked() == 0);
}

static void
test_pam_unreadable_passwd_closes_the_door_with_one_log_line(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(unlink("/etc/passwd") == 0);
	assert_broken_with("detail=/etc/passwd: No such file or directory");
	CU_ASSERT(mkdir("/etc/passwd", 0755) == 0);
	assert_broken_with("detail=/etc/passwd: Is a directory");
}

static void
test_pam_without_a_user_name_nothing_succeeds(void)
{
	struct oat_application application;
	enum oat_call_name name;
	int code;

	if (!oat_stage_set())
		return;
	for (name = 0; name < OAT_CALLS; name++) {
		oat_application_start(&application, "sshd", NULL, NULL);
		code = oat_application_call(&application, name, 0);
		OAT_ASSERT_THAT(
		    code == PAM_CONV_ERR, "call %d: %d", (int)name, code);
		oat_application_end(&application);
	}
}

static void
test_pam_conversation_that_is_not_ready_makes_the_call_incomplete(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_application_start(&application, "sshd", NULL, NULL);
	application.conversation = PAM_CONV_AGAIN;
	CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE, 0) ==
		  PAM_INCOMPLETE);
	application.conversation = PAM_SUCCESS;
	application.user = "oat-acme-ci";
	application.typed = OAT_GOOD_TOKEN;
	CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE, 0) ==
		  PAM_SUCCESS);
	CU_ASSERT(oat_stage_saw(" login=oat-acme-ci "));
	oat_application_end(&application);
}

/* case 41: whoever PAM_USER names now is the one who must hold the token. */
static void
test_pam_case_41_changed_user_is_the_one_who_is_asked_about(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_application_start(
	    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	CU_ASSERT(pam_set_item(application.pamh, PAM_USER, "oat-beta-ci") ==
		  PAM_SUCCESS);
	CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE, 0) ==
		  PAM_SUCCESS);
	CU_ASSERT(oat_stage_saw(" login=oat-beta-ci "));
	CU_ASSERT(!oat_stage_saw("oat-acme-ci"));
	CU_ASSERT(
	    pam_set_item(application.pamh, PAM_USER, "root") == PAM_SUCCESS);
	CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE, 0) ==
		  OAT_STAGE_IGNORED);
	oat_application_end(&application);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_pam_case_31_foreign_users_are_ignored_in_every_phase),
	OAT_TEST(test_pam_case_31_local_user_with_our_kind_of_name_is_foreign),
	OAT_TEST(test_pam_case_31_other_names_are_foreign_without_any_file),
	OAT_TEST(test_pam_case_31_options_are_nothing_to_foreign_users),
	OAT_TEST(test_pam_case_32_stack_of_pam_oat_alone_refuses_a_local_user),
	OAT_TEST(test_pam_names_are_sought_at_the_start_of_whole_passwd_lines),
	OAT_TEST(test_pam_name_is_found_at_every_offset_of_passwd),
	OAT_TEST(test_pam_unreadable_passwd_closes_the_door_with_one_log_line),
	OAT_TEST(test_pam_without_a_user_name_nothing_succeeds),
	OAT_TEST(
	    test_pam_conversation_that_is_not_ready_makes_the_call_incomplete),
	OAT_TEST(test_pam_case_41_changed_user_is_the_one_who_is_asked_about),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_whose", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
