/* SPDX-License-Identifier: MIT */
/* pam_sm_authenticate(): tokens, verdicts, prompts, and time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_ext.h>

#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int
authenticate(const char *typed)
{
	return oat_application_once(
	    "sshd", "oat-acme-ci", typed, OAT_AUTHENTICATE);
}

/* --- what the program says ----------------------------------------------- */

static void
test_pam_each_verdict_has_its_code_and_only_allowed_has_success(void)
{
	static const struct {
		const char *play;
		int code;
	} cases[] = {
		{ "verdict=4\n", PAM_SUCCESS },
		{ "verdict=3\nreason=expired\n", PAM_PERM_DENIED },
		{ "verdict=2\nreason=wrong_secret\n", PAM_AUTH_ERR },
		{ "verdict=1\nreason=unavailable\n", PAM_AUTHINFO_UNAVAIL },
		{ "verdict=0\n", PAM_SYSTEM_ERR },
		{ "verdict=3\n", PAM_PERM_DENIED },
		/* Not an answer: allowed has no reason, and there is no 5. */
		{ "verdict=4\nreason=expired\n", PAM_SYSTEM_ERR },
		{ "verdict=5\n", PAM_SYSTEM_ERR },
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
		code = authenticate(OAT_GOOD_TOKEN);
		OAT_ASSERT_THAT(code == cases[i].code, "%s: %d instead of %d",
		    cases[i].play, code, cases[i].code);
	}
}

static void
test_pam_broken_program_is_a_system_error(void)
{
	static const char *const plays[] = { "behave=exit\n", "behave=crash\n",
		"behave=garbage\n", "behave=partial\n", "behave=huge\n",
		"behave=endless\n" };
	size_t i;
	int code;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(plays); i++) {
		oat_stage_play(plays[i]);
		code = authenticate(OAT_GOOD_TOKEN);
		OAT_ASSERT_THAT(
		    code == PAM_SYSTEM_ERR, "%s: %d", plays[i], code);
		CU_ASSERT(oat_is_childless());
	}
}

/* An answer before the question is one about the host. */
static void
test_pam_answer_before_the_request_was_read_counts(void)
{
	if (!oat_stage_set())
		return;
	oat_stage_play("behave=early\nverdict=0\ndetail=no user _oat\n");
	CU_ASSERT(authenticate(OAT_GOOD_TOKEN) == PAM_SYSTEM_ERR);
	CU_ASSERT(oat_journal_has("detail=no user _oat"));
}

static void
test_pam_missing_program_is_a_system_error(void)
{
	static const char *const contents[] = { NULL, "", "not a program",
		"#!/nonexistent/interpreter\n" };
	char kept[] = OAT_PATH_PROGRAM ".kept";
	size_t i;

	if (!oat_stage_set())
		return;
	CU_ASSERT_FATAL(rename(OAT_PATH_PROGRAM, kept) == 0);
	for (i = 0; i < COUNT(contents); i++) {
		if (contents[i] != NULL)
			oat_stage_write(OAT_PATH_PROGRAM, 0755, contents[i]);
		OAT_ASSERT_THAT(authenticate(OAT_GOOD_TOKEN) == PAM_SYSTEM_ERR,
		    "program %zu", i);
		CU_ASSERT(oat_journal_has("detail=" OAT_PATH_PROGRAM
					  " could not be run, or ended early"));
	}
	CU_ASSERT(rename(kept, OAT_PATH_PROGRAM) == 0);
}

/* The promise: timeout and half a second, then a little for the killing. */
static void
test_pam_hanging_program_is_undecided_in_bounded_time(void)
{
	static const char *const plays[] = { "behave=hang\n", "behave=stop\n" };
	uint64_t began, took;
	size_t i;

	if (!oat_stage_set())
		return;
	oat_stage_configure("timeout = 100ms\n");
	for (i = 0; i < COUNT(plays); i++) {
		oat_stage_play(plays[i]);
		began = oat_now_ms();
		CU_ASSERT(authenticate(OAT_GOOD_TOKEN) == PAM_AUTHINFO_UNAVAIL);
		took = oat_now_ms() - began;
		OAT_ASSERT_THAT(took >= 600 && took < 1000, "%s: %ju ms",
		    plays[i], (uintmax_t)took);
		CU_ASSERT(oat_is_childless());
	}
}

