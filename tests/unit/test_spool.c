/* SPDX-License-Identifier: MIT */
#include "common/spool.h"

#include "common/reply.h"
#include "tests/process.h"
#include "tests/runner.h"

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
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 61440 /* bytes of array, as oat sync asks for */
#define KILLING_MS 2000

static char parent[32], folder[64];

static int
set_up(void)
{
	/* In memory: fsync(2) on a disk would leave time for few rounds. */
	strcpy(parent, access("/dev/shm", W_OK) == 0
			   ? "/dev/shm/oat-test-XXXXXX"
			   : "/tmp/oat-test-XXXXXX");
	if (mkdtemp(parent) == NULL)
		return 1;
	snprintf(folder, sizeof(folder), "%s/spool", parent);
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

static void
begin(void)
{
	CU_ASSERT_TRUE_FATAL(empty_folder());
}

static void
make_file(const char *name, const char *text)
{
	char path[400];
	FILE *file;

	(void)mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static bool
exists(const char *name)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return lstat(path, &st) == 0;
}

static size_t
count(void)
{
	size_t n = 4711;

	CU_ASSERT_EQUAL(oat_spool_count(folder, &n), OAT_OK);
	return n;
}

/* How many names of any kind are in the folder. */
static size_t
count_names(void)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		(void)closedir(dir);
	return n < 2 ? 0 : n - 2;
}

/* Open it and take the first batch; what is there stays there. */
static enum oat_status
open_batch(size_t max, size_t size, struct oat_spool *ret_spool,
    struct oat_batch *ret_batch, size_t *ret_aside)
{
	memset(ret_batch, 0, sizeof(*ret_batch));
	CU_ASSERT_EQUAL_FATAL(oat_spool_open(folder, ret_spool), OAT_OK);
	return oat_spool_read(ret_spool, max, size, ret_batch, ret_aside);
}

/* The same, for what is in it. */
static enum oat_status
read_batch(
    size_t max, size_t size, struct oat_batch *ret_batch, size_t *ret_aside)
{
	struct oat_spool spool;
	enum oat_status status;

	status = open_batch(max, size, &spool, ret_batch, ret_aside);
	oat_spool_close(&spool);
	return status;
}

static void
check_batch(enum oat_status expected, const char *events, size_t aside)
{
	struct oat_batch batch;
	enum oat_status status;
	size_t put = 4711;

	status = read_batch(OAT_SPOOL_BATCH_MAX, SIZE, &batch, &put);
	CU_ASSERT_EQUAL(status, expected);
	CU_ASSERT_EQUAL(put, aside);
	if (status == OAT_OK && events != NULL)
		OAT_ASSERT_THAT(
		    strcmp(batch.events, events) == 0, "%s", batch.events);
	oat_batch_free(&batch);
}

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
	    : strcmp(path, folder) == 0
		? (count() == 1 ? "folder with it" : "folder")
	    : strcmp(path, parent) == 0 ? "parent"
					: "?");
	if (failing_fsync > 0 && --failing_fsync == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

static void
test_spool_event_is_on_disk_before_it_is_promised(void)
{
	begin();
	synced[0] = '\0';
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{}"), OAT_OK);
	CU_ASSERT_STRING_EQUAL(synced, "parent;file;folder with it;");
	check_batch(OAT_OK, "[{}]", 0);
}

static void
test_spool_event_that_did_not_reach_the_disk_is_not_promised(void)
{
	begin();
	CU_ASSERT_EQUAL(mkdir(folder, 0700), 0);
	failing_fsync = 1;
	errno = 0;
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{}"), OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, EIO);
	CU_ASSERT_EQUAL(count_names(), 0);
	/* The folder: it may well be there, and is not promised. */
	failing_fsync = 2;
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{}"), OAT_SYSTEM);
	CU_ASSERT_EQUAL(failing_fsync, 0);
}

static void
test_spool_removal_that_did_not_reach_the_disk_is_told(void)
{
	struct oat_spool spool;
	struct oat_batch batch;
	size_t aside;

	begin();
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{}"), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(
	    open_batch(100, SIZE, &spool, &batch, &aside), OAT_OK);
	synced[0] = '\0';
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_OK);
	CU_ASSERT_STRING_EQUAL(synced, "folder;");
	failing_fsync = 1;
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_SYSTEM);
	oat_batch_free(&batch);
	oat_spool_close(&spool);
}

