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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/population.h"

#define NS_PER_S UINT64_C(1000000000)
#define MANY 8

/*
 * /proc/uptime is the clock of refresh.h, in hundredths, the rest cut off:
 * hence the sleep. A success is stamped with the time at which it began.
 */
#define SUCCEED                                                              \
	"sleep 0.05; began=$(cut -d' ' -f1 /proc/uptime); sleep $duration; " \
	"touch -d @$began $folder/run/sync-succeeded"
#define FAIL "exit 1"
#define HANG "exec sleep 30"

static bool is_overtaken; /* see mkdir() */

static void
set_program(const char *body)
{
	FILE *file;

	(void)unlink(oat_population_program);
	file = fopen(oat_population_program, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fprintf(file,
	    "#!/bin/sh\nPATH=/usr/bin:/bin\nfolder=%s\n"
	    "duration=${duration:-0.01}\n"
	    "echo \"$@\" >>$folder/log\n%s\n",
	    oat_population_folder, body);
	CU_ASSERT_EQUAL(fchmod(fileno(file), 0755), 0);
	(void)fclose(file);
}

static void
path_in_folder(const char *name, char ret_path[128])
{
	snprintf(ret_path, 128, "%s/%s", oat_population_folder, name);
}

/* A host on which nothing has happened yet. */
static void
start_afresh(const char *body)
{
	static const char *const names[] = { "run/sync-attempted",
		"run/sync-succeeded", "run/sync-failed", "log" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_in_folder(names[i], path);
		(void)unlink(path);
	}
	(void)rmdir(oat_population_run);
	set_program(body);
}

/* How often did the program run, and were its arguments right? */
static int
runs(void)
{
	char path[128], line[64];
	FILE *file;
	int count = 0;

	path_in_folder("log", path);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		CU_ASSERT_STRING_EQUAL(line, "sync --max-age 1\n");
		count++;
	}
	(void)fclose(file);
	return count;
}

static enum oat_status
wait_ms(uint32_t ms, uint64_t since_ns, bool *ret_satisfied)
{
	return oat_refresh_wait(oat_population_run, oat_population_program,
	    since_ns, oat_deadline_in_ms(ms), ret_satisfied);
}

static struct oat_refresh_times
times_now(void)
{
	struct oat_refresh_times times = { 0, 0, 0 };

	CU_ASSERT_EQUAL(oat_refresh_times(oat_population_run, &times), OAT_OK);
	return times;
}

static void
test_refresh_runs_one_sync_and_is_satisfied(void)
{
	uint64_t since = oat_refresh_now_ns();
	bool satisfied = false;

	start_afresh(SUCCEED);
	CU_ASSERT_EQUAL(wait_ms(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(runs(), 1);
	CU_ASSERT(times_now().attempt_ns >= since);
	CU_ASSERT(times_now().success_ns >= times_now().attempt_ns);
	CU_ASSERT_EQUAL(times_now().failure_ns, 0);
}

static void
test_refresh_runs_no_more_than_one_sync_a_period(void)
{
	uint64_t first;
	bool satisfied = false;

	start_afresh(SUCCEED);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	first = times_now().success_ns;
	CU_ASSERT_EQUAL(
	    wait_ms(300, oat_refresh_now_ns(), &satisfied), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(runs(), 1);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_EQUAL(runs(), 2);
	CU_ASSERT(times_now().attempt_ns >= first + NS_PER_S);
}

static void
test_refresh_after_a_failure_waits_for_nothing(void)
{
	bool satisfied = false;

	start_afresh(FAIL);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT(times_now().failure_ns != 0);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(runs(), 1);
}

static void
test_refresh_after_a_success_forgets_the_failure(void)
{
	bool satisfied = false;

	start_afresh(SUCCEED);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, 1, false), OAT_OK);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, oat_refresh_now_ns(), true),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_EQUAL(runs(), 1);
}

