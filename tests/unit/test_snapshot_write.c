/* SPDX-License-Identifier: MIT */
#include "common/snapshot_write.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/population.h"

#define KILLS 60
#define MEMBERS 2000

static struct oat_snapshot_info info = { .home_root = "/srv/oat" };

static enum oat_status
build(const struct oat_group *groups, size_t group_count,
    const struct oat_identity *identities, size_t identity_count)
{
	enum oat_status status;
	void *image = NULL;
	size_t size;

	status = oat_snapshot_build(&info, groups, group_count, identities,
	    identity_count, &image, &size);
	free(image);
	return status;
}

/* --- building ------------------------------------------------------------ */

static void
test_snapshot_build_of_the_same_gives_the_same_bytes(void)
{
	struct oat_identity two[2] = {
		{ .login = "oat-acme-a", .uid = 70001, .shell = "/bin/sh" },
		{ .login = "oat-acme-b", .uid = 70002, .shell = "/bin/sh" },
	};
	struct oat_identity turned[2];
	size_t size, turned_size;
	void *image, *turned_image;

	turned[0] = two[1];
	turned[1] = two[0];
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_build(&info, NULL, 0, two, 2, &image, &size), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(oat_snapshot_build(&info, NULL, 0, turned, 2,
				  &turned_image, &turned_size),
	    OAT_OK);
	CU_ASSERT_EQUAL(size, turned_size);
	CU_ASSERT_EQUAL(memcmp(image, turned_image, size), 0);
	free(image);
	free(turned_image);
}

static void
test_snapshot_build_of_nobody_is_a_snapshot(void)
{
	struct oat_snapshot snapshot;
	uint64_t cursor = 0;
	struct oat_record record;
	size_t size;
	void *image;

	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_build(&info, NULL, 0, NULL, 0, &image, &size), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(oat_snapshot_verify(&snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_next(&snapshot, &cursor, &record), OAT_NOTFOUND);
	free(image);
}

static void
test_snapshot_build_of_twins_is_invalid(void)
{
	const struct oat_group groups[2] = {
		{ .name = "oat-users", .gid = 70000 },
		{ .name = "oat-acme", .gid = 70000 },
	};
	struct oat_identity twins[2] = {
		{ .login = "oat-acme-a", .uid = 70001, .shell = "/bin/sh" },
		{ .login = "oat-acme-a", .uid = 70002, .shell = "/bin/sh" },
	};

	CU_ASSERT_EQUAL(build(groups, 2, NULL, 0), OAT_INVALID);
	CU_ASSERT_EQUAL(build(groups, 1, NULL, 0), OAT_OK);
	CU_ASSERT_EQUAL(build(NULL, 0, twins, 2), OAT_INVALID);
	strcpy(twins[1].login, "oat-acme-b");
	CU_ASSERT_EQUAL(build(NULL, 0, twins, 2), OAT_OK);
	twins[1].uid = 70000;
	CU_ASSERT_EQUAL(build(groups, 1, twins, 2), OAT_INVALID);
}

static void
test_snapshot_build_of_what_is_not_ours_is_invalid(void)
{
	struct oat_group group = { .name = "oat-users", .gid = 65535 };
	struct oat_identity one = { .login = "root", .uid = 70001 };

	CU_ASSERT_EQUAL(build(&group, 1, NULL, 0), OAT_INVALID);
	group.gid = 65536;
	CU_ASSERT_EQUAL(build(&group, 1, NULL, 0), OAT_OK);
	strcpy(group.name, "sudo");
	CU_ASSERT_EQUAL(build(&group, 1, NULL, 0), OAT_INVALID);
	CU_ASSERT_EQUAL(build(NULL, 0, &one, 1), OAT_INVALID);
	strcpy(one.login, "oat-acme-ci");
	CU_ASSERT_EQUAL(build(NULL, 0, &one, 1), OAT_OK);
	one.uid = 0;
	CU_ASSERT_EQUAL(build(NULL, 0, &one, 1), OAT_INVALID);
}

static void
test_snapshot_build_takes_a_plain_home_root_only(void)
{
	static const struct {
		const char *root;
		enum oat_status expected;
	} cases[] = {
		{ "/", OAT_OK },
		{ "/var/lib/oat/home", OAT_OK },
		{ "", OAT_INVALID },
		{ "home", OAT_INVALID },
		{ "/a:b", OAT_INVALID },
		{ "/a\nb", OAT_INVALID },
		{ "/a\177b", OAT_INVALID },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(info.home_root, cases[i].root);
		OAT_ASSERT_THAT(build(NULL, 0, NULL, 0) == cases[i].expected,
		    "\"%s\"", cases[i].root);
	}
	memset(info.home_root, 'h', sizeof(info.home_root) - 1);
	info.home_root[0] = '/';
	CU_ASSERT_EQUAL(build(NULL, 0, NULL, 0), OAT_OK);
	info.home_root[sizeof(info.home_root) - 1] = 'h';
	CU_ASSERT_EQUAL(build(NULL, 0, NULL, 0), OAT_INVALID);
	memset(info.home_root, 0, sizeof(info.home_root));
	strcpy(info.home_root, "/srv/oat");
}

static void
test_snapshot_build_shares_lists_of_neighbours(void)
{
	size_t one, two;

	free(oat_population_build(1, 0, &one));
	free(oat_population_build(2, 0, &two));
	CU_ASSERT_EQUAL(two - one, 64);
}

/* --- publishing ---------------------------------------------------------- */

static int
version_there(void)
{
	struct oat_snapshot snapshot;
	int version = -1;

	if (oat_snapshot_open(oat_population_path, &snapshot, NULL) != OAT_OK)
		return -1;
	if (oat_snapshot_verify(&snapshot) == OAT_OK)
		version = (int)snapshot.info.generation;
	oat_snapshot_close(&snapshot);
	return version;
}

static bool
is_temporary_there(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s.new", oat_population_path);
	return access(path, F_OK) == 0;
}

static void
test_snapshot_publish_is_readable_by_all_whatever_the_umask(void)
{
	struct stat st;
	mode_t before;

	if (!oat_population_is_root())
		return;
	before = umask(0777);
	oat_population_publish(10, 1);
	(void)umask(before);
	CU_ASSERT_EQUAL_FATAL(stat(oat_population_path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFREG | 0644);
	CU_ASSERT_EQUAL(version_there(), 1);
	CU_ASSERT_FALSE(is_temporary_there());
}

static void
test_snapshot_publish_replaces_what_a_killed_one_left(void)
{
	char path[128];

	if (!oat_population_is_root())
		return;
	snprintf(path, sizeof(path), "%s.new", oat_population_path);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	oat_population_publish(10, 2);
	CU_ASSERT_EQUAL(version_there(), 2);
	CU_ASSERT_FALSE(is_temporary_there());
}

static void
test_snapshot_publish_of_no_snapshot_changes_nothing(void)
{
	size_t size;
	unsigned char *image;

	if (!oat_population_is_root())
		return;
	oat_population_publish(10, 3);
	image = oat_population_build(10, 4, &size);
	CU_ASSERT_EQUAL(
	    oat_snapshot_publish(oat_population_path, "", 0), OAT_INVALID);
	image[size - 9] ^= 1;
	CU_ASSERT_EQUAL(oat_snapshot_publish(oat_population_path, image, size),
	    OAT_INVALID);
	CU_ASSERT_EQUAL(version_there(), 3);
	free(image);
}

static void
test_snapshot_publish_without_its_folder_is_a_system_error(void)
{
	size_t size;
	void *image = oat_population_build(1, 0, &size);

	errno = 0;
	CU_ASSERT_EQUAL(oat_snapshot_publish(
			    "/tmp/oat-test-no-such/identities", image, size),
	    OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, ENOENT);
	free(image);
}

/* RLIMIT_FSIZE stands for a full disk: write(2) fails in the middle. */
static void
test_snapshot_publish_on_a_full_disk_keeps_the_old_one(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit little = { 8192, RLIM_INFINITY };
	enum oat_status status;
	size_t size;
	void *image;

	if (!oat_population_is_root())
		return;
	oat_population_publish(10, 5);
	image = oat_population_build(MEMBERS, 6, &size);
	(void)signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &little), 0);
	status = oat_snapshot_publish(oat_population_path, image, size);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	CU_ASSERT_EQUAL(status, OAT_SYSTEM);
	CU_ASSERT_EQUAL(version_there(), 5);
	CU_ASSERT_FALSE(is_temporary_there());
	free(image);
}

