/* SPDX-License-Identifier: MIT */
/* The entry points for one name or number, and what they cost others. */
#include "nss_oat/nss_oat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/name.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define MEMBERS 50
#define ERRNO_BEFORE 1234

static struct passwd passwd;
static struct group group;
static char buffer[4096];

static enum nss_status
user(const char *name)
{
	errno = ERRNO_BEFORE;
	return _nss_oat_getpwnam_r(
	    name, &passwd, buffer, sizeof(buffer), &errno);
}

static enum nss_status
user_id(uid_t uid)
{
	errno = ERRNO_BEFORE;
	return _nss_oat_getpwuid_r(
	    uid, &passwd, buffer, sizeof(buffer), &errno);
}

static enum nss_status
group_name(const char *name)
{
	errno = ERRNO_BEFORE;
	return _nss_oat_getgrnam_r(
	    name, &group, buffer, sizeof(buffer), &errno);
}

static enum nss_status
group_id(gid_t gid)
{
	errno = ERRNO_BEFORE;
	return _nss_oat_getgrgid_r(gid, &group, buffer, sizeof(buffer), &errno);
}

/* --- answers ------------------------------------------------------------- */

static void
test_nss_user_is_found_by_name_and_number(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT_EQUAL(user("oat-acme-t3"), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(passwd.pw_uid, OAT_MEMBER_UID + 3);
	CU_ASSERT_EQUAL(passwd.pw_gid, OAT_MEMBER_UID + 3);
	CU_ASSERT_STRING_EQUAL(passwd.pw_name, "oat-acme-t3");
	CU_ASSERT_STRING_EQUAL(passwd.pw_passwd, "*");
	CU_ASSERT_STRING_EQUAL(passwd.pw_gecos, "oat acme/t3");
	CU_ASSERT_STRING_EQUAL(passwd.pw_dir, OAT_MEMBER_HOME "/oat-acme-t3");
	CU_ASSERT_STRING_EQUAL(passwd.pw_shell, "/bin/sh");
	CU_ASSERT_EQUAL(user_id(OAT_MEMBER_UID + 6), NSS_STATUS_SUCCESS);
	CU_ASSERT_STRING_EQUAL(passwd.pw_name, "oat-acme-t6");
	CU_ASSERT_STRING_EQUAL(passwd.pw_shell, "/usr/sbin/nologin");
}

static void
test_nss_group_is_found_by_name_and_number(void)
{
	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(group_name("oat-users"), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(group.gr_gid, 70000);
	CU_ASSERT_PTR_NULL(group.gr_mem[0]);
	CU_ASSERT_EQUAL(group_id(70002), NSS_STATUS_SUCCESS);
	CU_ASSERT_STRING_EQUAL(group.gr_name, "oat-g-deploy");
}

static void
test_nss_group_of_a_token_is_its_own(void)
{
	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(group_name("oat-acme-t3"), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(group.gr_gid, OAT_MEMBER_UID + 3);
	CU_ASSERT_PTR_NULL(group.gr_mem[0]);
	CU_ASSERT_EQUAL(group_id(OAT_MEMBER_UID + 4), NSS_STATUS_SUCCESS);
	CU_ASSERT_STRING_EQUAL(group.gr_name, "oat-acme-t4");
}

static void
test_nss_group_is_no_user(void)
{
	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(user_id(70000), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(user("oat-users"), NSS_STATUS_NOTFOUND);
}

static void
case_23_errno_is_unchanged_on_success(void)
{
	int i;

	if (!oat_population_is_root())
		return;
	/* Both by the file and by the copy. */
	for (i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(user("oat-acme-t3"), NSS_STATUS_SUCCESS);
		CU_ASSERT_EQUAL(errno, ERRNO_BEFORE);
		CU_ASSERT_EQUAL(group_id(70002), NSS_STATUS_SUCCESS);
		CU_ASSERT_EQUAL(errno, ERRNO_BEFORE);
	}
}

static void
test_nss_short_buffer_is_tryagain_with_erange(void)
{
	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(
	    _nss_oat_getpwnam_r("oat-acme-t3", &passwd, buffer, 10, &errno),
	    NSS_STATUS_TRYAGAIN);
	CU_ASSERT_EQUAL(errno, ERANGE);
	CU_ASSERT_EQUAL(_nss_oat_getgrgid_r(70002, &group, buffer, 10, &errno),
	    NSS_STATUS_TRYAGAIN);
	CU_ASSERT_EQUAL(errno, ERANGE);
	/* A missing name does not ask for a larger buffer. */
	CU_ASSERT_EQUAL(_nss_oat_getpwuid_r(79999, &passwd, NULL, 0, &errno),
	    NSS_STATUS_NOTFOUND);
}

/* --- what is not ours ---------------------------------------------------- */

static const char *const foreign_names[] = { NULL, "", "root", "www-data",
	"nobody", "65534", "oat", "oat-", "oat-../x", "oat-a:b", "oat-acme-a\n",
	"oat-acme-\xc3\xa4", "oat-acme-ABC", "-oat-acme-ci",
	"oat-acme-cicicicicicicicicicicicicicicici" };
static const uint32_t foreign_ids[] = { 0, 1, 33, 1000, 65534, 65535,
	UINT32_C(2147483648), UINT32_C(4294967294), UINT32_C(4294967295) };

/* In a process that is killed for any system call but _exit(2) and write(2). */
static void __attribute__((noreturn)) ask_foreigners(void)
{
	char long_name[301];
	gid_t list[1] = { 7 }, *groups = list;
	long int start = 1, size = 1;
	int wrong = 0, error;
	size_t i;

	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[300] = '\0';
	memcpy(long_name, "oat-acme-", strlen("oat-acme-"));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
		_exit(2);
	for (i = 0; i < sizeof(foreign_names) / sizeof(foreign_names[0]); i++) {
		wrong += user(foreign_names[i]) != NSS_STATUS_NOTFOUND;
		wrong += group_name(foreign_names[i]) != NSS_STATUS_NOTFOUND;
		wrong += _nss_oat_initgroups_dyn(foreign_names[i], 7, &start,
			     &size, &groups, -1, &error) != NSS_STATUS_NOTFOUND;
	}
	for (i = 0; i < sizeof(foreign_ids) / sizeof(foreign_ids[0]); i++) {
		wrong += user_id(foreign_ids[i]) != NSS_STATUS_NOTFOUND;
		wrong += group_id(foreign_ids[i]) != NSS_STATUS_NOTFOUND;
	}
	wrong += user(long_name) != NSS_STATUS_NOTFOUND;
	wrong += start != 1;
	/* exit_group(2), which _exit(3) calls, is not among them. */
	(void)syscall(SYS_exit, wrong != 0);
	__builtin_unreachable();
}

static void
case_20_foreign_names_and_numbers_cost_no_system_call(void)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		ask_foreigners();
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(status == 0, "status %x", status);
}

/* --- outages ------------------------------------------------------------- */

static void
assert_all_unavailable(const char *what)
{
	static const struct {
		const char *name;
		enum nss_status (*ask)(const char *);
	} by_name[] = { { "user", user }, { "group", group_name } };
	enum nss_status status;
	size_t i;

	for (i = 0; i < 2; i++) {
		status = by_name[i].ask("oat-acme-t3");
		OAT_ASSERT_THAT(status == NSS_STATUS_UNAVAIL && errno == EIO,
		    "%s: %s: status %d, errno %d", what, by_name[i].name,
		    status, errno);
	}
	status = user_id(OAT_MEMBER_UID);
	OAT_ASSERT_THAT(status == NSS_STATUS_UNAVAIL && errno == EIO,
	    "%s: status %d, errno %d", what, status, errno);
	status = group_id(70000);
	OAT_ASSERT_THAT(status == NSS_STATUS_UNAVAIL && errno == EIO,
	    "%s: status %d, errno %d", what, status, errno);
}

static void
case_28_unusable_snapshots_are_unavailable(void)
{
	static const unsigned char garbage[1000] = { 1, 2, 3 };
	const char *path = oat_population_path;

	if (!oat_population_is_root())
		return;
	oat_population_forget();
	assert_all_unavailable("none");
	oat_population_write("", 0);
	assert_all_unavailable("empty");
	oat_population_write(garbage, sizeof(garbage));
	assert_all_unavailable("garbage");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(symlink("/dev/null", path), 0);
	assert_all_unavailable("symbolic link");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0644), 0);
	assert_all_unavailable("FIFO");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	assert_all_unavailable("folder");
	CU_ASSERT_EQUAL(rmdir(path), 0);
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT_EQUAL(chmod(path, 0666), 0);
	assert_all_unavailable("writable");
	CU_ASSERT_EQUAL(chmod(path, 0644), 0);
	CU_ASSERT_EQUAL(chown(path, 1, 1), 0);
	assert_all_unavailable("of another owner");
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static void
test_nss_without_free_descriptors_is_unavailable(void)
{
	struct rlimit before, none;
	enum nss_status status;

	if (!oat_population_is_root())
		return;
	oat_population_forget();
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	status = user("oat-acme-t3");
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CU_ASSERT_EQUAL(status, NSS_STATUS_UNAVAIL);
	CU_ASSERT_EQUAL(user("oat-acme-t3"), NSS_STATUS_SUCCESS);
}

static int
count_descriptors(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

static void
test_nss_keeps_no_descriptor_open(void)
{
	int before, i;

	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	before = count_descriptors();
	for (i = 0; i < 10; i++) {
		(void)user("oat-acme-t3");
		CU_ASSERT_EQUAL(count_descriptors(), before);
		(void)user("oat-acme-t777");
		(void)_nss_oat_getpwent_r(
		    &passwd, buffer, sizeof(buffer), &errno);
		CU_ASSERT_EQUAL(count_descriptors(), before);
	}
	(void)_nss_oat_endpwent();
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nss_user_is_found_by_name_and_number),
	OAT_TEST(test_nss_group_is_found_by_name_and_number),
	OAT_TEST(test_nss_group_of_a_token_is_its_own),
	OAT_TEST(test_nss_group_is_no_user),
	OAT_TEST(case_23_errno_is_unchanged_on_success),
	OAT_TEST(test_nss_short_buffer_is_tryagain_with_erange),
	OAT_TEST(case_20_foreign_names_and_numbers_cost_no_system_call),
	OAT_TEST(case_28_unusable_snapshots_are_unavailable),
	OAT_TEST(test_nss_without_free_descriptors_is_unavailable),
	OAT_TEST(test_nss_keeps_no_descriptor_open),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_lookup",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
