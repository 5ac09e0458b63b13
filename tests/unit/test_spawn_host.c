/* SPDX-License-Identifier: MIT */
/*
 * oat_spawn_start() in hosts that nobody would want to be: setuid, without
 * descriptors, at their limits, in a storm of signals.
 */
#include "common/spawn.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/script.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void catch (int number)
{
	(void)number;
	caught++;
}

static bool
signals_blocked_and_ignored(void)
{
	sigset_t all;
	int number;

	for (number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	/* No pipeline: a shell that waits for its children blocks signals. */
	return oat_script_says(
	    "while read -r key value; do case $key in SigBlk:|SigIgn:) "
	    "echo $value;; esac; done </proc/self/status",
	    "0000000000000000\n0000000000000000\n");
}

static void
test_spawn_case_10_signals_blocked_and_ignored_by_host_are_reset(void)
{
	CU_ASSERT(oat_in_copy(signals_blocked_and_ignored));
}

static bool
setuid_host(void)
{
	gid_t groups[] = { 65534, 27 };

	if (setgroups(2, groups) == -1 || setresgid(65534, 65534, 0) == -1 ||
	    setresuid(65534, 0, 0) == -1)
		return false;
	return oat_script_says(
	    "grep -E '^(Uid|Gid|Groups)' /proc/$$/status | tr -s '\t '",
	    "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \n");
}

static void
test_spawn_program_is_root_alone_whoever_ran_the_setuid_host(void)
{
	if (geteuid() != 0) {
		oat_skip("not root");
		return;
	}
	CU_ASSERT(oat_in_copy(setuid_host));
}

static bool
dies_with_setuid_host(void)
{
	struct oat_spawn spawn;
	int ends[2];
	pid_t host, program = 0;

	if (pipe(ends) == -1)
		return false;
	host = fork();
	if (host == 0) {
		if (setresuid(65534, 0, 0) == -1 ||
		    oat_script_start("echo $$; exec sleep 1000", &spawn) !=
			OAT_OK)
			_exit(1);
		program = oat_script_read_pid(spawn.fd);
		if (write(ends[1], &program, sizeof(program)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ends[0], &program, sizeof(program)) != sizeof(program))
		return false;
	kill(host, SIGKILL);
	return program > 1 && oat_process_ends(program);
}

/* secureexec would clear the parent-death signal: setpriv(1), prctl(2). */
static void
test_spawn_program_dies_with_its_setuid_host(void)
{
	if (geteuid() != 0) {
		oat_skip("not root");
		return;
	}
	CU_ASSERT(oat_in_copy(dies_with_setuid_host));
}

/* --- case 9: what the host lacks ---------------------------------------- */

static bool
descriptors_closed(void)
{
	struct oat_spawn spawn;
	char output[OAT_SCRIPT_OUTPUT_MAX];

	close(0);
	close(1);
	close(2);
	if (oat_script_start("read x; echo $x; ls /proc/$$/fd", &spawn) !=
		OAT_OK ||
	    spawn.fd < 3 || fcntl(0, F_GETFD) != -1 ||
	    fcntl(1, F_GETFD) != -1 || fcntl(2, F_GETFD) != -1)
		return false;
	return write(spawn.fd, "hello\n", 6) == 6 &&
	       oat_script_read_all(spawn.fd, output) != NULL &&
	       strcmp(output, "hello\n0\n1\n2\n") == 0;
}

static void
test_spawn_case_9_descriptors_0_to_2_closed(void)
{
	CU_ASSERT(oat_in_copy(descriptors_closed));
}

static bool
descriptor_table_full(void)
{
	struct oat_spawn spawn = { .fd = -7, .pid = -7 };
	struct rlimit limit;
	int fd = 0, before, room;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (fd != -1)
		fd = dup(0);
	for (room = 0; room < 2; room++) {
		before = oat_open_descriptors();
		errno = 0;
		if (oat_script_start("exit 0", &spawn) != OAT_SYSTEM ||
		    errno != EMFILE || spawn.fd != -7 ||
		    oat_open_descriptors() != before)
			return false;
		close(63);
	}
	close(62);
	return oat_script_says("echo room", "room\n");
}

static void
test_spawn_case_9_descriptor_table_full_is_a_clean_failure(void)
{
	CU_ASSERT(oat_in_copy(descriptor_table_full));
}

static const struct {
	__rlimit_resource_t resource;
	rlim_t lowest;
} lowest_limits[] = {
	{ RLIMIT_FSIZE, 0 },
	{ RLIMIT_NPROC, 0 },
	{ RLIMIT_DATA, 4096 },
	{ RLIMIT_STACK, 65536 },
	{ RLIMIT_CPU, 1 },
#if !defined(__SANITIZE_ADDRESS__) /* it wants terabytes of it */
	{ RLIMIT_AS, 4096 },
#endif
};

/* With `hard` nobody without CAP_SYS_RESOURCE can take them back. */
static bool
lower_limits(bool hard)
{
	struct rlimit limit;
	size_t i;

	for (i = 0; i < sizeof(lowest_limits) / sizeof(lowest_limits[0]); i++) {
		if (getrlimit(lowest_limits[i].resource, &limit) == -1)
			return false;
		limit.rlim_cur = lowest_limits[i].lowest;
		if (hard)
			limit.rlim_max = limit.rlim_cur;
		if (setrlimit(lowest_limits[i].resource, &limit) == -1)
			return false;
	}
	return true;
}

static const char show_limits[] = "ulimit -f; ulimit -v; ulimit -d; ulimit -t;"
				  " ulimit -c; ulimit -s; ulimit -n";
static const char daemon_limits[] =
    "unlimited\nunlimited\nunlimited\nunlimited\n0\n8192\n1024\n";

static bool
soft_limits_at_their_lowest(void)
{
	return lower_limits(false) &&
	       oat_script_says(show_limits, daemon_limits);
}

/* A root that may not raise them gets end of file, and nothing worse. */
static bool
hard_limits_at_their_lowest(void)
{
	char output[OAT_SCRIPT_OUTPUT_MAX];
	const char *got;

	if (!lower_limits(true))
		return false;
	got = oat_script_run(show_limits, output);
	return got != NULL && oat_is_childless() &&
	       (got[0] == '\0' || strcmp(got, daemon_limits) == 0);
}

static void
test_spawn_case_9_lowest_limits_do_not_reach_the_program(void)
{
	if (geteuid() != 0) {
		oat_skip("not root");
		return;
	}
	CU_ASSERT(oat_in_copy(soft_limits_at_their_lowest));
	CU_ASSERT(oat_in_copy(hard_limits_at_their_lowest));
}

static bool
no_process_to_be_had(void)
{
	struct rlimit none = { 0, 0 };
	struct oat_spawn spawn;
	int before = oat_open_descriptors();

	setrlimit(RLIMIT_NPROC, &none);
	if (setresuid(65533, 65533, 65533) == -1)
		return false;
	errno = 0;
	return oat_script_start("exit 0", &spawn) == OAT_SYSTEM &&
	       errno == EAGAIN && oat_open_descriptors() == before;
}

static void
test_spawn_case_9_no_process_to_be_had_is_a_clean_failure(void)
{
	if (geteuid() != 0) {
		oat_skip("not root");
		return;
	}
	CU_ASSERT(oat_in_copy(no_process_to_be_had));
}

/* --- case 10: the host's signals and children --------------------------- */

static void
test_spawn_case_10_host_waits_handlers_and_mask_unchanged(void)
{
	struct sigaction action = { .sa_handler = catch }, old, after;
	sigset_t mask, before, now;
	int descriptors = oat_open_descriptors();
	pid_t child;

	sigaction(SIGCHLD, &action, &old);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, &before);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	caught = 0;
	oat_script_assert_says("echo once", "once\n");
	/* No SIGCHLD of ours, and the host's own child is still its own. */
	CU_ASSERT(caught == 0);
	CU_ASSERT(waitpid(-1, NULL, WNOHANG) == 0);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CU_ASSERT(sigismember(&now, SIGUSR1) == 1);
	CU_ASSERT(sigismember(&now, SIGCHLD) == 0);
	sigaction(SIGCHLD, NULL, &after);
	CU_ASSERT(after.sa_handler == catch);
	CU_ASSERT(oat_open_descriptors() == descriptors);
	kill(child, SIGKILL);
	CU_ASSERT(waitpid(-1, NULL, 0) == child || errno == EINTR);
	while (waitpid(-1, NULL, 0) == -1 && errno == EINTR)
		continue;
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGCHLD, &old, NULL);
	CU_ASSERT(oat_is_childless());
}