/* --- keeping and sending ------------------------------------------------ */

static void
test_spool_events_come_back_oldest_first(void)
{
	begin();
	CU_ASSERT_EQUAL(oat_spool_add(folder, "c", "{\"n\":1}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(folder, "b", "{\"n\":2}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{\"n\":3}"), OAT_OK);
	CU_ASSERT_EQUAL(count(), 3);
	check_batch(OAT_OK, "[{\"n\":1},{\"n\":2},{\"n\":3}]", 0);
	CU_ASSERT_EQUAL(count(), 3);
}

static void
test_spool_that_is_empty_or_missing_has_nothing(void)
{
	begin();
	CU_ASSERT_EQUAL(count(), 0);
	check_batch(OAT_NOTFOUND, NULL, 0);
	CU_ASSERT_EQUAL(mkdir(folder, 0700) == 0 || errno == EEXIST, true);
	check_batch(OAT_NOTFOUND, NULL, 0);
}

static void
test_spool_folder_and_files_are_for_their_owner_alone(void)
{
	char path[400];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	begin();
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(stat(folder, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	dir = opendir(folder);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
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

	begin();
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{\"n\":1}"), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(
	    open_batch(100, SIZE, &spool, &batch, &aside), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(folder, "b", "{\"n\":2}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_OK);
	/* Again, as when somebody else was faster. */
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_OK);
	oat_batch_free(&batch);
	CU_ASSERT_EQUAL(
	    oat_spool_read(&spool, 100, SIZE, &batch, &aside), OAT_NOTFOUND);
	oat_spool_close(&spool);
	check_batch(OAT_OK, "[{\"n\":2}]", 0);
}

static void
test_spool_batch_put_aside_is_kept_and_not_sent(void)
{
	struct oat_spool spool;
	struct oat_batch batch;
	size_t aside;

	begin();
	make_file("1.event", "{}");
	make_file("2.event", "{}");
	CU_ASSERT_EQUAL_FATAL(
	    open_batch(1, SIZE, &spool, &batch, &aside), OAT_OK);
	CU_ASSERT_EQUAL(batch.count, 1);
	CU_ASSERT_EQUAL(oat_spool_put_aside(&spool, &batch), OAT_OK);
	oat_batch_free(&batch);
	oat_spool_close(&spool);
	CU_ASSERT_TRUE(exists("1.event.bad"));
	CU_ASSERT_TRUE(exists("2.event"));
	CU_ASSERT_EQUAL(count(), 1);
}

static void
make_many(int n, const char *text, const char *suffix)
{
	char name[64];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%06d%s", i, suffix);
		make_file(name, text);
	}
}

static size_t
batch_of(size_t max, size_t size)
{
	struct oat_batch batch;
	size_t aside, n;

	CU_ASSERT_EQUAL_FATAL(read_batch(max, size, &batch, &aside), OAT_OK);
	n = batch.count;
	CU_ASSERT_TRUE(strlen(batch.events) < size);
	oat_batch_free(&batch);
	return n;
}

static void
test_spool_batch_keeps_its_bounds(void)
{
	begin();
	make_many(OAT_SPOOL_BATCH_MAX + 1, "{\"n\":1}", ".event");
	CU_ASSERT_EQUAL(
	    batch_of(OAT_SPOOL_BATCH_MAX + 1, SIZE), OAT_SPOOL_BATCH_MAX);
	CU_ASSERT_EQUAL(batch_of(7, SIZE), 7);
	/* "[{"n":1},{"n":1}]" has 17 bytes, and a NUL. */
	CU_ASSERT_EQUAL(batch_of(100, 18), 2);
	CU_ASSERT_EQUAL(batch_of(100, 17), 1);
	CU_ASSERT_EQUAL(batch_of(100, 10), 1);
}

static void
test_spool_longest_event_comes_back(void)
{
	char json[OAT_EVENT_MAX + 1];

	begin();
	memset(json, 'x', sizeof(json));
	json[0] = '{';
	json[OAT_EVENT_MAX - 2] = '}';
	json[OAT_EVENT_MAX - 1] = '\0';
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", json), OAT_OK);
	check_batch(OAT_OK, NULL, 0);
	json[OAT_EVENT_MAX - 2] = 'x';
	json[OAT_EVENT_MAX - 1] = '}';
	json[OAT_EVENT_MAX] = '\0';
	CU_ASSERT_EQUAL(oat_spool_add(folder, "b", json), OAT_OK);
	check_batch(OAT_OK, NULL, 1);
}

/* --- full, broken, hostile ---------------------------------------------- */

static void
test_spool_full_refuses_the_new_and_keeps_the_old(void)
{
	begin();
	make_many(OAT_SPOOL_EVENTS_MAX - 1, "{}", ".event");
	CU_ASSERT_EQUAL(oat_spool_add(folder, "last", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(folder, "more", "{}"), OAT_RANGE);
	CU_ASSERT_EQUAL(count(), OAT_SPOOL_EVENTS_MAX);
	CU_ASSERT_EQUAL(count_names(), OAT_SPOOL_EVENTS_MAX);
}

/* Else what nobody can send would fill the disk, file by file. */
static void
test_spool_full_of_files_put_aside_refuses_the_new(void)
{
	begin();
	make_many(OAT_SPOOL_EVENTS_MAX - 2, "{}", ".event.bad");
	make_file(".new-1.event", "{");
	CU_ASSERT_EQUAL(oat_spool_add(folder, "last", "{}"), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(folder, "more", "{}"), OAT_RANGE);
	CU_ASSERT_EQUAL(count(), 1);
	check_batch(OAT_OK, "[{}]", 0);
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
		    "/x/spool: Operation not permitted; it must be a folder of "
		    "root, mode 0700" },
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
	return oat_spool_add(folder, "x", "{\"n\":2}") == OAT_SYSTEM &&
	       errno == EFBIG;
}

static void
test_spool_without_room_on_disk_leaves_nothing_behind(void)
{
	begin();
	CU_ASSERT_EQUAL(oat_spool_add(folder, "a", "{\"n\":1}"), OAT_OK);
	CU_ASSERT_TRUE(oat_in_copy(cannot_write));
	CU_ASSERT_EQUAL(count_names(), 1);
	check_batch(OAT_OK, "[{\"n\":1}]", 0);
}

static void
make_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/%s", folder, name);
	CU_ASSERT_EQUAL(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
}

static void
test_spool_bad_file_does_not_hold_back_the_others(void)
{
	char path[400];

	begin();
	make_file("1.event", "");
	make_file("2.event", "{\"n\":");
	make_file("3.event", "{\n}");
	make_file("5.event", "{\"n\":5}");
	make_file("9.event", "{\"n\":9}");
	snprintf(path, sizeof(path), "%s/4.event", folder);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/6.event", folder);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/7.event", folder);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	make_socket("8.event");
	check_batch(OAT_OK, "[{\"n\":5},{\"n\":9}]", 7);
	check_batch(OAT_OK, "[{\"n\":5},{\"n\":9}]", 0);
	CU_ASSERT_TRUE(exists("1.event.bad"));
	CU_ASSERT_TRUE(exists("4.event.bad"));
	CU_ASSERT_TRUE(exists("7.event.bad"));
	CU_ASSERT_TRUE(exists("8.event.bad"));
	CU_ASSERT_EQUAL(count(), 2);
}

static void
test_spool_of_bad_files_alone_has_nothing(void)
{
	begin();
	make_file("1.event", "x");
	check_batch(OAT_NOTFOUND, NULL, 1);
	check_batch(OAT_NOTFOUND, NULL, 0);
}

static void
test_spool_other_names_are_left_alone(void)
{
	begin();
	make_file(".event", "{}");
	make_file(".hidden.event", "{}");
	make_file("event", "{}");
	make_file("a.event.bad", "{}");
	make_file("README", "{}");
	CU_ASSERT_EQUAL(count(), 0);
	check_batch(OAT_NOTFOUND, NULL, 0);
	CU_ASSERT_EQUAL(count_names(), 5);
}

static void
test_spool_stale_temporary_is_removed_and_a_fresh_one_kept(void)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char path[400];

	begin();
	make_file(".new-1.event", "{\"n\":1");
	make_file(".new-2.event", "{\"n\":2");
	snprintf(path, sizeof(path), "%s/.new-1.event", folder);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, old, 0), 0);
	check_batch(OAT_NOTFOUND, NULL, 0);
	CU_ASSERT_FALSE(exists(".new-1.event"));
	CU_ASSERT_TRUE(exists(".new-2.event"));
}

