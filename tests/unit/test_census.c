/* SPDX-License-Identifier: MIT */
#include "common/census.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/people.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOCAL 1234 /* the uid of a local user */

static struct oat_endings endings;
static struct oat_census census;

/* What processes that fork leave for the test: up to two pids. */
static pid_t *forked;

static int
set_up(void)
{
	forked = mmap(NULL, 2 * sizeof(*forked), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return forked == MAP_FAILED ? 1 : people_set_up();
}

static void
look(enum oat_terminate terminate, const struct oat_termination *asked)
{
	struct oat_policy policy = people_policy(terminate);

	policy.terminations = asked;
	policy.count = asked != NULL;
	oat_census_free(&census);
	oat_endings_free(&endings);
	CU_ASSERT_EQUAL_FATAL(
	    oat_census_take(&policy, &endings, NULL, &census), OAT_OK);
}

static void
end_test(void)
{
	oat_census_free(&census);
	oat_endings_free(&endings);
}

static const struct oat_claim *
claim_of(pid_t pid)
{
	size_t i;

	for (i = 0; i < census.count; i++)
		if (census.claims[i].process.pid == pid)
			return &census.claims[i];
	return NULL;
}

/* Never 0 or -1, which would be everybody. */
static void
stop_forked(void)
{
	if (*forked > 1)
		(void)kill(*forked, SIGKILL);
	*forked = 0;
}

/* How a process is claimed: "own", "login", "descent"; "+" when it ends. */
static const char *
how(pid_t pid)
{
	static const char *const words[][2] = { { "own", "own+" },
		{ "login", "login+" }, { "descent", "descent+" },
		{ "service", "service+" } };
	const struct oat_claim *claim = claim_of(pid);

	return claim == NULL ? "no" : words[claim->kind][claim->ends];
}

/* --- its own ------------------------------------------------------------- */

static void
test_census_claims_what_runs_as_an_identity_without_access(void)
{
	const struct {
		uint32_t uid;
		const char *expected;
	} cases[] = { { PEOPLE_REVOKED, "own+" }, { PEOPLE_EXPIRED, "own+" },
		{ PEOPLE_ACTIVE, "no" }, { PEOPLE_NOBODY, "no" },
		{ PEOPLE_OUTSIDE, "no" }, { PEOPLE_GROUP, "no" },
		{ LOCAL, "no" }, { 0, "no" } };
	pid_t pids[sizeof(cases) / sizeof(cases[0])];
	size_t i;

	if (!people_are_possible())
		return;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		pids[i] = people_start(cases[i].uid, NULL, NULL);
	look(OAT_TERMINATE_REVOKED, NULL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_STRING_EQUAL(how(pids[i]), cases[i].expected);
		people_stop(pids[i]);
	}
	CU_ASSERT_STRING_EQUAL(how(getpid()), "no");
	/* Whom the configuration spares is claimed, to be counted. */
	CU_ASSERT_TRUE(oat_endings_find(&endings, PEOPLE_EXPIRED)->spared);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_EQUAL(census.count, 0);
}

static void
set_ids(uid_t real, uid_t effective, uid_t saved)
{
	if (setresuid(real, effective, saved) != 0)
		_exit(1);
}

static void
run_setuid_program_of_local(void)
{
	set_ids(PEOPLE_REVOKED, LOCAL, LOCAL);
}

static void
run_by_local_setuid(void)
{
	set_ids(LOCAL, PEOPLE_REVOKED, PEOPLE_REVOKED);
}

static void
act_for_it(void)
{
	set_ids(0, PEOPLE_REVOKED, 0);
}

/* An effective uid does not outlive execve(2) alone: these stay the test. */
static pid_t
start_here(void (*body)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		body();
		(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void
test_census_goes_by_the_uids_that_may_signal(void)
{
	pid_t started, borrowed, served;

	if (!people_are_possible())
		return;
	started = start_here(run_setuid_program_of_local);
	borrowed = start_here(run_by_local_setuid);
	served = start_here(act_for_it);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(started), "own+");
	CU_ASSERT_STRING_EQUAL(how(borrowed), "own+");
	CU_ASSERT_STRING_EQUAL(how(served), "no");
	people_stop(started);
	people_stop(borrowed);
	people_stop(served);
}

static void
test_census_leaves_zombies_out(void)
{
	pid_t child;

	if (!people_are_possible())
		return;
	child = people_start(PEOPLE_REVOKED, NULL, "exit 0");
	CU_ASSERT_TRUE(oat_process_ends(child));
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(child), "no");
	people_stop(child);
}

/* --- root's -------------------------------------------------------------- */

static void
fork_sleeper(uint32_t uid, bool detaches)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (detaches && setsid() == -1)
			_exit(1);
		if (uid != 0 && setresuid(uid, uid, uid) != 0)
			_exit(1);
		people_sleep();
	}
	*forked = pid;
}

