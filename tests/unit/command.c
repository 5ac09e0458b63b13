/* SPDX-License-Identifier: MIT */
#include "tests/unit/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner.h"

/* A nameless file for one descriptor. */
static int
nameless_file(void)
{
	char path[] = "/tmp/oat-test-command-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_TRUE_FATAL(fd != -1);
	unlink(path);
	return fd;
}

void
command_collect(int fd, char *ret_text, size_t size)
{
	ssize_t n = pread(fd, ret_text, size - 1, 0);

	ret_text[n > 0 ? n : 0] = '\0';
	close(fd);
}

void
command_run(struct command *command)
{
	int in = nameless_file(), out = nameless_file(), err = nameless_file();
	size_t size = command->input_size;
	int argc = 0, status = -1;
	pid_t pid;

	if (command->input != NULL && size == 0)
		size = strlen(command->input);
	CU_ASSERT_EQUAL(pwrite(in, command->input, size, 0), (ssize_t)size);
	while (command->argv[argc] != NULL)
		argc++;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		if (command->prepare != NULL)
			command->prepare();
		status = command->main(argc, command->argv);
		fflush(NULL);
		_exit(status);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	command->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	close(in);
	command_collect(out, command->out, sizeof(command->out));
	command_collect(err, command->err, sizeof(command->err));
}
