/* SPDX-License-Identifier: MIT */
#include "common/spawn.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/script.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the dialogue ------------------------------------------------------- */

static void
test_spawn_program_reads_and_answers(void)
{
	struct oat_spawn spawn;
	char output[OAT_SCRIPT_OUTPUT_MAX];

	CU_ASSERT_FATAL(
	    oat_script_start("read x; echo got $x", &spawn) == OAT_OK);
	CU_ASSERT(fcntl(spawn.fd, F_GETFD) == FD_CLOEXEC);
	CU_ASSERT(write(spawn.fd, "this\n", 5) == 5);
	CU_ASSERT_PTR_NOT_NULL_FATAL(oat_script_read_all(spawn.fd, output));
	CU_ASSERT_STRING_EQUAL(output, "got this\n");
	oat_spawn_end(&spawn);
	CU_ASSERT(spawn.fd == -1 && spawn.pid == 0);
	CU_ASSERT(oat_is_childless());
}

static void
test_spawn_missing_program_is_end_of_file(void)
{
	const char *const argv[] = { "oat", NULL };
	const char *const paths[] = { "/nonexistent/oat", "/etc/passwd", "/",
		"" };
	struct oat_spawn spawn;
	char output[OAT_SCRIPT_OUTPUT_MAX];
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CU_ASSERT_FATAL(
		    oat_spawn_start(paths[i], argv, &spawn) == OAT_OK);
		OAT_ASSERT_THAT(oat_script_read_all(spawn.fd, output) != NULL &&
				    output[0] == '\0',
		    "%s", paths[i]);
		oat_spawn_end(&spawn);
	}
	CU_ASSERT(oat_is_childless());
}

static void
test_spawn_end_keeps_errno_and_accepts_none(void)
{
	struct oat_spawn none = { .fd = -1, .pid = 0 }, spawn;

	CU_ASSERT_FATAL(oat_script_start("exit 3", &spawn) == OAT_OK);
	/* Collected by somebody else, so that something in it fails. */
	CU_ASSERT(waitpid(-1, NULL, (int)__WALL) == spawn.pid);
	errno = 1234;
	oat_spawn_end(&spawn);
	oat_spawn_end(&spawn);
	oat_spawn_end(&none);
	CU_ASSERT(errno == 1234);
}

/* --- what the program starts with --------------------------------------- */

static void
test_spawn_case_7_environment_is_empty(void)
{
	setenv("PGHOSTADDR", "192.0.2.1", 1);
	setenv("LD_PRELOAD", "", 1);
	oat_script_assert_says("wc -c </proc/$$/environ", "0\n");
	unsetenv("PGHOSTADDR");
	unsetenv("LD_PRELOAD");
}

static void
test_spawn_three_descriptors_alone(void)
{
	int fd = open("/etc/passwd", O_RDONLY); /* would be inherited */
	int high = fcntl(fd, F_DUPFD, 200);

	/* The shell's own listing opens one more; it lists names below 10. */
	oat_script_assert_says(
	    "for f in 0 1 2 3 4 5 6 7 8 9 200; do"
	    " test -e /proc/$$/fd/$f && echo $f; done;"
	    " readlink /proc/$$/fd/2; readlink /proc/$$/fd/0 | cut -c1-7",
	    "0\n1\n2\n/dev/null\nsocket:\n");
	close(fd);
	close(high);
}

static void
test_spawn_directory_umask_session(void)
{
	mode_t before = umask(0);

	oat_script_assert_says("cd . && pwd && umask", "/\n0022\n");
	/* Field 6 of stat is the session: the program leads its own. */
	oat_script_assert_says("read p n s pp g sid rest </proc/$$/stat;"
			       " test $sid = $$ && test $g = $$ && echo own",
	    "own\n");
	umask(before);
}

/* --- how it ends --------------------------------------------------------- */

