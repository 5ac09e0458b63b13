/* SPDX-License-Identifier: MIT */
/* What is refused before anything is read; tests/host/test_enroll.sh goes on.
 */
#include "common/enroll.h"

#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"
#include "tests/unit/command.h"

#define WRONG_USAGE 2

static void
check_refused(const char *option, const char *value, const char *why)
{
	struct command command = { .main = oat_enroll_main };

	command.argv[0] = strdup("enroll");
	command.argv[1] = option != NULL ? strdup(option) : NULL;
	command.argv[2] = value != NULL ? strdup(value) : NULL;
	command_run(&command);
	OAT_ASSERT_THAT(command.code == WRONG_USAGE && command.out[0] == '\0' &&
			    strstr(command.err, why) != NULL &&
			    strstr(command.err, "usage: oat enroll") != NULL,
	    "%s %s: %d: %s", option, value, command.code, command.err);
	free(command.argv[0]);
	free(command.argv[1]);
	free(command.argv[2]);
}

static void
test_enroll_name_outside_the_grammar_is_wrong_usage(void)
{
	static const char *const names[] = {
		"", "-web", ".web", "web_1", "WEB", "web 1", "web'1", "web-1\n",
		"\xc3\xa4",
		"a23456789-123456789-123456789-123456789-123456789-1234567890"
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_refused("--name", names[i], "a host's name");
}

static void
test_enroll_labels_outside_the_grammar_are_wrong_usage(void)
{
	static const char *const labels[] = { ",", "a,", ",a", "a,,b", "@prod",
		"Prod", "a b", "{a}", "a'b", "_a",
		"a23456789_123456789_123456789_123456789_123456789_123456789_"
		"1234" };
	size_t i;

	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		check_refused("--labels", labels[i], "labels are");
}

static void
test_enroll_unknown_options_are_wrong_usage(void)
{
	check_refused("--password", NULL, "unknown option");
	check_refused("--name", NULL, "no value");
	check_refused("web-1", NULL, "no arguments");
	check_refused("--certificate", NULL, "with --database");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_enroll_name_outside_the_grammar_is_wrong_usage),
	OAT_TEST(test_enroll_labels_outside_the_grammar_are_wrong_usage),
	OAT_TEST(test_enroll_unknown_options_are_wrong_usage),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "enroll", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
