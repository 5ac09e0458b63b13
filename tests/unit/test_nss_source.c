/* SPDX-License-Identifier: MIT */
/* The rules of the private copy, nss_oat/source.c; threads and forks. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nss_oat/nss_oat.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define MEMBERS 200
#define THREADS 16
#define LOOKUPS 10000
#define NOT_THERE 99999

/* Member i as getpwnam_r(3) gives it; -1 if it is wrong, else its version. */
static int
version_of(size_t i)
{
	char name[OAT_LOGIN_MAX + 1], buffer[512];
	struct passwd passwd;
	int error = 0, version;

	oat_member_name(i, name);
	if (_nss_oat_getpwnam_r(name, &passwd, buffer, sizeof(buffer),
		&error) != NSS_STATUS_SUCCESS ||
	    strcmp(passwd.pw_name, name) != 0 ||
	    passwd.pw_uid != OAT_MEMBER_UID + i)
		return -1;
	for (version = 0; version < 2; version++)
		if (strcmp(passwd.pw_shell, oat_member_shell(i, version)) == 0)
			return version;
	return -1;
}

static enum nss_status
ask_id(uid_t uid)
{
	char buffer[512];
	struct passwd passwd;
	int error;

	return _nss_oat_getpwuid_r(
	    uid, &passwd, buffer, sizeof(buffer), &error);
}

static void
take_copy_of(size_t members, int version)
{
	size_t i;

	oat_population_publish(members, version);
	(void)ask_id(NOT_THERE); /* no older one is kept beyond this */
	for (i = 0; i < 100; i++)
		CU_ASSERT_EQUAL_FATAL(version_of(0), version);
}

static void
test_nss_source_hit_is_at_most_100_ms_behind(void)
{
	const struct timespec limit = { .tv_nsec = 110 * 1000 * 1000 };

	if (!oat_population_is_root())
		return;
	take_copy_of(MEMBERS, 0);
	oat_population_publish(MEMBERS, 1);
	(void)nanosleep(&limit, NULL);
	CU_ASSERT_EQUAL(version_of(0), 1);
}

static void
test_nss_source_miss_is_not_behind_at_all(void)
{
	if (!oat_population_is_root())
		return;
	take_copy_of(MEMBERS, 0);
	oat_population_publish(MEMBERS + 1, 1);
	CU_ASSERT_EQUAL(ask_id(OAT_MEMBER_UID + MEMBERS), NSS_STATUS_SUCCESS);
	take_copy_of(MEMBERS, 0);
	oat_population_publish(MEMBERS + 1, 1);
	CU_ASSERT_EQUAL(version_of(MEMBERS), 1);
}

static void
test_nss_source_copy_outlives_the_file_by_hits_alone(void)
{
	const struct timespec limit = { .tv_nsec = 110 * 1000 * 1000 };

	if (!oat_population_is_root())
		return;
	take_copy_of(MEMBERS, 0);
	CU_ASSERT_EQUAL(truncate(oat_population_path, 100), 0);
	CU_ASSERT(version_of(0) == 0 || version_of(0) == -1);
	CU_ASSERT_EQUAL(ask_id(NOT_THERE), NSS_STATUS_UNAVAIL);
	take_copy_of(MEMBERS, 0);
	CU_ASSERT_EQUAL(unlink(oat_population_path), 0);
	(void)nanosleep(&limit, NULL);
	CU_ASSERT_EQUAL(ask_id(OAT_MEMBER_UID), NSS_STATUS_UNAVAIL);
}

/* Bytes of anonymous memory that nobody may write: the copies. */
static unsigned long
copied_bytes(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned long begin, end, inode, all = 0;
	char line[512], mode[5], name[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%lx-%lx %4s %*s %*s %lu %1s", &begin, &end,
			mode, &inode, name) == 4 &&
		    inode == 0 && strcmp(mode, "r--p") == 0)
			all += end - begin;
	(void)fclose(file);
	return all;
}

static void
test_nss_source_keeps_one_version_at_most(void)
{
	unsigned long before, with_one;
	int i;

	if (!oat_population_is_root())
		return;
	oat_population_publish(1, 0);
	(void)ask_id(NOT_THERE);
	before = copied_bytes();
	take_copy_of(5000, 0);
	with_one = copied_bytes();
	CU_ASSERT(with_one > before + 5000 * 64);
	for (i = 0; i < 50; i++)
		take_copy_of(5000, i % 2);
	CU_ASSERT_EQUAL(copied_bytes(), with_one);
}

