/* SPDX-License-Identifier: MIT */
#include "common/escape.h"

#include <string.h>

#include "tests/runner.h"

struct sample {
	const char *text;
	const char *escaped;
};

static void
check_samples(char *(*function)(char *, size_t, const char *),
    const struct sample *samples, size_t count)
{
	char buffer[OAT_ESCAPED_MAX];
	size_t i;

	for (i = 0; i < count; i++) {
		CU_ASSERT_PTR_EQUAL(
		    function(buffer, sizeof(buffer), samples[i].text), buffer);
		OAT_ASSERT_THAT(strcmp(buffer, samples[i].escaped) == 0,
		    "\"%s\", expected \"%s\"", buffer, samples[i].escaped);
	}
}

static void
test_escape_field_is_one_visible_word(void)
{
	static const struct sample samples[] = {
		{ "sshd", "sshd" },
		{ NULL, "-" },
		{ "", "-" },
		{ "-", "\\x2d" },
		{ "--", "--" },
		{ "a b", "a\\x20b" },
		{ "a\tb\r\nc", "a\\x09b\\x0d\\x0ac" },
		{ "a\\b", "a\\x5cb" },
		{ "\"'", "\\x22\\x27" },
		{ "\033[31m", "\\x1b[31m" },
		{ "\177", "\\x7f" },
		{ "\303\251\377", "\\xc3\\xa9\\xff" },
		{ "%s%n", "%s%n" },
		{ "!~", "!~" },
	};

	check_samples(
	    oat_escape, samples, sizeof(samples) / sizeof(samples[0]));
}

static void
test_escape_sentence_keeps_blanks_and_quotes(void)
{
	static const struct sample samples[] = {
		{ "it's \"so\"", "it's \"so\"" },
		{ NULL, "" },
		{ "", "" },
		{ "-", "-" },
		{ "a\\b", "a\\x5cb" },
		{ "one\ntwo", "one\\x0atwo" },
		{ "\t\033\200", "\\x09\\x1b\\x80" },
	};

	check_samples(
	    oat_escape_sentence, samples, sizeof(samples) / sizeof(samples[0]));
}

static void
test_escape_every_byte_becomes_printable(void)
{
	char text[2] = { 0 }, buffer[OAT_ESCAPED_MAX];
	const char *p;
	int byte;

	for (byte = 1; byte < 256; byte++) {
		text[0] = (char)byte;
		for (p = oat_escape(buffer, sizeof(buffer), text); *p; p++)
			OAT_ASSERT_THAT(*p > ' ' && *p <= '~', "byte %d", byte);
	}
}

static void
test_escape_text_that_just_fits_is_whole(void)
{
	char buffer[9];

	CU_ASSERT_STRING_EQUAL(
	    oat_escape(buffer, sizeof(buffer), "abcdefgh"), "abcdefgh");
	CU_ASSERT_STRING_EQUAL(
	    oat_escape(buffer, sizeof(buffer), "abcd\n"), "abcd\\x0a");
}

static void
test_escape_text_one_byte_too_long_is_cut_with_a_mark(void)
{
	char buffer[9];

	CU_ASSERT_STRING_EQUAL(
	    oat_escape(buffer, sizeof(buffer), "abcdefghi"), "abcdef\\+");
	CU_ASSERT_STRING_EQUAL(
	    oat_escape(buffer, sizeof(buffer), "abcde\n"), "abcde\\+");
	CU_ASSERT_STRING_EQUAL(
	    oat_escape(buffer, sizeof(buffer), "ab\nefgh"), "ab\\x0a\\+");
}

