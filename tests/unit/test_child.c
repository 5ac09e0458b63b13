/* SPDX-License-Identifier: MIT */
#include "common/child.h"

#include "common/deadline.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MIB (1024UL * 1024)

static const struct oat_account nobody = { 65534, 65534 };

/* What a child finds out about itself. */
struct findings {
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;
	int groups, dumpable, no_new_privs, descriptors;
	rlim_t core;
	bool standard_is_null, regained, may_signal_parent;
	bool small_fits, large_fits;
};

static bool
is_null_device(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

static bool
can_map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static void
look_around(int fd, void *context)
{
	struct findings f;
	struct rlimit core;

	(void)context;
	memset(&f, 0, sizeof(f));
	(void)getresuid(&f.real, &f.effective, &f.saved);
	(void)getresgid(&f.real_group, &f.effective_group, &f.saved_group);
	f.groups = getgroups(0, NULL);
	f.dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	f.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	f.descriptors = oat_open_descriptors();
	(void)getrlimit(RLIMIT_CORE, &core);
	f.core = core.rlim_max;
	f.standard_is_null =
	    is_null_device(0) && is_null_device(1) && is_null_device(2);
	f.may_signal_parent = kill(getppid(), 0) == 0;
	f.small_fits = can_map(4 * MIB);
	f.large_fits = can_map(64 * MIB);
	f.regained = setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 ||
		     seteuid(0) == 0 || setgroups(0, NULL) == 0 ||
		     chroot("/") == 0;
	(void)!write(fd, &f, sizeof(f));
}

static struct findings
findings_of(size_t memory_bytes)
{
	struct oat_child child = OAT_CHILD_NONE;
	struct findings f;
	ssize_t n;

	memset(&f, 0xff, sizeof(f));
	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, memory_bytes, look_around, NULL, &child),
	    OAT_OK);
	n = read(child.fd, &f, sizeof(f));
	CU_ASSERT_EQUAL_FATAL(n, sizeof(f));
	oat_child_end(&child);
	return f;
}

static bool
is_root(void)
{
	if (geteuid() == 0)
		return true;
	oat_skip("only root can become somebody else");
	return false;
}

/* --- who it is ---------------------------------------------------------- */

static void
test_account_is_found_by_its_name(void)
{
	struct oat_account account = { 42, 43 };

	CU_ASSERT_EQUAL(oat_account_find("nobody", &account), OAT_OK);
	CU_ASSERT_EQUAL(account.uid, 65534);
	CU_ASSERT_EQUAL(account.gid, 65534);
}

