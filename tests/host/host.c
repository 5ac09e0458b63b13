/* SPDX-License-Identifier: MIT */
/*
 * host ROOT NAME LOGFILE: a disposable host in namespaces of its own, chroot
 * in ROOT. Prints the pid of its pid 1 and leaves that running: it reaps
 * orphans and is the system log, /dev/log, written to LOGFILE (a path inside)
 * as "facility.severity text". It ends with the laboratory around it.
 */
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX 8192 /* bytes of one datagram; glibc sends less */
#define PRIORITY_MAX 191 /* local7.debug, RFC 3164 section 4.1.1 */

static const char *const facilities[] = { "kern", "user", "mail", "daemon",
	"auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"ntp", "security", "console", "clock", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7" };

static const char *const severities[] = { "emerg", "alert", "crit", "err",
	"warning", "notice", "info", "debug" };

/* Control bytes as rsyslog writes them, #ooo, so that a line is a message. */
static void
write_text(FILE *log, const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (iscntrl((unsigned char)text[i]))
			fprintf(log, "#%03o", (unsigned char)text[i]);
		else
			putc(text[i], log);
	putc('\n', log);
	fflush(log);
}

static void
write_message(FILE *log, const char *message, size_t size)
{
	unsigned priority = 13; /* user.notice, when the sender gives none */
	int offset = 0;

	if (sscanf(message, "<%3u>%n", &priority, &offset) != 1 ||
	    priority > PRIORITY_MAX)
		priority = 13;
	while (size > (size_t)offset &&
	       (message[size - 1] == '\0' || message[size - 1] == '\n'))
		size--;
	fprintf(
	    log, "%s.%s ", facilities[priority / 8], severities[priority % 8]);
	write_text(log, message + offset, size - (size_t)offset);
}

static int
listen_for_messages(void)
{
	struct sockaddr_un address = { AF_UNIX, "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    chmod(address.sun_path, 0666) == -1)
		err(EXIT_FAILURE, "%s", address.sun_path);
	return fd;
}

static FILE *
open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	FILE *log = fd == -1 ? NULL : fdopen(fd, "a");

	if (log == NULL)
		err(EXIT_FAILURE, "%s", path);
	return log;
}

static void
become_host(const char *root, const char *name)
{
	if (setsid() == -1 || chroot(root) == -1 || chdir("/") == -1)
		err(EXIT_FAILURE, "chroot %s", root);
	if (sethostname(name, strlen(name)) == -1)
		err(EXIT_FAILURE, "hostname %s", name);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		NULL) == -1)
		err(EXIT_FAILURE, "mount /proc");
}

/*
 * `ready` is closed once processes may be started in the host. From then on
 * errors go to its log: stderr may be a pipe whose reader waits for the end.
 */
static void
be_first(const char *root, const char *name, const char *path, int ready)
{
	char message[MESSAGE_MAX + 1];
	ssize_t size;
	FILE *log;
	int fd;

	(void)signal(SIGCHLD, SIG_IGN); /* the kernel reaps; wait(2), NOTES */
	become_host(root, name);
	log = open_log(path);
	fd = listen_for_messages();
	if (dup2(fileno(log), STDERR_FILENO) == -1)
		err(EXIT_FAILURE, "stderr");
	close(ready);
	for (;;) {
		size = recv(fd, message, MESSAGE_MAX, 0);
		if (size == -1 && errno != EINTR)
			err(EXIT_FAILURE, "recv");
		if (size <= 0)
			continue;
		message[size] = '\0';
		write_message(log, message, (size_t)size);
	}
}

int
main(int argc, char *argv[])
{
	int ready[2];
	pid_t first;
	char byte;

	if (argc != 4)
		errx(2, "usage: host root name logfile");
	if (pipe2(ready, O_CLOEXEC) == -1 ||
	    unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS |
		    CLONE_NEWIPC) == -1)
		err(EXIT_FAILURE, "new namespaces");
	first = fork();
	if (first == -1)
		err(EXIT_FAILURE, "fork");
	if (first == 0) {
		close(ready[0]);
		close(STDOUT_FILENO); /* its reader waits for our parent only */
		be_first(argv[1], argv[2], argv[3], ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 0 || waitpid(first, NULL, WNOHANG) != 0)
		errx(EXIT_FAILURE, "host %s did not start", argv[2]);
	printf("%d\n", (int)first);
	return EXIT_SUCCESS;
}