/* Cut anywhere, no half of an escape stays, and no byte beyond is written. */
static void
test_escape_cut_at_every_size_ends_at_a_whole_character(void)
{
	const char *text = "a\nb\\c\377-d e\001\002fghijklmnop";
	char whole[OAT_ESCAPED_MAX], buffer[OAT_ESCAPED_MAX];
	size_t size, n;

	oat_escape(whole, sizeof(whole), text);
	for (size = 8; size < strlen(whole) + 1; size++) {
		memset(buffer, '#', sizeof(buffer));
		oat_escape(buffer, size, text);
		n = strlen(buffer);
		OAT_ASSERT_THAT(n < size && n + 5 > size, "size %zu", size);
		OAT_ASSERT_THAT(
		    strcmp(buffer + n - 2, "\\+") == 0, "size %zu", size);
		OAT_ASSERT_THAT(
		    strncmp(buffer, whole, n - 2) == 0, "size %zu", size);
		OAT_ASSERT_THAT(
		    whole[n - 2] == '\\' ||
			strchr(whole + n - 5, '\\') != whole + n - 5 ||
			whole[n - 4] == 'x',
		    "size %zu cuts an escape", size);
		OAT_ASSERT_THAT(buffer[size] == '#', "size %zu", size);
	}
}

static void
test_escape_megabyte_is_bounded(void)
{
	static char text[1 << 20];
	char buffer[OAT_ESCAPED_MAX];

	memset(text, '\n', sizeof(text) - 1);
	oat_escape(buffer, sizeof(buffer), text);
	CU_ASSERT_EQUAL(strlen(buffer), 63 * 4 + 2);
}

/* What our own child escaped is copied; it may have been made to lie. */
static void
test_escape_again_copies_what_is_printable_and_escapes_the_rest(void)
{
	char text[16];

	CU_ASSERT_STRING_EQUAL(
	    oat_escape_again(text, sizeof(text), "a \\x0a\\+ \"b"),
	    "a \\x0a\\+ \"b");
	CU_ASSERT_STRING_EQUAL(
	    oat_escape_again(text, sizeof(text), "\033[31m\n"),
	    "\\x1b[31m\\x0a");
	CU_ASSERT_STRING_EQUAL(oat_escape_again(text, sizeof(text), ""), "");
}

static void
test_escape_again_is_cut_with_a_mark_at_every_size(void)
{
	const char *text = "0123456789";
	char buffer[16];
	size_t size;

	for (size = 0; size <= strlen(text) + 1; size++) {
		memset(buffer, '#', sizeof(buffer));
		oat_escape_again(buffer, size, text);
		OAT_ASSERT_THAT(buffer[size] == '#', "size %zu", size);
		if (size > 2 && size <= strlen(text))
			OAT_ASSERT_THAT(
			    strlen(buffer) == size - 1 &&
				strcmp(buffer + size - 3, "\\+") == 0,
			    "size %zu: %s", size, buffer);
		else if (size > 0 && size <= 2)
			OAT_ASSERT_THAT(buffer[0] == '\0', "size %zu", size);
	}
	CU_ASSERT_STRING_EQUAL(buffer, text);
}

static void
test_escape_json_marks_backslashes_and_quotes_and_nothing_else(void)
{
	char text[64];

	CU_ASSERT_STRING_EQUAL(oat_escape_json(text, ""), "");
	CU_ASSERT_STRING_EQUAL(oat_escape_json(text, "plain ~!'"), "plain ~!'");
	CU_ASSERT_STRING_EQUAL(
	    oat_escape_json(text, "\"a\\x0a\""), "\\\"a\\\\x0a\\\"");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_escape_field_is_one_visible_word),
	OAT_TEST(test_escape_sentence_keeps_blanks_and_quotes),
	OAT_TEST(test_escape_every_byte_becomes_printable),
	OAT_TEST(test_escape_text_that_just_fits_is_whole),
	OAT_TEST(test_escape_text_one_byte_too_long_is_cut_with_a_mark),
	OAT_TEST(test_escape_cut_at_every_size_ends_at_a_whole_character),
	OAT_TEST(test_escape_megabyte_is_bounded),
	OAT_TEST(
	    test_escape_again_copies_what_is_printable_and_escapes_the_rest),
	OAT_TEST(test_escape_again_is_cut_with_a_mark_at_every_size),
	OAT_TEST(
	    test_escape_json_marks_backslashes_and_quotes_and_nothing_else),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "escape", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
