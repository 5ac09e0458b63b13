/* SPDX-License-Identifier: MIT */
#include "clientkey.h"

#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "openssl"
#define TEXT_MAX 8192 /* bytes of what it makes, as PEM */

static enum oat_status
fail(char *ret_error, const char *what, const char *why)
{
	(void)snprintf(
	    ret_error, OAT_CLIENTKEY_ERROR_MAX, "%.280s: %.100s", what, why);
	return OAT_UNAVAILABLE;
}

/* In the child: standard output is the pipe. The environment is empty. */
static _Noreturn void
become_program(const char *const argv[], int out)
{
	if (dup2(out, STDOUT_FILENO) != -1)
		(void)execvp(PROGRAM, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* All that comes, up to a text of TEXT_MAX; its length. */
static size_t
read_text(int fd, char *ret_text)
{
	size_t used = 0;
	ssize_t n = 1;

	while (n != 0 && used < TEXT_MAX) {
		n = read(fd, ret_text + used, TEXT_MAX - used);
		if (n == -1 && errno != EINTR)
			break;
		used += n > 0 ? (size_t)n : 0;
	}
	return used;
}

/* Run it; what it printed. It says itself, on descriptor 2, what is wrong. */
static enum oat_status
run_program(
    const char *const argv[], char *ret_text, size_t *ret_size, char *ret_error)
{
	int pipe_fds[2], status = -1;
	size_t size;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) == -1)
		return fail(ret_error, "pipe", strerror(errno));
	pid = fork();
	if (pid == 0)
		become_program(argv, pipe_fds[1]);
	(void)close(pipe_fds[1]);
	size = read_text(pipe_fds[0], ret_text);
	(void)close(pipe_fds[0]);
	while (pid != -1 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fail(ret_error, PROGRAM, "not found; install it");
	if (pid == -1 || status != 0 || size == 0 || size == TEXT_MAX)
		return fail(ret_error, PROGRAM, argv[1]);
	*ret_size = size;
	return OAT_OK;
}

static enum oat_status
write_file(const char *path, const char *text, size_t size, gid_t gid,
    mode_t mode, char *ret_error)
{
	if (oat_replace_file(path, text, size, gid, mode) == OAT_OK)
		return OAT_OK;
	return fail(ret_error, path, strerror(errno));
}

enum oat_status
oat_clientkey_make(
    const char *key_path, gid_t gid, bool *ret_made, char *ret_error)
{
	static const char *const argv[] = { PROGRAM, "genpkey", "-algorithm",
		"EC", "-pkeyopt", "ec_paramgen_curve:P-256", NULL };
	enum oat_status status;
	char text[TEXT_MAX];
	size_t size = 0;

	*ret_made = false;
	if (access(key_path, F_OK) == 0)
		return OAT_OK;
	if (errno != ENOENT)
		return fail(ret_error, key_path, strerror(errno));
	status = run_program(argv, text, &size, ret_error);
	if (status == OAT_OK)
		status = write_file(key_path, text, size, gid, 0640, ret_error);
	explicit_bzero(text, sizeof(text));
	*ret_made = status == OAT_OK;
	return status;
}

enum oat_status
oat_clientkey_request(const char *key_path, const char *role,
    const char *request_path, char *ret_error)
{
	char subject[128], text[TEXT_MAX];
	const char *const argv[] = { PROGRAM, "req", "-new", "-sha256", "-key",
		key_path, "-subj", subject, NULL };
	enum oat_status status;
	size_t size = 0;

	(void)snprintf(subject, sizeof(subject), "/CN=%s", role);
	status = run_program(argv, text, &size, ret_error);
	if (status == OAT_OK)
		status = write_file(
		    request_path, text, size, (gid_t)-1, 0644, ret_error);
	return status;
}