static void
assert_ended_in_time(const char *script)
{
	struct oat_spawn spawn;
	uint64_t began;
	pid_t program;

	CU_ASSERT_FATAL(oat_script_start(script, &spawn) == OAT_OK);
	program = oat_script_read_pid(spawn.fd);
	began = oat_now_ms();
	oat_spawn_end(&spawn);
	/* Two graces are promised; one more is for a busy machine. */
	OAT_ASSERT_THAT(
	    oat_now_ms() - began <= 3 * OAT_SPAWN_GRACE_MS, "%s", script);
	OAT_ASSERT_THAT(program > 1 && oat_process_ends(program), "%s", script);
	CU_ASSERT(oat_is_childless());
}

static void
test_spawn_ending_is_bounded_however_the_program_behaves(void)
{
	assert_ended_in_time("echo $$; trap '' TERM HUP INT; sleep 1000");
	assert_ended_in_time("echo $$; while :; do :; done");
	assert_ended_in_time("echo $$; kill -STOP $$");
	assert_ended_in_time("echo $$; yes");
	assert_ended_in_time("echo $$; exec 0<&- 1>&-; sleep 1000");
	assert_ended_in_time("echo $$; kill -STOP $PPID; exec sleep 1000");
}

static void
test_spawn_ending_kills_the_programs_children(void)
{
	struct oat_spawn spawn;
	pid_t child;

	CU_ASSERT_FATAL(
	    oat_script_start("sleep 1000 & echo $!; wait", &spawn) == OAT_OK);
	child = oat_script_read_pid(spawn.fd);
	oat_spawn_end(&spawn);
	CU_ASSERT(child > 1 && oat_process_ends(child));
}

static void
test_spawn_program_sees_end_of_file_and_may_finish(void)
{
	char path[] = "/tmp/oat-spawn-XXXXXX", script[128];
	struct oat_spawn spawn;
	int fd = mkstemp(path);

	snprintf(script, sizeof(script), "echo; read x; echo done >%s", path);
	CU_ASSERT_FATAL(oat_script_start(script, &spawn) == OAT_OK);
	(void)oat_script_read_pid(spawn.fd);
	oat_spawn_end(&spawn);
	CU_ASSERT(lseek(fd, 0, SEEK_END) == 5);
	close(fd);
	unlink(path);
}

