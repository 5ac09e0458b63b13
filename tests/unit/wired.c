/* SPDX-License-Identifier: MIT */
#include "tests/unit/wired.h"

#include "tests/runner.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define AMPLE_MS 20000

void
wired_make_socket(int fds[2])
{
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

/* A pipe as fds[1] -> fds[0], like the sockets above. */
void
wired_make_pipe(int fds[2])
{
	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
}

void
wired_close_both(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

struct oat_deadline
wired_ample(void)
{
	return oat_deadline_in_ms(AMPLE_MS);
}

/* Let a child write these bytes, pausing after each, and end. */
pid_t
wired_trickle(int fds[2], const void *bytes, size_t size, unsigned pause_us)
{
	const char *p = bytes;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(fds[0]);
	while (size-- > 0) {
		if (write(fds[1], p++, 1) != 1)
			_exit(1);
		usleep(pause_us);
	}
	_exit(0);
}

void
wired_finish(pid_t pid)
{
	int status;

	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}
