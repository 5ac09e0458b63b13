/* SPDX-License-Identifier: MIT */
#include "common/nsswitch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/doctor_checks.h"
#include "tests/runner.h"
#include "tests/unit/told.h"

/* --- the parser ---------------------------------------------------------- */

/* "files oat! systemd" and where: '!' marks what ends the search. */
static const char *
spell(const struct oat_nsswitch *line)
{
	static char text[1024];
	size_t i, used;

	used = (size_t)snprintf(
	    text, sizeof(text), "%u/%u:", line->line, line->lines);
	for (i = 0; i < line->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    " %s%s", line->service[i].name,
		    line->service[i].ends_search ? "!" : "");
	return text;
}

static void
test_nsswitch_line_is_read_as_glibc_does(void)
{
	static const struct {
		const char *text, *expected;
	} samples[] = {
		{ "", "0/0:" },
		{ "passwd: files oat systemd\n", "1/1: files oat systemd" },
		{ "passwd:files oat", "1/1: files oat" },
		{ "#passwd: files\n\n  passwd :\tfiles\toat # oat\n",
		    "3/1: files oat" },
		{ "shadow: oat\npasswd_compat: nis\ngroup: oat\n", "0/0:" },
		{ "passwd: files\npasswd: files oat\n", "2/2: files oat" },
		{ "passwd:\n", "1/1:" },
		{ "passwd: files [NOTFOUND=return] oat\n", "1/1: files! oat" },
		{ "passwd: files [notfound=Return] oat\n", "1/1: files! oat" },
		{ "passwd: files [!SUCCESS=return] oat\n", "1/1: files! oat" },
		{ "passwd: files [!UNAVAIL=return] oat\n", "1/1: files! oat" },
		{ "passwd: files [!NOTFOUND=return] oat\n", "1/1: files oat" },
		{ "passwd: files [SUCCESS=return] oat\n", "1/1: files oat" },
		{ "passwd: files [UNAVAIL=return TRYAGAIN=return] oat\n",
		    "1/1: files oat" },
		{ "passwd: files [NOTFOUND=continue] oat\n", "1/1: files oat" },
		{ "passwd: files [SUCCESS=continue NOTFOUND=return] oat\n",
		    "1/1: files! oat" },
		{ "passwd: files[NOTFOUND=return]oat\n", "1/1: files! oat" },
		{ "passwd: [NOTFOUND=return] files oat\n", "1/1: files oat" },
		{ "passwd: files oat [NOTFOUND=return\n", "1/1: files oat!" },
		{ "passwd: files [ ] oat\n", "1/1: files oat" },
		{ "passwd: files [NOTFOUND] oat\n", "1/1: files oat" },
		{ "passwd: files [=return] oat\n", "1/1: files oat" },
	};
	struct oat_nsswitch line;
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		oat_nsswitch_parse(samples[i].text, "passwd", &line);
		OAT_ASSERT_THAT(strcmp(spell(&line), samples[i].expected) == 0,
		    "%s is %s", samples[i].text, spell(&line));
	}
}

static void
test_nsswitch_more_than_fits_is_cut(void)
{
	struct oat_nsswitch line;
	char *text = malloc(100000);
	size_t i, used;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	used = (size_t)sprintf(text, "passwd:");
	for (i = 0; i < 90; i++)
		used += (size_t)sprintf(text + used, " s");
	oat_nsswitch_parse(text, "passwd", &line);
	CU_ASSERT_EQUAL(line.count, OAT_NSSWITCH_SERVICES_MAX);
	used = (size_t)sprintf(text, "passwd: ");
	memset(text + used, 'x', 99000 - used);
	text[99000] = '\0';
	oat_nsswitch_parse(text, "passwd", &line);
	CU_ASSERT_EQUAL(line.count, 1);
	CU_ASSERT_EQUAL(
	    strlen(line.service[0].name), OAT_NSSWITCH_NAME_MAX - 1);
	free(text);
}

/* --- what oat doctor makes of it ----------------------------------------- */

#define GROUP "group: files oat systemd\n"

