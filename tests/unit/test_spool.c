/* SPDX-License-Identifier: MIT */
#include "common/spool.h"

#include "common/reply.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/spooled.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- keeping and sending ------------------------------------------------ */

static void
test_spool_events_come_back_oldest_first(void)
{
	spooled_begin();
	CU_ASSERT_EQUAL(
	    oat_spool_add(spooled_folder, "c", "{\"n\":1}"), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_spool_add(spooled_folder, "b", "{\"n\":2}"), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_spool_add(spooled_folder, "a", "{\"n\":3}"), OAT_OK);
	CU_ASSERT_EQUAL(spooled_count(), 3);
	spooled_check_batch(OAT_OK, "[{\"n\":1},{\"n\":2},{\"n\":3}]", 0);
	CU_ASSERT_EQUAL(spooled_count(), 3);
}

static void
test_spool_that_is_empty_or_missing_has_nothing(void)
{
	spooled_begin();
	CU_ASSERT_EQUAL(spooled_count(), 0);
	spooled_check_batch(OAT_NOTFOUND, NULL, 0);
	CU_ASSERT_EQUAL(
	    mkdir(spooled_folder, 0700) == 0 || errno == EEXIST, true);
	spooled_check_batch(OAT_NOTFOUND, NULL, 0);
}

static void
test_spool_folder_and_files_are_for_their_owner_alone(void)
{
	char path[400];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	spooled_begin();
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "a", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(stat(spooled_folder, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	dir = opendir(spooled_folder);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(
		    path, sizeof(path), "%s/%s", spooled_folder, entry->d_name);
		CU_ASSERT_EQUAL(lstat(path, &st), 0);
		CU_ASSERT_EQUAL(st.st_mode, S_IFREG | 0600);
	}
	(void)closedir(dir);
}

static void
test_spool_batch_that_arrived_is_removed_and_no_more(void)
{
	struct oat_spool spool;
	struct oat_batch batch;
	size_t aside;

	spooled_begin();
	CU_ASSERT_EQUAL(
	    oat_spool_add(spooled_folder, "a", "{\"n\":1}"), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(
	    spooled_open_batch(100, SPOOLED_SIZE, &spool, &batch, &aside),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_spool_add(spooled_folder, "b", "{\"n\":2}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_OK);
	/* Again, as when somebody else was faster. */
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_OK);
	oat_batch_free(&batch);
	CU_ASSERT_EQUAL(
	    oat_spool_read(&spool, 100, SPOOLED_SIZE, &batch, &aside),
	    OAT_NOTFOUND);
	oat_spool_close(&spool);
	spooled_check_batch(OAT_OK, "[{\"n\":2}]", 0);
}

static void
test_spool_batch_put_aside_is_kept_and_not_sent(void)
{
	struct oat_spool spool;
	struct oat_batch batch;
	size_t aside;

	spooled_begin();
	spooled_make_file("1.event", "{}");
	spooled_make_file("2.event", "{}");
	CU_ASSERT_EQUAL_FATAL(
	    spooled_open_batch(1, SPOOLED_SIZE, &spool, &batch, &aside),
	    OAT_OK);
	CU_ASSERT_EQUAL(batch.count, 1);
	CU_ASSERT_EQUAL(oat_spool_put_aside(&spool, &batch), OAT_OK);
	oat_batch_free(&batch);
	oat_spool_close(&spool);
	CU_ASSERT_TRUE(spooled_exists("1.event.bad"));
	CU_ASSERT_TRUE(spooled_exists("2.event"));
	CU_ASSERT_EQUAL(spooled_count(), 1);
}

static void
make_many(int n, const char *text, const char *suffix)
{
	char name[64];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%06d%s", i, suffix);
		spooled_make_file(name, text);
	}
}

static size_t
batch_of(size_t max, size_t size)
{
	struct oat_batch batch;
	size_t aside, n;

	CU_ASSERT_EQUAL_FATAL(
	    spooled_read_batch(max, size, &batch, &aside), OAT_OK);
	n = batch.count;
	CU_ASSERT_TRUE(strlen(batch.events) < size);
	oat_batch_free(&batch);
	return n;
}

static void
test_spool_batch_keeps_its_bounds(void)
{
	spooled_begin();
	make_many(OAT_SPOOL_BATCH_MAX + 1, "{\"n\":1}", ".event");
	CU_ASSERT_EQUAL(batch_of(OAT_SPOOL_BATCH_MAX + 1, SPOOLED_SIZE),
	    OAT_SPOOL_BATCH_MAX);
	CU_ASSERT_EQUAL(batch_of(7, SPOOLED_SIZE), 7);
	/* "[{"n":1},{"n":1}]" has 17 bytes, and a NUL. */
	CU_ASSERT_EQUAL(batch_of(100, 18), 2);
	CU_ASSERT_EQUAL(batch_of(100, 17), 1);
	CU_ASSERT_EQUAL(batch_of(100, 10), 1);
}

static void
test_spool_longest_event_comes_back(void)
{
	char json[OAT_EVENT_MAX + 1];

	spooled_begin();
	memset(json, 'x', sizeof(json));
	json[0] = '{';
	json[OAT_EVENT_MAX - 2] = '}';
	json[OAT_EVENT_MAX - 1] = '\0';
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "a", json), OAT_OK);
	spooled_check_batch(OAT_OK, NULL, 0);
	json[OAT_EVENT_MAX - 2] = 'x';
	json[OAT_EVENT_MAX - 1] = '}';
	json[OAT_EVENT_MAX] = '\0';
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "b", json), OAT_OK);
	spooled_check_batch(OAT_OK, NULL, 1);
}