static void
log_in_and_fork_root(void)
{
	if (!people_log_in(PEOPLE_REVOKED))
		_exit(1);
	fork_sleeper(0, false);
}

static void
log_in_and_leave_root(void)
{
	if (!people_log_in(PEOPLE_REVOKED))
		_exit(1);
	fork_sleeper(0, true);
	_exit(0);
}

static void
log_in_and_fork_local(void)
{
	if (!people_log_in(PEOPLE_REVOKED))
		_exit(1);
	fork_sleeper(LOCAL, true);
}

static void
log_in(void)
{
	if (!people_log_in(PEOPLE_REVOKED))
		_exit(1);
}

/* As sshd does: the login is in the child, and in what that starts. */
static void
listen_and_let_in(void)
{
	pid_t pid = fork();

	if (pid != 0) {
		forked[1] = pid;
		return;
	}
	log_in();
	fork_sleeper(0, false);
	people_sleep();
}

/* As of sudo: root's, below a process that is the identity's own. */
static void
test_census_claims_root_by_its_login(void)
{
	pid_t shell;

	if (!people_are_possible() || !people_can_log_in())
		return;
	shell = people_start(PEOPLE_REVOKED, log_in_and_fork_root, NULL);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(shell), "own+");
	CU_ASSERT_STRING_EQUAL(how(*forked), "login+");
	CU_ASSERT_EQUAL(claim_of(*forked)->uid, PEOPLE_REVOKED);
	/* What was tied once stays so when the rest has gone. */
	people_stop(shell);
	{
		struct oat_policy policy = people_policy(OAT_TERMINATE_NO);
		struct oat_census next = { .count = 0 };

		CU_ASSERT_EQUAL(
		    oat_census_take(&policy, &endings, &census, &next), OAT_OK);
		oat_census_free(&census);
		census = next;
	}
	CU_ASSERT_STRING_EQUAL(how(*forked), "login+");
	/* By itself it could be anything. */
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(*forked), "login");
	stop_forked();
}

/* It may be a service that was restarted by hand. */
static void
test_census_only_counts_root_that_has_detached(void)
{
	pid_t parent;

	if (!people_are_possible() || !people_can_log_in())
		return;
	parent = people_start(0, log_in_and_leave_root, NULL);
	people_stop(parent);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(*forked), "login");
	stop_forked();
}

static void
test_census_only_counts_other_users(void)
{
	pid_t parent;

	if (!people_are_possible() || !people_can_log_in())
		return;
	parent = people_start(PEOPLE_REVOKED, log_in_and_fork_local, NULL);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(parent), "own+");
	CU_ASSERT_STRING_EQUAL(how(*forked), "login");
	stop_forked();
	people_stop(parent);
}

/* sshd's process that watches over the session: the login was made in it. */
static void
test_census_leaves_the_service_that_let_it_in(void)
{
	pid_t listener;

	if (!people_are_possible() || !people_can_log_in())
		return;
	listener = people_start(0, listen_and_let_in, NULL);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(listener), "no");
	CU_ASSERT_STRING_EQUAL(how(forked[1]), "service");
	CU_ASSERT_STRING_EQUAL(how(*forked), "service");
	people_stop(listener);
	stop_forked();
	*forked = forked[1];
	stop_forked();
}

/* This process may itself descend from the login; so do its children. */
static void
test_census_leaves_our_own_children(void)
{
	pid_t child;

	if (!people_are_possible() || !people_can_log_in())
		return;
	child = people_start(0, log_in, NULL);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(child), "no");
	people_stop(child);
}

static void
be_of_no_login_and_fork_root(void)
{
	(void)people_log_in(OAT_PROCESS_NO_LOGIN);
	fork_sleeper(0, false);
}

/* Where there is no login uid, as without pam_loginuid. */
static void
test_census_claims_root_without_login_below_its_own(void)
{
	pid_t shell, other;

	if (!people_are_possible())
		return;
	shell =
	    people_start(PEOPLE_REVOKED, be_of_no_login_and_fork_root, NULL);
	look(OAT_TERMINATE_REVOKED, NULL);
	if (claim_of(shell) != NULL &&
	    claim_of(shell)->process.login != OAT_PROCESS_NO_LOGIN)
		oat_skip("the test has a login that it cannot leave");
	else
		CU_ASSERT_STRING_EQUAL(how(*forked), "descent+");
	people_stop(shell);
	stop_forked();
	other = people_start(LOCAL, be_of_no_login_and_fork_root, NULL);
	look(OAT_TERMINATE_REVOKED, NULL);
	CU_ASSERT_STRING_EQUAL(how(*forked), "no");
	people_stop(other);
	stop_forked();
}

