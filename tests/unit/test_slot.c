/* SPDX-License-Identifier: MIT */
#include "common/slot.h"

#include "common/folder.h"
#include "common/lock.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BRIEF_MS 100 /* a deadline that is meant to pass */

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

static bool
empty_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0;
}

static int
tear_down(void)
{
	return empty_folder() ? rmdir(parent) : 1;
}

static struct oat_deadline
soon(void)
{
	return oat_deadline_in_ms(OAT_LONG_MS);
}

static enum oat_status
take_briefly(int *ret_fd)
{
	return oat_slot_take(folder, oat_deadline_in_ms(BRIEF_MS), ret_fd);
}

static void
take_all(int fds[OAT_SLOTS])
{
	size_t i;

	for (i = 0; i < OAT_SLOTS; i++) {
		fds[i] = -1;
		CU_ASSERT_EQUAL_FATAL(
		    oat_slot_take(folder, soon(), &fds[i]), OAT_OK);
	}
}

static void
release_all(int fds[OAT_SLOTS])
{
	size_t i;

	for (i = 0; i < OAT_SLOTS; i++)
		(void)close(fds[i]);
}

/* --- slots -------------------------------------------------------------- */

static void
test_slot_beyond_the_last_waits_until_its_deadline(void)
{
	int fds[OAT_SLOTS], fd = 42, before = oat_open_descriptors();
	uint64_t began;

	take_all(fds);
	began = oat_now_ms();
	CU_ASSERT_EQUAL(take_briefly(&fd), OAT_TIMEOUT);
	CU_ASSERT_TRUE(oat_now_ms() - began >= BRIEF_MS);
	CU_ASSERT_EQUAL(fd, 42);
	release_all(fds);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
}

static void
test_slot_with_a_passed_deadline_is_taken_when_free(void)
{
	int fd = -1;

	CU_ASSERT_EQUAL(
	    oat_slot_take(folder, oat_deadline_in_ms(0), &fd), OAT_OK);
	(void)close(fd);
}

static void
test_slot_given_back_is_taken_by_who_waits(void)
{
	int fds[OAT_SLOTS], fd = -1, status = 0;
	pid_t pid;

	take_all(fds);
	pid = fork();
	if (pid == 0) {
		release_all(fds); /* its copies hold the locks, too */
		_exit(oat_slot_take(folder, soon(), &fd) == OAT_OK ? 0 : 1);
	}
	usleep(20000);
	(void)close(fds[3]);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	fds[3] = dup(fds[0]);
	release_all(fds);
}

