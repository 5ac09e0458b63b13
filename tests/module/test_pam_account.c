/* SPDX-License-Identifier: MIT */
/* pam_sm_acct_mgmt(): always a live check, but right after authentication. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Monotonic time is this much later for everybody in this process. */
static time_t later_s;

__attribute__((visibility("default"))) int
clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, ret_now);

	if (result == 0 && clock == CLOCK_MONOTONIC)
		ret_now->tv_sec += later_s;
	return result;
}

static int
check(struct oat_application *application)
{
	return oat_application_call(application, OAT_ACCOUNT, 0);
}

static int
authenticate(struct oat_application *application)
{
	return oat_application_call(application, OAT_AUTHENTICATE, 0);
}

/* Authenticated, with one question asked. */
static void
begin(struct oat_application *application)
{
	later_s = 0;
	oat_application_start(
	    application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	pam_set_item(application->pamh, PAM_RHOST, "10.1.2.3");
	CU_ASSERT(authenticate(application) == PAM_SUCCESS);
	CU_ASSERT(oat_stage_asked() == 1);
}

/* The account check asks once more and is told no. */
static void
end_asking(struct oat_application *application)
{
	unsigned before = oat_stage_asked();

	oat_stage_play("behave=answer\nverdict=3\nreason=deactivated\n");
	CU_ASSERT(check(application) == PAM_PERM_DENIED);
	CU_ASSERT(oat_stage_asked() == before + 1);
	oat_application_end(application);
}

/* --- the live check ------------------------------------------------------ */

static void
test_pam_case_38_account_check_of_a_public_key_login_is_live(void)
{
	static const struct {
		const char *play;
		int code;
	} cases[] = {
		{ "verdict=4\n", PAM_SUCCESS },
		{ "verdict=3\nreason=deactivated\n", PAM_PERM_DENIED },
		{ "verdict=3\nreason=expired\n", PAM_PERM_DENIED },
		{ "verdict=3\nreason=host_not_granted\n", PAM_PERM_DENIED },
		{ "verdict=3\nreason=organization_suspended\n",
		    PAM_PERM_DENIED },
		{ "verdict=2\nreason=wrong_identity\n", PAM_AUTH_ERR },
		{ "verdict=1\nreason=unavailable\n", PAM_AUTHINFO_UNAVAIL },
		{ "verdict=0\n", PAM_SYSTEM_ERR },
	};
	char play[128];
	size_t i;
	int code;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(
		    play, sizeof(play), "behave=answer\n%s", cases[i].play);
		oat_stage_play(play);
		code = oat_application_once(
		    "sshd", "oat-acme-ci", NULL, OAT_ACCOUNT);
		OAT_ASSERT_THAT(
		    code == cases[i].code, "%s: %d", cases[i].play, code);
	}
	CU_ASSERT(oat_stage_asked() == COUNT(cases));
	CU_ASSERT(oat_stage_saw(" phase=2 "));
	CU_ASSERT(!oat_stage_saw("token=given"));
}

static void
test_pam_account_check_never_prompts(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_application_start(&application, "sshd", "oat-acme-ci", NULL);
	CU_ASSERT(check(&application) == PAM_SUCCESS);
	CU_ASSERT(application.prompts == 0);
	oat_application_end(&application);
}

/* A valid ticket of sudo after revocation. */
static void
test_pam_case_40_account_check_without_authentication_is_live_each_time(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_application_start(&application, "sshd", "oat-acme-ci", NULL);
	CU_ASSERT(check(&application) == PAM_SUCCESS);
	CU_ASSERT(check(&application) == PAM_SUCCESS);
	CU_ASSERT(oat_stage_asked() == 2);
	end_asking(&application);
}

/* --- right after authentication ------------------------------------------ */

static void
test_pam_account_check_right_after_authentication_does_not_ask(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	begin(&application);
	oat_journal_clear();
	CU_ASSERT(check(&application) == PAM_SUCCESS);
	CU_ASSERT(oat_stage_asked() == 1);
	CU_ASSERT(oat_journal_lines() == 0);
	oat_application_end(&application);
}

static void
test_pam_account_check_asks_from_the_second_time_on(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	begin(&application);
	CU_ASSERT(check(&application) == PAM_SUCCESS);
	end_asking(&application);
}

