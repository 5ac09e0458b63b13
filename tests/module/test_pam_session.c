/* SPDX-License-Identifier: MIT */
/* pam_sm_open_session(), pam_sm_close_session(), pam_sm_setcred(). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RECORDED "behave=answer\nverdict=4\norganization=acme\ntoken=ci\n"

static int
call(enum oat_call_name name)
{
	return oat_application_once("sshd", "oat-acme-ci", NULL, name);
}

static void
test_pam_session_events_are_requests_without_a_token(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(call(OAT_OPEN) == PAM_SUCCESS);
	CU_ASSERT(call(OAT_CLOSE) == PAM_SUCCESS);
	CU_ASSERT(oat_stage_asked() == 2);
	CU_ASSERT(oat_stage_saw(" phase=3 login=oat-acme-ci service=sshd "));
	CU_ASSERT(oat_stage_saw(" phase=4 login=oat-acme-ci service=sshd "));
	CU_ASSERT(!oat_stage_saw("token=given"));
}

static void
test_pam_session_names_organization_and_token_in_the_environment(void)
{
	struct oat_application application;
	const char *organization, *token;

	if (!oat_stage_set())
		return;
	oat_stage_play(RECORDED);
	oat_application_start(&application, "sshd", "oat-acme-ci", NULL);
	CU_ASSERT(
	    oat_application_call(&application, OAT_OPEN, 0) == PAM_SUCCESS);
	organization = pam_getenv(application.pamh, "OAT_ORGANIZATION");
	token = pam_getenv(application.pamh, "OAT_TOKEN_NAME");
	CU_ASSERT(organization != NULL && strcmp(organization, "acme") == 0);
	CU_ASSERT(token != NULL && strcmp(token, "ci") == 0);
	oat_application_end(&application);
}

static void
test_pam_session_puts_nothing_into_the_environment_that_is_not_known(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_application_start(&application, "sshd", "oat-acme-ci", NULL);
	CU_ASSERT(
	    oat_application_call(&application, OAT_OPEN, 0) == PAM_SUCCESS);
	CU_ASSERT_PTR_NULL(pam_getenv(application.pamh, "OAT_ORGANIZATION"));
	CU_ASSERT_PTR_NULL(pam_getenv(application.pamh, "OAT_TOKEN_NAME"));
	oat_application_end(&application);
}

/* request.h refuses such an answer: an environment is easily believed. */
static void
test_pam_session_takes_no_other_names_from_the_program(void)
{
	static const char *const plays[] = {
		"behave=answer\nverdict=4\norganization=Acme\ntoken=ci\n",
		"behave=answer\nverdict=4\norganization=acme\ntoken=a b\n",
	};
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(plays); i++) {
		oat_stage_play(plays[i]);
		CU_ASSERT(call(OAT_OPEN) == PAM_SYSTEM_ERR);
	}
}

static void
test_pam_session_that_could_not_be_recorded_is_opened_all_the_same(void)
{
	static const char *const plays[] = {
		"behave=answer\nverdict=4\ndetail=event lost: disk full\n",
		"behave=answer\nverdict=0\ndetail=event lost: disk full\n",
		"behave=answer\nverdict=1\ndetail=event lost: disk full\n",
	};
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(plays); i++) {
		oat_stage_play(plays[i]);
		oat_journal_clear();
		OAT_ASSERT_THAT(call(OAT_OPEN) == PAM_SUCCESS, "%s", plays[i]);
		CU_ASSERT(oat_journal_lines() == 1);
		CU_ASSERT(oat_journal_has("unrecorded login=oat-acme-ci "));
		CU_ASSERT(oat_journal_has(
		    "event=session.opened detail=event lost: disk full"));
		oat_journal_clear();
		OAT_ASSERT_THAT(call(OAT_CLOSE) == PAM_SUCCESS, "%s", plays[i]);
		CU_ASSERT(oat_journal_has(
		    "event=session.closed detail=event lost: disk full"));
	}
}

