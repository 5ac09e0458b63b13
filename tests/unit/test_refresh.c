/* SPDX-License-Identifier: MIT */
/*
 * The rules of refresh.c. The program is a script that leaves a line for each
 * time it ran, and then succeeds, fails or hangs.
 */
#include "common/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/population.h"
#include "tests/unit/refreshed.h"

#define NS_PER_S UINT64_C(1000000000)
#define MANY 8

static bool is_overtaken; /* see mkdir() */

static void
test_refresh_runs_one_sync_and_is_satisfied(void)
{
	uint64_t since = oat_refresh_now_ns();
	bool satisfied = false;

	refreshed_begin(REFRESHED_SUCCEED);
	CU_ASSERT_EQUAL(refreshed_wait(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
	CU_ASSERT(refreshed_times().attempt_ns >= since);
	CU_ASSERT(refreshed_times().success_ns >= refreshed_times().attempt_ns);
	CU_ASSERT_EQUAL(refreshed_times().failure_ns, 0);
}

static void
test_refresh_runs_no_more_than_one_sync_a_period(void)
{
	uint64_t first;
	bool satisfied = false;

	refreshed_begin(REFRESHED_SUCCEED);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	first = refreshed_times().success_ns;
	CU_ASSERT_EQUAL(refreshed_wait(300, oat_refresh_now_ns(), &satisfied),
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_EQUAL(refreshed_runs(), 2);
	CU_ASSERT(refreshed_times().attempt_ns >= first + NS_PER_S);
}

static void
test_refresh_after_a_failure_waits_for_nothing(void)
{
	bool satisfied = false;

	refreshed_begin(REFRESHED_FAIL);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT(refreshed_times().failure_ns != 0);
	CU_ASSERT_EQUAL(refreshed_wait(2000, oat_refresh_now_ns(), &satisfied),
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
}

static void
test_refresh_after_a_success_forgets_the_failure(void)
{
	bool satisfied = false;

	refreshed_begin(REFRESHED_SUCCEED);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, 1, false), OAT_OK);
	CU_ASSERT_EQUAL(refreshed_wait(2000, oat_refresh_now_ns(), &satisfied),
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, oat_refresh_now_ns(), true),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
}

static void
test_refresh_never_waits_past_the_deadline(void)
{
	struct oat_deadline late;
	bool satisfied = false;

	refreshed_begin(REFRESHED_HANG);
	late = oat_deadline_in_ms(300 + 500);
	CU_ASSERT_EQUAL(
	    refreshed_wait(300, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_FALSE(oat_deadline_passed(late));
	CU_ASSERT(refreshed_times().failure_ns != 0);
}

static void
test_refresh_is_satisfied_by_the_timers_sync(void)
{
	uint64_t since = oat_refresh_now_ns();
	bool satisfied = false;

	refreshed_begin(REFRESHED_FAIL);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, oat_refresh_now_ns(), true),
	    OAT_OK);
	CU_ASSERT_EQUAL(refreshed_wait(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(refreshed_runs(), 0);
}

/* While it waits for the end of the period. */
static void
test_refresh_is_satisfied_by_a_sync_of_others_meanwhile(void)
{
	bool satisfied = false;
	uint64_t since;
	pid_t pid;

	refreshed_begin(REFRESHED_FAIL);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, oat_refresh_now_ns(), true),
	    OAT_OK);
	since = oat_refresh_now_ns();
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		_exit(oat_refresh_record(oat_population_run,
			  oat_refresh_now_ns(), true) != OAT_OK);
	}
	CU_ASSERT_EQUAL(refreshed_wait(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	/* Before it could have asked itself. */
	CU_ASSERT(oat_refresh_now_ns() < since + NS_PER_S);
	CU_ASSERT_EQUAL(refreshed_runs(), 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void
test_refresh_of_many_runs_one_sync(void)
{
	uint64_t since = oat_refresh_now_ns();
	bool satisfied = false;
	pid_t pids[MANY];
	int i, status;

	refreshed_begin(REFRESHED_SUCCEED);
	for (i = 0; i < MANY; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(refreshed_wait(10000, since, &satisfied) !=
				  OAT_OK ||
			      !satisfied);
	}
	for (i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(waitpid(pids[i], &status, 0), pids[i]);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
}

/* In the place of libc's: another process makes the same folder just before. */
int
mkdir(const char *path, mode_t mode)
{
	if (is_overtaken)
		CU_ASSERT_EQUAL(mkdirat(AT_FDCWD, path, mode), 0);
	return mkdirat(AT_FDCWD, path, mode);
}

static void
test_refresh_finds_the_folder_that_another_made_meanwhile(void)
{
	uint64_t since = oat_refresh_now_ns();
	bool satisfied = false;

	refreshed_begin(REFRESHED_SUCCEED);
	is_overtaken = true;
	CU_ASSERT_EQUAL(refreshed_wait(2000, since, &satisfied), OAT_OK);
	is_overtaken = false;
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
}

static void
test_refresh_that_began_before_the_question_does_not_answer_it(void)
{
	bool satisfied = true;
	uint64_t since;
	int status;
	pid_t pid;

	refreshed_begin("duration=0.3; " REFRESHED_SUCCEED);
	pid = fork();
	if (pid == 0)
		_exit(refreshed_wait(2000, oat_refresh_now_ns(), &satisfied) !=
		      OAT_OK);
	refreshed_await_run();
	usleep(100000); /* now it has begun for certain */
	since = oat_refresh_now_ns();
	CU_ASSERT_EQUAL(refreshed_wait(2000, since, &satisfied), OAT_OK);
	CU_ASSERT_FALSE(satisfied);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
	CU_ASSERT_EQUAL(refreshed_wait(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(refreshed_runs(), 2);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

static void
test_refresh_time_of_the_future_is_none(void)
{
	bool satisfied = false;

	refreshed_begin(REFRESHED_SUCCEED);
	CU_ASSERT_EQUAL(oat_refresh_record(oat_population_run,
			    oat_refresh_now_ns() + 1000 * NS_PER_S, true),
	    OAT_OK);
	CU_ASSERT_EQUAL(refreshed_times().success_ns, 0);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
}

static void
test_refresh_times_without_a_folder_are_never(void)
{
	refreshed_begin(REFRESHED_FAIL);
	CU_ASSERT_EQUAL(refreshed_times().attempt_ns, 0);
	CU_ASSERT_EQUAL(refreshed_times().success_ns, 0);
	CU_ASSERT_EQUAL(refreshed_times().failure_ns, 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_refresh_runs_one_sync_and_is_satisfied),
	OAT_TEST(test_refresh_runs_no_more_than_one_sync_a_period),
	OAT_TEST(test_refresh_after_a_failure_waits_for_nothing),
	OAT_TEST(test_refresh_after_a_success_forgets_the_failure),
	OAT_TEST(test_refresh_never_waits_past_the_deadline),
	OAT_TEST(test_refresh_is_satisfied_by_the_timers_sync),
	OAT_TEST(test_refresh_is_satisfied_by_a_sync_of_others_meanwhile),
	OAT_TEST(test_refresh_of_many_runs_one_sync),
	OAT_TEST(test_refresh_finds_the_folder_that_another_made_meanwhile),
	OAT_TEST(
	    test_refresh_that_began_before_the_question_does_not_answer_it),
	OAT_TEST(test_refresh_time_of_the_future_is_none),
	OAT_TEST(test_refresh_times_without_a_folder_are_never),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "refresh",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