static void
publish_forever(void)
{
	size_t size[2];
	void *image[2] = { oat_population_build(MEMBERS, 0, &size[0]),
		oat_population_build(MEMBERS, 1, &size[1]) };
	int i;

	for (i = 0;; i = !i)
		if (oat_snapshot_publish(
			oat_population_path, image[i], size[i]) != OAT_OK)
			_exit(1);
}

static void
test_snapshot_publish_killed_anywhere_leaves_a_whole_one(void)
{
	unsigned us;
	pid_t pid;
	int i, status;

	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	for (i = 0; i < KILLS; i++) {
		us = 3000 + (unsigned)i * 137;
		pid = fork();
		if (pid == 0)
			publish_forever();
		usleep(us);
		CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		OAT_ASSERT_THAT(WIFSIGNALED(status), "status %x", status);
		OAT_ASSERT_THAT(version_there() == 0 || version_there() == 1,
		    "killed after %u us", us);
	}
}

static void
test_snapshot_publish_never_shows_a_reader_less_than_a_whole_one(void)
{
	int i, version, status;
	pid_t pid;

	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	pid = fork();
	if (pid == 0)
		publish_forever();
	for (i = 0; i < 300; i++) {
		version = version_there();
		OAT_ASSERT_THAT(
		    version == 0 || version == 1, "version %d", version);
	}
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(WIFSIGNALED(status), "status %x", status);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_snapshot_build_of_the_same_gives_the_same_bytes),
	OAT_TEST(test_snapshot_build_of_nobody_is_a_snapshot),
	OAT_TEST(test_snapshot_build_of_twins_is_invalid),
	OAT_TEST(test_snapshot_build_of_what_is_not_ours_is_invalid),
	OAT_TEST(test_snapshot_build_takes_a_plain_home_root_only),
	OAT_TEST(test_snapshot_build_shares_lists_of_neighbours),
	OAT_TEST(test_snapshot_publish_is_readable_by_all_whatever_the_umask),
	OAT_TEST(test_snapshot_publish_replaces_what_a_killed_one_left),
	OAT_TEST(test_snapshot_publish_of_no_snapshot_changes_nothing),
	OAT_TEST(test_snapshot_publish_without_its_folder_is_a_system_error),
	OAT_TEST(test_snapshot_publish_on_a_full_disk_keeps_the_old_one),
	OAT_TEST(test_snapshot_publish_killed_anywhere_leaves_a_whole_one),
	OAT_TEST(
	    test_snapshot_publish_never_shows_a_reader_less_than_a_whole_one),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "snapshot_write",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