static void
test_pam_session_fails_when_the_program_does(void)
{
	static const struct {
		const char *play;
		int code;
	} cases[] = {
		{ "behave=exit\n", PAM_SYSTEM_ERR },
		{ "behave=garbage\n", PAM_SYSTEM_ERR },
		{ "behave=hang\n", PAM_AUTHINFO_UNAVAIL },
	};
	size_t i;

	if (!oat_stage_set())
		return;
	oat_stage_configure("timeout = 100ms\n");
	for (i = 0; i < COUNT(cases); i++) {
		oat_stage_play(cases[i].play);
		OAT_ASSERT_THAT(
		    call(OAT_OPEN) == cases[i].code, "%s", cases[i].play);
		/* What is over cannot fail any more. */
		oat_journal_clear();
		OAT_ASSERT_THAT(
		    call(OAT_CLOSE) == PAM_SUCCESS, "%s", cases[i].play);
		CU_ASSERT(oat_journal_lines() == 1);
	}
}

/* What a session's opening shows: "info: ...\n" and "error: ...\n". */
static void
assert_shown(
    const char *play, enum oat_call_name name, int flags, const char *shown)
{
	struct oat_application application;
	int former;

	oat_stage_play(play);
	oat_application_start(&application, "sshd", "oat-acme-ci", NULL);
	former = oat_swap_stdout(open("/dev/null", O_WRONLY | O_CLOEXEC));
	CU_ASSERT(
	    oat_application_call(&application, name, flags) == PAM_SUCCESS);
	(void)oat_swap_stdout(former);
	OAT_ASSERT_THAT(strcmp(application.shown, shown) == 0, "%s: '%s'", play,
	    application.shown);
	oat_application_end(&application);
}

static void
test_pam_session_tells_the_holder_what_the_program_says_on_opening(void)
{
	static const char soon[] =
	    "behave=answer\nverdict=4\nmessage=oat: acme/ci expires\n";

	if (!oat_stage_set())
		return;
	assert_shown(soon, OAT_OPEN, 0, "info: oat: acme/ci expires\n");
	assert_shown(soon, OAT_OPEN, PAM_SILENT, "");
	assert_shown(soon, OAT_CLOSE, 0, "");
	assert_shown(RECORDED, OAT_OPEN, 0, "");
	/* The event was lost; that is for the log. */
	assert_shown("behave=answer\nverdict=4\ndetail=event lost\n"
		     "message=oat: acme/ci expires\n",
	    OAT_OPEN, 0, "info: oat: acme/ci expires\n");
}

/* A liar in the program's place: nothing was refused, so nothing is told. */
static void
test_pam_session_tells_no_refusals(void)
{
	static const char *const verdicts[] = { "0", "1", "2", "3" };
	char play[128];
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(verdicts); i++) {
		snprintf(play, sizeof(play),
		    "behave=answer\nverdict=%s\nreason=expired\n"
		    "message=oat: lies\n",
		    verdicts[i]);
		assert_shown(play, OAT_OPEN, 0, "");
	}
}

static int
fail_conversation(int count, const struct pam_message **messages,
    struct pam_response **ret_responses, void *data)
{
	(void)count;
	(void)messages;
	(void)ret_responses;
	(*(unsigned *)data)++;
	return PAM_CONV_ERR;
}

/* cron(8) has no conversation, and libpam would log that. */
static void
test_pam_session_is_opened_whatever_the_conversation_does(void)
{
	unsigned asked = 0;
	const struct pam_conv convs[] = { { fail_conversation, &asked },
		{ NULL, NULL } };
	struct oat_application application;
	int former, code;
	size_t i;

	if (!oat_stage_set())
		return;
	oat_stage_play("behave=answer\nverdict=4\nmessage=oat: soon\n");
	for (i = 0; i < COUNT(convs); i++) {
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", NULL);
		pam_set_item(application.pamh, PAM_CONV, &convs[i]);
		oat_journal_clear();
		former =
		    oat_swap_stdout(open("/dev/null", O_WRONLY | O_CLOEXEC));
		code = oat_application_call(&application, OAT_OPEN, 0);
		(void)oat_swap_stdout(former);
		CU_ASSERT(code == PAM_SUCCESS);
		CU_ASSERT(asked == 1);
		CU_ASSERT(!oat_journal_has("no conversation function"));
		oat_application_end(&application);
	}
}

