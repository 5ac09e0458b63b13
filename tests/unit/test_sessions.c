/* SPDX-License-Identifier: MIT */
#include "common/sessions.h"

#include "common/process.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/people.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCAL 1234 /* the uid of a local user */

static struct oat_endings endings;

/* What processes that fork leave for the test. */
static pid_t *forked;
static int *forks;

static void *
share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int
set_up(void)
{
	forked = share(sizeof(*forked));
	forks = share(sizeof(*forks));
	return forked == NULL || forks == NULL ? 1 : people_set_up();
}

static void
end_sessions(enum oat_terminate terminate, const struct oat_termination *asked)
{
	struct oat_policy policy = people_policy(terminate);

	policy.terminations = asked;
	policy.count = asked != NULL;
	oat_endings_free(&endings);
	CU_ASSERT_EQUAL(oat_sessions_end(&policy, &endings), OAT_OK);
	CU_ASSERT_TRUE(asked != NULL || oat_open_descriptors() < 32);
}

static void
end_test(void)
{
	oat_endings_free(&endings);
	if (geteuid() == 0) {
		people_clean(PEOPLE_REVOKED);
		people_clean(PEOPLE_SECOND);
		people_clean(PEOPLE_ACTIVE);
	}
	/* Not a child: the next test must not find it. */
	if (*forked > 1 && kill(*forked, SIGKILL) == 0)
		CU_ASSERT_TRUE(people_goes(*forked));
	*forked = 0;
}

static void
expect_ending(uint32_t uid, size_t found, size_t left)
{
	const struct oat_ending *ending = oat_endings_find(&endings, uid);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ending);
	OAT_ASSERT_THAT(ending->found == found && ending->left == left,
	    "%zu found, %zu left", ending->found, ending->left);
}

static void
test_sessions_end_and_nobody_elses(void)
{
	const uint32_t others[] = { PEOPLE_ACTIVE, PEOPLE_EXPIRED,
		PEOPLE_NOBODY, PEOPLE_OUTSIDE, LOCAL, 0 };
	pid_t one, two, second, pids[sizeof(others) / sizeof(others[0])];
	size_t i;

	if (!people_are_possible())
		return;
	one = people_start(PEOPLE_REVOKED, NULL, NULL);
	two = people_start(PEOPLE_REVOKED, NULL, NULL);
	second = people_start(PEOPLE_SECOND, NULL, NULL);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		pids[i] = people_start(others[i], NULL, NULL);
	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_FALSE(people_lives(one));
	CU_ASSERT_FALSE(people_lives(two));
	CU_ASSERT_FALSE(people_lives(second));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		OAT_ASSERT_THAT(people_lives(pids[i]), "%u", others[i]);
		people_stop(pids[i]);
	}
	/* Those spared are counted, in the order of their numbers. */
	CU_ASSERT_EQUAL(endings.count, 3);
	expect_ending(PEOPLE_REVOKED, 2, 0);
	expect_ending(PEOPLE_SECOND, 1, 0);
	expect_ending(PEOPLE_EXPIRED, 1, 1);
	CU_ASSERT_TRUE(endings.list[0].uid < endings.list[1].uid &&
		       endings.list[1].uid < endings.list[2].uid);
	people_stop(one);
	people_stop(two);
	people_stop(second);
}

static void
test_sessions_that_are_spared_go_on(void)
{
	pid_t revoked, expired;

	if (!people_are_possible())
		return;
	revoked = people_start(PEOPLE_REVOKED, NULL, NULL);
	expired = people_start(PEOPLE_EXPIRED, NULL, NULL);
	end_sessions(OAT_TERMINATE_NO, NULL);
	CU_ASSERT_TRUE(people_lives(revoked));
	CU_ASSERT_TRUE(people_lives(expired));
	expect_ending(PEOPLE_REVOKED, 1, 1);
	end_sessions(OAT_TERMINATE_EXPIRED, NULL);
	CU_ASSERT_FALSE(people_lives(revoked));
	CU_ASSERT_FALSE(people_lives(expired));
	people_stop(revoked);
	people_stop(expired);
}

/* What a child exited with by itself; -1 after a signal. */
static int
exit_code(pid_t pid)
{
	int status = 0;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		   ? WEXITSTATUS(status)
		   : -1;
}

static void
test_sessions_are_asked_to_end_first(void)
{
	static const char script[] =
	    "trap 'exit 17' TERM; while :; do sleep 0.01; done";
	pid_t polite, stopped;

	if (!people_are_possible())
		return;
	polite = people_start(PEOPLE_REVOKED, NULL, script);
	stopped = people_start(PEOPLE_REVOKED, NULL, script);
	usleep(100000);
	(void)kill(stopped, SIGSTOP);
	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_EQUAL(exit_code(polite), 17);
	/* What is stopped goes on, or it could not end. */
	CU_ASSERT_EQUAL(exit_code(stopped), 17);
}

