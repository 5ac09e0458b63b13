/* SPDX-License-Identifier: MIT */
/* Names that are missing, and the sync that root may get for them. */
#include "nss_oat/nss_oat.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void
path_in_folder(const char *name, char ret_path[128])
{
	snprintf(ret_path, 128, "%s/%s", oat_population_folder, name);
}

/*
 * Nothing is published but ahead; the program puts it in place, and tells of
 * its success as the real one does.
 */
static void
prepare_sync(bool with_old_one)
{
	static const char *const names[] = { "run/sync-attempted",
		"run/sync-succeeded", "run/sync-failed", "ran" };
	char path[128], ahead[128];
	size_t i;
	FILE *file;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_in_folder(names[i], path);
		(void)unlink(path);
	}
	path_in_folder("ahead", ahead);
	oat_population_forget();
	oat_population_publish(MEMBERS, 1);
	CU_ASSERT_EQUAL(rename(oat_population_path, ahead), 0);
	if (with_old_one)
		oat_population_publish(3, 0);
	file = fopen(oat_population_program, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fprintf(file,
	    "#!/bin/sh\nPATH=/usr/bin:/bin\ncd %s || exit\ntouch ran\n"
	    "mv ahead identities\nsleep 0.02\n"
	    "touch -d @$(cut -d' ' -f1 /proc/uptime) run/sync-succeeded\n",
	    oat_population_folder);
	CU_ASSERT_EQUAL(fchmod(fileno(file), 0755), 0);
	(void)fclose(file);
}

static bool
has_synced(void)
{
	char path[128];

	path_in_folder("ran", path);
	return access(path, F_OK) == 0;
}

