/* SPDX-License-Identifier: MIT */
#include "caller.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/seccomp.h"

static bool
can_open(const char *path)
{
	int fd;

	fd = open(
	    path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return false;
	(void)close(fd);
	return true;
}

bool
oat_nss_caller_may_sync(const char *config)
{
	/*
	 * Plain getenv(3), though the environment may be an invoker's: all he
	 * can do with it is to forgo the sync.
	 */
	return getenv("SYSTEMD_ACTIVATION_UNIT") == NULL && can_open(config) &&
	       oat_seccomp_is_off() && geteuid() == 0 && getpid() != 1;
}