static void
test_pam_sudos_sessions_are_ignored_even_of_ours(void)
{
	static const char *const services[] = { "sudo", "sudo-i" };
	static const char *const users[] = { "oat-acme-ci", "root" };
	size_t i, j;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(services); i++) {
		oat_stage_service(services[i], "");
		for (j = 0; j < COUNT(users); j++) {
			CU_ASSERT(oat_application_once(services[i], users[j],
				      NULL, OAT_OPEN) == OAT_STAGE_IGNORED);
			CU_ASSERT(oat_application_once(services[i], users[j],
				      NULL, OAT_CLOSE) == OAT_STAGE_IGNORED);
		}
	}
	CU_ASSERT(oat_stage_asked() == 0);
	CU_ASSERT(oat_journal_lines() == 0);
}

static void
test_pam_services_that_sound_like_sudo_have_sessions(void)
{
	static const char *const services[] = { "sudo-x", "sud", "su-l" };
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(services); i++) {
		oat_stage_service(services[i], "");
		CU_ASSERT(oat_application_once(services[i], "oat-acme-ci", NULL,
			      OAT_OPEN) == PAM_SUCCESS);
	}
	CU_ASSERT(oat_stage_asked() == COUNT(services));
}

static void
test_pam_setcred_succeeds_for_ours_without_asking(void)
{
	static const int flags[] = { PAM_ESTABLISH_CRED, PAM_DELETE_CRED,
		PAM_REINITIALIZE_CRED, PAM_REFRESH_CRED, PAM_SILENT };
	struct oat_application application;
	size_t i;

	if (!oat_stage_set())
		return;
	oat_stage_play("behave=exit\n");
	oat_stage_service("sshd", "no_such_option");
	for (i = 0; i < COUNT(flags); i++) {
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", NULL);
		CU_ASSERT(oat_application_call(&application, OAT_SETCRED,
			      flags[i]) == PAM_SUCCESS);
		oat_application_end(&application);
	}
	CU_ASSERT(oat_stage_asked() == 0);
	CU_ASSERT(oat_journal_lines() == 0);
}

/* The whole of a login in one handle, as sshd does it. */
static void
test_pam_login_from_authentication_to_close(void)
{
	static const enum oat_call_name order[] = { OAT_AUTHENTICATE,
		OAT_ACCOUNT, OAT_SETCRED, OAT_OPEN, OAT_CLOSE };
	struct oat_application application;
	size_t i;

	if (!oat_stage_set())
		return;
	oat_stage_play(RECORDED);
	oat_application_start(
	    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	for (i = 0; i < COUNT(order); i++)
		CU_ASSERT(oat_application_call(&application, order[i], 0) ==
			  PAM_SUCCESS);
	oat_application_end(&application);
	CU_ASSERT(oat_stage_asked() == 3);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_pam_session_events_are_requests_without_a_token),
	OAT_TEST(
	    test_pam_session_names_organization_and_token_in_the_environment),
	OAT_TEST(
	    test_pam_session_puts_nothing_into_the_environment_that_is_not_known),
	OAT_TEST(test_pam_session_takes_no_other_names_from_the_program),
	OAT_TEST(
	    test_pam_session_that_could_not_be_recorded_is_opened_all_the_same),
	OAT_TEST(test_pam_session_fails_when_the_program_does),
	OAT_TEST(
	    test_pam_session_tells_the_holder_what_the_program_says_on_opening),
	OAT_TEST(test_pam_session_tells_no_refusals),
	OAT_TEST(test_pam_session_is_opened_whatever_the_conversation_does),
	OAT_TEST(test_pam_sudos_sessions_are_ignored_even_of_ours),
	OAT_TEST(test_pam_services_that_sound_like_sudo_have_sessions),
	OAT_TEST(test_pam_setcred_succeeds_for_ours_without_asking),
	OAT_TEST(test_pam_login_from_authentication_to_close),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_session", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
