/* SPDX-License-Identifier: MIT */
#include "common/inspect.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/command.h"

#define SELECTOR "0123456789ab"
#define SECRET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
#define TOKEN "oat_" SELECTOR "_" SECRET "3Xnoee"

static struct command
inspect(const char *input, size_t size)
{
	struct command command = { .main = oat_inspect_main,
		.argv = { "inspect" },
		.input = input,
		.input_size = size };

	command_run(&command);
	return command;
}

static void
test_inspect_token_shows_its_selector_alone(void)
{
	static const char *const inputs[] = { TOKEN, TOKEN "\n" };
	struct command command;
	size_t i;

	for (i = 0; i < 2; i++) {
		command = inspect(inputs[i], 0);
		CU_ASSERT_EQUAL(command.code, 0);
		CU_ASSERT_STRING_EQUAL(
		    command.out, "selector " SELECTOR "\ncheck ok\n");
		CU_ASSERT_STRING_EQUAL(command.err, "");
	}
}

static void
test_inspect_fault_is_named_and_the_input_not_repeated(void)
{
	static const struct {
		const char *input, *fault;
	} samples[] = {
		{ "", "empty;" },
		{ "\n", "empty;" },
		{ TOKEN "\n\n", "more than one line;" },
		{ TOKEN "\n" TOKEN "\n", "more than one line;" },
		{ "pat_" SELECTOR "_" SECRET "3Xnoee", "prefix:" },
		{ "hunter2", "prefix:" },
		{ " " TOKEN, "prefix:" },
		{ "oat_", "length: too short" },
		{ "oat_" SELECTOR "_" SECRET "3Xnoe", "length: too short" },
		{ TOKEN "e", "length: too long" },
		{ TOKEN "\r\n", "length: too long" },
		{ "oat_" SELECTOR "-" SECRET "3Xnoee", "shape:" },
		{ "oat_" SELECTOR "_" SECRET "3Xno-e", "alphabet:" },
		{ "oat_0123456789_b_" SECRET "3Xnoee", "alphabet:" },
		{ "oat_0123456789\303b_" SECRET "3Xnoee", "alphabet:" },
		{ "oat_" SELECTOR "_" SECRET "3Xnoef", "check:" },
		{ "oat_" SELECTOR "_XBCDEFGHIJKLMNOPQRSTUVWXYZabcdef3Xnoee",
		    "check:" },
	};
	struct command command;
	char expected[64];
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		command = inspect(samples[i].input, 0);
		snprintf(expected, sizeof(expected), "oat inspect: %s",
		    samples[i].fault);
		OAT_ASSERT_THAT(command.code == 1, "sample %zu", i);
		OAT_ASSERT_THAT(
		    strncmp(command.err, expected, strlen(expected)) == 0,
		    "sample %zu: %s", i, command.err);
		OAT_ASSERT_THAT(command.out[0] == '\0', "sample %zu", i);
		OAT_ASSERT_THAT(strstr(command.err, "BCDEF") == NULL &&
				    strstr(command.err, SELECTOR) == NULL &&
				    strstr(command.err, "hunter2") == NULL,
		    "sample %zu: %s", i, command.err);
	}
}

static void
test_inspect_nul_byte_is_named(void)
{
	static const char input[] = TOKEN "\0x";
	struct command command = inspect(input, sizeof(input) - 1);

	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_STRING_EQUAL(command.err, "oat inspect: holds a NUL byte\n");
}

static void
test_inspect_input_of_4096_bytes_is_judged_a_larger_one_not(void)
{
	char input[5000];
	struct command command;

	memset(input, 'x', sizeof(input));
	memcpy(input, "oat_", 4);
	command = inspect(input, 4096);
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "length: too long"));
	command = inspect(input, sizeof(input));
	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "longer than 4096 bytes"));
}

static void
test_inspect_arguments_are_wrong_usage(void)
{
	struct command command = { .main = oat_inspect_main,
		.argv = { "inspect", TOKEN } };

	command_run(&command);
	CU_ASSERT_EQUAL(command.code, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "usage: oat inspect"));
	CU_ASSERT_PTR_NULL(strstr(command.err, SELECTOR));
}

static void
full_stdout(void)
{
	dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
}

static void
closed_stdout(void)
{
	close(STDOUT_FILENO);
}

static void
closed_stdin(void)
{
	close(STDIN_FILENO);
}

static void
test_inspect_lost_output_or_input_is_a_failure(void)
{
	static void (*const faults[])(
	    void) = { full_stdout, closed_stdout, closed_stdin };
	struct command command;
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		command = (struct command){ .main = oat_inspect_main,
			.argv = { "inspect" },
			.input = TOKEN,
			.prepare = faults[i] };
		command_run(&command);
		OAT_ASSERT_THAT(command.code == 1, "fault %zu", i);
		OAT_ASSERT_THAT(
		    strncmp(command.err, "oat inspect: standard ", 22) == 0,
		    "fault %zu: %s", i, command.err);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_inspect_token_shows_its_selector_alone),
	OAT_TEST(test_inspect_fault_is_named_and_the_input_not_repeated),
	OAT_TEST(test_inspect_nul_byte_is_named),
	OAT_TEST(test_inspect_input_of_4096_bytes_is_judged_a_larger_one_not),
	OAT_TEST(test_inspect_arguments_are_wrong_usage),
	OAT_TEST(test_inspect_lost_output_or_input_is_a_failure),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "inspect", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