/* --- full, broken, hostile ---------------------------------------------- */

static void
test_spool_full_refuses_the_new_and_keeps_the_old(void)
{
	spooled_begin();
	make_many(OAT_SPOOL_EVENTS_MAX - 1, "{}", ".event");
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "last", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "more", "{}"), OAT_RANGE);
	CU_ASSERT_EQUAL(spooled_count(), OAT_SPOOL_EVENTS_MAX);
	CU_ASSERT_EQUAL(spooled_count_names(), OAT_SPOOL_EVENTS_MAX);
}

/* Else what nobody can send would fill the disk, file by file. */
static void
test_spool_full_of_files_put_aside_refuses_the_new(void)
{
	spooled_begin();
	make_many(OAT_SPOOL_EVENTS_MAX - 2, "{}", ".event.bad");
	spooled_make_file(".new-1.event", "{");
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "last", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(spooled_folder, "more", "{}"), OAT_RANGE);
	CU_ASSERT_EQUAL(spooled_count(), 1);
	spooled_check_batch(OAT_OK, "[{}]", 0);
}

static void
test_spool_says_why_it_did_not_keep_an_event_and_the_way_out(void)
{
	static const struct {
		enum oat_status status;
		int error;
		const char *why;
	} cases[] = {
		{ OAT_RANGE, 0,
		    "/x/spool: full, 10000 files; let `oat sync` reach the "
		    "database, and look at what ends in .bad, then remove it" },
		{ OAT_SYSTEM, ENOSPC,
		    "/x/spool: No space left on device; make room there (df, "
		    "df -i)" },
		{ OAT_SYSTEM, EROFS,
		    "/x/spool: Read-only file system; mount it writable" },
		{ OAT_SYSTEM, EPERM,
		    "/x/spool: Operation not permitted; it must be a "
		    "folder of root, mode 0700" },
		{ OAT_SYSTEM, EIO,
		    "/x/spool: Input/output error; see whether its disk is "
		    "well" },
		{ OAT_INVALID, 0, "/x/spool: malformed input" },
	};
	char why[320], path[300];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		errno = cases[i].error;
		(void)oat_spool_explain(
		    why, sizeof(why), "/x/spool", cases[i].status);
		OAT_ASSERT_THAT(
		    strcmp(why, cases[i].why) == 0, "%zu: %s", i, why);
	}
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	(void)oat_spool_explain(why, sizeof(why), path, OAT_RANGE);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "then remove it"));
}

/* A write that fails half-way, as on a full disk. */
static bool
cannot_write(void)
{
	struct rlimit few = { 4, 4 };

	(void)signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &few) != 0)
		return false;
	return oat_spool_add(spooled_folder, "x", "{\"n\":2}") == OAT_SYSTEM &&
	       errno == EFBIG;
}

static void
test_spool_without_room_on_disk_leaves_nothing_behind(void)
{
	spooled_begin();
	CU_ASSERT_EQUAL(
	    oat_spool_add(spooled_folder, "a", "{\"n\":1}"), OAT_OK);
	CU_ASSERT_TRUE(oat_in_copy(cannot_write));
	CU_ASSERT_EQUAL(spooled_count_names(), 1);
	spooled_check_batch(OAT_OK, "[{\"n\":1}]", 0);
}

static void
make_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
	    spooled_folder, name);
	CU_ASSERT_EQUAL(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
}

static void
test_spool_bad_file_does_not_hold_back_the_others(void)
{
	char path[400];

	spooled_begin();
	spooled_make_file("1.event", "");
	spooled_make_file("2.event", "{\"n\":");
	spooled_make_file("3.event", "{\n}");
	spooled_make_file("5.event", "{\"n\":5}");
	spooled_make_file("9.event", "{\"n\":9}");
	snprintf(path, sizeof(path), "%s/4.event", spooled_folder);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/6.event", spooled_folder);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/7.event", spooled_folder);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	make_socket("8.event");
	spooled_check_batch(OAT_OK, "[{\"n\":5},{\"n\":9}]", 7);
	spooled_check_batch(OAT_OK, "[{\"n\":5},{\"n\":9}]", 0);
	CU_ASSERT_TRUE(spooled_exists("1.event.bad"));
	CU_ASSERT_TRUE(spooled_exists("4.event.bad"));
	CU_ASSERT_TRUE(spooled_exists("7.event.bad"));
	CU_ASSERT_TRUE(spooled_exists("8.event.bad"));
	CU_ASSERT_EQUAL(spooled_count(), 2);
}