static void
test_spawn_case_10_running_program_is_invisible_to_the_hosts_wait(void)
{
	struct oat_spawn spawn;

	CU_ASSERT_FATAL(oat_script_start("echo; sleep 1000", &spawn) == OAT_OK);
	(void)oat_script_read_pid(spawn.fd);
	CU_ASSERT(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	oat_spawn_end(&spawn);
	CU_ASSERT(oat_is_childless());
}

static void
test_spawn_case_10_ignored_sigchld_leaves_no_zombie(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN }, old;

	sigaction(SIGCHLD, &action, &old);
	oat_script_assert_says("echo once", "once\n");
	CU_ASSERT(oat_is_childless());
	sigaction(SIGCHLD, &old, NULL);
}

static void
test_spawn_case_10_storm_of_signals_changes_nothing(void)
{
	struct sigaction action = { .sa_handler = catch };
	struct itimerval storm = { { 0, 300 }, { 0, 300 } };
	struct itimerval none = { { 0, 0 }, { 0, 0 } };
	int i;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &storm, NULL);
	for (i = 0; i < 50; i++)
		oat_script_assert_says("echo calm", "calm\n");
	setitimer(ITIMER_REAL, &none, NULL);
	CU_ASSERT(oat_is_childless());
}

static void
test_spawn_case_10_host_that_waits_for_everything_does_no_harm(void)
{
	struct oat_spawn spawn;
	char output[OAT_SCRIPT_OUTPUT_MAX];

	CU_ASSERT_FATAL(oat_script_start("echo gone", &spawn) == OAT_OK);
	CU_ASSERT_PTR_NOT_NULL(oat_script_read_all(spawn.fd, output));
	CU_ASSERT(waitpid(-1, NULL, (int)__WALL) == spawn.pid);
	oat_spawn_end(&spawn);
	CU_ASSERT(oat_is_childless());
}

