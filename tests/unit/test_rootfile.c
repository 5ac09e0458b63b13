/* SPDX-License-Identifier: MIT */
#include "common/rootfile.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runner.h"

#define MAX 64

static char folder[] = "/tmp/oat-test-rootfile-XXXXXX";
static char path[64];

static int
set_up(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int
tear_down(void)
{
	return rmdir(folder);
}

/* Only root can make the files of which these tests are. */
static bool
is_root(void)
{
	if (geteuid() == 0)
		return true;
	oat_skip("only root has files of root");
	return false;
}

static void
make_file(size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	CU_ASSERT_TRUE_FATAL(fd != -1);
	while (size-- > 0)
		CU_ASSERT_EQUAL(write(fd, "x", 1), 1);
	CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
	close(fd);
}

static enum oat_status
read_file(size_t *ret_size, char *ret_error, size_t error_size)
{
	enum oat_status status;
	char *text = NULL;

	status = oat_rootfile_read(
	    path, MAX, &text, ret_size, ret_error, error_size);
	if (status == OAT_OK)
		oat_rootfile_free(text, *ret_size);
	else
		CU_ASSERT_PTR_NULL(text);
	return status;
}

/* Refused, and the message has the path in front and this after it. */
static void
check_refused(const char *why)
{
	char error[512] = "";
	size_t size = 42, n = strlen(path);

	CU_ASSERT_EQUAL(
	    read_file(&size, error, sizeof(error)), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(size, 42);
	OAT_ASSERT_THAT(strncmp(error, path, n) == 0, "%s", error);
	OAT_ASSERT_THAT(strncmp(error + n, ": ", 2) == 0 &&
			    strncmp(error + n + 2, why, strlen(why)) == 0,
	    "%s", error);
}

static void
test_rootfile_private_file_of_root_is_read(void)
{
	static const mode_t modes[] = { 0600, 0400, 0700 };
	char error[512];
	size_t size, i;

	if (!is_root())
		return;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		make_file(3, modes[i]);
		CU_ASSERT_EQUAL(read_file(&size, error, sizeof(error)), OAT_OK);
		CU_ASSERT_EQUAL(size, 3);
		unlink(path);
	}
}

static void
test_rootfile_case_36_any_right_of_others_is_refused_with_the_fix(void)
{
	static const mode_t modes[] = { 0640, 0620, 0610, 0604, 0602, 0601 };
	char why[256];
	size_t i;

	if (!is_root())
		return;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		make_file(3, modes[i]);
		snprintf(why, sizeof(why),
		    "mode %04o, owner 0:0, must be mode 0600, owner 0:0; "
		    "chown root:root %s; chmod 0600 %s",
		    modes[i], path, path);
		check_refused(why);
		unlink(path);
	}
}

static void
test_rootfile_case_36_foreign_owner_or_group_is_refused(void)
{
	if (!is_root())
		return;
	make_file(3, 0600);
	CU_ASSERT_EQUAL(chown(path, 1, 0), 0);
	check_refused("mode 0600, owner 1:0, must be");
	CU_ASSERT_EQUAL(chown(path, 0, 1), 0);
	check_refused("mode 0600, owner 0:1, must be");
	unlink(path);
}

static void
test_rootfile_missing_file_is_refused(void)
{
	check_refused("no such file; ");
}

static void
test_rootfile_case_36_link_is_not_followed(void)
{
	CU_ASSERT_EQUAL(symlink("/dev/null", path), 0);
	check_refused("a symbolic link; ");
	unlink(path);
}

static void
test_rootfile_case_36_fifo_and_folder_are_refused_without_waiting(void)
{
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	check_refused("not a regular file; ");
	unlink(path);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	check_refused("not a regular file; ");
	rmdir(path);
}

static void
test_rootfile_of_the_maximum_is_read_one_larger_refused(void)
{
	char error[512];
	size_t size;

	if (!is_root())
		return;
	make_file(MAX, 0600);
	CU_ASSERT_EQUAL(read_file(&size, error, sizeof(error)), OAT_OK);
	CU_ASSERT_EQUAL(size, MAX);
	unlink(path);
	make_file(MAX + 1, 0600);
	check_refused("larger than 64 bytes; shorten it");
	unlink(path);
}

static void
test_rootfile_empty_file_is_read(void)
{
	char error[512];
	size_t size = 1;

	if (!is_root())
		return;
	make_file(0, 0600);
	CU_ASSERT_EQUAL(read_file(&size, error, sizeof(error)), OAT_OK);
	CU_ASSERT_EQUAL(size, 0);
	unlink(path);
}

static void
test_rootfile_short_error_buffer_is_respected(void)
{
	char error[16];
	size_t size;

	memset(error, '#', sizeof(error));
	CU_ASSERT_EQUAL(read_file(&size, error, 8), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(strlen(error), 7);
	CU_ASSERT_EQUAL(error[8], '#');
}

static void
test_rootfile_no_descriptor_is_left_open(void)
{
	char error[512];
	size_t size;
	int before = dup(0), after;

	close(before);
	(void)read_file(&size, error, sizeof(error));
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	(void)read_file(&size, error, sizeof(error));
	rmdir(path);
	if (geteuid() == 0) {
		make_file(1, 0600);
		(void)read_file(&size, error, sizeof(error));
		unlink(path);
	}
	after = dup(0);
	CU_ASSERT_EQUAL(before, after);
	close(after);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_rootfile_private_file_of_root_is_read),
	OAT_TEST(
	    test_rootfile_case_36_any_right_of_others_is_refused_with_the_fix),
	OAT_TEST(test_rootfile_case_36_foreign_owner_or_group_is_refused),
	OAT_TEST(test_rootfile_missing_file_is_refused),
	OAT_TEST(test_rootfile_case_36_link_is_not_followed),
	OAT_TEST(
	    test_rootfile_case_36_fifo_and_folder_are_refused_without_waiting),
	OAT_TEST(test_rootfile_of_the_maximum_is_read_one_larger_refused),
	OAT_TEST(test_rootfile_empty_file_is_read),
	OAT_TEST(test_rootfile_short_error_buffer_is_respected),
	OAT_TEST(test_rootfile_no_descriptor_is_left_open),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "rootfile", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