static void
test_slot_of_a_killed_process_is_free(void)
{
	int fds[OAT_SLOTS], ready[2], fd = -1;
	pid_t pid;
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		take_all(fds);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
	CU_ASSERT_EQUAL(take_briefly(&fd), OAT_TIMEOUT);
	(void)kill(pid, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	CU_ASSERT_EQUAL(take_briefly(&fd), OAT_OK);
	(void)close(fd);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* case 45, small: never more inside than there are slots. */
static void
test_slot_crowd_is_let_in_by_eights(void)
{
	char room[80];
	int i, fd, status, failed = 0;
	struct stat st;

	snprintf(room, sizeof(room), "%s/room", folder);
	(void)mkdir(folder, 0755);
	CU_ASSERT_EQUAL_FATAL(mkdir(room, 0700), 0);
	for (i = 0; i < 40; i++)
		if (fork() == 0) {
			char seat[100];

			snprintf(seat, sizeof(seat), "%s/%d", room, i);
			if (oat_slot_take(folder, soon(), &fd) != OAT_OK ||
			    mkdir(seat, 0700) != 0 || stat(room, &st) != 0)
				_exit(1);
			usleep(1000);
			(void)rmdir(seat);
			/* A folder has two links and one for each in it. */
			_exit(st.st_nlink > 2 + OAT_SLOTS ? 2 : 0);
		}
	while (wait(&status) > 0)
		failed += status != 0;
	CU_ASSERT_EQUAL(failed, 0);
	(void)rmdir(room);
}

/* --- the folder --------------------------------------------------------- */

static void
test_folder_is_made_with_its_mode_whatever_the_umask(void)
{
	mode_t before = umask(0777);
	struct stat st;
	int fd;

	CU_ASSERT_TRUE(empty_folder());
	fd = oat_folder_open(folder, 0755);
	(void)umask(before);
	CU_ASSERT_TRUE_FATAL(fd != -1);
	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0755);
	CU_ASSERT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
}

static void
check_hostile(const char *what, int expected)
{
	int fd = 42, before = oat_open_descriptors();

	errno = 0;
	OAT_ASSERT_THAT(
	    oat_folder_open(folder, 0755) == -1 && errno == expected,
	    "%s: errno %d", what, errno);
	errno = 0;
	OAT_ASSERT_THAT(take_briefly(&fd) == OAT_SYSTEM && errno == expected,
	    "%s: errno %d", what, errno);
	CU_ASSERT_EQUAL(fd, 42);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
}

static void
test_folder_that_is_not_ours_alone_is_refused(void)
{
	CU_ASSERT_TRUE(empty_folder());
	CU_ASSERT_EQUAL(symlink(parent, folder), 0);
	check_hostile("link", ENOTDIR);
	(void)unlink(folder);
	CU_ASSERT_EQUAL(mkfifo(folder, 0755), 0);
	check_hostile("fifo", ENOTDIR);
	(void)unlink(folder);
	CU_ASSERT_EQUAL(mkdir(folder, 0755), 0);
	CU_ASSERT_EQUAL(chmod(folder, 0775), 0);
	check_hostile("group", EPERM);
	CU_ASSERT_EQUAL(chmod(folder, 01777), 0);
	check_hostile("others", EPERM);
	CU_ASSERT_EQUAL(chmod(folder, 0755), 0);
	if (geteuid() == 0) {
		CU_ASSERT_EQUAL(chown(folder, 65534, 65534), 0);
		check_hostile("owner", EPERM);
	}
	CU_ASSERT_TRUE(empty_folder());
}

static void
test_folder_without_a_parent_is_an_error(void)
{
	errno = 0;
	CU_ASSERT_EQUAL(oat_folder_open("/nonexistent/oat/run", 0755), -1);
	CU_ASSERT_EQUAL(errno, ENOENT);
}

/* --- locks -------------------------------------------------------------- */

static void
test_lock_is_held_until_closed(void)
{
	int first = -1, second = 42;

	CU_ASSERT_TRUE(empty_folder());
	CU_ASSERT_EQUAL_FATAL(
	    oat_lock_take(folder, "a", soon(), &first), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_lock_take(folder, "a", oat_deadline_in_ms(0), &second),
	    OAT_TIMEOUT);
	CU_ASSERT_EQUAL(second, 42);
	CU_ASSERT_EQUAL(oat_lock_take(folder, "b", soon(), &second), OAT_OK);
	(void)close(second);
	(void)close(first);
	CU_ASSERT_EQUAL(
	    oat_lock_take(folder, "a", oat_deadline_in_ms(0), &first), OAT_OK);
	(void)close(first);
}

static void
test_lock_that_is_a_link_is_an_error(void)
{
	char path[80];
	int fd = 42;

	snprintf(path, sizeof(path), "%s/a", folder);
	(void)unlink(path);
	CU_ASSERT_EQUAL(symlink("b", path), 0);
	CU_ASSERT_EQUAL(oat_lock_take(folder, "a", soon(), &fd), OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, ELOOP);
	CU_ASSERT_EQUAL(fd, 42);
}

static CU_TestInfo slots[] = {
	OAT_TEST(test_slot_beyond_the_last_waits_until_its_deadline),
	OAT_TEST(test_slot_with_a_passed_deadline_is_taken_when_free),
	OAT_TEST(test_slot_given_back_is_taken_by_who_waits),
	OAT_TEST(test_slot_of_a_killed_process_is_free),
	OAT_TEST(test_slot_crowd_is_let_in_by_eights),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo folders[] = {
	OAT_TEST(test_folder_is_made_with_its_mode_whatever_the_umask),
	OAT_TEST(test_folder_that_is_not_ours_alone_is_refused),
	OAT_TEST(test_folder_without_a_parent_is_an_error),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo locks[] = {
	OAT_TEST(test_lock_is_held_until_closed),
	OAT_TEST(test_lock_that_is_a_link_is_an_error),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "slot", set_up, tear_down, NULL, NULL, slots },
	{ "folder", set_up, tear_down, NULL, NULL, folders },
	{ "lock", set_up, tear_down, NULL, NULL, locks },
	CU_SUITE_INFO_NULL,
};
