/* SPDX-License-Identifier: MIT */
#include "common/process.h"

#include "tests/process.h"
#include "tests/runner.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY 60123 /* a uid that nobody has */

/* A child that does this and then sleeps; it is ready when this returns. */
static pid_t
start(void (*body)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	(void)close(ready[1]);
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static void
stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* The process as the list has it, looked at more closely; or pid 0. */
static struct oat_process
find(pid_t pid)
{
	struct oat_process *list = NULL, *found, process = { .pid = 0 };
	size_t count = 0;

	CU_ASSERT_EQUAL_FATAL(oat_process_list(&list, &count), OAT_OK);
	found = oat_process_find(list, count, pid);
	if (found != NULL && oat_process_look_closer(found) == OAT_OK)
		process = *found;
	free(list);
	return process;
}

static void
do_nothing(void)
{
}

static void
become_somebody(void)
{
	if (setresgid(SOMEBODY, SOMEBODY, SOMEBODY) != 0 ||
	    setresuid(SOMEBODY, SOMEBODY, SOMEBODY) != 0)
		_exit(1);
}

static void
act_as_somebody(void)
{
	if (setresuid(0, SOMEBODY, 0) != 0)
		_exit(1);
}

static void
keep_somebody(void)
{
	if (setresuid(0, 0, SOMEBODY) != 0)
		_exit(1);
}

static bool
is_root(void)
{
	if (geteuid() == 0)
		return true;
	oat_skip("not root");
	return false;
}

static void
test_process_list_is_complete_and_sorted(void)
{
	struct oat_process *list = NULL;
	size_t count = 0, i;
	pid_t child = start(do_nothing);

	CU_ASSERT_EQUAL_FATAL(oat_process_list(&list, &count), OAT_OK);
	for (i = 1; i < count; i++)
		CU_ASSERT_TRUE(list[i - 1].pid < list[i].pid);
	CU_ASSERT_PTR_NOT_NULL(oat_process_find(list, count, getpid()));
	CU_ASSERT_PTR_NOT_NULL(oat_process_find(list, count, child));
	CU_ASSERT_PTR_NULL(oat_process_find(list, count, 0));
	CU_ASSERT_PTR_NULL(oat_process_find(list, 0, child));
	free(list);
	stop(child);
}

static void
test_process_is_shown_as_it_is(void)
{
	uint64_t before = oat_process_now(), ticks = oat_process_ticks();
	struct oat_process process;
	pid_t child;

	if (!is_root())
		return;
	child = start(become_somebody);
	process = find(child);
	CU_ASSERT_EQUAL(process.pid, child);
	CU_ASSERT_EQUAL(process.parent, getpid());
	CU_ASSERT_EQUAL(process.real, SOMEBODY);
	CU_ASSERT_EQUAL(process.effective, SOMEBODY);
	CU_ASSERT_EQUAL(process.saved, SOMEBODY);
	CU_ASSERT_EQUAL(process.fs, SOMEBODY);
	CU_ASSERT_EQUAL(process.session, getsid(0));
	CU_ASSERT_FALSE(process.zombie);
	CU_ASSERT_TRUE(process.started + 1 >= before);
	CU_ASSERT_TRUE(process.started <= oat_process_now());
	CU_ASSERT_TRUE(oat_process_now() - before < 60 * ticks);
	stop(child);
	CU_ASSERT_EQUAL(find(child).pid, 0);
}

static void
test_process_is_of_those_who_may_signal_it(void)
{
	struct oat_process process;
	pid_t child;

	if (!is_root())
		return;
	child = start(become_somebody);
	process = find(child);
	CU_ASSERT_TRUE(oat_process_is_of(&process, SOMEBODY));
	CU_ASSERT_FALSE(oat_process_is_of(&process, 0));
	CU_ASSERT_FALSE(oat_process_is_root(&process));
	stop(child);
	/* A file server of root that works for somebody is root's. */
	child = start(act_as_somebody);
	process = find(child);
	CU_ASSERT_FALSE(oat_process_is_of(&process, SOMEBODY));
	CU_ASSERT_FALSE(oat_process_is_root(&process));
	stop(child);
	child = start(keep_somebody);
	process = find(child);
	CU_ASSERT_TRUE(oat_process_is_of(&process, SOMEBODY));
	CU_ASSERT_FALSE(oat_process_is_root(&process));
	stop(child);
	child = start(do_nothing);
	process = find(child);
	CU_ASSERT_TRUE(oat_process_is_root(&process));
	stop(child);
}

/* What a process calls itself is never taken for what the kernel says. */
static void
call_itself_root(void)
{
	become_somebody();
	(void)prctl(PR_SET_NAME, "x) R 1 1 1 0 -1");
	(void)prctl(PR_SET_DUMPABLE, 1);
}

static void
call_itself_uid(void)
{
	become_somebody();
	(void)prctl(PR_SET_NAME, "a\nUid:\t0\t0\t0\t0");
}

static void
test_process_name_is_never_taken_for_a_fact(void)
{
	void (*const names[])(void) = { call_itself_root, call_itself_uid };
	struct oat_process process;
	pid_t child;
	size_t i;

	if (!is_root())
		return;
	for (i = 0; i < 2; i++) {
		child = start(names[i]);
		process = find(child);
		CU_ASSERT_EQUAL(process.real, SOMEBODY);
		CU_ASSERT_EQUAL(process.fs, SOMEBODY);
		CU_ASSERT_EQUAL(process.parent, getpid());
		CU_ASSERT_EQUAL(process.session, getsid(0));
		CU_ASSERT_TRUE(process.started > 0);
		stop(child);
	}
}

static void
test_process_that_has_ended_is_a_zombie(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	CU_ASSERT_TRUE(oat_process_ends(child));
	CU_ASSERT_TRUE(find(child).zombie);
	(void)waitpid(child, NULL, 0);
}

static void *
run_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void
leave_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_on, NULL) != 0)
		_exit(1);
}

