/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - a child that could not become _oat runs nothing
 *   - it keeps no descriptor of its parent's but its own socket
 *   - it cannot be traced or dumped by another process of its uid
 *   - it does not outlive its parent
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_FD 3 /* where the child's socket ends up */

/* The program's address space where /proc does not tell: more than it needs. */
#define ADDRESS_SPACE_BYTES (512UL * 1024 * 1024)

enum oat_status
oat_account_find(const char *name, struct oat_account *ret_account)
{
	struct passwd entry, *found;
	char buffer[4096];
	enum oat_status status = OAT_NOTFOUND;
	FILE *file;

	file = fopen("/etc/passwd", "re");
	if (file == NULL)
		return OAT_SYSTEM;
	while (fgetpwent_r(file, &entry, buffer, sizeof(buffer), &found) == 0) {
		if (strcmp(found->pw_name, name) != 0)
			continue;
		status = OAT_INVALID;
		if (found->pw_uid != 0 && found->pw_gid != 0) {
			ret_account->uid = found->pw_uid;
			ret_account->gid = found->pw_gid;
			status = OAT_OK;
		}
		break;
	}
	(void)fclose(file);
	return status;
}

/* The address space in use, in bytes. */
static size_t
address_space(void)
{
	unsigned long pages;
	size_t bytes = ADDRESS_SPACE_BYTES;
	FILE *file;

	file = fopen("/proc/self/statm", "re");
	if (file == NULL)
		return bytes;
	if (fscanf(file, "%lu", &pages) == 1)
		bytes = pages * (size_t)sysconf(_SC_PAGESIZE);
	(void)fclose(file);
	return bytes;
}

static int
limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit both = { value, value };

	return setrlimit(resource, &both);
}

static int
limit_memory(size_t memory_bytes)
{
	if (memory_bytes == 0)
		return 0;
	return limit(RLIMIT_AS, address_space() + memory_bytes);
}

static int
keep_only(int fd)
{
	int null, i;

	/* Out of the way of 0-3 first, whatever number the parent had left. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_FD + 1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || null < 0)
		return -1;
	for (i = 0; i < CHILD_FD; i++)
		if (dup2(null, i) < 0)
			return -1;
	if (dup3(fd, CHILD_FD, O_CLOEXEC) < 0)
		return -1;
	return close_range(CHILD_FD + 1, ~0U, 0);
}

static int
become(const struct oat_account *account)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) != 0 ||
	    setresgid(account->gid, account->gid, account->gid) != 0 ||
	    setresuid(account->uid, account->uid, account->uid) != 0)
		return -1;
	/* What was given up must not come back. */
	return setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 ||
		       getuid() == 0 || getgid() == 0
		   ? -1
		   : 0;
}

static int
confine(const struct oat_account *account, size_t memory_bytes, pid_t parent)
{
	/* Changing ids clears the parent-death signal: set it afterwards. */
	if (limit_memory(memory_bytes) != 0 || limit(RLIMIT_CORE, 0) != 0 ||
	    become(account) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return -1;
	return getppid() == parent ? 0 : -1;
}

enum oat_status
oat_child_start_on(int fd, const struct oat_account *account,
    size_t memory_bytes, void (*body)(int fd, void *context), void *context,
    struct oat_child *ret_child)
{
	pid_t parent = getpid(), pid;

	pid = fork();
	if (pid == 0) {
		if (keep_only(fd) == 0 &&
		    confine(account, memory_bytes, parent) == 0)
			body(CHILD_FD, context);
		_exit(0);
	}
	if (pid < 0)
		return OAT_SYSTEM;
	*ret_child = (struct oat_child){ .pid = pid, .fd = -1 };
	return OAT_OK;
}

enum oat_status
oat_child_start(const struct oat_account *account, size_t memory_bytes,
    void (*body)(int fd, void *context), void *context,
    struct oat_child *ret_child)
{
	enum oat_status status;
	int pair[2], saved;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return OAT_SYSTEM;
	status = oat_child_start_on(
	    pair[1], account, memory_bytes, body, context, ret_child);
	saved = errno;
	(void)close(pair[1]);
	if (status == OAT_OK)
		ret_child->fd = pair[0];
	else
		(void)close(pair[0]);
	errno = saved;
	return status;
}

void
oat_child_dismiss(struct oat_child *child)
{
	if (child->fd >= 0)
		(void)close(child->fd);
	child->fd = -1;
	/* Of none, and of one that was called (courier_unit.h), it is -1. */
	if (child->pid > 0)
		(void)kill(child->pid, SIGKILL);
}

void
oat_child_end(struct oat_child *child)
{
	oat_child_dismiss(child);
	if (child->pid < 0)
		return;
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child->pid = -1;
}