/* --- the request ---------------------------------------------------------- */

static void
test_pam_request_says_who_where_from_and_by_what(void)
{
	struct oat_application application;
	char pid[32];

	if (!oat_stage_set())
		return;
	oat_application_start(
	    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	pam_set_item(application.pamh, PAM_RHOST, "10.1.2.3");
	pam_set_item(application.pamh, PAM_TTY, "ssh");
	pam_set_item(application.pamh, PAM_RUSER, "me");
	CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE, 0) ==
		  PAM_SUCCESS);
	oat_application_end(&application);
	CU_ASSERT(oat_stage_asked() == 1);
	CU_ASSERT(oat_stage_saw("argc=2 argv=verify environment=empty phase=1"
				" login=oat-acme-ci service=sshd rhost=10.1.2.3"
				" tty=ssh ruser=me "));
	snprintf(pid, sizeof(pid), " pid=%d token=given\n", (int)getpid());
	CU_ASSERT(oat_stage_saw(pid));
}

static void
test_pam_request_says_dash_for_what_is_not_known(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(authenticate(OAT_GOOD_TOKEN) == PAM_SUCCESS);
	CU_ASSERT(oat_stage_saw(" rhost=- tty=- ruser=- "));
}

/* --- tokens ----------------------------------------------------------------
 */

static void
assert_malformed(const char *typed, const char *name)
{
	int code = authenticate(typed);

	OAT_ASSERT_THAT(code == PAM_AUTH_ERR, "%s: %d", name, code);
	OAT_ASSERT_THAT(oat_stage_asked() == 0, "%s", name);
	OAT_ASSERT_THAT(
	    strstr(oat_journal_last(), "refused login=oat-acme-ci selector=-"
				       " reason=malformed rhost=-") != NULL,
	    "%s", oat_journal_last());
}

static void
test_pam_case_34_malformed_token_starts_no_process(void)
{
	static const char *const typed[] = {
		NULL,
		"",
		"x",
		"secret",
		"\b\n\r\177INCORRECT",
		"\x01\x02\x1b[31m",
		"oat_3kPqAbCdEfGh_0123456789abcdefghijABCDEFGHIJKL33Los",
		"oat_3kPqAbCdEfGh_0123456789abcdefghijABCDEFGHIJKL33LosX",
		"oat_3kPqAbCdEfGh_0123456789abcdefghijABCDEFGHIJKL33LosW ",
		" oat_3kPqAbCdEfGh_0123456789abcdefghijABCDEFGHIJKL33LosW",
		"oat_3kPqAbCdEfGh_0123456789abcdefghijABCDEFGHIJKM33LosW",
		"OAT_3kPqAbCdEfGh_0123456789abcdefghijABCDEFGHIJKL33LosW",
		"oat-3kPqAbCdEfGh-0123456789abcdefghijABCDEFGHIJKL33LosW",
	};
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(typed); i++)
		assert_malformed(typed[i], typed[i] ? typed[i] : "(nothing)");
}

/* fail2ban counts a line that ends with the address, and no other. */
static void
test_pam_what_nobody_typed_is_told_from_a_wrong_token(void)
{
	static const char sshd[] = " rhost=- detail=sshd does not know this"
				   " user, or does not let it in";
	static const char nothing[] = " rhost=- detail=no token was given";
	static const struct {
		const char *typed;
		const char *end;
	} cases[] = {
		{ NULL, nothing },
		{ "", nothing },
		{ "\b", sshd },
		{ "\b\n\r\177INCORRECT", sshd },
		{ "\b\n\r\177INCORRECT\b\n\r\177INCORRECT\b\n\r\177INCORRECT\b"
		  "\n"
		  "\r\177INCORRECT\b\n\r",
		    sshd },
		{ "\b\n\r\177INCORRECTx", " rhost=-" },
		{ "\b\nx", " rhost=-" },
		{ "INCORRECT", " rhost=-" },
		{ "secret", " rhost=-" },
	};
	const char *line;
	size_t i, length;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(cases); i++) {
		CU_ASSERT(authenticate(cases[i].typed) == PAM_AUTH_ERR);
		line = oat_journal_last();
		length = strlen(cases[i].end);
		OAT_ASSERT_THAT(
		    strlen(line) > length &&
			strcmp(line + strlen(line) - length, cases[i].end) == 0,
		    "%zu: %s", i, line);
	}
}

