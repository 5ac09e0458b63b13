/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSL_REQUEST 80877103
#define BODY_MAX 65536

static int
bind_loopback(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		abort();
	*ret_port = ntohs(address.sin_port);
	return fd;
}

int
fake_closed_port(void)
{
	int port, fd = bind_loopback(&port);

	(void)close(fd);
	return port;
}

struct fake_server
fake_start(void (*serve)(int fd, const void *context), const void *context)
{
	struct fake_server server;
	int listener = bind_loopback(&server.port), fd, on = 1;

	if (listen(listener, 8) != 0)
		abort();
	server.pid = fork();
	if (server.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)signal(SIGPIPE, SIG_IGN);
		while ((fd = accept(listener, NULL, NULL)) != -1) {
			(void)setsockopt(
			    fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			serve(fd, context);
			(void)close(fd);
		}
		_exit(1);
	}
	(void)close(listener);
	return server;
}

void
fake_stop(struct fake_server *server)
{
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
}

static bool
read_all(int fd, void *bytes, size_t size)
{
	char *p = bytes;
	ssize_t n;

	while (size > 0) {
		n = read(fd, p, size);
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static bool
write_all(int fd, const void *bytes, size_t size)
{
	const char *p = bytes;
	ssize_t n;

	while (size > 0) {
		n = write(fd, p, size);
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* A length that counts itself, and that many bytes more. */
static bool
read_body(int fd, char body[BODY_MAX], uint32_t *ret_size)
{
	uint32_t size;

	if (!read_all(fd, &size, sizeof(size)))
		return false;
	size = ntohl(size) - (uint32_t)sizeof(size);
	*ret_size = size;
	return size < BODY_MAX && read_all(fd, body, size);
}

bool
fake_send(int fd, char type, const void *body, size_t size)
{
	uint32_t length = htonl((uint32_t)(size + sizeof(length)));

	return write_all(fd, &type, 1) &&
	       write_all(fd, &length, sizeof(length)) &&
	       write_all(fd, body, size);
}

static bool
send_parameter(int fd, const char *name, const char *value)
{
	char body[256];
	int n;

	if (value == NULL)
		return true;
	n = snprintf(body, sizeof(body), "%s%c%s", name, '\0', value);
	return fake_send(fd, 'S', body, (size_t)n + 1);
}

const struct fake_greeting fake_primary = { "off", FAKE_ROLE, "off" };
const struct fake_greeting fake_standby = { "off", FAKE_ROLE, "on" };

bool
fake_greet(int fd, const struct fake_greeting *greeting)
{
	static const uint32_t authenticated = 0;
	char body[BODY_MAX];
	uint32_t size, code = 0;

	do {
		if (!read_body(fd, body, &size) || size < sizeof(code))
			return false;
		memcpy(&code, body, sizeof(code));
		code = ntohl(code);
		if (code == SSL_REQUEST && !write_all(fd, "N", 1))
			return false;
	} while (code == SSL_REQUEST);
	return fake_send(fd, 'R', &authenticated, sizeof(authenticated)) &&
	       send_parameter(fd, "server_version", "15.0") &&
	       send_parameter(fd, "is_superuser", greeting->superuser) &&
	       send_parameter(fd, "session_authorization", greeting->role) &&
	       send_parameter(fd, "in_hot_standby", greeting->standby) &&
	       fake_send(fd, 'Z', "I", 1);
}

bool
fake_read_query(int fd, char *ret_statement, size_t size)
{
	char body[BODY_MAX], type;
	uint32_t length;

	do {
		if (!read_all(fd, &type, 1) || !read_body(fd, body, &length))
			return false;
		/* Parse: the statement's name, "", and its text. */
		if (type == 'P' && length > 1)
			(void)snprintf(ret_statement, size, "%s", body + 1);
		/* A simple query is its text alone, and wants no more. */
		if (type == 'Q' && length > 0) {
			(void)snprintf(ret_statement, size, "%s", body);
			return true;
		}
	} while (type != 'S');
	return fake_send(fd, '1', NULL, 0) && fake_send(fd, '2', NULL, 0);
}

bool
fake_send_columns(int fd, int count)
{
	static const char column[1 + 18]; /* no name, and zeros */
	char body[1024];
	uint16_t n = htons((uint16_t)count);
	size_t used = sizeof(n);
	int i;

	memcpy(body, &n, sizeof(n));
	for (i = 0; i < count; i++, used += sizeof(column))
		memcpy(body + used, column, sizeof(column));
	return fake_send(fd, 'T', body, used);
}

bool
fake_send_row(int fd, int count, const char *const *values)
{
	char body[BODY_MAX];
	uint16_t n = htons((uint16_t)count);
	size_t used = sizeof(n), length;
	uint32_t field;
	int i;

	memcpy(body, &n, sizeof(n));
	for (i = 0; i < count; i++) {
		length = values[i] != NULL ? strlen(values[i]) : 0;
		field =
		    values[i] != NULL ? htonl((uint32_t)length) : UINT32_MAX;
		memcpy(body + used, &field, sizeof(field));
		used += sizeof(field);
		if (length > 0)
			memcpy(body + used, values[i], length);
		used += length;
	}
	return fake_send(fd, 'D', body, used);
}

bool
fake_send_end(int fd)
{
	return fake_send(fd, 'C', "SELECT 1", 9) && fake_send(fd, 'Z', "I", 1);
}

bool
fake_send_error(int fd, const char *state, const char *message)
{
	char body[BODY_MAX];
	int n;

	n = snprintf(body, sizeof(body), "SERROR%cVERROR%cC%s%cM%s%c", '\0',
	    '\0', state, '\0', message, '\0');
	return fake_send(fd, 'E', body, (size_t)n + 1) &&
	       fake_send(fd, 'Z', "I", 1);
}

void
fake_be_silent(int fd)
{
	char byte;

	while (read(fd, &byte, 1) > 0)
		continue;
}

void
fake_serve_silence(int fd, const void *context)
{
	(void)context;
	fake_be_silent(fd);
}
