/* SPDX-License-Identifier: MIT */
/*
 * What a user can make a setuid host, and so the program, inherit. The host is
 * a copy of this process, root, that was treated so; the program a script that
 * tells how it is.
 */
#include "common/inherited.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/script.h"

#define NOBODY 65534
#define IO_IDLE (3 << 13)
#define CGROUPS "/sys/fs/cgroup"

/* Nice value and policy; the score of the OOM killer. */
static const char show_treatment[] =
    "awk '{ print $19, $41 }' /proc/$$/stat; cat /proc/$$/oom_score_adj";
static const char show_waiting[] = "cat /proc/$$/timerslack_ns; ionice -p $$";
static const char show_cgroup[] = "sed -n 's/^0:://p' /proc/$$/cgroup";

static bool
is_root(void)
{
	if (geteuid() == 0)
		return true;
	oat_skip("not root");
	return false;
}

static bool
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd != -1 && write(fd, text, strlen(text)) > 0;

	if (fd != -1)
		(void)close(fd);
	return done;
}

/* --- the scheduler and the OOM killer ------------------------------------ */

static bool
treated_badly(void)
{
	const struct sched_param param = { .sched_priority = 0 };

	return setpriority(PRIO_PROCESS, 0, 19) == 0 &&
	       sched_setscheduler(0, SCHED_IDLE, &param) == 0 &&
	       write_text("/proc/self/oom_score_adj", "1000") &&
	       oat_script_says(show_treatment, "0 0\n0\n");
}

static void
test_inherited_case_9_treatment_is_that_of_a_daemon(void)
{
	if (is_root())
		CU_ASSERT(oat_in_copy(treated_badly));
}

static bool
made_to_wait(void)
{
	return syscall(SYS_ioprio_set, 1, 0, IO_IDLE) == 0 &&
	       prctl(PR_SET_TIMERSLACK, 15000000000UL, 0, 0, 0) == 0 &&
	       oat_script_says(show_waiting, "50000\nnone: prio 0\n");
}

/* A slack of seconds would stretch each deadline of the program by as much. */
static void
test_inherited_case_9_waits_end_when_they_should(void)
{
	if (is_root())
		CU_ASSERT(oat_in_copy(made_to_wait));
}

static bool
favoured(void)
{
	return setpriority(PRIO_PROCESS, 0, -5) == 0 &&
	       oat_script_says(show_treatment, "-5 0\n0\n");
}

static void
test_inherited_favour_stays(void)
{
	if (is_root())
		CU_ASSERT(oat_in_copy(favoured));
}

/* --- the cgroup ---------------------------------------------------------- */

/* Of this copy alone: the hierarchy is everybody's. */
static char group[64], inner[80];

/* A unified hierarchy where systemd has it, for this process alone. */
static bool
has_cgroups(void)
{
	(void)snprintf(
	    group, sizeof(group), CGROUPS "/oat-test-%d", (int)getpid());
	(void)snprintf(inner, sizeof(inner), "%s/inner", group);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       (access(CGROUPS, F_OK) == 0 ||
		   mount("sysfs", "/sys", "sysfs", 0, NULL) == 0) &&
	       mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) == 0;
}

static bool
path_of_cgroup(const char *file, char ret_path[256])
{
	FILE *stream = fopen(file, "r");
	char line[256];
	bool found = false;

	while (stream != NULL && !found &&
	       fgets(line, sizeof(line), stream) != NULL)
		found = sscanf(line, "0::%255s", ret_path) == 1;
	if (stream != NULL)
		(void)fclose(stream);
	return found;
}

/* A cgroup for the host; one of a user is his folder, as systemd makes it. */
static bool
enter_group(const char *path, uid_t owner)
{
	char procs[256];

	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	return mkdir(path, 0755) == 0 && chown(path, owner, 0) == 0 &&
	       write_text(procs, "0");
}

static bool
program_is_in(const char *path)
{
	char expected[260];

	(void)snprintf(expected, sizeof(expected), "%s\n", path);
	return oat_script_says(show_cgroup, expected);
}

/* The host was in `group`; is the program where init is? And nothing is left.
 */
static bool
leave_groups(bool is_right)
{
	(void)write_text(CGROUPS "/cgroup.procs", "0");
	return (rmdir(inner) == 0 || access(group, F_OK) == 0) &&
	       rmdir(group) == 0 && is_right;
}

static bool
in_a_cgroup_of_a_users(void)
{
	char init[256];

	return has_cgroups() && path_of_cgroup("/proc/1/cgroup", init) &&
	       leave_groups(enter_group(group, NOBODY) && program_is_in(init));
}

static bool
in_a_cgroup_below_one_of_a_users(void)
{
	char init[256];

	return has_cgroups() && path_of_cgroup("/proc/1/cgroup", init) &&
	       leave_groups(enter_group(group, NOBODY) &&
			    enter_group(inner, 0) && program_is_in(init));
}

static bool
in_a_users_cgroup_below_one_of_roots(void)
{
	char init[256];

	return has_cgroups() && path_of_cgroup("/proc/1/cgroup", init) &&
	       leave_groups(enter_group(group, 0) &&
			    enter_group(inner, NOBODY) && program_is_in(init));
}

static bool
in_a_cgroup_of_roots(void)
{
	return has_cgroups() &&
	       leave_groups(enter_group(group, 0) &&
			    program_is_in(group + strlen(CGROUPS)));
}

/* He could freeze it, with all locks that it holds. */
static void
test_inherited_cgroup_of_a_users_is_left(void)
{
	if (!is_root())
		return;
	if (!oat_in_copy(has_cgroups)) {
		oat_skip("no cgroup2 can be mounted");
		return;
	}
	CU_ASSERT(oat_in_copy(in_a_cgroup_of_a_users));
	CU_ASSERT(oat_in_copy(in_a_cgroup_below_one_of_a_users));
	CU_ASSERT(oat_in_copy(in_a_users_cgroup_below_one_of_roots));
	CU_ASSERT(oat_in_copy(in_a_cgroup_of_roots));
}

/* --- what a host has of its own ------------------------------------------ */

static bool
full_of_descriptors(void)
{
	struct rlimit limit;
	int fd = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return false;
	limit.rlim_cur = 4096;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		return false;
	while (fd != -1 && fd < 1100)
		fd = dup(STDIN_FILENO);
	return oat_script_says("ls /proc/$$/fd", "0\n1\n2\n");
}

static void
test_inherited_case_9_more_descriptors_than_the_programs_limit(void)
{
	if (is_root())
		CU_ASSERT(oat_in_copy(full_of_descriptors));
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_inherited_case_9_treatment_is_that_of_a_daemon),
	OAT_TEST(test_inherited_case_9_waits_end_when_they_should),
	OAT_TEST(test_inherited_favour_stays),
	OAT_TEST(test_inherited_cgroup_of_a_users_is_left),
	OAT_TEST(
	    test_inherited_case_9_more_descriptors_than_the_programs_limit),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "inherited", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