static void
test_pam_case_34_token_of_any_length_is_refused_without_a_process(void)
{
	static const size_t sizes[] = { 1, 54, 56, 511, 512, 4096, 16 << 20 };
	char *typed, name[32];
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(sizes); i++) {
		typed = malloc(sizes[i] + 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(typed);
		memset(typed, 'o', sizes[i]);
		typed[sizes[i]] = '\0';
		snprintf(name, sizeof(name), "%zu bytes", sizes[i]);
		assert_malformed(typed, name);
		free(typed);
	}
}

static void
test_pam_case_34_conversation_that_fails_is_a_refusal(void)
{
	static const int codes[] = { PAM_CONV_ERR, PAM_BUF_ERR, PAM_ABORT,
		PAM_SYSTEM_ERR, PAM_IGNORE, 99 };
	struct oat_application application;
	size_t i;
	int code;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(codes); i++) {
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
		application.conversation = codes[i];
		code = oat_application_call(&application, OAT_AUTHENTICATE, 0);
		OAT_ASSERT_THAT(
		    code == PAM_AUTH_ERR, "%d became %d", codes[i], code);
		oat_application_end(&application);
	}
	CU_ASSERT(oat_stage_asked() == 0);
}

/* --- prompts -----------------------------------------------------------------
 */

/* sudo -p, Ansible and expect look for exactly this. */
static void
test_pam_case_35_one_prompt_and_the_standard_one(void)
{
	static const char *const arguments[] = { "", "debug", "try_first_pass",
		"try_first_pass debug" };
	struct oat_application application;
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(arguments); i++) {
		oat_stage_service("sshd", arguments[i]);
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
		CU_ASSERT(
		    oat_application_call(&application, OAT_AUTHENTICATE,
			PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK) == PAM_SUCCESS);
		CU_ASSERT(application.prompts == 1);
		CU_ASSERT_STRING_EQUAL(application.prompt, "Password: ");
		oat_application_end(&application);
	}
}

static void
test_pam_case_35_use_first_pass_never_prompts(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_stage_service("sshd", "use_first_pass");
	oat_application_start(
	    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE, 0) ==
		  PAM_AUTH_ERR);
	CU_ASSERT(application.prompts == 0);
	CU_ASSERT(oat_stage_asked() == 0);
	oat_application_end(&application);
}

/* Another module's prompt, before us in the stack, is enough. */
static void
test_pam_case_35_token_from_an_earlier_module_is_taken(void)
{
	static const char *const arguments[] = { "", "use_first_pass",
		"try_first_pass" };
	struct oat_application application;
	char text[8192];
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(arguments); i++) {
		/* The first pam_oat asks and is not asked for its opinion. */
		snprintf(text, sizeof(text),
		    "auth [default=ignore] %s\nauth required %s %s\n",
		    oat_stage_module(), oat_stage_module(), arguments[i]);
		oat_stage_write(OAT_STAGE_PAM_D "/twice", 0644, text);
		oat_application_start(
		    &application, "twice", "oat-acme-ci", OAT_GOOD_TOKEN);
		CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE,
			      0) == PAM_SUCCESS);
		CU_ASSERT(application.prompts == 1);
		oat_application_end(&application);
	}
}

static void
test_pam_case_40_three_tries_in_one_handle_prompt_three_times(void)
{
	struct oat_application application;
	int i;

	if (!oat_stage_set())
		return;
	oat_application_start(&application, "sshd", "oat-acme-ci", "wrong");
	for (i = 0; i < 3; i++)
		CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE,
			      0) == PAM_AUTH_ERR);
	application.typed = OAT_GOOD_TOKEN;
	CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE, 0) ==
		  PAM_SUCCESS);
	CU_ASSERT(application.prompts == 4);
	oat_application_end(&application);
}

/* --- time
 * ---------------------------------------------------------------------- */