static void
test_account_that_is_root_or_missing_is_refused(void)
{
	struct oat_account account = { 42, 43 };

	CU_ASSERT_EQUAL(oat_account_find("root", &account), OAT_INVALID);
	CU_ASSERT_EQUAL(oat_account_find("", &account), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(oat_account_find("no-such", &account), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(oat_account_find("nobod", &account), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(account.uid, 42);
	CU_ASSERT_EQUAL(account.gid, 43);
}

static bool
loses_the_groups_of_its_parent(void)
{
	static const gid_t groups[] = { 0, 4, 27 };

	return setgroups(3, groups) == 0 && findings_of(0).groups == 0;
}

static void
test_child_loses_the_groups_of_its_parent(void)
{
	if (is_root())
		CU_ASSERT_TRUE(oat_in_copy(loses_the_groups_of_its_parent));
}

static void
test_child_of_root_is_the_account_in_every_way(void)
{
	struct findings f;

	if (!is_root())
		return;
	f = findings_of(0);
	CU_ASSERT_EQUAL(f.real, 65534);
	CU_ASSERT_EQUAL(f.effective, 65534);
	CU_ASSERT_EQUAL(f.saved, 65534);
	CU_ASSERT_EQUAL(f.real_group, 65534);
	CU_ASSERT_EQUAL(f.effective_group, 65534);
	CU_ASSERT_EQUAL(f.saved_group, 65534);
	CU_ASSERT_EQUAL(f.groups, 0);
}

static void
test_child_cannot_become_root_again(void)
{
	struct findings f;

	if (!is_root())
		return;
	f = findings_of(0);
	CU_ASSERT_FALSE(f.regained);
	CU_ASSERT_FALSE(f.may_signal_parent);
	CU_ASSERT_EQUAL(f.no_new_privs, 1);
}

static void
test_child_case_43_cannot_be_traced_or_dumped(void)
{
	struct findings f = findings_of(0);

	CU_ASSERT_EQUAL(f.dumpable, 0);
	CU_ASSERT_EQUAL(f.core, 0);
}

/* setresuid(2) takes -1 for "as it is", which here is root. */
static void
test_child_that_could_not_become_the_account_runs_nothing(void)
{
	static const struct oat_account accounts[] = { { (uid_t)-1, 65534 },
		{ 65534, (gid_t)-1 }, { 0, 65534 }, { 65534, 0 } };
	struct oat_child child = OAT_CHILD_NONE;
	char byte;
	size_t i;

	if (!is_root())
		return;
	for (i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++) {
		CU_ASSERT_EQUAL_FATAL(
		    oat_child_start(&accounts[i], 0, look_around, NULL, &child),
		    OAT_OK);
		OAT_ASSERT_THAT(
		    read(child.fd, &byte, 1) == 0, "account %zu", i);
		oat_child_end(&child);
	}
}

static bool
starts_without_root(void)
{
	struct findings f;

	if (setresgid(1, 1, 1) != 0 || setresuid(1, 1, 1) != 0 ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
		return false;
	f = findings_of(0);
	return f.real == 1 && f.real_group == 1 && f.dumpable == 0;
}

static void
test_child_of_another_user_stays_that_user(void)
{
	if (is_root())
		CU_ASSERT_TRUE(oat_in_copy(starts_without_root));
}

/* --- what it has -------------------------------------------------------- */

static void
test_child_keeps_only_its_socket_and_the_null_device(void)
{
	int low = open("/etc/passwd", O_RDONLY);
	int high = fcntl(low, F_DUPFD, 900);
	struct findings f = findings_of(0);

	CU_ASSERT_EQUAL(f.descriptors, 4);
	CU_ASSERT_TRUE(f.standard_is_null);
	close(low);
	close(high);
}

static bool
starts_with_descriptors_closed(void)
{
	unsigned closed;
	struct findings f;

	for (closed = 1; closed < 16; closed++) {
		(void)close((int)closed % 4);
		f = findings_of(0);
		if (f.descriptors != 4 || !f.standard_is_null)
			return false;
	}
	return true;
}

static void
test_child_of_a_parent_without_standard_descriptors_is_whole(void)
{
	CU_ASSERT_TRUE(oat_in_copy(starts_with_descriptors_closed));
}

static void
test_child_memory_is_bounded_beyond_what_is_used(void)
{
	struct findings f = findings_of(16 * MIB);

	CU_ASSERT_TRUE(f.small_fits);
	CU_ASSERT_FALSE(f.large_fits);
	f = findings_of(0);
	CU_ASSERT_TRUE(f.large_fits);
}

/* Room for one of the two ends of a socket pair. */
static bool
fails_without_descriptors(void)
{
	struct oat_child child = OAT_CHILD_NONE;
	int before = oat_open_descriptors(), next = dup(2);
	struct rlimit few = { (rlim_t)next + 1, (rlim_t)next + 1 };

	if (close(next) != 0 || setrlimit(RLIMIT_NOFILE, &few) != 0)
		return false;
	return oat_child_start(&nobody, 0, look_around, NULL, &child) ==
		   OAT_SYSTEM &&
	       errno == EMFILE && child.fd == -1 &&
	       oat_open_descriptors() == before;
}

static void
test_child_without_descriptors_is_an_error(void)
{
	CU_ASSERT_TRUE(oat_in_copy(fails_without_descriptors));
}

/* --- how it ends -------------------------------------------------------- */

static void
never_end(int fd, void *context)
{
	pid_t self = getpid();

	(void)context;
	(void)signal(SIGTERM, SIG_IGN);
	(void)!write(fd, &self, sizeof(self));
	for (;;)
		pause();
}

static void
test_child_that_will_not_end_is_killed_and_collected(void)
{
	struct oat_child child = OAT_CHILD_NONE;
	int before = oat_open_descriptors();
	pid_t pid = 0;

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, never_end, NULL, &child), OAT_OK);
	CU_ASSERT_EQUAL(read(child.fd, &pid, sizeof(pid)), sizeof(pid));
	CU_ASSERT_EQUAL(pid, child.pid);
	oat_child_end(&child);
	CU_ASSERT_EQUAL(child.fd, -1);
	CU_ASSERT_TRUE(oat_is_childless());
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
	oat_child_end(&child);
}

static void
test_child_dismissed_is_collected_later(void)
{
	struct oat_child child = OAT_CHILD_NONE;
	int before = oat_open_descriptors();
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, never_end, NULL, &child), OAT_OK);
	pid = child.pid;
	oat_child_dismiss(&child);
	CU_ASSERT_EQUAL(child.fd, -1);
	CU_ASSERT_EQUAL(child.pid, pid);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
	CU_ASSERT_FALSE(oat_is_childless());
	oat_child_dismiss(&child);
	oat_child_end(&child);
	CU_ASSERT_EQUAL(child.pid, -1);
	CU_ASSERT_TRUE(oat_is_childless());
	oat_child_end(&child);
}

