/* SPDX-License-Identifier: MIT */
/* main() of every CUnit program: run all, or those whose names contain argv. */
#include "tests/runner.h"

#include <CUnit/Automated.h>
#include <CUnit/Basic.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned skipped;

void
oat_assert_that(int holds, const char *condition, const char *file,
    unsigned line, const char *format, ...)
{
	char text[1024];
	size_t used;
	va_list ap;

	used = (size_t)snprintf(text, sizeof(text), "%s: ", condition);
	if (used < sizeof(text)) {
		va_start(ap, format);
		(void)vsnprintf(text + used, sizeof(text) - used, format, ap);
		va_end(ap);
	}
	CU_assertImplementation(holds, line, text, file, "", CU_FALSE);
}

bool
oat_is_one_line(const char *text)
{
	if (text[0] == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

void
oat_skip(const char *reason)
{
	const char *ci = getenv("CI");
	const char *name = CU_get_current_test()->pName;

	printf("SKIP %s: %s\n", name, reason);
	if (ci == NULL || strcmp(ci, "true") != 0)
		skipped++;
	else
		CU_assertImplementation(
		    CU_FALSE, 0, "skipped under CI=true", name, "", CU_FALSE);
}

/* Deactivate every test whose name contains none of the given words. */
static void
select_tests(int count, char *words[])
{
	CU_pSuite suite;
	CU_pTest test;
	int i;

	for (suite = CU_get_registry()->pSuite; suite; suite = suite->pNext)
		for (test = suite->pTest; test; test = test->pNext) {
			for (i = 0; i < count; i++)
				if (strstr(test->pName, words[i]) != NULL)
					break;
			if (i == count)
				CU_set_test_active(test, CU_FALSE);
		}
}

static void
report(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord fail)
{
	const CU_FailureRecord *record;

	(void)suite;
	if (fail == NULL) {
		if (getenv("OAT_TEST_VERBOSE") != NULL)
			printf("ok   %s\n", test->pName);
		return;
	}
	printf("FAIL %s\n", test->pName);
	for (record = fail; record != NULL; record = record->pNext)
		printf("     %s:%u: %s\n",
		    record->strFileName ? record->strFileName : "?",
		    record->uiLineNumber,
		    record->strCondition ? record->strCondition : "?");
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	unsigned run, failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(oat_suites) != CUE_SUCCESS) {
		fprintf(stderr, "%s: %s\n", argv[0], CU_get_error_msg());
		return 2;
	}
	if (argc > 1) {
		CU_set_fail_on_inactive(CU_FALSE);
		select_tests(argc - 1, argv + 1);
	}
	CU_set_test_complete_handler(report);
	CU_run_all_tests();
	run = CU_get_number_of_tests_run();
	failed =
	    CU_get_number_of_tests_failed() + CU_get_number_of_suites_failed();
	printf("%s: %u passed, %u failed, %u skipped\n", argv[0],
	    run - CU_get_number_of_tests_failed() - skipped, failed, skipped);
	CU_cleanup_registry();
	return failed != 0 || run == 0;
}