static void
check_unusable(const char *what, int expected)
{
	struct oat_spool spool;
	int before = oat_open_descriptors();

	errno = 0;
	OAT_ASSERT_THAT(
	    oat_spool_add(folder, "a", "{}") == OAT_SYSTEM && errno == expected,
	    "%s: errno %d", what, errno);
	errno = 0;
	OAT_ASSERT_THAT(
	    oat_spool_open(folder, &spool) == OAT_SYSTEM && errno == expected,
	    "%s: errno %d", what, errno);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
}

static void
test_spool_folder_that_is_not_ours_alone_is_refused(void)
{
	begin();
	CU_ASSERT_EQUAL(symlink(parent, folder), 0);
	check_unusable("link", ENOTDIR);
	begin();
	CU_ASSERT_EQUAL(mkdir(folder, 0700), 0);
	CU_ASSERT_EQUAL(chmod(folder, 0770), 0);
	check_unusable("mode", EPERM);
	if (geteuid() == 0) {
		CU_ASSERT_EQUAL(chmod(folder, 0700), 0);
		CU_ASSERT_EQUAL(chown(folder, 65534, 0), 0);
		check_unusable("owner", EPERM);
	}
	begin();
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
		if (oat_spool_add(folder, id, json) != OAT_OK)
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

	begin();
	while (oat_now_ms() < until) {
		pid = fork();
		if (pid == 0)
			write_until_killed((int)rounds);
		usleep((unsigned)rand_r(&seed) % 3000);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		rounds++;
		CU_ASSERT_EQUAL_FATAL(oat_spool_open(folder, &spool), OAT_OK);
		while (oat_spool_read(&spool, 100, SIZE, &batch, &aside) ==
		       OAT_OK) {
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

	begin();
	for (i = 0; i < 8; i++)
		if (fork() == 0) {
			for (j = 0; j < 10; j++) {
				snprintf(id, sizeof(id), "%d-%d", i, j);
				if (oat_spool_add(folder, id, "{}") != OAT_OK)
					_exit(1);
			}
			_exit(0);
		}
	while (wait(&status) > 0)
		failed += status != 0;
	CU_ASSERT_EQUAL(failed, 0);
	CU_ASSERT_EQUAL(count(), 80);
}

static CU_TestInfo durable[] = {
	OAT_TEST(test_spool_event_is_on_disk_before_it_is_promised),
	OAT_TEST(test_spool_event_that_did_not_reach_the_disk_is_not_promised),
	OAT_TEST(test_spool_removal_that_did_not_reach_the_disk_is_told),
	CU_TEST_INFO_NULL,
};

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

static CU_TestInfo killed[] = {
	OAT_TEST(test_spool_killed_writer_leaves_whole_events_only),
	OAT_TEST(test_spool_writers_at_once_lose_nothing),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "spool: durable", set_up, tear_down, NULL, NULL, durable },
	{ "spool: keeping", set_up, tear_down, NULL, NULL, keeping },
	{ "spool: broken", set_up, tear_down, NULL, NULL, broken },
	{ "spool: killed", set_up, tear_down, NULL, NULL, killed },
	CU_SUITE_INFO_NULL,
};
