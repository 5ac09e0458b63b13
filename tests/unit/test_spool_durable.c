/* SPDX-License-Identifier: MIT */
/* What is promised is there, whatever fails or is killed. */
#include "common/spool.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/spooled.h"

#include <errno.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLING_MS 2000

/* --- what reaches the disk ------------------------------------------------ */

/*
 * This program's fsync(2) stands before libc's: it notes what was synced, and
 * which files an administrator would have seen then, and may fail.
 */
static char synced[1024];
static int failing_fsync; /* the how-manieth fails; 0 for none */

int
fsync(int fd)
{
	char link[64], path[400] = "";
	size_t used = strlen(synced);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	(void)!readlink(link, path, sizeof(path) - 1);
	snprintf(synced + used, sizeof(synced) - used, "%s;",
	    strstr(path, "/.new-") != NULL ? "file"
	    : strcmp(path, spooled_folder) == 0
		? (spooled_count() == 1 ? "folder with it" : "folder")
	    : strcmp(path, spooled_parent) == 0 ? "parent"
						: "?");
	if (failing_fsync > 0 && --failing_fsync == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

/* In place of a file on a bad disk: nothing is mapped at 0, which is EIO. */
static bool
read_over_a_bad_disk(void)
{
	struct oat_batch batch;
	size_t aside = 0;
	char pattern[128];
	glob_t found;

	(void)snprintf(pattern, sizeof(pattern), "%s/*.event", spooled_folder);
	return glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1 &&
	       unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("/proc/self/mem", found.gl_pathv[0], NULL, MS_BIND,
		   NULL) == 0 &&
	       spooled_read_batch(100, SPOOLED_SIZE, &batch, &aside) ==
		   OAT_SYSTEM &&
	       errno == EIO && aside == 0;
}

static void
test_spool_event_that_cannot_be_read_stays(void)
{
	if (geteuid() != 0) {
		oat_skip("mounts are root's");
		return;
	}
	spooled_begin();
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "a", "{}"), OAT_OK);
	CU_ASSERT(oat_in_copy(read_over_a_bad_disk));
	spooled_check_batch(OAT_OK, "[{}]", 0);
}

static void
test_spool_event_is_on_disk_before_it_is_promised(void)
{
	spooled_begin();
	synced[0] = '\0';
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "a", "{}"), OAT_OK);
	CU_ASSERT_STRING_EQUAL(synced, "parent;file;folder with it;");
	spooled_check_batch(OAT_OK, "[{}]", 0);
}

static void
test_spool_event_that_did_not_reach_the_disk_is_not_promised(void)
{
	spooled_begin();
	CU_ASSERT_EQUAL(mkdir(spooled_folder, 0700), 0);
	failing_fsync = 1;
	errno = 0;
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "a", "{}"), OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, EIO);
	CU_ASSERT_EQUAL(spooled_count_names(), 0);
	/* The folder: it may well be there, and is not promised. */
	failing_fsync = 2;
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "a", "{}"), OAT_SYSTEM);
	CU_ASSERT_EQUAL(failing_fsync, 0);
}

static void
test_spool_removal_that_did_not_reach_the_disk_is_told(void)
{
	struct oat_spool spool;
	struct oat_batch batch;
	size_t aside;

	spooled_begin();
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "a", "{}"), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(
	    spooled_open_batch(100, SPOOLED_SIZE, &spool, &batch, &aside),
	    OAT_OK);
	synced[0] = '\0';
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_OK);
	CU_ASSERT_STRING_EQUAL(synced, "folder;");
	failing_fsync = 1;
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_SYSTEM);
	oat_batch_free(&batch);
	oat_spool_close(&spool);
}

/* --- killed writers ----------------------------------------------------- */

static void
write_until_killed(int number)
{
	char id[32], json[512];
	int i;

	for (i = 0;; i++) {
		snprintf(id, sizeof(id), "%d-%d", number, i);
		snprintf(json, sizeof(json), "{\"n\":\"%0400d\"}", i);
		if (oat_spool_add(spooled_folder, id, json) != OAT_OK)
			_exit(1);
	}
}

/* Every event that is there is whole, wherever its writer was killed. */
static void
test_spool_killed_writer_leaves_whole_events_only(void)
{
	uint64_t until = oat_now_ms() + KILLING_MS;
	unsigned rounds = 0, seed = (unsigned)getpid();
	struct oat_spool spool;
	struct oat_batch batch;
	size_t aside, sent = 0;
	pid_t pid;

	spooled_begin();
	while (oat_now_ms() < until) {
		pid = fork();
		if (pid == 0)
			write_until_killed((int)rounds);
		usleep((unsigned)rand_r(&seed) % 3000);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		rounds++;
		CU_ASSERT_EQUAL_FATAL(
		    oat_spool_open(spooled_folder, &spool), OAT_OK);
		while (oat_spool_read(&spool, 100, SPOOLED_SIZE, &batch,
			   &aside) == OAT_OK) {
			CU_ASSERT_EQUAL(aside, 0);
			sent += batch.count;
			/* {"n":" 400 digits "} and a bracket or comma each */
			CU_ASSERT_EQUAL(
			    strlen(batch.events), batch.count * 409 + 1);
			CU_ASSERT_EQUAL(
			    oat_spool_remove(&spool, &batch), OAT_OK);
			oat_batch_free(&batch);
		}
		CU_ASSERT_EQUAL(aside, 0);
		oat_spool_close(&spool);
	}
	OAT_ASSERT_THAT(
	    rounds > 10 && sent > 10, "%u rounds, %zu events", rounds, sent);
}

/* Several logins end at once: each event is kept. */
static void
test_spool_writers_at_once_lose_nothing(void)
{
	int i, j, status, failed = 0;
	char id[32];

	spooled_begin();
	for (i = 0; i < 8; i++)
		if (fork() == 0) {
			for (j = 0; j < 10; j++) {
				snprintf(id, sizeof(id), "%d-%d", i, j);
				if (oat_spool_add(spooled_folder, id, "{}") !=
				    OAT_OK)
					_exit(1);
			}
			_exit(0);
		}
	while (wait(&status) > 0)
		failed += status != 0;
	CU_ASSERT_EQUAL(failed, 0);
	CU_ASSERT_EQUAL(spooled_count(), 80);
}

static CU_TestInfo durable[] = {
	OAT_TEST(test_spool_event_is_on_disk_before_it_is_promised),
	OAT_TEST(test_spool_event_that_cannot_be_read_stays),
	OAT_TEST(test_spool_event_that_did_not_reach_the_disk_is_not_promised),
	OAT_TEST(test_spool_removal_that_did_not_reach_the_disk_is_told),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo killed[] = {
	OAT_TEST(test_spool_killed_writer_leaves_whole_events_only),
	OAT_TEST(test_spool_writers_at_once_lose_nothing),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "spool: durable", spooled_set_up, spooled_tear_down, NULL, NULL,
	    durable },
	{ "spool: killed", spooled_set_up, spooled_tear_down, NULL, NULL,
	    killed },
	CU_SUITE_INFO_NULL,
};
