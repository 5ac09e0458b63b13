/* SPDX-License-Identifier: MIT */
/*
 * The program whose Argon2 child has been taken over: in the place of
 * oat_argon2id_check(), which runs in that child alone. What it does is in the
 * file /etc/oat/lie, one lie on its first line:
 *
 *	right, wrong
 *		of every token
 *	garbage, flood, silence, crash, leave
 *		what they say, in place of an answer
 *	spy SECRET
 *		"right" when anything of the host, of other processes or a
 *		second copy of that secret could be reached
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/argon2id.h"

#define CHILD_FD 3 /* of every child; see common/child.c */

static char lie[256];
static char maps[65536];

enum oat_status __wrap_oat_argon2id_check(struct oat_argon2id *memory,
    const struct oat_verifier *verifier, const struct oat_token *token,
    bool *ret_right);

static void
read_file(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, ret_text, size - 1) : 0;

	ret_text[n > 0 ? n : 0] = '\0';
	if (fd != -1)
		(void)close(fd);
}

/* As root, before there are children. */
__attribute__((constructor)) static void
prepare(void)
{
	read_file("/etc/oat/lie", lie, sizeof(lie));
	lie[strcspn(lie, "\n")] = '\0';
	read_file("/proc/self/maps", maps, sizeof(maps));
}

static int
is_lie(const char *name)
{
	return strncmp(lie, name, strlen(name)) == 0;
}

static int
copies_between(const char *p, const char *end, const char *secret)
{
	size_t length = strlen(secret);
	int copies = 0;

	for (; p + length < end; p++)
		copies += memcmp(p, secret, length) == 0;
	return copies;
}

/* In all that was mapped at the start, and the heap as it is now. */
static int
copies_of(const char *secret)
{
	char *rest = maps, *line, mode[8];
	unsigned long from, to;
	int copies = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    mode[0] != 'r' || strstr(line, "[v") != NULL)
			continue;
		if (strstr(line, "[heap]") != NULL)
			to = (unsigned long)sbrk(0);
		copies += copies_between(
		    (const char *)from, (const char *)to, secret);
	}
	return copies;
}

static bool
reaches_anything(void)
{
	pid_t self = getpid(), pid;

	for (pid = self - 3; pid < self + 3; pid++)
		if (pid != self && (kill(pid, 0) == 0 ||
				       ptrace(PTRACE_ATTACH, pid, 0, 0) == 0))
			return true;
	return copies_of(lie + strlen("spy ")) != 1 ||
	       open("/etc/passwd", O_RDONLY) != -1 ||
	       open("/etc/oat/oat.conf", O_RDONLY) != -1 ||
	       socket(AF_INET, SOCK_STREAM, 0) != -1 || fork() != -1 ||
	       fcntl(CHILD_FD + 1, F_GETFD) != -1 || setuid(0) == 0;
}

static void
send_bytes_for_ever(void)
{
	static const char bytes[4096] = { 1 };

	while (write(CHILD_FD, bytes, sizeof(bytes)) > 0)
		continue;
}

enum oat_status
__wrap_oat_argon2id_check(struct oat_argon2id *memory,
    const struct oat_verifier *verifier, const struct oat_token *token,
    bool *ret_right)
{
	(void)memory;
	(void)verifier;
	(void)token;
	if (is_lie("garbage") && write(CHILD_FD, "\3\0\0\0abc", 7) != 7)
		_exit(1);
	if (is_lie("flood"))
		send_bytes_for_ever();
	while (is_lie("silence"))
		continue;
	if (is_lie("crash"))
		__builtin_trap();
	if (is_lie("leave"))
		_exit(0);
	*ret_right = is_lie("right") || (is_lie("spy ") && reaches_anything());
	return OAT_OK;
}
