/* SPDX-License-Identifier: MIT */
/*
 * For LD_PRELOAD and the like: leaves a file /tmp/marker.<program> in each
 * program that it is loaded into.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void
leave_marker(void)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/marker.%s",
	    program_invocation_short_name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd != -1)
		(void)close(fd);
}

/* With this, rtld-audit(7) takes it too. */
__attribute__((visibility("default"))) unsigned la_version(unsigned version);

unsigned
la_version(unsigned version)
{
	return version;
}