static void
test_sessions_that_ignore_it_are_killed(void)
{
	static const char *const scripts[] = {
		"trap '' TERM HUP INT CONT; while :; do sleep 0.01; done",
		"trap '' TERM; kill -STOP $$; sleep 1000",
		/* Each that dies leaves another. */
		"trap '(trap \"\" TERM; exec sleep 1000) &' TERM; "
		"while :; do sleep 0.01; done",
	};
	pid_t pid;
	size_t i;

	if (!people_are_possible())
		return;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		pid = people_start(PEOPLE_REVOKED, NULL, scripts[i]);
		usleep(50000);
		end_sessions(OAT_TERMINATE_REVOKED, NULL);
		OAT_ASSERT_THAT(!people_lives(pid), "%s", scripts[i]);
		CU_ASSERT_EQUAL_FATAL(endings.count, 1);
		CU_ASSERT_EQUAL(endings.list[0].left, 0);
		people_stop(pid);
	}
}

/*
 * A bomb that cannot hurt the machine, whatever the code under test does, and
 * whether the kernel keeps a limit or not: so many in all, each for so long.
 */
#define BOMB_FORKS 200
#define BOMB_S 10

/* Its place is taken before it is there; nobody else's can be taken twice. */
static void
fork_another(void)
{
	pid_t pid = -1;

	if (__atomic_add_fetch(forks, 1, __ATOMIC_SEQ_CST) <= BOMB_FORKS)
		pid = fork();
	if (pid == 0)
		(void)alarm(BOMB_S);
	if (pid < 0)
		(void)__atomic_sub_fetch(forks, 1, __ATOMIC_SEQ_CST);
}

/* No more than 40 at once, so that there are always places for new ones. */
_Noreturn static void
explode(void)
{
	const struct rlimit few = { 40, 40 };

	/* For good: the limit first, then the user that it counts for. */
	if (setrlimit(RLIMIT_NPROC, &few) != 0 ||
	    setresuid(PEOPLE_REVOKED, PEOPLE_REVOKED, PEOPLE_REVOKED) != 0 ||
	    close_range(3, ~0U, 0) != 0)
		_exit(1);
	(void)signal(SIGTERM, SIG_IGN);
	(void)alarm(BOMB_S);
	for (;;) {
		fork_another();
		usleep(1000);
	}
}

static void
test_sessions_of_a_fork_bomb_end(void)
{
	pid_t pid;
	int tries;

	if (!people_are_possible())
		return;
	*forks = 0;
	pid = people_start(PEOPLE_REVOKED, explode, NULL);
	usleep(200000);
	CU_ASSERT_TRUE(*forks < BOMB_FORKS);
	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_FALSE(people_lives(pid));
	CU_ASSERT_EQUAL_FATAL(endings.count, 1);
	CU_ASSERT_TRUE(endings.list[0].found > 20);
	/* What a busy machine had no time to end is told; the next syncs do. */
	tries = endings.list[0].left > 0 ? 3 : 1;
	while (tries-- > 0 && endings.count > 0)
		end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_EQUAL(endings.count, 0);
	people_stop(pid);
}

/* It kills and stops whatever becomes its user, our child too. */
static void
test_sessions_of_one_that_fights_back_end(void)
{
	static const char *const scripts[] = {
		"trap '' TERM; while :; do kill -KILL -1; done",
		"trap '' TERM; while :; do kill -STOP -1; done",
	};
	pid_t pid;
	size_t i;

	if (!people_are_possible())
		return;
	for (i = 0; i < 2; i++) {
		pid = people_start(PEOPLE_REVOKED, NULL, scripts[i]);
		usleep(50000);
		end_sessions(OAT_TERMINATE_REVOKED, NULL);
		OAT_ASSERT_THAT(!people_lives(pid), "%s", scripts[i]);
		people_stop(pid);
	}
	CU_ASSERT_TRUE(oat_is_childless());
}

static bool
is_stopped(pid_t pid)
{
	char path[64], state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	(void)!fscanf(file, "%*d (%*[^)]) %c", &state);
	(void)fclose(file);
	return state == 'T';
}

/* SIGCONT reaches the whole session of who sends it, of whatever user. */
static void
test_sessions_of_others_stay_stopped(void)
{
	pid_t local, revoked;

	if (!people_are_possible())
		return;
	local = people_start(LOCAL, NULL, NULL);
	revoked = people_start(PEOPLE_REVOKED, NULL, NULL);
	(void)kill(local, SIGSTOP);
	while (!is_stopped(local))
		usleep(1000);
	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_FALSE(people_lives(revoked));
	CU_ASSERT_TRUE(is_stopped(local));
	people_stop(local);
	people_stop(revoked);
}