/* --- sessions that go on ------------------------------------------------- */

static void
a_moment(void)
{
	usleep(50000); /* some ticks */
}

static void
test_census_spares_what_began_later(void)
{
	struct oat_termination asked = { PEOPLE_ACTIVE, 0 };
	pid_t before, after;

	if (!people_are_possible())
		return;
	before = people_start(PEOPLE_ACTIVE, NULL, NULL);
	a_moment();
	asked.before = oat_process_now();
	a_moment();
	after = people_start(PEOPLE_ACTIVE, NULL, NULL);
	look(OAT_TERMINATE_REVOKED, &asked);
	CU_ASSERT_STRING_EQUAL(how(before), "own+");
	CU_ASSERT_STRING_EQUAL(how(after), "no");
	asked.before = 0;
	look(OAT_TERMINATE_REVOKED, &asked);
	CU_ASSERT_STRING_EQUAL(how(before), "no");
	people_stop(before);
	people_stop(after);
}

/* What an old session starts late is the old session's. */
static void
test_census_takes_old_sessions_whole(void)
{
	struct oat_termination asked = { PEOPLE_ACTIVE, 0 };
	pid_t shell, late = 0;
	size_t i;

	if (!people_are_possible())
		return;
	shell =
	    people_start(PEOPLE_ACTIVE, NULL, "sleep 0.3; sleep 1000 & wait");
	a_moment();
	asked.before = oat_process_now();
	usleep(600000);
	look(OAT_TERMINATE_REVOKED, &asked);
	CU_ASSERT_STRING_EQUAL(how(shell), "own+");
	CU_ASSERT_EQUAL(census.count, 2);
	for (i = 0; i < census.count; i++)
		if (census.claims[i].process.pid > shell)
			late = census.claims[i].process.pid;
	people_stop(shell);
	people_clean(PEOPLE_ACTIVE);
	CU_ASSERT_TRUE_FATAL(late > 0);
	CU_ASSERT_TRUE(claim_of(late)->process.started >= asked.before);
}

static void
log_in_as_active(void)
{
	if (!people_log_in(PEOPLE_ACTIVE))
		_exit(1);
}

/* By the number of its login, when parents have gone. */
static void
test_census_knows_an_old_session_by_its_login(void)
{
	struct oat_termination asked = { PEOPLE_ACTIVE, 0 };
	struct oat_policy policy = people_policy(OAT_TERMINATE_REVOKED);
	struct oat_census next = { .count = 0 };
	pid_t shell, fresh;

	if (!people_are_possible() || !people_can_log_in())
		return;
	/* Its grandchild is nobody's child, and young. */
	shell = people_start(PEOPLE_ACTIVE, log_in_as_active,
	    "sleep 0.3; (setsid sleep 1000 &) ; exec sleep 1000");
	a_moment();
	asked.before = oat_process_now();
	usleep(600000);
	fresh = people_start(PEOPLE_ACTIVE, log_in_as_active, NULL);
	look(OAT_TERMINATE_REVOKED, &asked);
	CU_ASSERT_EQUAL(census.count, 2);
	CU_ASSERT_STRING_EQUAL(how(shell), "own+");
	CU_ASSERT_STRING_EQUAL(how(fresh), "no");
	/* And when all that was old has gone, of those seen before. */
	people_stop(shell);
	policy.terminations = &asked;
	policy.count = 1;
	CU_ASSERT_EQUAL(
	    oat_census_take(&policy, &endings, &census, &next), OAT_OK);
	CU_ASSERT_EQUAL(next.count, 1);
	oat_census_free(&next);
	people_stop(fresh);
	people_clean(PEOPLE_ACTIVE);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_census_claims_what_runs_as_an_identity_without_access),
	OAT_TEST(test_census_goes_by_the_uids_that_may_signal),
	OAT_TEST(test_census_leaves_zombies_out),
	OAT_TEST(test_census_claims_root_by_its_login),
	OAT_TEST(test_census_only_counts_root_that_has_detached),
	OAT_TEST(test_census_only_counts_other_users),
	OAT_TEST(test_census_leaves_the_service_that_let_it_in),
	OAT_TEST(test_census_leaves_our_own_children),
	OAT_TEST(test_census_claims_root_without_login_below_its_own),
	OAT_TEST(test_census_spares_what_began_later),
	OAT_TEST(test_census_takes_old_sessions_whole),
	OAT_TEST(test_census_knows_an_old_session_by_its_login),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "census", set_up, people_tear_down, NULL, end_test, tests },
	CU_SUITE_INFO_NULL,
};
