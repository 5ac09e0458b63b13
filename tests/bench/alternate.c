/* SPDX-License-Identifier: MIT */
/*
 * alternate ROUNDS PROGRAM...: run programs in turn, and time each.
 *
 * A round is a line of output: microseconds of each program, from fork(2) to
 * its end, tab-separated. They take no arguments and must succeed.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now_us(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void
run(const char *program)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		execl(program, program, (char *)NULL);
		err(127, "%s", program);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(1, "wait");
	if (status != 0)
		errx(1, "%s failed: wait status %d", program, status);
}

int
main(int argc, char *argv[])
{
	long round, rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	double begin;
	int i;

	if (rounds < 1)
		errx(2, "usage: alternate ROUNDS PROGRAM...");
	for (round = 0; round < rounds; round++)
		for (i = 2; i < argc; i++) {
			begin = now_us();
			run(argv[i]);
			printf("%.0f%c", now_us() - begin,
			    i + 1 < argc ? '\t' : '\n');
			/* The program's output must not repeat ours. */
			(void)fflush(stdout);
		}
	return 0;
}