static void
log_in_and_fork_root(void)
{
	pid_t pid;

	if (!people_log_in(PEOPLE_REVOKED))
		_exit(1);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGTERM, SIG_IGN); /* as an interactive shell */
		people_sleep();
	}
	*forked = pid;
}

static void
log_in_and_leave_root(void)
{
	pid_t pid;

	if (!people_log_in(PEOPLE_REVOKED))
		_exit(1);
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		people_sleep();
	}
	*forked = pid;
	_exit(0);
}

static void
test_sessions_of_root_end_by_their_login(void)
{
	pid_t shell;

	if (!people_are_possible() || !people_can_log_in())
		return;
	shell = people_start(PEOPLE_REVOKED, log_in_and_fork_root, NULL);
	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_FALSE(people_lives(shell));
	CU_ASSERT_TRUE(people_goes(*forked));
	expect_ending(PEOPLE_REVOKED, 2, 0);
	people_stop(shell);
}

static void
test_sessions_of_root_that_have_detached_are_left(void)
{
	pid_t parent;

	if (!people_are_possible() || !people_can_log_in())
		return;
	parent = people_start(0, log_in_and_leave_root, NULL);
	people_stop(parent);
	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_TRUE(people_lives(*forked));
	expect_ending(PEOPLE_REVOKED, 1, 1);
}

/* As sshd does: the login is in the child. */
static void
listen_and_let_in(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (!people_log_in(PEOPLE_REVOKED))
			_exit(1);
		people_sleep();
	}
	*forked = pid;
}

/* It has the connection to close, and the end of the session to record. */
static void
test_sessions_end_without_the_service_that_let_them_in(void)
{
	pid_t shell, listener;

	if (!people_are_possible() || !people_can_log_in())
		return;
	shell = people_start(PEOPLE_REVOKED, NULL, NULL);
	listener = people_start(0, listen_and_let_in, NULL);
	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_FALSE(people_lives(shell));
	CU_ASSERT_TRUE(people_lives(*forked));
	CU_ASSERT_TRUE(people_lives(listener));
	expect_ending(PEOPLE_REVOKED, 1, 0);
	people_stop(shell);
	people_stop(listener);
}

static void
test_sessions_opened_later_go_on(void)
{
	struct oat_termination asked = { PEOPLE_ACTIVE, 0 };
	pid_t before, after;

	if (!people_are_possible())
		return;
	before = people_start(
	    PEOPLE_ACTIVE, NULL, "trap '' TERM; sleep 1000 & wait");
	usleep(50000);
	asked.before = oat_process_now();
	usleep(50000);
	after = people_start(PEOPLE_ACTIVE, NULL, NULL);
	end_sessions(OAT_TERMINATE_REVOKED, &asked);
	CU_ASSERT_FALSE(people_lives(before));
	CU_ASSERT_TRUE(people_lives(after));
	expect_ending(PEOPLE_ACTIVE, 2, 0);
	end_sessions(OAT_TERMINATE_REVOKED, &asked);
	CU_ASSERT_TRUE(people_lives(after));
	people_stop(before);
	people_stop(after);
}

static void
test_sessions_of_nobody_take_no_time(void)
{
	uint64_t began = oat_now_ms();

	end_sessions(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_EQUAL(endings.count, 0);
	CU_ASSERT_TRUE(oat_now_ms() - began < OAT_LONG_MS);
	CU_ASSERT_TRUE(oat_is_childless());
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_sessions_end_and_nobody_elses),
	OAT_TEST(test_sessions_that_are_spared_go_on),
	OAT_TEST(test_sessions_are_asked_to_end_first),
	OAT_TEST(test_sessions_that_ignore_it_are_killed),
	OAT_TEST(test_sessions_of_a_fork_bomb_end),
	OAT_TEST(test_sessions_of_one_that_fights_back_end),
	OAT_TEST(test_sessions_of_others_stay_stopped),
	OAT_TEST(test_sessions_of_root_end_by_their_login),
	OAT_TEST(test_sessions_of_root_that_have_detached_are_left),
	OAT_TEST(test_sessions_end_without_the_service_that_let_them_in),
	OAT_TEST(test_sessions_opened_later_go_on),
	OAT_TEST(test_sessions_of_nobody_take_no_time),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "sessions", set_up, people_tear_down, NULL, end_test, tests },
	CU_SUITE_INFO_NULL,
};