/* Whatever the reason; what is promised is "no earlier than". */
static void
test_pam_case_39_refused_authentication_returns_no_earlier_than_fail_delay(void)
{
	static const struct {
		const char *play;
		const char *typed;
	} cases[] = {
		{ OAT_STAGE_ALLOW, "malformed" },
		{ OAT_STAGE_ALLOW, NULL },
		{ "behave=answer\nverdict=2\n", OAT_GOOD_TOKEN },
		{ "behave=answer\nverdict=3\n", OAT_GOOD_TOKEN },
		{ "behave=answer\nverdict=1\n", OAT_GOOD_TOKEN },
		{ "behave=exit\n", OAT_GOOD_TOKEN },
	};
	uint64_t began, took;
	size_t i;

	if (!oat_stage_set())
		return;
	oat_stage_configure("");
	oat_stage_write(OAT_PATH_CONFIG, 0600,
	    "database = dbname=oat\nfail_delay = 150ms\n");
	for (i = 0; i < COUNT(cases); i++) {
		oat_stage_play(cases[i].play);
		began = oat_now_ms();
		CU_ASSERT(authenticate(cases[i].typed) != PAM_SUCCESS);
		took = oat_now_ms() - began;
		OAT_ASSERT_THAT(
		    took + 1 >= 150, "case %zu: %ju ms", i, (uintmax_t)took);
	}
}

/* Up to 25 ms here; that 20 draws lie within 8 is one chance in 10^8. */
static void
test_pam_case_39_refusals_take_a_time_drawn_anew(void)
{
	uint64_t began, took, least = UINT64_MAX, most = 0;
	int i;

	if (!oat_stage_set())
		return;
	oat_stage_write(OAT_PATH_CONFIG, 0600,
	    "database = dbname=oat\nfail_delay = 100ms\n");
	for (i = 0; i < 20; i++) {
		began = oat_now_ms();
		CU_ASSERT(authenticate("malformed") != PAM_SUCCESS);
		took = oat_now_ms() - began;
		least = took < least ? took : least;
		most = took > most ? took : most;
	}
	OAT_ASSERT_THAT(
	    most - least > 8, "all within %ju ms", (uintmax_t)(most - least));
	OAT_ASSERT_THAT(least <= 125, "none before %ju ms", (uintmax_t)least);
}

static void
test_pam_accepted_authentication_is_not_delayed(void)
{
	uint64_t began;

	if (!oat_stage_set())
		return;
	oat_stage_write(
	    OAT_PATH_CONFIG, 0600, "database = dbname=oat\nfail_delay = 10s\n");
	began = oat_now_ms();
	CU_ASSERT(authenticate(OAT_GOOD_TOKEN) == PAM_SUCCESS);
	CU_ASSERT(oat_now_ms() - began < 10000);
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_pam_each_verdict_has_its_code_and_only_allowed_has_success),
	OAT_TEST(test_pam_broken_program_is_a_system_error),
	OAT_TEST(test_pam_answer_before_the_request_was_read_counts),
	OAT_TEST(test_pam_missing_program_is_a_system_error),
	OAT_TEST(test_pam_hanging_program_is_undecided_in_bounded_time),
	OAT_TEST(test_pam_request_says_who_where_from_and_by_what),
	OAT_TEST(test_pam_request_says_dash_for_what_is_not_known),
	OAT_TEST(test_pam_case_34_malformed_token_starts_no_process),
	OAT_TEST(test_pam_what_nobody_typed_is_told_from_a_wrong_token),
	OAT_TEST(
	    test_pam_case_34_token_of_any_length_is_refused_without_a_process),
	OAT_TEST(test_pam_case_34_conversation_that_fails_is_a_refusal),
	OAT_TEST(test_pam_case_35_one_prompt_and_the_standard_one),
	OAT_TEST(test_pam_case_35_use_first_pass_never_prompts),
	OAT_TEST(test_pam_case_35_token_from_an_earlier_module_is_taken),
	OAT_TEST(test_pam_case_40_three_tries_in_one_handle_prompt_three_times),
	OAT_TEST(
	    test_pam_case_39_refused_authentication_returns_no_earlier_than_fail_delay),
	OAT_TEST(test_pam_case_39_refusals_take_a_time_drawn_anew),
	OAT_TEST(test_pam_accepted_authentication_is_not_delayed),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_auth", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