static void
test_refresh_never_waits_past_the_deadline(void)
{
	struct oat_deadline late;
	bool satisfied = false;

	start_afresh(HANG);
	late = oat_deadline_in_ms(300 + 500);
	CU_ASSERT_EQUAL(wait_ms(300, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_FALSE(oat_deadline_passed(late));
	CU_ASSERT(times_now().failure_ns != 0);
}

static void
test_refresh_is_satisfied_by_the_timers_sync(void)
{
	uint64_t since = oat_refresh_now_ns();
	bool satisfied = false;

	start_afresh(FAIL);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, oat_refresh_now_ns(), true),
	    OAT_OK);
	CU_ASSERT_EQUAL(wait_ms(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(runs(), 0);
}

/* While it waits for the end of the period. */
static void
test_refresh_is_satisfied_by_a_sync_of_others_meanwhile(void)
{
	bool satisfied = false;
	uint64_t since;
	pid_t pid;

	start_afresh(FAIL);
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
	CU_ASSERT_EQUAL(wait_ms(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	/* Before it could have asked itself. */
	CU_ASSERT(oat_refresh_now_ns() < since + NS_PER_S);
	CU_ASSERT_EQUAL(runs(), 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void
test_refresh_of_many_runs_one_sync(void)
{
	uint64_t since = oat_refresh_now_ns();
	bool satisfied = false;
	pid_t pids[MANY];
	int i, status;

	start_afresh(SUCCEED);
	for (i = 0; i < MANY; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(wait_ms(10000, since, &satisfied) != OAT_OK ||
			      !satisfied);
	}
	for (i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(waitpid(pids[i], &status, 0), pids[i]);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_EQUAL(runs(), 1);
}

/* Until the program of another process has begun. */
static void
await_run(void)
{
	struct oat_deadline late = oat_deadline_in_ms(2000);

	while (runs() == 0 && !oat_deadline_passed(late))
		usleep(2000);
	CU_ASSERT_EQUAL(runs(), 1);
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

	start_afresh(SUCCEED);
	is_overtaken = true;
	CU_ASSERT_EQUAL(wait_ms(2000, since, &satisfied), OAT_OK);
	is_overtaken = false;
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(runs(), 1);
}

static void
test_refresh_that_began_before_the_question_does_not_answer_it(void)
{
	bool satisfied = true;
	uint64_t since;
	int status;
	pid_t pid;

	start_afresh("duration=0.3; " SUCCEED);
	pid = fork();
	if (pid == 0)
		_exit(
		    wait_ms(2000, oat_refresh_now_ns(), &satisfied) != OAT_OK);
	await_run();
	usleep(100000); /* now it has begun for certain */
	since = oat_refresh_now_ns();
	CU_ASSERT_EQUAL(wait_ms(2000, since, &satisfied), OAT_OK);
	CU_ASSERT_FALSE(satisfied);
	CU_ASSERT_EQUAL(runs(), 1);
	CU_ASSERT_EQUAL(wait_ms(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(runs(), 2);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

static void
test_refresh_of_a_host_that_died_is_taken_up_by_another(void)
{
	bool satisfied = false;
	uint64_t since = oat_refresh_now_ns();
	int status;
	pid_t pid;

	start_afresh(HANG);
	pid = fork();
	if (pid == 0)
		_exit(wait_ms(20000, since, &satisfied) != OAT_OK);
	await_run();
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	set_program(SUCCEED);
	CU_ASSERT_EQUAL(wait_ms(2000, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT_EQUAL(runs(), 2);
}

/* As a user may do it to a su that he runs, for as long as he likes. */
static void
test_refresh_of_a_host_that_was_stopped_stops_nobody_else(void)
{
	bool satisfied = false;
	uint64_t since;
	int status;
	pid_t pid;

	start_afresh("duration=0.3; " SUCCEED);
	since = oat_refresh_now_ns();
	pid = fork();
	if (pid == 0)
		_exit(wait_ms(20000, since, &satisfied) != OAT_OK);
	await_run();
	CU_ASSERT_EQUAL(kill(pid, SIGSTOP), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	/* One look-up may wait in vain; the next ones are served. */
	since = oat_refresh_now_ns();
	(void)wait_ms(OAT_REFRESH_BOUND_MS, since, &satisfied);
	since = oat_refresh_now_ns();
	satisfied = false;
	CU_ASSERT_EQUAL(
	    wait_ms(OAT_REFRESH_BOUND_MS, since, &satisfied), OAT_OK);
	CU_ASSERT(satisfied);
	CU_ASSERT(runs() >= 2);
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
	       wait_ms(2000, 1, &satisfied) != OAT_OK;
}

static void
test_refresh_is_not_written_to_where_stderr_was_closed(void)
{
	struct stat st;
	char path[128];
	int status;
	pid_t pid;

	start_afresh("duration=0.3; " SUCCEED);
	pid = fork();
	if (pid == 0)
		_exit(refresh_with_stderr_closed());
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	path_in_folder("run/sync-attempted", path);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 0);
}

static void
test_refresh_without_the_program_touches_nothing(void)
{
	bool satisfied = false;

	start_afresh(FAIL);
	CU_ASSERT_EQUAL(unlink(oat_population_program), 0);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_SYSTEM);
	CU_ASSERT_EQUAL(access(oat_population_run, F_OK), -1);
}

static void
test_refresh_folder_is_made_for_all_to_see_and_root_to_write(void)
{
	mode_t before = umask(0777);
	struct stat st;

	start_afresh(FAIL);
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

	start_afresh(SUCCEED);
	CU_ASSERT_EQUAL(mkdir(oat_population_run, 0755), 0);
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0777), 0);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_SYSTEM);
	CU_ASSERT_EQUAL(
	    oat_refresh_record(oat_population_run, 1, true), OAT_SYSTEM);
	CU_ASSERT_EQUAL(runs(), 0);
	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0755), 0);
	CU_ASSERT_EQUAL(chown(oat_population_run, 1, 0), 0);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_SYSTEM);
	CU_ASSERT_EQUAL(runs(), 0);
}

/* With SIGXFSZ at its default: one written byte would be the end. */
static void
test_refresh_at_rlimit_fsize_0_does_not_kill_its_host(void)
{
	const struct rlimit nothing = { 0, 0 };
	bool satisfied = false;
	int status;
	pid_t pid;

	start_afresh(FAIL);
	pid = fork();
	if (pid == 0)
		_exit(setrlimit(RLIMIT_FSIZE, &nothing) != 0 ||
		      wait_ms(2000, 1, &satisfied) != OAT_OK);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(status == 0, "status %x", status);
	CU_ASSERT(times_now().attempt_ns != 0);
}

static void
test_refresh_time_of_the_future_is_none(void)
{
	bool satisfied = false;

	start_afresh(SUCCEED);
	CU_ASSERT_EQUAL(oat_refresh_record(oat_population_run,
			    oat_refresh_now_ns() + 1000 * NS_PER_S, true),
	    OAT_OK);
	CU_ASSERT_EQUAL(times_now().success_ns, 0);
	CU_ASSERT_EQUAL(
	    wait_ms(2000, oat_refresh_now_ns(), &satisfied), OAT_OK);
	CU_ASSERT_EQUAL(runs(), 1);
}

static void
test_refresh_times_without_a_folder_are_never(void)
{
	start_afresh(FAIL);
	CU_ASSERT_EQUAL(times_now().attempt_ns, 0);
	CU_ASSERT_EQUAL(times_now().success_ns, 0);
	CU_ASSERT_EQUAL(times_now().failure_ns, 0);
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
	OAT_TEST(test_refresh_of_a_host_that_died_is_taken_up_by_another),
	OAT_TEST(test_refresh_of_a_host_that_was_stopped_stops_nobody_else),
	OAT_TEST(test_refresh_is_not_written_to_where_stderr_was_closed),
	OAT_TEST(test_refresh_without_the_program_touches_nothing),
	OAT_TEST(test_refresh_folder_is_made_for_all_to_see_and_root_to_write),
	OAT_TEST(test_refresh_folder_that_others_may_write_is_refused),
	OAT_TEST(test_refresh_at_rlimit_fsize_0_does_not_kill_its_host),
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
