/* SPDX-License-Identifier: MIT */
/* Manners of a guest: what the module brings, what it leaves behind. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/module/application.h"
#include "tests/module/elffile.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

static const enum oat_call_name order[] = { OAT_AUTHENTICATE, OAT_ACCOUNT,
	OAT_SETCRED, OAT_OPEN, OAT_CLOSE };

#define PHASES (sizeof(order) / sizeof(*order))

/* A whole login; did every phase succeed? */
static bool
log_in(const char *service)
{
	struct oat_application application;
	bool good = true;
	size_t i;

	oat_application_start(
	    &application, service, "oat-acme-ci", OAT_GOOD_TOKEN);
	for (i = 0; i < PHASES; i++)
		good = oat_application_call(&application, order[i], 0) ==
			   PAM_SUCCESS &&
		       good;
	oat_application_end(&application);
	return good;
}

/* --- the file ----------------------------------------------------------- */

static void
test_pam_case_61_module_needs_libpam_and_libc_alone(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	oat_skip("sanitizers bring libraries of their own");
#else
	struct oat_elffile file;

	CU_ASSERT_FATAL(oat_elffile_read(oat_stage_module(), &file));
	CU_ASSERT_STRING_EQUAL(file.needed, "libpam.so.0 libc.so.6");
	CU_ASSERT(!file.runpath);
#endif
}

static void
test_pam_case_61_module_exports_its_entry_points_alone(void)
{
	struct oat_elffile file;

	CU_ASSERT_FATAL(oat_elffile_read(oat_stage_module(), &file));
	CU_ASSERT_STRING_EQUAL(file.exports,
	    "pam_sm_acct_mgmt pam_sm_authenticate pam_sm_close_session"
	    " pam_sm_open_session pam_sm_setcred");
}

static void
test_pam_module_offers_no_password_phase(void)
{
	void *module = dlopen(oat_stage_module(), RTLD_NOW);

	CU_ASSERT_PTR_NOT_NULL_FATAL(module);
	CU_ASSERT_PTR_NULL(dlsym(module, "pam_sm_chauthtok"));
	CU_ASSERT_PTR_NOT_NULL(dlsym(module, "pam_sm_authenticate"));
	CU_ASSERT(dlclose(module) == 0);
}

/* --- loading ------------------------------------------------------------ */

static bool
is_loaded(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4096];
	bool loaded = false;

	while (fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "/pam_oat.so") != NULL)
			loaded = true;
	fclose(maps);
	return loaded;
}

static void
test_pam_case_11_loaded_and_unloaded_300_times(void)
{
	struct oat_application application;
	int descriptors = oat_open_descriptors();
	void *module;
	int i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < 300; i++) {
		module = dlopen(oat_stage_module(), RTLD_NOW);
		CU_ASSERT_PTR_NOT_NULL_FATAL(module);
		CU_ASSERT(dlclose(module) == 0);
	}
	for (i = 0; i < 300; i++) {
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", "malformed");
		CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE,
			      0) == PAM_AUTH_ERR);
		oat_application_end(&application);
	}
	CU_ASSERT(!is_loaded());
	CU_ASSERT(oat_open_descriptors() == descriptors);
}

static void *
log_in_from_thread(void *context)
{
	int *failures = context;
	int i;

	for (i = 0; i < 5; i++)
		if (!log_in("sshd"))
			(*failures)++;
	return NULL;
}

static void
test_pam_case_11_threads_log_in_at_once(void)
{
	pthread_t threads[8];
	int failures[8] = { 0 };
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < 8; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL,
				    log_in_from_thread, &failures[i]) == 0);
	for (i = 0; i < 8; i++) {
		CU_ASSERT(pthread_join(threads[i], NULL) == 0);
		CU_ASSERT(failures[i] == 0);
	}
	CU_ASSERT(oat_is_childless());
	CU_ASSERT(oat_stage_asked() == 8 * 5 * 3);
}