/* The state of a process is that of its first thread. */
static void
test_process_whose_first_thread_has_ended_is_alive(void)
{
	char path[64], text[512];
	ssize_t n = 0;
	pid_t child = fork();
	int i, fd;

	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		leave_a_thread();
		pthread_exit(NULL);
	}
	snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
	for (i = 0; i < OAT_LONG_MS / 10; i++) {
		fd = open(path, O_RDONLY);
		n = read(fd, text, sizeof(text) - 1);
		(void)close(fd);
		text[n < 0 ? 0 : n] = '\0';
		if (strstr(text, "State:\tZ") != NULL)
			break;
		usleep(10000);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "State:\tZ"));
	CU_ASSERT_EQUAL(find(child).pid, child);
	CU_ASSERT_FALSE(find(child).zombie);
	stop(child);
}

static void
log_in(void)
{
	int fd = open("/proc/self/loginuid", O_WRONLY);
	char text[16];
	int n;

	n = snprintf(text, sizeof(text), "%d", SOMEBODY);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		_exit(1);
}

static bool
can_log_in(void)
{
	log_in();
	return true;
}

static void
test_process_shows_the_login_it_descends_from(void)
{
	struct oat_process process;
	pid_t child;

	if (!is_root())
		return;
	if (!oat_in_copy(can_log_in)) {
		oat_skip("this kernel keeps no login uid, or does not let us");
		return;
	}
	child = start(log_in);
	process = find(child);
	CU_ASSERT_EQUAL(process.login, SOMEBODY);
	CU_ASSERT_NOT_EQUAL(process.audit, OAT_PROCESS_NO_LOGIN);
	CU_ASSERT_EQUAL(process.real, 0);
	stop(child);
}

/* --- signals ------------------------------------------------------------- */

static void
test_process_signal_reaches_it(void)
{
	pid_t child = start(do_nothing);
	struct oat_process process = find(child);

	CU_ASSERT_EQUAL(oat_process_signal(&process, 0), OAT_OK);
	CU_ASSERT_EQUAL(oat_process_signal(&process, SIGTERM), OAT_OK);
	CU_ASSERT_TRUE(oat_process_ends(child));
	stop(child);
	CU_ASSERT_EQUAL(oat_process_signal(&process, SIGTERM), OAT_NOTFOUND);
}

/* The number is somebody else's by now, or the process another's. */
static void
test_process_signal_never_reaches_another(void)
{
	pid_t child = start(do_nothing);
	struct oat_process process = find(child), other;

	other = process;
	other.started--;
	CU_ASSERT_EQUAL(oat_process_signal(&other, SIGKILL), OAT_NOTFOUND);
	other = process;
	other.real = SOMEBODY;
	CU_ASSERT_EQUAL(oat_process_signal(&other, SIGKILL), OAT_NOTFOUND);
	other = process;
	other.saved = SOMEBODY;
	CU_ASSERT_EQUAL(oat_process_signal(&other, SIGKILL), OAT_NOTFOUND);
	other = process;
	other.login = process.login - 1;
	CU_ASSERT_EQUAL(oat_process_signal(&other, SIGKILL), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(kill(child, 0), 0);
	CU_ASSERT_EQUAL(find(child).zombie, false);
	CU_ASSERT_EQUAL(oat_process_signal(&process, 0), OAT_OK);
	stop(child);
}

static void
log_in_and_leave(void)
{
	log_in();
	oat_process_leave_login();
}

static void
test_process_can_leave_its_login(void)
{
	struct oat_process process;
	pid_t child;

	if (!is_root())
		return;
	if (!oat_in_copy(can_log_in)) {
		oat_skip("this kernel keeps no login uid, or does not let us");
		return;
	}
	child = start(log_in_and_leave);
	process = find(child);
	CU_ASSERT_EQUAL(process.login, OAT_PROCESS_NO_LOGIN);
	stop(child);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_process_list_is_complete_and_sorted),
	OAT_TEST(test_process_is_shown_as_it_is),
	OAT_TEST(test_process_is_of_those_who_may_signal_it),
	OAT_TEST(test_process_name_is_never_taken_for_a_fact),
	OAT_TEST(test_process_that_has_ended_is_a_zombie),
	OAT_TEST(test_process_whose_first_thread_has_ended_is_alive),
	OAT_TEST(test_process_shows_the_login_it_descends_from),
	OAT_TEST(test_process_signal_reaches_it),
	OAT_TEST(test_process_signal_never_reaches_another),
	OAT_TEST(test_process_can_leave_its_login),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "process", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
