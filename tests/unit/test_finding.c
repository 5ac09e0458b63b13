/* SPDX-License-Identifier: MIT */
#include "common/finding.h"

#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"
#include "tests/unit/script.h"

/* Findings into memory; read it after a flush. */
struct stage {
	struct oat_findings findings;
	char *text;
	size_t size;
};

static void
begin(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	stage->findings.to = open_memstream(&stage->text, &stage->size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(stage->findings.to);
}

/* End, and compare all that was told. Answers the exit status. */
static int
end(struct stage *stage, const char *expected)
{
	int status = oat_findings_end(&stage->findings);

	fclose(stage->findings.to);
	if (expected != NULL)
		OAT_ASSERT_THAT(strcmp(stage->text, expected) == 0, "told: %s",
		    stage->text);
	free(stage->text);
	return status;
}

static void
test_finding_is_one_line_with_its_fix(void)
{
	struct stage stage;

	begin(&stage);
	oat_found(&stage.findings, OAT_LEVEL_OK, "config", "/etc/x", "fine");
	oat_found(&stage.findings, OAT_LEVEL_FAILURE, "config", "/etc/x",
	    "mode %04o", 0644);
	oat_fix(&stage.findings, OAT_FIX_SHELL, "chmod %04o /etc/x", 0600);
	oat_found(&stage.findings, OAT_LEVEL_WARNING, "role", "", "none");
	oat_fix(&stage.findings, OAT_FIX_SQL, "select 1");
	oat_found(&stage.findings, OAT_LEVEL_SKIPPED, "spool", "/s", "no");
	oat_fix(&stage.findings, OAT_FIX_WORDS, "be root");
	CU_ASSERT_EQUAL(
	    end(&stage,
		"ok    config                  /etc/x: fine\n"
		"FAIL  config                  /etc/x: mode 0644; fix: chmod "
		"0600 /etc/x\n"
		"warn  role                    none; in psql: select 1\n"
		"skip  spool                   /s: no; do: be root\n"
		"1 ok, 1 warnings, 1 failures, 1 not looked at\n"),
	    2);
}

static void
test_finding_the_worst_level_is_the_exit_status(void)
{
	static const struct {
		enum oat_level level[3];
		int status;
	} samples[] = {
		{ { OAT_LEVEL_OK, OAT_LEVEL_OK, OAT_LEVEL_OK }, 0 },
		{ { OAT_LEVEL_OK, OAT_LEVEL_WARNING, OAT_LEVEL_OK }, 1 },
		{ { OAT_LEVEL_SKIPPED, OAT_LEVEL_WARNING, OAT_LEVEL_OK }, 1 },
		{ { OAT_LEVEL_WARNING, OAT_LEVEL_FAILURE, OAT_LEVEL_SKIPPED },
		    2 },
		{ { OAT_LEVEL_OK, OAT_LEVEL_SKIPPED, OAT_LEVEL_OK }, 3 },
	};
	struct stage stage;
	size_t i, j;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		begin(&stage);
		for (j = 0; j < 3; j++)
			oat_found(&stage.findings, samples[i].level[j], "c",
			    "s", "t");
		OAT_ASSERT_THAT(
		    end(&stage, NULL) == samples[i].status, "sample %zu", i);
	}
	begin(&stage);
	CU_ASSERT_EQUAL(
	    end(&stage, "0 ok, 0 warnings, 0 failures, 0 not looked at\n"), 0);
}

static void
test_finding_quiet_leaves_out_what_is_well(void)
{
	struct stage stage;

	begin(&stage);
	stage.findings.quiet = true;
	oat_found(&stage.findings, OAT_LEVEL_OK, "a", "s", "t");
	oat_found(&stage.findings, OAT_LEVEL_SKIPPED, "b", "s", "t");
	CU_ASSERT_EQUAL(
	    end(&stage, "skip  b                       s: t\n"
			"1 ok, 0 warnings, 0 failures, 1 not looked at\n"),
	    3);
}

static void
test_finding_json_is_one_object(void)
{
	struct stage stage;

	begin(&stage);
	stage.findings.json = true;
	oat_found(&stage.findings, OAT_LEVEL_OK, "a", "s", "t");
	oat_found(&stage.findings, OAT_LEVEL_WARNING, "b", "\"s\\", "t\n");
	oat_fix(&stage.findings, OAT_FIX_SHELL, "echo \"\\n\"");
	CU_ASSERT_EQUAL(
	    end(&stage,
		"{\"checks\":[\n"
		"{\"status\":\"ok\",\"check\":\"a\",\"subject\":\"s\","
		"\"found\":\"t\"},\n"
		"{\"status\":\"warning\",\"check\":\"b\","
		"\"subject\":\"\\\"s\\\\\",\"found\":\"t\\\\x0a\","
		"\"fix\":\"echo \\\"\\\\n\\\"\",\"fix_in\":\"shell\"}],\n"
		"\"ok\":1,\"skipped\":0,\"warnings\":1,\"failures\":0,"
		"\"status\":\"warning\"}\n"),
	    1);
	begin(&stage);
	stage.findings.json = true;
	CU_ASSERT_EQUAL(
	    end(&stage,
		"{\"checks\":[],\n\"ok\":0,\"skipped\":0,\"warnings\":0,"
		"\"failures\":0,\"status\":\"ok\"}\n"),
	    0);
}

