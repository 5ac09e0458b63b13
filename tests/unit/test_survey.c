/* SPDX-License-Identifier: MIT */
/* What `oat doctor` reads of files: texts, versions, the spool. */
#include "common/mark.h"
#include "common/spool.h"
#include "common/spool_survey.h"
#include "common/textfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/runner.h"

static char folder[64], path[96];

static int
set_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/oat-survey-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void
put(const void *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

/* --- texts --------------------------------------------------------------- */

static void
test_textfile_is_read_whole_up_to_a_nul(void)
{
	char *text = NULL, *big;

	put("one\ntwo\0three", 13);
	CU_ASSERT_EQUAL_FATAL(oat_textfile_read(path, &text), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "one\ntwo");
	free(text);
	CU_ASSERT_EQUAL_FATAL(
	    oat_textfile_read("/proc/self/status", &text), OAT_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "Pid:"));
	free(text);
	big = calloc(1, OAT_TEXTFILE_MAX + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	memset(big, 'x', OAT_TEXTFILE_MAX + 1);
	put(big, OAT_TEXTFILE_MAX);
	CU_ASSERT_EQUAL_FATAL(oat_textfile_read(path, &text), OAT_OK);
	CU_ASSERT_EQUAL(strlen(text), OAT_TEXTFILE_MAX);
	free(text);
	text = NULL;
	put(big, OAT_TEXTFILE_MAX + 1);
	CU_ASSERT_EQUAL(oat_textfile_read(path, &text), OAT_INVALID);
	CU_ASSERT_PTR_NULL(text);
	free(big);
}

static void
test_textfile_that_is_none_is_refused_at_once(void)
{
	char *text = NULL;

	CU_ASSERT_EQUAL(oat_textfile_read(folder, &text), OAT_INVALID);
	CU_ASSERT_EQUAL(oat_textfile_read("/dev/zero", &text), OAT_INVALID);
	CU_ASSERT_EQUAL(
	    oat_textfile_read("/nonexistent/x", &text), OAT_NOTFOUND);
	(void)unlink(path);
	CU_ASSERT_EQUAL(oat_textfile_read(path, &text), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(oat_textfile_read(path, &text), OAT_INVALID);
	(void)unlink(path);
	CU_ASSERT_PTR_NULL(text);
}

static void
test_textfile_lines_and_words_are_cut_off(void)
{
	char copy[] = "a\tb \n\n  c\r\nd", *text = copy, *line;

	line = oat_textfile_line(&text);
	CU_ASSERT_STRING_EQUAL(oat_textfile_word(&line), "a");
	CU_ASSERT_STRING_EQUAL(oat_textfile_word(&line), "b");
	CU_ASSERT_PTR_NULL(oat_textfile_word(&line));
	line = oat_textfile_line(&text);
	CU_ASSERT_PTR_NULL(oat_textfile_word(&line));
	line = oat_textfile_line(&text);
	CU_ASSERT_STRING_EQUAL(oat_textfile_word(&line), "c");
	CU_ASSERT_PTR_NULL(oat_textfile_word(&line));
	CU_ASSERT_STRING_EQUAL(oat_textfile_line(&text), "d");
	CU_ASSERT_PTR_NULL(oat_textfile_line(&text));
	CU_ASSERT_PTR_NULL(oat_textfile_line(&text));
}

/* --- versions ------------------------------------------------------------ */

static void
test_mark_is_found_wherever_it_is(void)
{
	static const struct {
		const char *bytes;
		size_t size;
		enum oat_status status;
		const char *version;
	} samples[] = {
		{ "@(#)oat 1.2\0more", 16, OAT_OK, "1.2" },
		{ "..\0@(#)other 3\0@(#)oat 1.2-rc~1+b", 34, OAT_OK,
		    "1.2-rc~1+b" },
		{ "@(#)oat 1\x01"
		  "2",
		    11, OAT_OK, "1" },
		{ "@(#)oat ", 8, OAT_INVALID, NULL },
		{ "@(#)oa", 6, OAT_INVALID, NULL },
		{ "", 0, OAT_INVALID, NULL },
		{ "@(#)oat 12345678901234567890123456789012345", 43, OAT_OK,
		    "1234567890123456789012345678901" },
	};
	char version[OAT_MARK_VERSION_MAX];
	enum oat_status status;
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		put(samples[i].bytes, samples[i].size);
		version[0] = '\0';
		status = oat_mark_read(path, version);
		OAT_ASSERT_THAT(status == samples[i].status &&
				    strcmp(version, samples[i].version != NULL
							? samples[i].version
							: "") == 0,
		    "%zu: %d: %s", i, (int)status, version);
	}
	(void)unlink(path);
	CU_ASSERT_EQUAL(oat_mark_read(path, version), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(oat_mark_read(folder, version), OAT_SYSTEM);
}

/* --- the spool ----------------------------------------------------------- */

/* As the spool itself keeps them. */
static void
test_survey_counts_what_the_spool_keeps(void)
{
	struct oat_spool_survey survey = { .waiting = 4711 };
	struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };
	char spool[80], command[256];
	int64_t now = (int64_t)time(NULL);

	snprintf(spool, sizeof(spool), "%s/spool", folder);
	CU_ASSERT_EQUAL(oat_spool_survey(spool, &survey), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(survey.waiting, 4711);
	CU_ASSERT_EQUAL(oat_spool_add(spool, "id-1", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(spool, "id-2", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_survey(spool, &survey), OAT_OK);
	CU_ASSERT_EQUAL(survey.waiting, 2);
	CU_ASSERT_EQUAL(survey.aside, 0);
	CU_ASSERT_TRUE(survey.oldest >= now - 1);
	snprintf(command, sizeof(command),
	    "cd %s && mv *id-1.event x.event && cp x.event y.event.bad && "
	    ": >.new-z.event",
	    spool);
	CU_ASSERT_EQUAL(system(command), 0);
	snprintf(path, sizeof(path), "%s/x.event", spool);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, times, 0), 0);
	CU_ASSERT_EQUAL(oat_spool_survey(spool, &survey), OAT_OK);
	CU_ASSERT_EQUAL(survey.waiting, 2);
	CU_ASSERT_EQUAL(survey.aside, 1);
	CU_ASSERT_EQUAL(survey.oldest, 1000);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_textfile_is_read_whole_up_to_a_nul),
	OAT_TEST(test_textfile_that_is_none_is_refused_at_once),
	OAT_TEST(test_textfile_lines_and_words_are_cut_off),
	OAT_TEST(test_mark_is_found_wherever_it_is),
	OAT_TEST(test_survey_counts_what_the_spool_keeps),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "survey", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
