/* SPDX-License-Identifier: MIT */
/*
 * ask LOGIN TAG PROGRAM [ARGUMENT...]: open a session as the PAM module does,
 * with TAG as its remote user, by a program that is `oat verify events` or runs
 * it. Prints what that promised:
 *
 *	kept		the event is on disk
 *	lost: WHY	it is not
 *	nothing		the program ended before it answered
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/request.h"

#define PATIENCE_MS 20000 /* strace(1) may be what runs it */

static int
start(char *argv[], pid_t *ret_pid)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		err(1, "socketpair");
	*ret_pid = fork();
	if (*ret_pid == -1)
		err(1, "fork");
	if (*ret_pid == 0) {
		(void)dup2(ends[1], STDIN_FILENO);
		(void)dup2(ends[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	(void)close(ends[1]);
	return ends[0];
}

static void
describe(struct oat_request *request, const char *login, const char *tag)
{
	memset(request, 0, sizeof(*request));
	request->phase = OAT_PHASE_OPEN;
	(void)snprintf(request->login, sizeof(request->login), "%s", login);
	(void)oat_escape(request->service, sizeof(request->service), "sshd");
	(void)oat_escape(request->rhost, sizeof(request->rhost), "192.0.2.1");
	(void)oat_escape(request->tty, sizeof(request->tty), "ssh");
	(void)oat_escape(request->ruser, sizeof(request->ruser), tag);
	request->caller_pid = (uint32_t)getpid();
}

int
main(int argc, char *argv[])
{
	struct oat_deadline deadline = oat_deadline_in_ms(PATIENCE_MS);
	struct oat_request request;
	struct oat_answer answer;
	pid_t pid;
	int fd;

	if (argc < 4)
		errx(2, "usage: ask login tag program [argument ...]");
	describe(&request, argv[1], argv[2]);
	fd = start(argv + 3, &pid);
	if (oat_request_send(&request, fd, deadline) != OAT_OK ||
	    oat_answer_receive(fd, deadline, &answer) != OAT_OK)
		puts("nothing");
	else if (answer.verdict == OAT_ALLOWED && answer.detail[0] == '\0')
		puts("kept");
	else
		printf("lost: %s\n", answer.detail);
	(void)close(fd);
	(void)waitpid(pid, NULL, 0);
	return 0;
}