static pid_t *shared_pid;

/* A parent that goes without a word. */
static bool
starts_and_dies(void)
{
	struct oat_child child = OAT_CHILD_NONE;

	if (oat_child_start(&nobody, 0, never_end, NULL, &child) != OAT_OK)
		return false;
	return read(child.fd, shared_pid, sizeof(*shared_pid)) ==
	       sizeof(*shared_pid);
}

static void
test_child_does_not_outlive_its_parent(void)
{
	shared_pid = mmap(NULL, sizeof(*shared_pid), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_TRUE_FATAL(shared_pid != MAP_FAILED);
	CU_ASSERT_TRUE_FATAL(oat_in_copy(starts_and_dies));
	CU_ASSERT_TRUE_FATAL(*shared_pid > 0);
	CU_ASSERT_TRUE(oat_process_ends(*shared_pid));
	(void)munmap(shared_pid, sizeof(*shared_pid));
}

static CU_TestInfo who[] = {
	OAT_TEST(test_account_is_found_by_its_name),
	OAT_TEST(test_account_that_is_root_or_missing_is_refused),
	OAT_TEST(test_child_of_root_is_the_account_in_every_way),
	OAT_TEST(test_child_loses_the_groups_of_its_parent),
	OAT_TEST(test_child_cannot_become_root_again),
	OAT_TEST(test_child_case_43_cannot_be_traced_or_dumped),
	OAT_TEST(test_child_that_could_not_become_the_account_runs_nothing),
	OAT_TEST(test_child_of_another_user_stays_that_user),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo what[] = {
	OAT_TEST(test_child_keeps_only_its_socket_and_the_null_device),
	OAT_TEST(test_child_of_a_parent_without_standard_descriptors_is_whole),
	OAT_TEST(test_child_memory_is_bounded_beyond_what_is_used),
	OAT_TEST(test_child_without_descriptors_is_an_error),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo ends[] = {
	OAT_TEST(test_child_that_will_not_end_is_killed_and_collected),
	OAT_TEST(test_child_dismissed_is_collected_later),
	OAT_TEST(test_child_does_not_outlive_its_parent),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "child: who it is", NULL, NULL, NULL, NULL, who },
	{ "child: what it has", NULL, NULL, NULL, NULL, what },
	{ "child: its end", NULL, NULL, NULL, NULL, ends },
	CU_SUITE_INFO_NULL,
};
