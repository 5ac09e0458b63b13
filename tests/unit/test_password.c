/* SPDX-License-Identifier: MIT */
#include "common/password.h"

#include "tests/process.h"
#include "tests/runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[32], path[64];

static int
set_up(void)
{
	strcpy(folder, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/password", folder);
	return 0;
}

static int
tear_down(void)
{
	(void)unlink(path);
	return rmdir(folder);
}

static bool
is_root(void)
{
	if (geteuid() == 0)
		return true;
	oat_skip("only root has files of root");
	return false;
}

static void
make_file(const char *bytes, size_t size, mode_t mode)
{
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	CU_ASSERT_TRUE_FATAL(fd != -1);
	CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
	CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
	close(fd);
}

/* Refused so, naming the path and this; nothing is written. */
static void
check_refused(enum oat_status expected, const char *why)
{
	char password[OAT_PASSWORD_MAX] = "untouched";
	char error[OAT_PASSWORD_ERROR_MAX] = "";
	int before = oat_open_descriptors();
	enum oat_status status;

	status = oat_password_load(path, password, error);
	OAT_ASSERT_THAT(status == expected, "%s: %s", why, error);
	OAT_ASSERT_THAT(strstr(error, path) != NULL, "%s", error);
	OAT_ASSERT_THAT(strstr(error, why) != NULL, "%s: %s", why, error);
	CU_ASSERT_STRING_EQUAL(password, "untouched");
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
}

static void
check_accepted(
    const char *bytes, size_t size, mode_t mode, const char *expected)
{
	char password[OAT_PASSWORD_MAX] = "";
	char error[OAT_PASSWORD_ERROR_MAX] = "";
	enum oat_status status;

	make_file(bytes, size, mode);
	status = oat_password_load(path, password, error);
	OAT_ASSERT_THAT(status == OAT_OK, "%04o: %s", (unsigned)mode, error);
	CU_ASSERT_STRING_EQUAL(password, expected);
}

static void
test_password_with_or_without_line_end_is_read(void)
{
	if (!is_root())
		return;
	check_accepted("secret\n", 7, 0600, "secret");
	check_accepted("secret", 6, 0600, "secret");
	check_accepted(" with blanks \n", 14, 0600, " with blanks ");
	check_accepted("x", 1, 0600, "x");
}

static void
test_password_modes_up_to_0640_are_accepted(void)
{
	static const mode_t modes[] = { 0400, 0440, 0600, 0640, 0740 };
	size_t i;

	if (!is_root())
		return;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		check_accepted("secret\n", 7, modes[i], "secret");
}

static void
test_password_file_open_to_others_is_refused_with_the_remedy(void)
{
	static const mode_t modes[] = { 0660, 0644, 0602, 0601, 0777 };
	char remedy[160];
	size_t i;

	if (!is_root())
		return;
	snprintf(remedy, sizeof(remedy), "chown root:_oat %s; chmod 0640 %s",
	    path, path);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		make_file("secret\n", 7, modes[i]);
		check_refused(OAT_UNAVAILABLE, remedy);
	}
	make_file("secret\n", 7, 0600);
	CU_ASSERT_EQUAL(chown(path, 65534, 0), 0);
	check_refused(OAT_UNAVAILABLE, "owner 65534");
}

static void
test_password_that_is_no_single_line_is_invalid(void)
{
	if (!is_root())
		return;
	make_file("", 0, 0600);
	check_refused(OAT_INVALID, "empty");
	make_file("\n", 1, 0600);
	check_refused(OAT_INVALID, "empty");
	make_file("a\nb", 3, 0600);
	check_refused(OAT_INVALID, "one line");
	make_file("a\n\n", 3, 0600);
	check_refused(OAT_INVALID, "one line");
	make_file("a\0b\n", 4, 0600);
	check_refused(OAT_INVALID, "one line");
}

static void
test_password_length_at_below_and_above_the_limit(void)
{
	char bytes[OAT_PASSWORD_MAX + 1], expected[OAT_PASSWORD_MAX];

	if (!is_root())
		return;
	memset(bytes, 'p', sizeof(bytes));
	memset(expected, 'p', sizeof(expected));
	expected[OAT_PASSWORD_MAX - 1] = '\0';
	check_accepted(bytes, OAT_PASSWORD_MAX - 1, 0600, expected);
	make_file(bytes, OAT_PASSWORD_MAX, 0600);
	check_refused(OAT_INVALID, "too long");
	make_file(bytes, OAT_PASSWORD_MAX + 1, 0600);
	check_refused(OAT_INVALID, "too long");
}

