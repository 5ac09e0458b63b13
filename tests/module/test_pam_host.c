/* SPDX-License-Identifier: MIT */
/* What is wrong with the host, its configuration or the caller. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int
call(enum oat_call_name name)
{
	oat_journal_clear();
	return oat_application_once(
	    "sshd", "oat-acme-ci", OAT_GOOD_TOKEN, name);
}

/* One log line, PAM_SYSTEM_ERR where something is decided, else success. */
static void
assert_closed(const char *what, const char *detail)
{
	static const struct {
		enum oat_call_name name;
		int code;
	} calls[] = {
		{ OAT_AUTHENTICATE, PAM_SYSTEM_ERR },
		{ OAT_SETCRED, PAM_SUCCESS },
		{ OAT_ACCOUNT, PAM_SYSTEM_ERR },
		{ OAT_OPEN, PAM_SYSTEM_ERR },
	};
	size_t i;
	int code;

	for (i = 0; i < COUNT(calls); i++) {
		code = call(calls[i].name);
		OAT_ASSERT_THAT(code == calls[i].code, "%s, call %d: %d", what,
		    (int)calls[i].name, code);
		if (code == PAM_SUCCESS) {
			CU_ASSERT(oat_journal_lines() == 0);
			continue;
		}
		OAT_ASSERT_THAT(oat_journal_lines() == 1, "%s: %u lines", what,
		    oat_journal_lines());
		OAT_ASSERT_THAT(strstr(oat_journal_last(), detail) != NULL,
		    "%s: %s", what, oat_journal_last());
	}
	OAT_ASSERT_THAT(oat_stage_asked() == 0, "%s", what);
}

static void
test_pam_case_36_unknown_option_closes_the_door_with_one_log_line(void)
{
	static const char *const arguments[] = { "debgu", "debug debgu",
		"use_first_pass debgu x", "debgu=yes", "Debug" };
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(arguments); i++) {
		oat_stage_service("sshd", arguments[i]);
		assert_closed(arguments[i], "detail=unknown option ");
		CU_ASSERT(oat_journal_has(
		    "known are debug, try_first_pass, use_first_pass"));
	}
}

static void
test_pam_case_36_unusable_configuration_closes_the_door_with_one_log_line(void)
{
	static char big[10 << 20];

	if (!oat_stage_set())
		return;
	memset(big, '#', sizeof(big) - 1);
	oat_stage_write(OAT_PATH_CONFIG, 0600, big);
	assert_closed("10 MiB", "detail=" OAT_PATH_CONFIG);
	oat_stage_write(OAT_PATH_CONFIG, 0644, "database = dbname=oat\n");
	assert_closed("readable", "detail=" OAT_PATH_CONFIG);
	CU_ASSERT(strstr(oat_journal_last(), "chmod") != NULL);
	oat_stage_write(OAT_PATH_CONFIG, 0620, "database = dbname=oat\n");
	assert_closed("writable", "detail=" OAT_PATH_CONFIG);
	oat_stage_write(OAT_PATH_CONFIG, 0600, "no_such_key = 1\n");
	assert_closed("unknown key", "detail=" OAT_PATH_CONFIG ":1: ");
	oat_stage_write("/etc/oat/other", 0600, "database = dbname=oat\n");
	CU_ASSERT(unlink(OAT_PATH_CONFIG) == 0);
	assert_closed("missing", "detail=" OAT_PATH_CONFIG);
	CU_ASSERT(symlink("other", OAT_PATH_CONFIG) == 0);
	assert_closed("symlink", "detail=" OAT_PATH_CONFIG);
	CU_ASSERT(unlink(OAT_PATH_CONFIG) == 0);
	CU_ASSERT(mkfifo(OAT_PATH_CONFIG, 0600) == 0);
	assert_closed("FIFO", "detail=" OAT_PATH_CONFIG);
	CU_ASSERT(unlink(OAT_PATH_CONFIG) == 0);
	CU_ASSERT(mkdir(OAT_PATH_CONFIG, 0600) == 0);
	assert_closed("directory", "detail=" OAT_PATH_CONFIG);
	CU_ASSERT(rmdir(OAT_PATH_CONFIG) == 0);
}

static void
test_pam_case_36_foreign_configuration_closes_the_door(void)
{
	if (!oat_stage_set())
		return;
	oat_stage_configure("");
	if (chown(OAT_PATH_CONFIG, 65534, 65534) == -1) {
		oat_skip("not root");
		return;
	}
	assert_closed("owned by nobody", "detail=" OAT_PATH_CONFIG);
	CU_ASSERT(strstr(oat_journal_last(), "chown") != NULL);
}

