/* SPDX-License-Identifier: MIT */
#include "inherited.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMER_SLACK_NS 50000 /* what a process has that was told nothing */

/* <linux/ioprio.h> is younger than the call. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_SHIFT 13
#define IOPRIO_CLASS_RT 1

#define CGROUPS "/sys/fs/cgroup"
#define CGROUP_TEXT_MAX 4096 /* bytes; a line for each hierarchy */
#define CGROUP_PATH_MAX 512  /* nobody but a user nests deeper */

/* --- files --------------------------------------------------------------- */

/*
 * By number: libc's functions may be those of a sanitizer, with locks of which
 * another thread of the host has one, for ever.
 */
static int
open_file(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC);
}

static ssize_t
read_file(int fd, char *buffer, size_t size)
{
	return syscall(SYS_read, fd, buffer, size);
}

static bool
write_byte(int fd, char byte)
{
	return syscall(SYS_write, fd, &byte, (size_t)1) == 1;
}

static void
close_file(int fd)
{
	(void)syscall(SYS_close, fd);
}

/* --- limits -------------------------------------------------------------- */

/* As root raise it to `value`, else as far as the hard limit allows. */
static void
reset_limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit = { soft, hard };

	if (setrlimit(resource, &limit) == 0 ||
	    getrlimit(resource, &limit) != 0)
		return;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

void
oat_inherited_reset_limits(void)
{
	const rlim_t none = RLIM_INFINITY, stack = 8 << 20, files = 1024;

	reset_limit(RLIMIT_CPU, none, none);
	reset_limit(RLIMIT_FSIZE, none, none);
	reset_limit(RLIMIT_AS, none, none);
	reset_limit(RLIMIT_DATA, none, none);
	reset_limit(RLIMIT_NPROC, none, none);
	reset_limit(RLIMIT_STACK, stack, none);
	reset_limit(RLIMIT_NOFILE, files, files);
	reset_limit(RLIMIT_CORE, 0, 0);
}

/* --- the scheduler and the OOM killer ------------------------------------ */

/*
 * Asked first: a unit whose filter forbids @resources lets everybody ask, and
 * kills who sets.
 */
static void
reset_scheduling(void)
{
	const struct sched_param normal = { .sched_priority = 0 };
	int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
	long io = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

	if (policy == SCHED_IDLE || policy == SCHED_BATCH)
		(void)sched_setscheduler(0, SCHED_OTHER, &normal);
	if (getpriority(PRIO_PROCESS, 0) > 0)
		(void)setpriority(PRIO_PROCESS, 0, 0);
	if (io > 0 && io >> IOPRIO_CLASS_SHIFT > IOPRIO_CLASS_RT)
		(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
}

static void
reset_oom_score(void)
{
	char score = '0';
	int fd;

	fd = open_file("/proc/self/oom_score_adj", O_RDWR);
	if (fd == -1)
		return;
	if (read_file(fd, &score, 1) == 1 && score != '0' && score != '-')
		(void)write_byte(fd, '0');
	close_file(fd);
}

/* --- the cgroup ---------------------------------------------------------- */

static bool
is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Where the unified hierarchy is, beside the old ones, too; or NULL. */
static const char *
find_hierarchy(void)
{
	if (is_cgroup2(CGROUPS))
		return CGROUPS;
	return is_cgroup2(CGROUPS "/unified") ? CGROUPS "/unified" : NULL;
}

/*
 * The path in that hierarchy, from such a file of proc(5): what follows "0::"
 * on a line of its own. NULL when it does not say so in as many bytes.
 */
static char *
read_path(const char *file, char text[CGROUP_TEXT_MAX])
{
	size_t length = 0;
	char *path;
	ssize_t n;
	int fd;

	fd = open_file(file, O_RDONLY);
	if (fd == -1)
		return NULL;
	while (length < CGROUP_TEXT_MAX - 1 &&
	       (n = read_file(
		    fd, text + length, CGROUP_TEXT_MAX - 1 - length)) > 0)
		length += (size_t)n;
	close_file(fd);
	text[length] = '\0';
	path = text;
	if (strncmp(path, "0::", 3) != 0) {
		path = strstr(text, "\n0::");
		if (path == NULL)
			return NULL;
		path++;
	}
	path += 3;
	path[strcspn(path, "\n")] = '\0';
	return path[0] == '/' ? path : NULL;
}

/* hierarchy + the first `length` bytes of path + name; does it fit? */
static bool
join(const char *hierarchy, const char *path, size_t length, const char *name,
    char ret_full[CGROUP_PATH_MAX])
{
	size_t base = strlen(hierarchy), end = strlen(name);

	if (base + length + end >= CGROUP_PATH_MAX)
		return false;
	memcpy(ret_full, hierarchy, base);
	memcpy(ret_full + base, path, length);
	memcpy(ret_full + base + length, name, end + 1);
	return true;
}

/*
 * Does somebody else than root own it, or one above it? Who owns one can freeze
 * all below, and cannot take anything from outside into it.
 */
static bool
is_of_others(const char *hierarchy, const char *path)
{
	char full[CGROUP_PATH_MAX];
	size_t length = 0;
	struct stat st;

	while (path[length] != '\0') {
		length += 1 + strcspn(path + length + 1, "/");
		if (!join(hierarchy, path, length, "", full))
			return true;
		if (stat(full, &st) == 0 && st.st_uid != 0)
			return true;
	}
	return false;
}

static bool
enter(const char *hierarchy, const char *path)
{
	char full[CGROUP_PATH_MAX];
	bool entered;
	int fd;

	if (!join(hierarchy, path, strlen(path), "/cgroup.procs", full))
		return false;
	fd = open_file(full, O_WRONLY);
	if (fd == -1)
		return false;
	entered = write_byte(fd, '0');
	close_file(fd);
	return entered;
}

static void
leave_cgroup(void)
{
	const char *hierarchy = find_hierarchy(), *path;
	char text[CGROUP_TEXT_MAX];

	if (hierarchy == NULL)
		return;
	path = read_path("/proc/self/cgroup", text);
	if (path == NULL || !is_of_others(hierarchy, path))
		return;
	/* Below systemd the top has others below it, and init a leaf. */
	path = read_path("/proc/1/cgroup", text);
	if (path == NULL || !enter(hierarchy, path))
		(void)enter(hierarchy, "");
}

void
oat_inherited_reset_treatment(void)
{
	if (geteuid() != 0)
		return;
	reset_scheduling();
	reset_oom_score();
	leave_cgroup();
}
