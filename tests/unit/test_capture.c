/* SPDX-License-Identifier: MIT */
#include "common/capture.h"

#include <stdlib.h>
#include <string.h>

#include "tests/process.h"
#include "tests/runner.h"

#define BRIEF_MS 300 /* a deadline that is meant to pass */

/* /bin/sh with a script, into a text; its exit status, or -1. */
static int
run(const char *script, char *ret_text, size_t size)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	int code = -1;

	OAT_ASSERT_THAT(oat_capture(argv, oat_deadline_in_ms(OAT_LONG_MS),
			    ret_text, size, &code) == OAT_OK,
	    "%s", script);
	return code;
}

static void
test_capture_has_both_outputs_and_the_status(void)
{
	static const struct {
		const char *script, *text;
		int code;
	} samples[] = {
		{ "true", "", 0 },
		{ "echo one; echo two >&2; exit 3", "one\ntwo\n", 3 },
		{ "printf '\\n17'", "\n17", 0 },
		{ "exit 255", "", 255 },
		{ "kill -9 $$", "Killed", 137 },
		{ "cat", "", 0 },
		{ "test -z \"$HOME$FOO\" && pwd", "/\n", 0 },
	};
	char text[256];
	size_t i;
	int code;

	CU_ASSERT_EQUAL(setenv("FOO", "bar", 1), 0);
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		code = run(samples[i].script, text, sizeof(text));
		OAT_ASSERT_THAT(
		    code == samples[i].code &&
			strncmp(text, samples[i].text,
			    strlen(samples[i].text)) == 0 &&
			(samples[i].text[0] != '\0' || text[0] == '\0'),
		    "%s: %d: %s", samples[i].script, code, text);
	}
	CU_ASSERT_TRUE(oat_is_childless());
}

static void
test_capture_output_is_cut_and_the_status_kept(void)
{
	char text[64];
	size_t size;

	for (size = 1; size < sizeof(text); size++) {
		memset(text, '#', sizeof(text));
		CU_ASSERT_EQUAL(run("seq 1 20000; exit 7", text, size), 7);
		CU_ASSERT_EQUAL(strlen(text), size - 1);
		CU_ASSERT_EQUAL(text[size], '#');
	}
	CU_ASSERT_EQUAL(run("printf 1234567; exit 8", text, 10), 8);
	OAT_ASSERT_THAT(
	    strncmp(text, "1234567", 7) == 0 && strlen(text) < 10, "%s", text);
}

static void
test_capture_arguments_are_no_script(void)
{
	const char *const argv[] = { "/bin/echo", "$(id)", "; id", "a  b",
		NULL };
	char text[128];
	int code = -1;

	CU_ASSERT_EQUAL(oat_capture(argv, oat_deadline_in_ms(OAT_LONG_MS), text,
			    sizeof(text), &code),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "$(id) ; id a  b\n");
}

static void
test_capture_program_that_does_not_exist_is_127(void)
{
	const char *const argv[] = { "/nonexistent/program", NULL };
	char text[128];
	int code = -1;

	CU_ASSERT_EQUAL(oat_capture(argv, oat_deadline_in_ms(OAT_LONG_MS), text,
			    sizeof(text), &code),
	    OAT_OK);
	CU_ASSERT_EQUAL(code, 127);
}

static void
test_capture_program_that_does_not_end_is_killed(void)
{
	static const char *const scripts[] = { "sleep 60",
		"trap '' TERM; sleep 60", "while :; do echo; done" };
	const char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	uint64_t began;
	char text[128];
	size_t i;
	int code;

	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		argv[2] = scripts[i];
		began = oat_now_ms();
		CU_ASSERT_EQUAL(oat_capture(argv, oat_deadline_in_ms(BRIEF_MS),
				    text, sizeof(text), &code),
		    OAT_TIMEOUT);
		CU_ASSERT_TRUE(oat_now_ms() - began < OAT_LONG_MS);
	}
	CU_ASSERT_TRUE(oat_is_childless());
}

static void
test_capture_too_many_arguments_are_refused(void)
{
	const char *argv[OAT_CAPTURE_ARGS_MAX + 2] = { "/bin/echo" };
	char text[128];
	size_t i;
	int code;

	for (i = 1; i < OAT_CAPTURE_ARGS_MAX; i++)
		argv[i] = "x";
	CU_ASSERT_EQUAL(oat_capture(argv, oat_deadline_in_ms(OAT_LONG_MS), text,
			    sizeof(text), &code),
	    OAT_OK);
	CU_ASSERT_EQUAL(strlen(text), 2 * (OAT_CAPTURE_ARGS_MAX - 1));
	argv[i] = "x";
	CU_ASSERT_EQUAL(oat_capture(argv, oat_deadline_in_ms(OAT_LONG_MS), text,
			    sizeof(text), &code),
	    OAT_INVALID);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_capture_has_both_outputs_and_the_status),
	OAT_TEST(test_capture_output_is_cut_and_the_status_kept),
	OAT_TEST(test_capture_arguments_are_no_script),
	OAT_TEST(test_capture_program_that_does_not_exist_is_127),
	OAT_TEST(test_capture_program_that_does_not_end_is_killed),
	OAT_TEST(test_capture_too_many_arguments_are_refused),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "capture", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
