/* SPDX-License-Identifier: MIT */
#include "tests/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bool
oat_is_childless(void)
{
	return waitpid(-1, NULL, WNOHANG | (int)__WALL) == -1 &&
	       errno == ECHILD;
}

int
oat_open_descriptors(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			count++;
	return count;
}

int
oat_swap_stdout(int fd)
{
	int former;

	fflush(stdout);
	former = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(STDOUT_FILENO);
	if (fd != -1) {
		dup2(fd, STDOUT_FILENO);
		close(fd);
	}
	return former;
}

uint64_t
oat_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool
oat_process_ends(pid_t pid)
{
	uint64_t until = oat_now_ms() + OAT_LONG_MS;
	char path[64], state = 'X';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	while (oat_now_ms() < until) {
		file = fopen(path, "re");
		if (file == NULL)
			return true;
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'X';
		fclose(file);
		if (state == 'Z' || state == 'X')
			return true;
		usleep(2000);
	}
	return false;
}

bool
oat_in_copy(bool (*body)(void))
{
	pid_t pid;
	int status = 0;

	pid = fork();
	if (pid == 0)
		_exit(body() ? 0 : 1);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
