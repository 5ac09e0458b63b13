/* SPDX-License-Identifier: MIT */
#include "common/gather.h"

#include "common/folder.h"
#include "common/lock.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_S 1

static char parent[32], folder[64];

static int
set_up(void)
{
	strcpy(parent, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(parent) == NULL)
		return 1;
	snprintf(folder, sizeof(folder), "%s/run", parent);
	return 0;
}

static int
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", parent);
	return system(command) == 0 ? 0 : 1;
}

/* Another process that waits; it is waiting when this returns. */
static pid_t
start_waiting(void)
{
	uint64_t end = oat_now_ms() + OAT_LONG_MS;
	pid_t pid = fork();

	if (pid == 0)
		_exit(oat_gather_wait(folder, WAIT_S) == OAT_OK ? 0 : 1);
	while (!oat_gather_is_waiting(folder) && oat_now_ms() < end)
		usleep(1000);
	return pid;
}

static bool
ends_well(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static void
test_gather_nobody_waits_in_a_folder_that_is_missing(void)
{
	CU_ASSERT_FALSE(oat_gather_is_waiting(folder));
	CU_ASSERT_FALSE(oat_gather_is_waiting(folder));
}

static void
test_gather_second_one_leaves_it_to_the_first(void)
{
	uint64_t began;
	pid_t pid = start_waiting();

	CU_ASSERT_TRUE(oat_gather_is_waiting(folder));
	began = oat_now_ms();
	CU_ASSERT_EQUAL(oat_gather_wait(folder, 100), OAT_NOTFOUND);
	CU_ASSERT_TRUE(oat_now_ms() - began < OAT_LONG_MS);
	CU_ASSERT_TRUE(ends_well(pid));
	CU_ASSERT_FALSE(oat_gather_is_waiting(folder));
}

/* What is put into the spool while it waits, it finds there afterwards. */
static void
test_gather_lock_has_ended_when_the_wait_has(void)
{
	int before = oat_open_descriptors();

	CU_ASSERT_EQUAL(oat_gather_wait(folder, WAIT_S), OAT_OK);
	CU_ASSERT_FALSE(oat_gather_is_waiting(folder));
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
}

static void
test_gather_asking_keeps_no_lock(void)
{
	int fd = -1;

	CU_ASSERT_FALSE(oat_gather_is_waiting(folder));
	CU_ASSERT_EQUAL(
	    oat_lock_take(folder, "gather.lock", oat_deadline_in_ms(0), &fd),
	    OAT_OK);
	(void)close(fd);
}

/* Sending at once is better than not at all. */
static void
test_gather_folder_that_cannot_be_used_waits_alone(void)
{
	static const char *const file = "/dev/null";

	CU_ASSERT_FALSE(oat_gather_is_waiting(file));
	CU_ASSERT_EQUAL(oat_gather_wait(file, 0), OAT_OK);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_gather_nobody_waits_in_a_folder_that_is_missing),
	OAT_TEST(test_gather_second_one_leaves_it_to_the_first),
	OAT_TEST(test_gather_lock_has_ended_when_the_wait_has),
	OAT_TEST(test_gather_asking_keeps_no_lock),
	OAT_TEST(test_gather_folder_that_cannot_be_used_waits_alone),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "gather", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
