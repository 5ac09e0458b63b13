/* SPDX-License-Identifier: MIT */
/* What a host that looks up may be like: dead, stopped, limited, alone. */
#include "common/refresh.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/population.h"
#include "tests/unit/refreshed.h"

static void
test_refresh_of_a_host_that_died_is_taken_up_by_another(void)
{
	bool satisfied = false;
	uint64_t since = oat_refresh_now_ns();
	int status;
	pid_t pid;

	refreshed_begin(REFRESHED_HANG);
	pid = fork();
	if (pid == 0)
		_exit(refreshed_wait(20000, since, &satisfied) != OAT_OK);
	refreshed_await_run();
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	refreshed_set_program(REFRESHED_SUCCEED);
	CU_ASSERT_EQUAL(refreshed_wait(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(refreshed_runs(), 2);
}

/* As a user may do it to a su that he runs, for as long as he likes. */
static void
test_refresh_of_a_host_that_was_stopped_stops_nobody_else(void)
{
	bool satisfied = false;
	uint64_t since;
	int status;
	pid_t pid;

	refreshed_begin("duration=0.3; " REFRESHED_SUCCEED);
	since = oat_refresh_now_ns();
	pid = fork();
	if (pid == 0)
		_exit(refreshed_wait(20000, since, &satisfied) != OAT_OK);
	refreshed_await_run();
	CU_ASSERT_EQUAL(kill(pid, SIGSTOP), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	/* One look-up may wait in vain; the next ones are served. */
	since = oat_refresh_now_ns();
	(void)refreshed_wait(OAT_REFRESH_BOUND_MS, since, &satisfied);
	since = oat_refresh_now_ns();
	satisfied = false;
	CU_ASSERT_EQUAL(
	    refreshed_wait(OAT_REFRESH_BOUND_MS, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT(refreshed_runs() >= 2);
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
}

/* What another part of the host says on descriptor 2 meanwhile. */
static void
log_something(int number)
{
	int saved = errno;

	(void)number;
	(void)!write(STDERR_FILENO, "x", 1);
	errno = saved;
}

static int
refresh_with_stderr_closed(void)
{
	const struct sigaction action = { .sa_handler = log_something };
	const struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
	bool satisfied = false;

	(void)close(STDIN_FILENO);
	(void)close(STDERR_FILENO);
	return sigaction(SIGALRM, &action, NULL) != 0 ||
	       setitimer(ITIMER_REAL, &often, NULL) != 0 ||
	       refreshed_wait(2000, 1, &satisfied) != OAT_OK;
}

static void
test_refresh_is_not_written_to_where_stderr_was_closed(void)
{
	struct stat st;
	char path[128];
	int status;
	pid_t pid;

	refreshed_begin("duration=0.3; " REFRESHED_SUCCEED);
	pid = fork();
	if (pid == 0)
		_exit(refresh_with_stderr_closed());
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	refreshed_path("run/sync-attempted", path);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 0);
}

static void
test_refresh_without_the_program_touches_nothing(void)
{
	bool satisfied = false;

	refreshed_begin(REFRESHED_FAIL);
	CU_ASSERT_EQUAL(unlink(oat_population_program), 0);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_SYSTEM);
	CU_ASSERT_EQUAL(access(oat_population_run, F_OK), -1);
}

static void
test_refresh_folder_is_made_for_all_to_see_and_root_to_write(void)
{
	mode_t before = umask(0777);
	struct stat st;

	refreshed_begin(REFRESHED_FAIL);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, 1, true), OAT_OK);
	(void)umask(before);
	CU_ASSERT_EQUAL_FATAL(stat(oat_population_run, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFDIR | 0755);
}

static void
test_refresh_folder_that_others_may_write_is_refused(void)
{
	bool satisfied = false;

	refreshed_begin(REFRESHED_SUCCEED);
	CU_ASSERT_EQUAL(mkdir(oat_population_run, 0755), 0);
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0777), 0);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_SYSTEM);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, 1, true), OAT_SYSTEM);
	CU_ASSERT_EQUAL(refreshed_runs(), 0);
	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0755), 0);
	CU_ASSERT_EQUAL(chown(oat_population_run, 1, 0), 0);
	CU_ASSERT_EQUAL(
	    refreshed_wait(2000, oat_refresh_now_ns(), &satisfied), OAT_SYSTEM);
	CU_ASSERT_EQUAL(refreshed_runs(), 0);
}

/* With SIGXFSZ at its default: one written byte would be the end. */
static void
test_refresh_at_rlimit_fsize_0_does_not_kill_its_host(void)
{
	const struct rlimit nothing = { 0, 0 };
	bool satisfied = false;
	int status;
	pid_t pid;

	refreshed_begin(REFRESHED_FAIL);
	pid = fork();
	if (pid == 0)
		_exit(setrlimit(RLIMIT_FSIZE, &nothing) != 0 ||
		      refreshed_wait(2000, 1, &satisfied) != OAT_OK);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(status == 0, "status %x", status);
	CU_ASSERT(refreshed_times().attempt_ns != 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_refresh_of_a_host_that_died_is_taken_up_by_another),
	OAT_TEST(test_refresh_of_a_host_that_was_stopped_stops_nobody_else),
	OAT_TEST(test_refresh_is_not_written_to_where_stderr_was_closed),
	OAT_TEST(test_refresh_without_the_program_touches_nothing),
	OAT_TEST(test_refresh_folder_is_made_for_all_to_see_and_root_to_write),
	OAT_TEST(test_refresh_folder_that_others_may_write_is_refused),
	OAT_TEST(test_refresh_at_rlimit_fsize_0_does_not_kill_its_host),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "refresh_host",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