static void
test_spool_of_bad_files_alone_has_nothing(void)
{
	spooled_begin();
	spooled_make_file("1.event", "x");
	spooled_check_batch(OAT_NOTFOUND, NULL, 1);
	spooled_check_batch(OAT_NOTFOUND, NULL, 0);
}

static void
test_spool_other_names_are_left_alone(void)
{
	spooled_begin();
	spooled_make_file(".event", "{}");
	spooled_make_file(".hidden.event", "{}");
	spooled_make_file("event", "{}");
	spooled_make_file("a.event.bad", "{}");
	spooled_make_file("README", "{}");
	CU_ASSERT_EQUAL(spooled_count(), 0);
	spooled_check_batch(OAT_NOTFOUND, NULL, 0);
	CU_ASSERT_EQUAL(spooled_count_names(), 5);
}

static void
test_spool_stale_temporary_is_removed_and_a_fresh_one_kept(void)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char path[400];

	spooled_begin();
	spooled_make_file(".new-1.event", "{\"n\":1");
	spooled_make_file(".new-2.event", "{\"n\":2");
	snprintf(path, sizeof(path), "%s/.new-1.event", spooled_folder);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, old, 0), 0);
	spooled_check_batch(OAT_NOTFOUND, NULL, 0);
	CU_ASSERT_FALSE(spooled_exists(".new-1.event"));
	CU_ASSERT_TRUE(spooled_exists(".new-2.event"));
}

static void
check_unusable(const char *what, int expected)
{
	struct oat_spool spool;
	int before = oat_open_descriptors();

	errno = 0;
	OAT_ASSERT_THAT(
	    oat_spool_add(spooled_folder, "a", "{}") == OAT_SYSTEM &&
		errno == expected,
	    "%s: errno %d", what, errno);
	errno = 0;
	OAT_ASSERT_THAT(oat_spool_open(spooled_folder, &spool) == OAT_SYSTEM &&
			    errno == expected,
	    "%s: errno %d", what, errno);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
}

static void
test_spool_folder_that_is_not_ours_alone_is_refused(void)
{
	spooled_begin();
	CU_ASSERT_EQUAL(symlink(spooled_parent, spooled_folder), 0);
	check_unusable("link", ENOTDIR);
	spooled_begin();
	CU_ASSERT_EQUAL(mkdir(spooled_folder, 0700), 0);
	CU_ASSERT_EQUAL(chmod(spooled_folder, 0770), 0);
	check_unusable("mode", EPERM);
	if (geteuid() == 0) {
		CU_ASSERT_EQUAL(chmod(spooled_folder, 0700), 0);
		CU_ASSERT_EQUAL(chown(spooled_folder, 65534, 0), 0);
		check_unusable("owner", EPERM);
	}
	spooled_begin();
}

static CU_TestInfo keeping[] = {
	OAT_TEST(test_spool_events_come_back_oldest_first),
	OAT_TEST(test_spool_that_is_empty_or_missing_has_nothing),
	OAT_TEST(test_spool_folder_and_files_are_for_their_owner_alone),
	OAT_TEST(test_spool_batch_that_arrived_is_removed_and_no_more),
	OAT_TEST(test_spool_batch_put_aside_is_kept_and_not_sent),
	OAT_TEST(test_spool_batch_keeps_its_bounds),
	OAT_TEST(test_spool_longest_event_comes_back),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo broken[] = {
	OAT_TEST(test_spool_full_refuses_the_new_and_keeps_the_old),
	OAT_TEST(test_spool_full_of_files_put_aside_refuses_the_new),
	OAT_TEST(test_spool_says_why_it_did_not_keep_an_event_and_the_way_out),
	OAT_TEST(test_spool_without_room_on_disk_leaves_nothing_behind),
	OAT_TEST(test_spool_bad_file_does_not_hold_back_the_others),
	OAT_TEST(test_spool_of_bad_files_alone_has_nothing),
	OAT_TEST(test_spool_other_names_are_left_alone),
	OAT_TEST(test_spool_stale_temporary_is_removed_and_a_fresh_one_kept),
	OAT_TEST(test_spool_folder_that_is_not_ours_alone_is_refused),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "spool: keeping", spooled_set_up, spooled_tear_down, NULL, NULL,
	    keeping },
	{ "spool: broken", spooled_set_up, spooled_tear_down, NULL, NULL,
	    broken },
	CU_SUITE_INFO_NULL,
};