/* The first child of a new namespace is its init: not one of ours. */
static bool
new_namespace_stays_the_hosts(void)
{
	static const char *const argv[] = { "sh", "-c", "exit 0", NULL };
	struct oat_spawn spawn;
	int status = -1;
	pid_t pid;

	if (unshare(CLONE_NEWPID) != 0)
		return false;
	errno = 0;
	if (oat_script_start("echo no", &spawn) != OAT_SYSTEM ||
	    errno != ENOTSUP ||
	    oat_spawn_detached("/bin/sh", argv) != OAT_SYSTEM)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(getpid() != 1 || !oat_script_says("echo yes", "yes\n"));
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
test_spawn_leaves_a_new_pid_namespace_to_its_host(void)
{
	if (geteuid() != 0) {
		oat_skip("not root");
		return;
	}
	CU_ASSERT(oat_in_copy(new_namespace_stays_the_hosts));
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_spawn_case_10_signals_blocked_and_ignored_by_host_are_reset),
	OAT_TEST(test_spawn_program_is_root_alone_whoever_ran_the_setuid_host),
	OAT_TEST(test_spawn_program_dies_with_its_setuid_host),
	OAT_TEST(test_spawn_case_9_descriptors_0_to_2_closed),
	OAT_TEST(test_spawn_case_9_descriptor_table_full_is_a_clean_failure),
	OAT_TEST(test_spawn_case_9_lowest_limits_do_not_reach_the_program),
	OAT_TEST(test_spawn_case_9_no_process_to_be_had_is_a_clean_failure),
	OAT_TEST(test_spawn_case_10_host_waits_handlers_and_mask_unchanged),
	OAT_TEST(
	    test_spawn_case_10_running_program_is_invisible_to_the_hosts_wait),
	OAT_TEST(test_spawn_case_10_ignored_sigchld_leaves_no_zombie),
	OAT_TEST(test_spawn_case_10_storm_of_signals_changes_nothing),
	OAT_TEST(
	    test_spawn_case_10_host_that_waits_for_everything_does_no_harm),
	OAT_TEST(test_spawn_leaves_a_new_pid_namespace_to_its_host),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "spawn_host", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
