/* SPDX-License-Identifier: MIT */
/*
 * Passwords and user names of any bytes, through the real module. The program
 * lets in whomever it is asked about: what must not be let in must not reach
 * it.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOGIN "oat-acme-ci"
#define PASSWORD_MAX_BYTES 1024
#define NAMES 4000
#define LONG_NAME 300

/* The same bytes in every run: xorshift32. */
static uint32_t state;

static unsigned
draw(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

static int
authenticate(const char *user, const char *typed)
{
	return oat_application_once("sshd", user, typed, OAT_AUTHENTICATE);
}

/* --- passwords ---------------------------------------------------------------
 */

/* Any byte but NUL, which no conversation can carry. */
static void
fill_any(char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		text[i] = (char)(1 + draw(255));
	text[length] = '\0';
}

/* What looks like a token for as long as it can, and then goes on. */
static void
fill_like_a_token(char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		text[i] = OAT_GOOD_TOKEN[i % (sizeof(OAT_GOOD_TOKEN) - 1)];
	text[length] = '\0';
	if (length == sizeof(OAT_GOOD_TOKEN) - 1)
		text[length - 1] = '0';
}

static void
fill_one(char *text, size_t length)
{
	memset(text, (char)(1 + draw(255)), length);
	text[length] = '\0';
}

static void
test_pam_bytes_case_34_any_password_is_refused_without_a_process(void)
{
	static void (*const fills[])(char *text, size_t length) = { fill_any,
		fill_like_a_token, fill_one };
	char text[PASSWORD_MAX_BYTES + 1];
	size_t length, i;
	int code;

	if (!oat_stage_set())
		return;
	state = 1;
	for (length = 0; length <= PASSWORD_MAX_BYTES; length++)
		for (i = 0; i < COUNT(fills); i++) {
			fills[i](text, length);
			code = authenticate(LOGIN, text);
			OAT_ASSERT_THAT(code == PAM_AUTH_ERR,
			    "%zu bytes, kind %zu: %d", length, i, code);
		}
	CU_ASSERT_EQUAL(oat_stage_asked(), 0);
	CU_ASSERT_TRUE(oat_is_childless());
}

static void
test_pam_bytes_case_51_token_with_another_byte_is_refused(void)
{
	char text[] = OAT_GOOD_TOKEN;
	unsigned byte;
	size_t i;
	int code;

	if (!oat_stage_set())
		return;
	for (i = 0; i < sizeof(text) - 1; i++)
		for (byte = 0; byte < 256; byte++) {
			if (byte == (unsigned char)OAT_GOOD_TOKEN[i])
				continue;
			text[i] = (char)byte;
			code = authenticate(LOGIN, text);
			OAT_ASSERT_THAT(code == PAM_AUTH_ERR,
			    "byte %zu is %02x: %d", i, byte, code);
			text[i] = OAT_GOOD_TOKEN[i];
		}
	CU_ASSERT_EQUAL(oat_stage_asked(), 0);
	CU_ASSERT_EQUAL(authenticate(LOGIN, text), PAM_SUCCESS);
	CU_ASSERT_EQUAL(oat_stage_asked(), 1);
}

/* --- names
 * -------------------------------------------------------------------- */

/* As the manual says it, not as the code does. */
static bool
is_ours(const char *name)
{
	static regex_t grammar;
	static bool compiled;

	if (!compiled)
		CU_ASSERT_FATAL(
		    regcomp(&grammar, "^oat-[a-z][a-z0-9]{1,15}(-[a-z0-9]+)+$",
			REG_EXTENDED | REG_NOSUB) == 0);
	compiled = true;
	return strlen(name) <= 32 && strchr(name, '\n') == NULL &&
	       regexec(&grammar, name, 0, NULL, 0) == 0;
}

/* A name of ours with up to three bytes changed, or any bytes at all. */
static void
make_name(char name[LONG_NAME + 1])
{
	unsigned changes = draw(4);

	if (draw(4) == 0) {
		fill_any(name, draw(LONG_NAME) + 1);
		return;
	}
	snprintf(name, LONG_NAME + 1, "oat-acme%s-ci%s",
	    draw(2) ? "" : "tenbytes10", draw(2) ? "" : "-12345678901");
	for (; changes > 0; changes--)
		name[draw((unsigned)strlen(name))] =
		    draw(2) ? (char)(1 + draw(255))
			    : "az09-A_./:\n @"[draw(13)];
}

static void
check_name(const char *name, const char *typed, int expected)
{
	int code = authenticate(name, typed);

	OAT_ASSERT_THAT(
	    code == expected, "'%s': %d instead of %d", name, code, expected);
}

static void
test_pam_bytes_name_is_ours_by_the_grammar_alone(void)
{
	char name[LONG_NAME + 1];
	unsigned i, ours = 0, before;

	if (!oat_stage_set())
		return;
	state = 2;
	for (i = 0; i < NAMES; i++) {
		make_name(name);
		before = oat_stage_asked();
		if (is_ours(name)) {
			ours++;
			check_name(name, OAT_GOOD_TOKEN, PAM_SUCCESS);
			CU_ASSERT_EQUAL(oat_stage_asked(), before + 1);
			check_name(name, "nonsense", PAM_AUTH_ERR);
			/* What it was asked is read each time. */
			(void)remove(OAT_STAGE_SEEN);
		} else
			check_name(name, OAT_GOOD_TOKEN, OAT_STAGE_IGNORED);
	}
	CU_ASSERT_EQUAL(oat_stage_asked(), 0);
	CU_ASSERT(ours > NAMES / 20);
	CU_ASSERT(ours < NAMES / 2);
}

static void
test_pam_bytes_name_of_one_byte_is_nobody_of_ours(void)
{
	char name[2] = "";
	unsigned byte;

	if (!oat_stage_set())
		return;
	for (byte = 1; byte < 256; byte++) {
		name[0] = (char)byte;
		check_name(name, OAT_GOOD_TOKEN, OAT_STAGE_IGNORED);
	}
	CU_ASSERT_EQUAL(oat_stage_asked(), 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_pam_bytes_case_34_any_password_is_refused_without_a_process),
	OAT_TEST(test_pam_bytes_case_51_token_with_another_byte_is_refused),
	OAT_TEST(test_pam_bytes_name_is_ours_by_the_grammar_alone),
	OAT_TEST(test_pam_bytes_name_of_one_byte_is_nobody_of_ours),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "pam_bytes", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