static void
test_password_that_is_no_plain_file_is_unavailable(void)
{
	(void)unlink(path);
	check_refused(OAT_UNAVAILABLE, "No such file");
	CU_ASSERT_EQUAL(symlink("/etc/shadow", path), 0);
	check_refused(OAT_UNAVAILABLE, "a symbolic link");
	(void)unlink(path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	check_refused(OAT_UNAVAILABLE, "not a regular file");
	(void)unlink(path);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	check_refused(OAT_UNAVAILABLE, "not a regular file");
	(void)rmdir(path);
}

/* --- the next one ----------------------------------------------------------
 */

static char next_path[OAT_PASSWORD_PATH_MAX];

/* Both as they are read; the second is "" for none. */
static void
check_both(const char *password, const char *next)
{
	char is[OAT_PASSWORD_MAX] = "", is_next[OAT_PASSWORD_MAX] = "";
	char error[OAT_PASSWORD_ERROR_MAX] = "";

	OAT_ASSERT_THAT(
	    oat_password_load_both(path, is, is_next, error) == OAT_OK, "%s",
	    error);
	CU_ASSERT_STRING_EQUAL(is, password);
	CU_ASSERT_STRING_EQUAL(is_next, next);
}

static void
test_password_next_is_read_from_beside_it(void)
{
	if (!is_root())
		return;
	oat_password_next_path(path, next_path);
	make_file("secret\n", 7, 0640);
	check_both("secret", "");
	CU_ASSERT_EQUAL(
	    oat_password_store(next_path, "the next", getegid()), OAT_OK);
	check_both("secret", "the next");
	(void)unlink(next_path);
}

static void
test_password_next_that_cannot_be_used_is_none(void)
{
	static const char *const texts[] = { "", "\n", "a\nb" };
	size_t i;

	if (!is_root())
		return;
	make_file("secret\n", 7, 0640);
	oat_password_next_path(path, next_path);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CU_ASSERT_EQUAL(
		    oat_password_store(next_path, texts[i], getegid()), OAT_OK);
		check_both("secret", "");
	}
	CU_ASSERT_EQUAL(oat_password_store(next_path, "x", getegid()), OAT_OK);
	CU_ASSERT_EQUAL(chmod(next_path, 0644), 0);
	check_both("secret", "");
	(void)unlink(next_path);
}

static void
test_password_without_its_own_file_is_unavailable(void)
{
	char is[OAT_PASSWORD_MAX] = "untouched", next[OAT_PASSWORD_MAX] = "too";
	char error[OAT_PASSWORD_ERROR_MAX];

	(void)unlink(path);
	oat_password_next_path(path, next_path);
	(void)oat_password_store(next_path, "x", getegid());
	CU_ASSERT_EQUAL(
	    oat_password_load_both(path, is, next, error), OAT_UNAVAILABLE);
	CU_ASSERT_STRING_EQUAL(is, "untouched");
	CU_ASSERT_STRING_EQUAL(next, "too");
	(void)unlink(next_path);
}

static void
test_password_is_stored_for_its_group_alone_whatever_the_umask(void)
{
	mode_t mask = umask(0077);
	struct stat st;

	if (!is_root())
		return;
	CU_ASSERT_EQUAL(oat_password_store(path, "secret", 65534), OAT_OK);
	(void)umask(mask);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
	CU_ASSERT_EQUAL(st.st_uid, 0);
	CU_ASSERT_EQUAL(st.st_gid, 65534);
	check_both("secret", "");
}

static void
test_password_that_is_made_is_another_each_time(void)
{
	char one[OAT_PASSWORD_MAX], other[OAT_PASSWORD_MAX];

	CU_ASSERT_EQUAL(oat_password_make(one), OAT_OK);
	CU_ASSERT_EQUAL(oat_password_make(other), OAT_OK);
	CU_ASSERT_STRING_NOT_EQUAL(one, other);
	CU_ASSERT_EQUAL(strlen(one), 32);
	CU_ASSERT_EQUAL(strspn(one, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"),
	    32);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_password_with_or_without_line_end_is_read),
	OAT_TEST(test_password_modes_up_to_0640_are_accepted),
	OAT_TEST(test_password_file_open_to_others_is_refused_with_the_remedy),
	OAT_TEST(test_password_that_is_no_single_line_is_invalid),
	OAT_TEST(test_password_length_at_below_and_above_the_limit),
	OAT_TEST(test_password_that_is_no_plain_file_is_unavailable),
	OAT_TEST(test_password_next_is_read_from_beside_it),
	OAT_TEST(test_password_next_that_cannot_be_used_is_none),
	OAT_TEST(test_password_without_its_own_file_is_unavailable),
	OAT_TEST(
	    test_password_is_stored_for_its_group_alone_whatever_the_umask),
	OAT_TEST(test_password_that_is_made_is_another_each_time),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "password", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
