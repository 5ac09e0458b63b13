/* SPDX-License-Identifier: MIT */
/*
 * alternate ROUNDS COMMAND...: run commands in turn, and time each.
 *
 * A round is a line of output: microseconds of each command, from fork(2) to
 * its end, tab-separated. A command is a program and its arguments, with single
 * blanks between them; it must succeed.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16
#define WORDS_MAX 7

static double
now_us(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* One command, cut into words once. */
struct command {
	char *words[WORDS_MAX + 1];
};

static void
cut(char *text, struct command *ret_command)
{
	int n = 0;

	while (n < WORDS_MAX && (ret_command->words[n] = strsep(&text, " ")))
		n++;
	if (text != NULL)
		errx(2, "too many words: %s", text);
	ret_command->words[n] = NULL;
}

static void
run(const struct command *command)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		execv(command->words[0], command->words);
		err(127, "%s", command->words[0]);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(1, "wait");
	if (status != 0)
		errx(1, "%s failed: wait status %d", command->words[0], status);
}

int
main(int argc, char *argv[])
{
	long round, rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	struct command commands[COMMANDS_MAX];
	double begin;
	int i;

	if (rounds < 1 || argc < 3 || argc - 2 > COMMANDS_MAX)
		errx(2, "usage: alternate ROUNDS COMMAND...");
	for (i = 2; i < argc; i++)
		cut(argv[i], &commands[i - 2]);
	for (round = 0; round < rounds; round++)
		for (i = 2; i < argc; i++) {
			begin = now_us();
			run(&commands[i - 2]);
			printf("%.0f%c", now_us() - begin,
			    i + 1 < argc ? '\t' : '\n');
			/* The program's output must not repeat ours. */
			(void)fflush(stdout);
		}
	return 0;
}