static void
test_nss_source_without_memory_reads_the_file(void)
{
	const struct rlimit none = { 1 << 20, RLIM_INFINITY };
	int status, i;
	pid_t pid;

	if (!oat_population_is_root())
		return;
	oat_population_publish(20000, 1);
	CU_ASSERT_EQUAL(ask_id(NOT_THERE), NSS_STATUS_NOTFOUND);
	pid = fork();
	if (pid == 0) {
		if (setrlimit(RLIMIT_AS, &none) != 0)
			_exit(2);
		for (i = 0; i < 1000; i++)
			if (version_of(0) != 1)
				_exit(1);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(status == 0, "status %x", status);
}

/* --- threads ------------------------------------------------------------- */

static atomic_int wrong;
static atomic_bool done;

/* Hits and misses of each kind, all of which have one right answer or two. */
static void *
ask_around(void *arg)
{
	unsigned state = (unsigned)(uintptr_t)arg;
	gid_t *groups = malloc(sizeof(*groups));
	long int start, size = 1;
	size_t i;
	int error, n;

	for (n = 0; n < LOOKUPS; n++) {
		state = state * 1103515245 + 12345;
		i = (state >> 8) % MEMBERS;
		switch (n % 4) {
		case 0:
		case 1:
			wrong += version_of(i) == -1;
			break;
		case 2:
			wrong += ask_id(OAT_MEMBER_UID + MEMBERS + (uid_t)i) !=
				 NSS_STATUS_NOTFOUND;
			break;
		case 3:
			start = 0;
			wrong += _nss_oat_initgroups_dyn("oat-acme-t0", 1,
				     &start, &size, &groups, -1,
				     &error) != NSS_STATUS_SUCCESS ||
				 start != OAT_MEMBER_GROUPS;
			break;
		}
	}
	free(groups);
	return NULL;
}

static void *
enumerate(void *arg)
{
	char buffer[512];
	struct passwd passwd;
	uid_t last;
	int error;

	(void)arg;
	while (!done) {
		(void)_nss_oat_setpwent(0);
		last = 0;
		while (_nss_oat_getpwent_r(&passwd, buffer, sizeof(buffer),
			   &error) == NSS_STATUS_SUCCESS) {
			wrong += passwd.pw_uid <= last;
			last = passwd.pw_uid;
		}
		wrong += last != OAT_MEMBER_UID + MEMBERS - 1;
	}
	return NULL;
}

static void
run_threads(void (*meanwhile)(void))
{
	pthread_t threads[THREADS], walker;
	uintptr_t i;

	wrong = 0;
	done = false;
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT_EQUAL(ask_id(NOT_THERE), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL_FATAL(
	    pthread_create(&walker, NULL, enumerate, NULL), 0);
	for (i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(
		    pthread_create(&threads[i], NULL, ask_around, (void *)i),
		    0);
	meanwhile();
	for (i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
	done = true;
	CU_ASSERT_EQUAL(pthread_join(walker, NULL), 0);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void
replace_often(void)
{
	int i;

	for (i = 1; i <= 40; i++)
		oat_population_publish(MEMBERS, i % 2);
}

static void
case_27_threads_while_it_is_replaced_get_old_or_new_answers(void)
{
	if (!oat_population_is_root())
		return;
	run_threads(replace_often);
}

/* A thread may have anything at the fork; the child must get on all the same.
 */
static void
fork_often(void)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < 60; i++) {
		pid = fork();
		if (pid == 0)
			_exit(version_of(1) == -1 ||
			      ask_id(NOT_THERE) != NSS_STATUS_NOTFOUND);
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		OAT_ASSERT_THAT(status == 0, "status %x", status);
	}
}

static void
case_11_nss_after_a_fork_in_any_moment_answers(void)
{
	if (!oat_population_is_root())
		return;
	run_threads(fork_often);
}

/* Cancelled, as soon as it passes a cancellation point. */
static void *
ask_when_cancelled(void *arg)
{
	(void)pthread_cancel(pthread_self());
	*(int *)arg = version_of(0);
	(void)ask_id(NOT_THERE);
	pthread_testcancel();
	*(int *)arg = -2;
	return NULL;
}

static void
test_nss_source_asked_by_a_cancelled_thread_answers_first(void)
{
	pthread_t thread;
	void *result;
	int version = -1;

	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 1);
	CU_ASSERT_EQUAL(ask_id(NOT_THERE), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL_FATAL(
	    pthread_create(&thread, NULL, ask_when_cancelled, &version), 0);
	CU_ASSERT_EQUAL(pthread_join(thread, &result), 0);
	CU_ASSERT_PTR_EQUAL(result, PTHREAD_CANCELED);
	CU_ASSERT_EQUAL(version, 1);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nss_source_hit_is_at_most_100_ms_behind),
	OAT_TEST(test_nss_source_miss_is_not_behind_at_all),
	OAT_TEST(test_nss_source_copy_outlives_the_file_by_hits_alone),
	OAT_TEST(test_nss_source_keeps_one_version_at_most),
	OAT_TEST(test_nss_source_without_memory_reads_the_file),
	OAT_TEST(case_27_threads_while_it_is_replaced_get_old_or_new_answers),
	OAT_TEST(case_11_nss_after_a_fork_in_any_moment_answers),
	OAT_TEST(test_nss_source_asked_by_a_cancelled_thread_answers_first),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_source",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