static void
test_pam_account_check_asks_for_another_user(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	begin(&application);
	pam_set_item(application.pamh, PAM_USER, "oat-acme-cd");
	end_asking(&application);
}

static void
test_pam_account_check_asks_for_another_rhost(void)
{
	static const char *const rhosts[] = { NULL, "", "10.1.2.30", "10.1.2" };
	struct oat_application application;
	size_t i;

	for (i = 0; i < COUNT(rhosts); i++) {
		if (!oat_stage_set())
			return;
		begin(&application);
		pam_set_item(application.pamh, PAM_RHOST, rhosts[i]);
		end_asking(&application);
	}
}

static void
test_pam_account_check_asks_for_another_service(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_stage_service("sudo", "");
	begin(&application);
	pam_set_item(application.pamh, PAM_SERVICE, "sudo");
	end_asking(&application);
}

/* Two that agree in what would fit must not be taken for one. */
static void
test_pam_account_check_asks_when_rhost_is_too_long_to_compare(void)
{
	struct oat_application application;
	char rhost[300];
	size_t length;

	for (length = 255; length <= 256; length++) {
		if (!oat_stage_set())
			return;
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
		memset(rhost, 'r', sizeof(rhost));
		rhost[length] = '\0';
		pam_set_item(application.pamh, PAM_RHOST, rhost);
		CU_ASSERT(authenticate(&application) == PAM_SUCCESS);
		CU_ASSERT(check(&application) == PAM_SUCCESS);
		CU_ASSERT(oat_stage_asked() == (length == 255 ? 1 : 2));
		oat_application_end(&application);
	}
}

static void
test_pam_account_check_asks_after_60_seconds(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	begin(&application);
	later_s = 59;
	CU_ASSERT(check(&application) == PAM_SUCCESS);
	CU_ASSERT(oat_stage_asked() == 1);
	CU_ASSERT(authenticate(&application) == PAM_SUCCESS);
	later_s += 60;
	end_asking(&application);
	later_s = 0;
}

/* A wrong try after a right one leaves nothing to rely on. */
static void
test_pam_each_authentication_forgets_the_one_before_it(void)
{
	static const char *const typed[] = { "malformed", NULL,
		OAT_GOOD_TOKEN };
	struct oat_application application;
	size_t i;

	for (i = 0; i < COUNT(typed); i++) {
		if (!oat_stage_set())
			return;
		begin(&application);
		application.typed = typed[i];
		oat_stage_play("behave=answer\nverdict=2\n");
		CU_ASSERT(authenticate(&application) == PAM_AUTH_ERR);
		end_asking(&application);
	}
}

/* sshd authenticates keyboard-interactive in a child. */
static void
test_pam_case_37_authentication_in_another_process_is_not_relied_on(void)
{
	struct oat_application application;
	int status = -1;
	pid_t child;

	if (!oat_stage_set())
		return;
	oat_application_start(
	    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	child = fork();
	if (child == 0)
		_exit(authenticate(&application) == PAM_SUCCESS &&
			      check(&application) == PAM_SUCCESS
			  ? 0
			  : 1);
	CU_ASSERT(waitpid(child, &status, 0) == child);
	CU_ASSERT(status == 0);
	CU_ASSERT(oat_stage_asked() == 1);
	end_asking(&application);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_pam_case_38_account_check_of_a_public_key_login_is_live),
	OAT_TEST(test_pam_account_check_never_prompts),
	OAT_TEST(
	    test_pam_case_40_account_check_without_authentication_is_live_each_time),
	OAT_TEST(
	    test_pam_account_check_right_after_authentication_does_not_ask),
	OAT_TEST(test_pam_account_check_asks_from_the_second_time_on),
	OAT_TEST(test_pam_account_check_asks_for_another_user),
	OAT_TEST(test_pam_account_check_asks_for_another_rhost),
	OAT_TEST(test_pam_account_check_asks_for_another_service),
	OAT_TEST(test_pam_account_check_asks_when_rhost_is_too_long_to_compare),
	OAT_TEST(test_pam_account_check_asks_after_60_seconds),
	OAT_TEST(test_pam_each_authentication_forgets_the_one_before_it),
	OAT_TEST(
	    test_pam_case_37_authentication_in_another_process_is_not_relied_on),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_account", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