static const struct {
	const char *text, *line, *why;
} broken[] = {
	{ "passwd: files systemd\n" GROUP, "FAIL  nsswitch.passwd", "no oat" },
	{ "passwd:\tcompat systemd\n" GROUP, "FAIL  nsswitch.passwd",
	    "no oat" },
	{ GROUP, "FAIL  nsswitch.passwd", "no line `passwd:`" },
	{ "passwd: files oat\n", "FAIL  nsswitch.group", "no line `group:`" },
	{ "passwd: files systemd oat\n" GROUP, "warn  nsswitch.passwd",
	    "behind systemd" },
	{ "passwd: oat files systemd\n" GROUP, "warn  nsswitch.passwd",
	    "before this host's own accounts" },
	{ "passwd: files oat systemd oat\n" GROUP, "warn  nsswitch.passwd",
	    "2 times" },
	{ "passwd: files [NOTFOUND=return] oat\n" GROUP,
	    "FAIL  nsswitch.passwd", "never asked" },
	{ "passwd: files [!SUCCESS=return] systemd oat\n" GROUP,
	    "FAIL  nsswitch.passwd", "behind files ends" },
	{ "passwd: files oat\npasswd: files\n" GROUP, "warn  nsswitch.passwd",
	    "2 lines `passwd:`" },
	{ "passwd: files oat\n" GROUP "initgroups: files\n",
	    "FAIL  nsswitch.initgroups", "no oat" },
	{ "passwd: files oat\n" GROUP "shadow: files oat\n",
	    "warn  nsswitch.shadow", "no shadow entries" },
	{ "passwd: files oat\n" GROUP "gshadow: oat\n",
	    "warn  nsswitch.gshadow", "no gshadow entries" },
};

#define BROKEN (sizeof(broken) / sizeof(broken[0]))

static void
check(struct oat_doctor *doctor, const void *context)
{
	oat_doctor_nsswitch(doctor, context);
}

static char *
judge(const char *text, size_t *ret_bad)
{
	return oat_told_by(check, text, ret_bad);
}

static void
test_nsswitch_of_the_manual_is_well(void)
{
	static const char *const texts[] = {
		"passwd: files oat systemd\n" GROUP,
		"passwd: compat oat\n" GROUP "initgroups: files oat\n",
		"passwd: files oat [NOTFOUND=return] sss\n" GROUP,
		"passwd: files oat\n" GROUP "shadow: files\n",
	};
	size_t i, bad;
	char *told;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		told = judge(texts[i], &bad);
		OAT_ASSERT_THAT(bad == 0, "%s: %s", texts[i], told);
		free(told);
	}
}

static void
test_nsswitch_fault_is_named_with_its_line(void)
{
	size_t i, bad;
	char *told;

	for (i = 0; i < BROKEN; i++) {
		told = judge(broken[i].text, &bad);
		OAT_ASSERT_THAT(bad == 1 &&
				    strncmp(told, broken[i].line,
					strlen(broken[i].line)) == 0 &&
				    strstr(told, broken[i].why) != NULL,
		    "%s: %s", broken[i].text, told);
		free(told);
	}
}

/* Type the fix on another file: what becomes of the text. */
static void
type_fix(char text[4096], const char *told)
{
	char path[] = "/tmp/oat-nsswitch-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "r+");
	size_t used;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	fclose(file);
	CU_ASSERT_TRUE(oat_told_type_fix(told, "/etc/nsswitch.conf", path));
	file = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	used = fread(text, 1, 4095, file);
	text[used] = '\0';
	fclose(file);
	unlink(path);
}

static void
test_nsswitch_fix_when_typed_mends_it(void)
{
	char text[4096], *told;
	size_t i, bad;

	for (i = 0; i < BROKEN; i++) {
		snprintf(text, sizeof(text), "%s", broken[i].text);
		told = judge(text, &bad);
		if (strstr(told, "; fix: ") != NULL) {
			type_fix(text, told);
			free(told);
			told = judge(text, &bad);
			OAT_ASSERT_THAT(bad == 0, "%s became %s: %s",
			    broken[i].text, text, told);
		}
		free(told);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nsswitch_line_is_read_as_glibc_does),
	OAT_TEST(test_nsswitch_more_than_fits_is_cut),
	OAT_TEST(test_nsswitch_of_the_manual_is_well),
	OAT_TEST(test_nsswitch_fault_is_named_with_its_line),
	OAT_TEST(test_nsswitch_fix_when_typed_mends_it),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "nsswitch", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