static bool
loaded_in_a_thread_and_exit_in_main(void)
{
	int failures = 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, log_in_from_thread, &failures) != 0 ||
	    pthread_join(thread, NULL) != 0)
		return false;
	(void)dlopen(oat_stage_module(), RTLD_NOW);
	fflush(NULL);
	if (failures == 0)
		exit(0); /* with atexit handlers, unlike the copy's own end */
	return false;
}

static void
test_pam_case_11_loaded_in_a_thread_and_exit_in_main(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(oat_in_copy(loaded_in_a_thread_and_exit_in_main));
}

/* The host forks after each phase, and each process goes on. */
static void
test_pam_case_11_fork_in_every_phase(void)
{
	struct oat_application application;
	int status;
	pid_t child;
	size_t i, j;

	for (i = 0; i < PHASES; i++) {
		if (!oat_stage_set())
			return;
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
		for (j = 0; j < i; j++)
			CU_ASSERT(oat_application_call(&application, order[j],
				      0) == PAM_SUCCESS);
		child = fork();
		for (; j < PHASES; j++) {
			status =
			    oat_application_call(&application, order[j], 0);
			if (child == 0 && status != PAM_SUCCESS)
				_exit(1);
			CU_ASSERT(status == PAM_SUCCESS);
		}
		if (child == 0)
			_exit(pam_end(application.pamh, PAM_SUCCESS));
		CU_ASSERT(waitpid(child, &status, 0) == child);
		CU_ASSERT(status == 0);
		oat_application_end(&application);
	}
}

/* --- case 9: what the host lacks ---------------------------------------- */

static bool
without_standard_descriptors(void)
{
	close(0);
	close(1);
	close(2);
	return log_in("sshd") && fcntl(0, F_GETFD) == -1 &&
	       fcntl(1, F_GETFD) == -1 && fcntl(2, F_GETFD) == -1;
}

static void
test_pam_case_9_descriptors_0_to_2_closed(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(oat_in_copy(without_standard_descriptors));
	CU_ASSERT(oat_stage_asked() == 3);
}

static struct oat_application waiting;

/* Whatever can still be opened: a clean failure, or success. */
static bool
with_descriptors_left(int left)
{
	struct rlimit limit;
	int fd, code, before;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &limit);
	do
		fd = dup(0);
	while (fd != -1);
	for (fd = 63; fd > 63 - left; fd--)
		close(fd);
	before = oat_open_descriptors();
	code = oat_application_call(&waiting, OAT_AUTHENTICATE, 0);
	if (oat_open_descriptors() != before || !oat_is_childless())
		return false;
	return left < 2 ? code == PAM_SYSTEM_ERR : code == PAM_SUCCESS;
}

static bool
none_left(void)
{
	return with_descriptors_left(0);
}

static bool
one_left(void)
{
	return with_descriptors_left(1);
}

static bool
two_left(void)
{
	return with_descriptors_left(2);
}

static void
test_pam_case_9_descriptor_table_full_is_a_clean_failure(void)
{
	if (!oat_stage_set())
		return;
	oat_application_start(&waiting, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	CU_ASSERT(oat_in_copy(none_left));
	CU_ASSERT(oat_in_copy(one_left));
	CU_ASSERT(oat_in_copy(two_left));
	oat_application_end(&waiting);
}

static bool
at_lowest_limits(void)
{
	static const struct {
		__rlimit_resource_t resource;
		rlim_t soft;
	} limits[] = { { RLIMIT_FSIZE, 0 }, { RLIMIT_CPU, 1 },
		{ RLIMIT_CORE, 0 } };
	struct rlimit limit;
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		getrlimit(limits[i].resource, &limit);
		limit.rlim_cur = limits[i].soft;
		setrlimit(limits[i].resource, &limit);
	}
	return log_in("sshd");
}