static void
test_nss_missing_name_of_root_is_found_by_one_sync(void)
{
	if (!oat_population_is_root())
		return;
	prepare_sync(true);
	CU_ASSERT_EQUAL(user("oat-acme-t40"), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(errno, ERRNO_BEFORE);
	CU_ASSERT(has_synced());
}

/* Member 6 is inactive in both, and served as such when a sync changes nothing.
 */
static void
test_nss_inactive_name_of_root_is_worth_a_sync(void)
{
	if (!oat_population_is_root())
		return;
	prepare_sync(true);
	oat_population_publish(7, 0);
	CU_ASSERT_EQUAL(user("oat-acme-t6"), NSS_STATUS_SUCCESS);
	CU_ASSERT_STRING_EQUAL(passwd.pw_shell, "/usr/sbin/nologin");
	CU_ASSERT(has_synced());
	prepare_sync(true);
	oat_population_publish(7, 0);
	CU_ASSERT_EQUAL(user_id(OAT_MEMBER_UID + 6), NSS_STATUS_SUCCESS);
	CU_ASSERT_FALSE(has_synced());
}

static void
test_nss_missing_group_of_root_is_found_by_one_sync(void)
{
	if (!oat_population_is_root())
		return;
	prepare_sync(true);
	CU_ASSERT_EQUAL(group_name("oat-acme-t41"), NSS_STATUS_SUCCESS);
	CU_ASSERT(has_synced());
}

static void
test_nss_missing_snapshot_of_root_is_made_by_one_sync(void)
{
	if (!oat_population_is_root())
		return;
	prepare_sync(false);
	CU_ASSERT_EQUAL(user_id(OAT_MEMBER_UID + 40), NSS_STATUS_SUCCESS);
	CU_ASSERT(has_synced());
}

static void
test_nss_missing_number_is_not_worth_a_sync(void)
{
	if (!oat_population_is_root())
		return;
	prepare_sync(true);
	CU_ASSERT_EQUAL(user_id(OAT_MEMBER_UID + 40), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(group_id(OAT_MEMBER_UID + 40), NSS_STATUS_NOTFOUND);
	CU_ASSERT_FALSE(has_synced());
}

static void
test_nss_name_that_is_there_is_not_worth_a_sync(void)
{
	if (!oat_population_is_root())
		return;
	prepare_sync(true);
	CU_ASSERT_EQUAL(user("oat-acme-t2"), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(group_name("oat-acme"), NSS_STATUS_SUCCESS);
	CU_ASSERT_FALSE(has_synced());
}

static void
test_nss_name_still_missing_after_the_sync_is_not_found(void)
{
	if (!oat_population_is_root())
		return;
	prepare_sync(true);
	CU_ASSERT_EQUAL(user("oat-acme-t777"), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT(has_synced());
}

static void
test_nss_without_a_snapshot_after_the_sync_is_unavailable(void)
{
	char ahead[128];

	if (!oat_population_is_root())
		return;
	prepare_sync(false);
	path_in_folder("ahead", ahead);
	CU_ASSERT_EQUAL(unlink(ahead), 0);
	CU_ASSERT_EQUAL(user("oat-acme-t40"), NSS_STATUS_UNAVAIL);
	CU_ASSERT_EQUAL(errno, EIO);
	CU_ASSERT(has_synced());
}

/* In a child that has become somebody else: is there no sync, and NOTFOUND? */
static void
assert_no_sync(bool (*become)(void), const char *what)
{
	int status;
	pid_t pid;

	prepare_sync(true);
	CU_ASSERT_EQUAL(chmod(oat_population_folder, 0755), 0);
	pid = fork();
	if (pid == 0)
		_exit(!become() || user("oat-acme-t40") != NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(status == 0, "%s: status %x", what, status);
	OAT_ASSERT_THAT(!has_synced(), "%s", what);
}

static bool
become_nobody(void)
{
	return setresuid(65534, 65534, 65534) == 0;
}

static bool
become_activated(void)
{
	return setenv("SYSTEMD_ACTIVATION_UNIT", "dbus.service", 1) == 0;
}

/* Killed for what starts a program. */
static bool
become_filtered(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketpair, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool
become_jailed(void)
{
	return chroot(oat_population_folder) == 0 && chdir("/") == 0;
}

static void
test_nss_sync_is_not_for_everybody(void)
{
	if (!oat_population_is_root())
		return;
	assert_no_sync(become_nobody, "nobody");
	assert_no_sync(become_activated, "activated by systemd");
}

static void
case_26_filter_that_kills_for_socket_and_execve_lives(void)
{
	if (!oat_population_is_root())
		return;
	assert_no_sync(become_filtered, "under seccomp");
}

static void
case_26_after_a_chroot_there_is_no_answer_and_no_harm(void)
{
	int status;
	pid_t pid;

	if (!oat_population_is_root())
		return;
	prepare_sync(true);
	pid = fork();
	if (pid == 0)
		_exit(!become_jailed() ||
		      user("oat-acme-t2") != NSS_STATUS_UNAVAIL);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(status == 0, "status %x", status);
	CU_ASSERT_FALSE(has_synced());
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nss_missing_name_of_root_is_found_by_one_sync),
	OAT_TEST(test_nss_inactive_name_of_root_is_worth_a_sync),
	OAT_TEST(test_nss_missing_group_of_root_is_found_by_one_sync),
	OAT_TEST(test_nss_missing_snapshot_of_root_is_made_by_one_sync),
	OAT_TEST(test_nss_missing_number_is_not_worth_a_sync),
	OAT_TEST(test_nss_name_that_is_there_is_not_worth_a_sync),
	OAT_TEST(test_nss_name_still_missing_after_the_sync_is_not_found),
	OAT_TEST(test_nss_without_a_snapshot_after_the_sync_is_unavailable),
	OAT_TEST(test_nss_sync_is_not_for_everybody),
	OAT_TEST(case_26_filter_that_kills_for_socket_and_execve_lives),
	OAT_TEST(case_26_after_a_chroot_there_is_no_answer_and_no_harm),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_sync",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
