/* SPDX-License-Identifier: MIT */
#include "common/walk.h"

#include "tests/process.h"
#include "tests/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static char folder[64];

/* What a walk has seen: names below the folder, "|" before each. */
static char seen[65536];

static int
set_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/oat-test-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static void
empty_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'/*", folder);
	(void)!system(command);
}

static int
tear_down(void)
{
	return rmdir(folder);
}

static char *
below(const char *name)
{
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void
make_file(const char *name)
{
	int fd = open(below(name), O_WRONLY | O_CREAT, 0600);

	CU_ASSERT_TRUE(fd >= 0);
	(void)close(fd);
}

static void
make_folder(const char *name)
{
	CU_ASSERT_EQUAL(mkdir(below(name), 0700), 0);
}

static enum oat_status
see(const char *path, const struct stat *st, void *context)
{
	size_t used = strlen(seen);

	(void)st;
	CU_ASSERT_EQUAL(strncmp(path, folder, strlen(folder)), 0);
	snprintf(
	    seen + used, sizeof(seen) - used, "|%s", path + strlen(folder) + 1);
	return context != NULL && strstr(path, context) != NULL ? OAT_NOMEM
								: OAT_OK;
}

static enum oat_status
walk(const char *except, const char *stop_at)
{
	char stop[64];
	const struct oat_walk wanted = { .from = folder,
		.except = except,
		.take = see,
		.context = stop_at == NULL ? NULL : strcpy(stop, stop_at) };

	seen[0] = '\0';
	return oat_walk_files(&wanted);
}

static bool
saw(const char *name)
{
	char wanted[300];
	const char *at = seen;

	snprintf(wanted, sizeof(wanted), "|%s", name);
	while ((at = strstr(at, wanted)) != NULL) {
		at += strlen(wanted);
		if (*at == '\0' || *at == '|')
			return true;
	}
	return false;
}

static void
test_walk_sees_every_file_once(void)
{
	make_folder("a");
	make_folder("a/b");
	make_file("a/b/c");
	make_file("a\nUid: 0");
	make_file(" ");
	CU_ASSERT_EQUAL(walk(NULL, NULL), OAT_OK);
	CU_ASSERT_TRUE(saw("a") && saw("a/b") && saw("a/b/c") &&
		       saw("a\nUid: 0") && saw(" "));
	CU_ASSERT_EQUAL(strlen(seen), strlen("|a|a/b|a/b/c|a\nUid: 0| "));
	empty_folder();
}

static void
test_walk_follows_no_link(void)
{
	make_folder("a");
	CU_ASSERT_EQUAL(symlink("/", below("root")), 0);
	CU_ASSERT_EQUAL(symlink(".", below("a/self")), 0);
	CU_ASSERT_EQUAL(symlink("nowhere", below("a/none")), 0);
	CU_ASSERT_EQUAL(walk(NULL, NULL), OAT_OK);
	CU_ASSERT_TRUE(saw("root") && saw("a/self") && saw("a/none"));
	CU_ASSERT_EQUAL(strlen(seen), strlen("|root|a|a/self|a/none"));
	empty_folder();
}

static void
test_walk_leaves_out_what_it_is_told_to(void)
{
	make_folder("a");
	make_file("a/x");
	make_folder("ab");
	make_file("ab/x");
	CU_ASSERT_EQUAL(walk(below("a"), NULL), OAT_OK);
	CU_ASSERT_TRUE(saw("a") && saw("ab") && saw("ab/x"));
	CU_ASSERT_FALSE(saw("a/x"));
	empty_folder();
}

static void
test_walk_ends_with_what_take_answers(void)
{
	make_folder("a");
	make_file("a/stop");
	CU_ASSERT_EQUAL(walk(NULL, "stop"), OAT_NOMEM);
	empty_folder();
}

/* It hides nothing else, and is told. */
static void
test_walk_too_deep_is_told(void)
{
	char *path = malloc(3 * OAT_WALK_DEPTH_MAX + 300);
	int i, before = oat_open_descriptors();

	snprintf(path, 100, "%s", folder);
	for (i = 0; i < OAT_WALK_DEPTH_MAX; i++) {
		strcat(path, "/d");
		CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	}
	CU_ASSERT_EQUAL(walk(NULL, NULL), OAT_OK);
	strcat(path, "/d");
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	make_file("zz");
	CU_ASSERT_EQUAL(walk(NULL, NULL), OAT_RANGE);
	CU_ASSERT_TRUE(saw("zz"));
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
	free(path);
	empty_folder();
}

static void
test_walk_that_cannot_begin_is_told(void)
{
	struct oat_walk nowhere = { .from = "/nonexistent", .take = see };

	CU_ASSERT_EQUAL(oat_walk_files(&nowhere), OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, ENOENT);
	nowhere.from = "/proc";
	CU_ASSERT_EQUAL(oat_walk_files(&nowhere), OAT_SYSTEM);
}

/* In mount points of its own. */
static bool
walk_over_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("mem", below("local"), "tmpfs", 0, NULL) != 0 ||
	    mount("proc", below("kernel"), "proc", 0, NULL) != 0)
		return false;
	make_file("local/x");
	return walk(NULL, NULL) == OAT_OK && saw("local") && saw("local/x") &&
	       saw("kernel") && !saw("kernel/self") && !saw("kernel/meminfo");
}

static void
test_walk_enters_local_file_systems_alone(void)
{
	if (geteuid() != 0) {
		oat_skip("not root");
		return;
	}
	make_folder("local");
	make_folder("kernel");
	CU_ASSERT_TRUE(oat_in_copy(walk_over_mounts));
	empty_folder();
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_walk_sees_every_file_once),
	OAT_TEST(test_walk_follows_no_link),
	OAT_TEST(test_walk_leaves_out_what_it_is_told_to),
	OAT_TEST(test_walk_ends_with_what_take_answers),
	OAT_TEST(test_walk_too_deep_is_told),
	OAT_TEST(test_walk_that_cannot_begin_is_told),
	OAT_TEST(test_walk_enters_local_file_systems_alone),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "walk", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