/* The program writes a file: with the host's RLIMIT_FSIZE it could not. */
static void
test_pam_case_9_no_event_is_lost_at_the_hosts_lowest_limits(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(oat_in_copy(at_lowest_limits));
	CU_ASSERT(oat_stage_asked() == 3);
}

/* --- case 10: signals and children -------------------------------------- */

static volatile sig_atomic_t caught;

static void
reap(int number)
{
	int saved = errno;

	(void)number;
	caught++;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	errno = saved;
}

static void
test_pam_case_10_host_that_reaps_every_child_sees_none(void)
{
	struct sigaction action = { .sa_handler = reap }, old, after;

	if (!oat_stage_set())
		return;
	sigaction(SIGCHLD, &action, &old);
	caught = 0;
	CU_ASSERT(log_in("sshd"));
	CU_ASSERT(caught == 0);
	sigaction(SIGCHLD, &old, &after);
	CU_ASSERT(after.sa_handler == reap);
	CU_ASSERT(oat_is_childless());
}

static bool
every_signal_ignored_and_blocked(void)
{
	sigset_t all, now;
	int number;

	for (number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (!log_in("sshd"))
		return false;
	sigprocmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, SIGINT) && sigismember(&now, SIGCHLD) &&
	       signal(SIGCHLD, SIG_IGN) == SIG_IGN && oat_is_childless();
}

static void
test_pam_case_10_signals_ignored_and_blocked(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(oat_in_copy(every_signal_ignored_and_blocked));
}

/* A program that closes its end early must not kill the host by SIGPIPE. */
static bool
with_default_sigpipe(void)
{
	int i;

	signal(SIGPIPE, SIG_DFL);
	for (i = 0; i < 50; i++)
		if (oat_application_once("sshd", "oat-acme-ci", OAT_GOOD_TOKEN,
			OAT_AUTHENTICATE) != PAM_SYSTEM_ERR)
			return false;
	return true;
}

static void
test_pam_case_10_sigpipe_default(void)
{
	if (!oat_stage_set())
		return;
	oat_stage_play("behave=early\nverdict=0\n");
	CU_ASSERT(oat_in_copy(with_default_sigpipe));
}

static void
test_pam_case_10_storm_of_signals_changes_nothing(void)
{
	struct sigaction action = { .sa_handler = reap };
	struct itimerval storm = { { 0, 300 }, { 0, 300 } };
	struct itimerval none = { { 0, 0 }, { 0, 0 } };
	int i;

	if (!oat_stage_set())
		return;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &storm, NULL);
	for (i = 0; i < 20; i++)
		CU_ASSERT(log_in("sshd"));
	setitimer(ITIMER_REAL, &none, NULL);
	CU_ASSERT(oat_is_childless());
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_pam_case_61_module_needs_libpam_and_libc_alone),
	OAT_TEST(test_pam_case_61_module_exports_its_entry_points_alone),
	OAT_TEST(test_pam_module_offers_no_password_phase),
	OAT_TEST(test_pam_case_11_loaded_and_unloaded_300_times),
	OAT_TEST(test_pam_case_11_threads_log_in_at_once),
	OAT_TEST(test_pam_case_11_loaded_in_a_thread_and_exit_in_main),
	OAT_TEST(test_pam_case_11_fork_in_every_phase),
	OAT_TEST(test_pam_case_9_descriptors_0_to_2_closed),
	OAT_TEST(test_pam_case_9_descriptor_table_full_is_a_clean_failure),
	OAT_TEST(test_pam_case_9_no_event_is_lost_at_the_hosts_lowest_limits),
	OAT_TEST(test_pam_case_10_host_that_reaps_every_child_sees_none),
	OAT_TEST(test_pam_case_10_signals_ignored_and_blocked),
	OAT_TEST(test_pam_case_10_sigpipe_default),
	OAT_TEST(test_pam_case_10_storm_of_signals_changes_nothing),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_guest", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
