/* SPDX-License-Identifier: MIT */
/*
 * In the place of courier.so: the network's child has been taken over. What it
 * does is in the file /etc/oat/lie, one lie on its first line:
 *
 *	yes ORGANIZATION TOKEN VERIFIER
 *		that verifier for every selector, and everybody is allowed, as
 *		that token
 *	rows	the lines that follow are the identities, fields separated by
 *		tabs: kind, name, id, organization, token, shell, active,
 *		expires_at, groups
 *	garbage, flood, silence, crash, leave
 *		what they say, in place of an answer
 *	spy	the answer tells what of the token, of root and of the host
 *		could be reached: "spied: " and a list
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/courier_child.h"
#include "common/token.h"

#define LIE_MAX 16384
#define FOREVER_MS UINT32_C(600000)

__attribute__((visibility("default"))) const char oat_courier_version[] =
    OAT_VERSION;

static char lie[LIE_MAX];
static char maps[65536]; /* of this process, while it could read them */

static void
read_file(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	while (fd != -1 && used < size - 1 &&
	       (n = read(fd, ret_text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	ret_text[used] = '\0';
	if (fd != -1)
		(void)close(fd);
}

/* While it is being loaded, the child is not confined yet. */
__attribute__((constructor)) static void
prepare(void)
{
	read_file("/etc/oat/lie", lie, sizeof(lie));
	read_file("/proc/self/maps", maps, sizeof(maps));
}

/* --- what can be reached ---------------------------------------------------
 */

static char spied[512];

static void
note(const char *what, int reached)
{
	size_t used = strlen(spied);

	if (reached)
		(void)snprintf(spied + used, sizeof(spied) - used, " %s", what);
}

static int
can_open(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600) != -1;
}

static int
can_open_of(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return can_open(path, O_RDONLY);
}

static int
can_connect(in_port_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
	       errno == ECONNREFUSED;
}

static int
can_read_memory(pid_t pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { lie, 1 };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1;
}

static int
open_descriptors(int from)
{
	int fd, count = 0;

	for (fd = from; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

/* The parent, and the other child, which has a number near this one's. */
static void
spy_on_processes(void)
{
	pid_t parent = getppid(), self = getpid(), pid;

	for (pid = self - 3; pid < self + 3; pid++) {
		if (pid == self)
			continue;
		note("ptrace", ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
		note("memory", can_read_memory(pid));
		note("mem", can_open_of(pid, "mem"));
		note("environ", can_open_of(pid, "environ"));
		note("descriptors", can_open_of(pid, "fd/0"));
		note("signal", kill(pid, 0) == 0);
	}
	note("its parent's signal", kill(parent, SIGCONT) == 0);
	note("a process", fork() != -1);
	note("a program",
	    execl("/bin/true", "true", NULL) != -1 || errno != ENOSYS);
	note("root", setuid(0) == 0);
}

static void
spy_on_files(void)
{
	/* 0-2 are the null device, 3 the parent. */
	note("descriptors of others", open_descriptors(4));
	note("shadow", can_open("/etc/shadow", O_RDONLY));
	note("configuration", can_open(OAT_SYSCONFDIR "/oat/oat.conf", 0));
	note("/proc", can_open("/proc/self/status", O_RDONLY));
	note("/tmp", can_open("/tmp", O_RDONLY));
	note("a new file", can_open("/tmp/stolen", O_WRONLY | O_CREAT));
	note("the device", can_open("/dev/null", O_WRONLY));
	note("ssh's port", can_connect(22));
	note("the metadata port", can_connect(80));
	note("a packet socket", socket(AF_PACKET, SOCK_RAW, 0) != -1);
}

/* And leaves no copy to be found. */
static int
looks_like_a_token(const char *text)
{
	struct oat_token token;
	char copy[OAT_TOKEN_LENGTH + 1];
	int does;

	memcpy(copy, text, OAT_TOKEN_LENGTH);
	copy[OAT_TOKEN_LENGTH] = '\0';
	does = oat_token_parse(copy, &token) == OAT_OK;
	explicit_bzero(copy, sizeof(copy));
	oat_token_wipe(&token);
	return does;
}

static int
tokens_between(const char *p, const char *end)
{
	int found = 0;

	for (; p + OAT_TOKEN_LENGTH < end; p++)
		if (p[0] == 'o' && p[1] == 'a' && p[2] == 't' && p[3] == '_')
			found += looks_like_a_token(p);
	return found;
}

/* One bait is there to be found, in the lie: "spy TOKEN". */
static void
spy_on_memory(void)
{
	char *rest = maps, *line, mode[8];
	unsigned long from, to;
	int found = 0;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 &&
		    mode[0] == 'r' && strstr(line, "[v") == NULL)
			found += tokens_between(
			    (const char *)from, (const char *)to);
	note("no bait", found < 1);
	note("a token in memory", found > 1);
}

/* --- what is told -----------------------------------------------------------
 */

static void
put_yes(struct oat_wire *out, uint32_t operation)
{
	struct oat_decision decision;
	char verifier[OAT_VERIFIER_MAX];

	memset(&decision, 0, sizeof(decision));
	decision.allowed = true;
	oat_wire_put_u32(out, OAT_OK);
	oat_wire_put_text(out, "");
	if (sscanf(lie, "yes %63s %63s %194s", decision.organization,
		decision.token_name, verifier) != 3)
		_exit(1);
	if (operation == OAT_COURIER_VERIFIER)
		oat_wire_put_text(out, verifier);
	else if (operation == OAT_COURIER_DECIDE)
		oat_reply_put(
		    out, oat_decision_fields, OAT_DECISION_FIELDS, &decision);
	else if (operation == OAT_COURIER_RECORD)
		oat_wire_put_u32(out, 1);
}

static void
send_row(int fd, char *line)
{
	struct oat_deadline deadline = oat_deadline_in_ms(FOREVER_MS);
	struct oat_wire out = { 0 };
	struct oat_row row;
	const char *text;
	int i;

	memset(&row, 0, sizeof(row));
	for (i = 0; i < OAT_ROW_FIELDS; i++) {
		text = strsep(&line, "\t");
		if (text != NULL)
			(void)oat_reply_set(&oat_row_fields[i], text, &row);
	}
	oat_wire_put_u32(&out, OAT_COURIER_ROW);
	oat_reply_put(&out, oat_row_fields, OAT_ROW_FIELDS, &row);
	(void)oat_wire_send(&out, fd, deadline);
	oat_wire_free(&out);
}

static void
send_rows(int fd)
{
	char *rest = strchr(lie, '\n'), *line;

	if (rest == NULL)
		return;
	rest++;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			send_row(fd, line);
}

static void
send_bytes_for_ever(int fd)
{
	static const char bytes[4096] = { 1 };

	while (write(fd, bytes, sizeof(bytes)) > 0)
		continue;
}

static int
is_lie(const char *name)
{
	return strncmp(lie, name, strlen(name)) == 0;
}

/* Instead of an answer; those that return go on with one. */
static void
misbehave(int fd)
{
	if (is_lie("garbage") && write(fd, "\3\0\0\0abc", 7) != 7)
		_exit(1);
	if (is_lie("flood"))
		send_bytes_for_ever(fd);
	while (is_lie("silence"))
		(void)sleep(1);
	if (is_lie("crash"))
		__builtin_trap();
	if (is_lie("leave"))
		_exit(0);
}

static void
answer(int fd, uint32_t operation, struct oat_wire *out)
{
	misbehave(fd);
	if (is_lie("yes")) {
		put_yes(out, operation);
	} else if (is_lie("rows") && operation == OAT_COURIER_IDENTITIES) {
		send_rows(fd);
		oat_wire_put_u32(out, OAT_OK);
		oat_wire_put_text(out, "");
	} else {
		oat_wire_put_u32(out, OAT_UNAVAILABLE);
		oat_wire_put_text(out, spied);
	}
}

__attribute__((visibility("default"))) void
oat_courier_serve(int fd, void *context)
{
	struct oat_deadline deadline = oat_deadline_in_ms(FOREVER_MS);
	struct oat_wire in = { 0 }, out = { 0 };
	uint32_t operation;

	(void)context;
	while (oat_wire_receive(&in, fd, deadline) == OAT_OK &&
	       oat_wire_get_u32(&in, &operation) == OAT_OK) {
		if (is_lie("spy") && spied[0] == '\0') {
			(void)snprintf(spied, sizeof(spied), "spied:");
			spy_on_files();
			spy_on_memory();
			spy_on_processes();
		}
		answer(fd, operation, &out);
		(void)oat_wire_send(&out, fd, deadline);
		oat_wire_free(&in);
		oat_wire_free(&out);
	}
}
