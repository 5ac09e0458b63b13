/* SPDX-License-Identifier: MIT */
#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * proc(5): 0 is none, 1 strict, 2 a filter. It is read because prctl(2) may be
 * what the filter kills for; a process without this field has a kernel without
 * seccomp, and is refused for simplicity.
 */
static const char unfiltered[] = "\nSeccomp:\t0\n";

/* Does the file contain the text? It begins with its only kind of newline. */
static bool
contains(int fd, const char *text)
{
	char buffer[1024];
	size_t matched = 0;
	ssize_t n, i;

	for (;;) {
		n = read(fd, buffer, sizeof(buffer));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		for (i = 0; i < n; i++) {
			if (buffer[i] != text[matched])
				matched = 0;
			if (buffer[i] == text[matched])
				matched++;
			if (text[matched] == '\0')
				return true;
		}
	}
}

bool
oat_seccomp_is_off(void)
{
	bool answer;
	int fd;

	fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	answer = contains(fd, unfiltered);
	(void)close(fd);
	return answer;
}
