/* SPDX-License-Identifier: MIT */
/* What a test program provides to tests/runner.c, which has its main(). */
#ifndef OAT_TESTS_RUNNER_H
#define OAT_TESTS_RUNNER_H

#include <CUnit/CUnit.h>
#include <stdbool.h>

/*
 * The suites of this program, ended by CU_SUITE_INFO_NULL. A test is called
 * test_<module>_<situation>_<outcome>; the name given to CUnit is the same
 * without "test_".
 */
extern CU_SuiteInfo oat_suites[];

/* An entry of a CU_TestInfo table whose name is the function's. */
#define OAT_TEST(function)          \
	{                           \
#function, function \
	}

/*
 * As CU_ASSERT, with the input that was tried in the failure message.
 * printf-like.
 */
#define OAT_ASSERT_THAT(condition, ...) \
	oat_assert_that(                \
	    (condition) ? 1 : 0, #condition, __FILE__, __LINE__, __VA_ARGS__)

void oat_assert_that(int holds, const char *condition, const char *file,
    unsigned line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Is this some text of printable ASCII characters alone? For messages. */
bool oat_is_one_line(const char *text);

/*
 * Report that the rest of this test cannot run here, by name and reason. It is
 * a failure when the environment has CI=true. Returns; the test then returns.
 */
void oat_skip(const char *reason);

#endif