/* The door stays closed for as long as after any other refusal. */
static void
test_pam_without_configuration_the_default_delay_holds(void)
{
	uint64_t began;

	if (!oat_stage_set())
		return;
	CU_ASSERT(unlink(OAT_PATH_CONFIG) == 0);
	began = oat_now_ms();
	CU_ASSERT(call(OAT_AUTHENTICATE) == PAM_SYSTEM_ERR);
	CU_ASSERT(oat_now_ms() - began + 1 >= 500);
}

static void
test_pam_case_42_close_session_without_configuration_does_not_fail(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(unlink(OAT_PATH_CONFIG) == 0);
	CU_ASSERT(call(OAT_CLOSE) == PAM_SUCCESS);
	CU_ASSERT(oat_journal_lines() == 1);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(oat_journal_last(), "unrecorded login=oat-acme-ci "));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(oat_journal_last(), " event=session.closed detail="));
	CU_ASSERT(call(OAT_SETCRED) == PAM_SUCCESS);
	CU_ASSERT(oat_journal_lines() == 0);
}

static bool
as_nobody(void)
{
	static const struct {
		enum oat_call_name name;
		int code;
		unsigned lines;
	} calls[] = {
		{ OAT_AUTHENTICATE, PAM_AUTHINFO_UNAVAIL, 1 },
		{ OAT_SETCRED, PAM_SUCCESS, 0 },
		{ OAT_ACCOUNT, PAM_AUTHINFO_UNAVAIL, 1 },
		{ OAT_OPEN, PAM_AUTHINFO_UNAVAIL, 1 },
		{ OAT_CLOSE, PAM_SUCCESS, 0 },
	};
	size_t i;

	if (seteuid(65534) == -1)
		return false;
	for (i = 0; i < COUNT(calls); i++) {
		if (call(calls[i].name) != calls[i].code ||
		    oat_journal_lines() != calls[i].lines)
			return false;
		if (calls[i].lines == 1 &&
		    !oat_journal_has(" detail=the calling program"
				     " does not run as root"))
			return false;
	}
	return true;
}

static bool
as_nobody_for_root(void)
{
	return seteuid(65534) == 0 &&
	       oat_application_once("sshd", "root", "x", OAT_AUTHENTICATE) ==
		   OAT_STAGE_IGNORED &&
	       oat_journal_lines() == 0;
}

static void
test_pam_case_42_caller_that_is_not_root_is_undecided(void)
{
	if (!oat_stage_set())
		return;
	if (chown(OAT_PATH_CONFIG, 65534, 65534) == -1) {
		oat_skip("not root");
		return;
	}
	CU_ASSERT(oat_in_copy(as_nobody));
	CU_ASSERT(oat_in_copy(as_nobody_for_root));
	CU_ASSERT(oat_stage_asked() == 0);
}

static bool
no_prompt_as_nobody(void)
{
	struct oat_application application;
	int code;

	oat_application_start(
	    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	if (seteuid(65534) == -1)
		return false;
	code = oat_application_call(&application, OAT_AUTHENTICATE, 0);
	oat_application_end(&application);
	return code == PAM_AUTHINFO_UNAVAIL && application.prompts == 0 &&
	       application.shown[0] == '\0';
}

/* A token must not be typed into a program that cannot check it. */
static void
test_pam_caller_that_is_not_root_does_not_prompt(void)
{
	if (!oat_stage_set())
		return;
	if (chown(OAT_PATH_CONFIG, 65534, 65534) == -1) {
		oat_skip("not root");
		return;
	}
	CU_ASSERT(oat_in_copy(no_prompt_as_nobody));
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_pam_case_36_unknown_option_closes_the_door_with_one_log_line),
	OAT_TEST(
	    test_pam_case_36_unusable_configuration_closes_the_door_with_one_log_line),
	OAT_TEST(test_pam_case_36_foreign_configuration_closes_the_door),
	OAT_TEST(test_pam_without_configuration_the_default_delay_holds),
	OAT_TEST(
	    test_pam_case_42_close_session_without_configuration_does_not_fail),
	OAT_TEST(test_pam_case_42_caller_that_is_not_root_is_undecided),
	OAT_TEST(test_pam_caller_that_is_not_root_does_not_prompt),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_host", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
