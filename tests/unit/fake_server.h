/* SPDX-License-Identifier: MIT */
/*
 * A server on the loopback that speaks PostgreSQL's protocol as badly as a
 * test wants, in a process of its own.
 */
#ifndef OAT_TESTS_FAKE_SERVER_H
#define OAT_TESTS_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct fake_server {
	pid_t pid;
	int port;
};

/*
 * Serve one connection after the other with `serve`, which returns when it is
 * done with one. The process dies with the test.
 */
struct fake_server
fake_start(void (*serve)(int fd, const void *context), const void *context);
void fake_stop(struct fake_server *server);

/* A port on which nobody listens. */
int fake_closed_port(void);

/* --- for `serve` -------------------------------------------------------- */

/* What a server says of itself; NULL leaves the parameter out. */
struct fake_greeting {
	const char *superuser; /* is_superuser */
	const char *role;      /* session_authorization */
	const char *standby;   /* in_hot_standby */
};

/* The role that those below greet; a primary, a standby. */
#define FAKE_ROLE "oat_web-1"
extern const struct fake_greeting fake_primary, fake_standby;

/* Let the client in. Is it still there? */
bool fake_greet(int fd, const struct fake_greeting *greeting);

/* Read until the client wants an answer; the statement. Is it still there? */
bool fake_read_query(int fd, char *ret_statement, size_t size);

/* One message of this type. Is the client still there? */
bool fake_send(int fd, char type, const void *body, size_t size);

/*
 * The parts of an answer: columns without names, a row of texts (NULL for
 * NULL), its end.
 */
bool fake_send_columns(int fd, int count);
bool fake_send_row(int fd, int count, const char *const *values);
bool fake_send_end(int fd);

/* An error with this SQLSTATE instead. */
bool fake_send_error(int fd, const char *state, const char *message);

/* Say nothing until the client goes. */
void fake_be_silent(int fd);

/* A whole `serve` of that. */
void fake_serve_silence(int fd, const void *context);

#endif