static void
test_spawn_group_wide_sigterm_spares_the_program(void)
{
	struct oat_spawn spawn;
	char output[OAT_SCRIPT_OUTPUT_MAX];

	CU_ASSERT_FATAL(
	    oat_script_start("echo; read x; echo alive", &spawn) == OAT_OK);
	(void)oat_script_read_pid(spawn.fd);
	if (fork() == 0) {
		kill(spawn.pid, SIGTERM);
		_exit(0);
	}
	CU_ASSERT(wait(NULL) > 0);
	CU_ASSERT(write(spawn.fd, "\n", 1) == 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(oat_script_read_all(spawn.fd, output));
	CU_ASSERT_STRING_EQUAL(output, "alive\n");
	oat_spawn_end(&spawn);
}

static void
test_spawn_program_dies_with_its_host(void)
{
	struct oat_spawn spawn;
	int ends[2];
	pid_t host, program = 0;

	CU_ASSERT_FATAL(pipe(ends) == 0);
	host = fork();
	if (host == 0) {
		if (oat_script_start("echo $$; exec sleep 1000", &spawn) !=
		    OAT_OK)
			_exit(1);
		program = oat_script_read_pid(spawn.fd);
		if (write(ends[1], &program, sizeof(program)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	CU_ASSERT(read(ends[0], &program, sizeof(program)) == sizeof(program));
	kill(host, SIGKILL);
	CU_ASSERT(waitpid(host, NULL, 0) == host);
	CU_ASSERT(program > 1 && oat_process_ends(program));
	close(ends[0]);
	close(ends[1]);
}

/* --- threads ------------------------------------------------------------- */

static void *
spawn_many(void *context)
{
	int *failures = context;
	int i;

	for (i = 0; i < 10; i++) {
		free(malloc(4096)); /* keep the allocator's lock busy */
		if (!oat_script_says("echo $((6 * 7))", "42\n"))
			(*failures)++;
	}
	return NULL;
}

static void
test_spawn_case_11_threads_spawn_at_once(void)
{
	pthread_t threads[8];
	int failures[8] = { 0 };
	size_t i;

	for (i = 0; i < 8; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, spawn_many,
				    &failures[i]) == 0);
	for (i = 0; i < 8; i++) {
		CU_ASSERT(pthread_join(threads[i], NULL) == 0);
		CU_ASSERT(failures[i] == 0);
	}
	CU_ASSERT(oat_is_childless());
}

/* --- detached ------------------------------------------------------------ */

static void
test_spawn_detached_lives_for_itself(void)
{
	char path[] = "/tmp/oat-spawn-XXXXXX", script[512], line[128] = "";
	const char *const argv[] = { "sh", "-c", script, NULL };
	uint64_t until = oat_now_ms() + OAT_LONG_MS;
	int fd = mkstemp(path);
	int pid = 0, parent = 0, group = 0, session = 0;

	/* It waits until it is an orphan, then says what its stat says. */
	snprintf(script, sizeof(script),
	    "while read p n s pp g sid r </proc/$$/stat && test $pp = %d;"
	    " do sleep 0.01; done; readlink /proc/$$/fd/1 /proc/$$/fd/0"
	    " /proc/$$/fd/2 | uniq >%s.2; wc -c </proc/$$/environ >>%s.2;"
	    " echo $p $pp $g $sid >%s",
	    (int)getpid(), path, path, path);
	CU_ASSERT(oat_spawn_detached("/bin/sh", argv) == OAT_OK);
	CU_ASSERT(oat_is_childless());
	while (
	    oat_now_ms() < until && pread(fd, line, sizeof(line) - 1, 0) <= 0)
		usleep(2000);
	CU_ASSERT(
	    sscanf(line, "%d %d %d %d", &pid, &parent, &group, &session) == 4);
	CU_ASSERT(parent != (int)getpid());
	CU_ASSERT(session == group && session != (int)getsid(0));
	CU_ASSERT(session != pid);
	close(fd);
	unlink(path);
	snprintf(script, sizeof(script), "%s.2", path);
	fd = open(script, O_RDONLY | O_CLOEXEC);
	memset(line, 0, sizeof(line));
	CU_ASSERT(read(fd, line, sizeof(line) - 1) > 0);
	CU_ASSERT_STRING_EQUAL(line, "/dev/null\n0\n");
	close(fd);
	unlink(script);
}

static void
test_spawn_detached_survives_its_host(void)
{
	char path[] = "/tmp/oat-spawn-XXXXXX", script[128];
	const char *const argv[] = { "sh", "-c", script, NULL };
	uint64_t until = oat_now_ms() + OAT_LONG_MS;
	int fd = mkstemp(path);
	pid_t host;

	host = fork();
	if (host == 0) {
		snprintf(script, sizeof(script),
		    "while kill -0 %d; do sleep 0.01; done; echo here >%s",
		    (int)getpid(), path);
		_exit(oat_spawn_detached("/bin/sh", argv) != OAT_OK);
	}
	CU_ASSERT(waitpid(host, NULL, 0) == host);
	while (oat_now_ms() < until && lseek(fd, 0, SEEK_END) == 0)
		usleep(2000);
	CU_ASSERT(lseek(fd, 0, SEEK_END) == 5);
	close(fd);
	unlink(path);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_spawn_program_reads_and_answers),
	OAT_TEST(test_spawn_missing_program_is_end_of_file),
	OAT_TEST(test_spawn_end_keeps_errno_and_accepts_none),
	OAT_TEST(test_spawn_case_7_environment_is_empty),
	OAT_TEST(test_spawn_three_descriptors_alone),
	OAT_TEST(test_spawn_directory_umask_session),
	OAT_TEST(test_spawn_ending_is_bounded_however_the_program_behaves),
	OAT_TEST(test_spawn_ending_kills_the_programs_children),
	OAT_TEST(test_spawn_program_sees_end_of_file_and_may_finish),
	OAT_TEST(test_spawn_group_wide_sigterm_spares_the_program),
	OAT_TEST(test_spawn_program_dies_with_its_host),
	OAT_TEST(test_spawn_case_11_threads_spawn_at_once),
	OAT_TEST(test_spawn_detached_lives_for_itself),
	OAT_TEST(test_spawn_detached_survives_its_host),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "spawn", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