static void
test_finding_case_17_what_is_told_is_printable_and_bounded(void)
{
	char noise[4096];
	struct stage stage;
	const char *at;
	size_t lines = 0;

	memset(noise, 'x', sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	memcpy(noise, "\x1b[31m\n\xc3\xa4\x7f", 9);
	begin(&stage);
	oat_found(
	    &stage.findings, OAT_LEVEL_FAILURE, noise, noise, "%s", noise);
	oat_fix(&stage.findings, OAT_FIX_WORDS, "%s", noise);
	oat_findings_end(&stage.findings);
	fclose(stage.findings.to);
	for (at = stage.text; *at != '\0'; at++) {
		OAT_ASSERT_THAT(
		    *at == '\n' || (*at >= ' ' && *at <= '~'), "byte %d", *at);
		lines += *at == '\n';
	}
	CU_ASSERT_EQUAL(lines, 2);
	CU_ASSERT_TRUE(stage.size < 2048);
	free(stage.text);
}

/* Half of a command, or one with a line of its own in it, is not typed. */
static void
test_finding_half_a_command_is_never_shown(void)
{
	char longest[OAT_FINDING_FIX_MAX], longer[OAT_FINDING_FIX_MAX + 1];
	const struct {
		enum oat_fix kind;
		const char *fix;
		enum oat_fix shown;
	} samples[] = {
		{ OAT_FIX_SHELL, longest, OAT_FIX_SHELL },
		{ OAT_FIX_SHELL, longer, OAT_FIX_NONE },
		{ OAT_FIX_SQL, longer, OAT_FIX_NONE },
		{ OAT_FIX_WORDS, longer, OAT_FIX_WORDS },
		{ OAT_FIX_SHELL, "true\nrm -rf /", OAT_FIX_NONE },
		{ OAT_FIX_SHELL, "echo \xc3\xa4", OAT_FIX_NONE },
		{ OAT_FIX_SHELL, "echo '\\n'", OAT_FIX_SHELL },
		{ OAT_FIX_SQL, "select 1 \\! rm -rf /", OAT_FIX_NONE },
		{ OAT_FIX_SQL, "select 'a'", OAT_FIX_SQL },
	};
	struct stage stage;
	size_t i;

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	begin(&stage);
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		oat_found(&stage.findings, OAT_LEVEL_WARNING, "c", "s", "t");
		oat_fix(&stage.findings, samples[i].kind, "%s", samples[i].fix);
		OAT_ASSERT_THAT(
		    stage.findings.last.fix_kind == samples[i].shown &&
			(stage.findings.last.fix[0] == '\0') ==
			    (samples[i].shown == OAT_FIX_NONE),
		    "sample %zu", i);
	}
	(void)end(&stage, NULL);
}

static void
test_finding_quoted_word_is_one_word_for_a_shell(void)
{
	static const char *const words[] = { "/etc/oat/oat.conf", "a b", "'",
		"''", "$(touch /tmp/x)", "`id`", "a;b", "*", "", "~", "\\",
		"\"", "-e", "a'b'c", "&", "a\tb" };
	char quoted[128], script[256], output[OAT_SCRIPT_OUTPUT_MAX];
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		oat_fix_quote(quoted, sizeof(quoted), words[i]);
		snprintf(script, sizeof(script),
		    "set -- %s; printf '%%s|%%s' $# \"$1\"", quoted);
		CU_ASSERT_PTR_NOT_NULL_FATAL(oat_script_run(script, output));
		OAT_ASSERT_THAT(strncmp(output, "1|", 2) == 0 &&
				    strcmp(output + 2, words[i]) == 0,
		    "%s became %s: %s", words[i], quoted, output);
	}
}

static void
test_finding_quoted_word_fits_or_is_empty(void)
{
	char dst[16];
	size_t size;

	for (size = 1; size < sizeof(dst); size++) {
		memset(dst, '#', sizeof(dst));
		oat_fix_quote(dst, size, "a'b c");
		OAT_ASSERT_THAT(
		    dst[0] == '\0' || strcmp(dst, "'a'\\''b c'") == 0,
		    "size %zu: %s", size, dst);
		CU_ASSERT_EQUAL(dst[size], '#');
		oat_fix_quote(dst, size, "plain");
		OAT_ASSERT_THAT(
		    strcmp(dst, size > 7 ? "plain" : dst) == 0, "%zu", size);
		CU_ASSERT_EQUAL(dst[size], '#');
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_finding_is_one_line_with_its_fix),
	OAT_TEST(test_finding_the_worst_level_is_the_exit_status),
	OAT_TEST(test_finding_quiet_leaves_out_what_is_well),
	OAT_TEST(test_finding_json_is_one_object),
	OAT_TEST(test_finding_case_17_what_is_told_is_printable_and_bounded),
	OAT_TEST(test_finding_half_a_command_is_never_shown),
	OAT_TEST(test_finding_quoted_word_is_one_word_for_a_shell),
	OAT_TEST(test_finding_quoted_word_fits_or_is_empty),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "finding", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
