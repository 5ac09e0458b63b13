/* SPDX-License-Identifier: MIT */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * From linux/landlock.h, which is missing or older where many a kernel is
 * built for; the kernel's interface stays as it is.
 */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define CONNECT_TCP (UINT64_C(1) << 1)
#define BIND_AND_CONNECT_TCP (UINT64_C(3))
#define SCOPE_ABSTRACT_SOCKETS (UINT64_C(1) << 0)
#define SCOPE_SIGNALS (UINT64_C(1) << 1)

struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed;
	uint64_t port;
};

/* All rights that a version of the interface knows: nothing else is refused. */
static struct ruleset
all_of(int version, const struct oat_reach *reach)
{
	/* Rights on files by version: 13, REFER, TRUNCATE, -, IOCTL_DEV. */
	static const int rights[] = { 13, 14, 15, 15, 16 };
	size_t last = sizeof(rights) / sizeof(rights[0]) - 1, i;
	struct ruleset all = { 0, 0, 0 };

	i = (size_t)version - 1 < last ? (size_t)version - 1 : last;
	all.files = (UINT64_C(1) << rights[i]) - 1;
	if (version >= 4)
		all.network = BIND_AND_CONNECT_TCP;
	if (version >= 6)
		all.scoped = SCOPE_SIGNALS;
	if (version >= 6 && !reach->abstract_sockets)
		all.scoped |= SCOPE_ABSTRACT_SOCKETS;
	return all;
}

static int
add_rule(int ruleset, int kind, const void *rule)
{
	return (int)syscall(SYS_landlock_add_rule, ruleset, kind, rule, 0);
}

static int
allow_file(int ruleset, const char *path)
{
	struct path_rule rule = { READ_FILE | READ_DIR, -1 };
	struct stat st;
	int result = 0;

	if (path == NULL)
		return 0;
	rule.fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.fd == -1)
		return 0;
	if (fstat(rule.fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed = READ_FILE;
	result = add_rule(ruleset, RULE_PATH_BENEATH, &rule);
	(void)close(rule.fd);
	return result;
}

static int
allow_all(int ruleset, const struct ruleset *all, const struct oat_reach *reach)
{
	struct port_rule rule = { CONNECT_TCP, 0 };
	size_t i;

	for (i = 0; i < reach->file_count; i++)
		if (allow_file(ruleset, reach->files[i]) != 0)
			return -1;
	for (i = 0; all->network != 0 && i < reach->port_count; i++) {
		rule.port = reach->ports[i];
		if (add_rule(ruleset, RULE_NET_PORT, &rule) != 0)
			return -1;
	}
	return 0;
}

enum oat_status
oat_landlock_enter(const struct oat_reach *reach)
{
	enum oat_status status = OAT_SYSTEM;
	struct ruleset all;
	int ruleset, version, saved;

	version = (int)syscall(
	    SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	/* Not built, not among the kernel's `lsm=`, or filtered around us. */
	if (version < 1)
		return OAT_OK;
	all = all_of(version, reach);
	/* What an older kernel does not know is zero, which it accepts. */
	ruleset =
	    (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset == -1)
		return OAT_SYSTEM;
	if (allow_all(ruleset, &all, reach) == 0 &&
	    syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
		status = OAT_OK;
	saved = errno;
	(void)close(ruleset);
	errno = saved;
	return status;
}
