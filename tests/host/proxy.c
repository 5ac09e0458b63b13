/* SPDX-License-Identifier: MIT */
/*
 * proxy PORT HOST:PORT PLAY...: stands before a database, and lets through what
 * the play says. It knows so much of the protocol that it counts what the
 * server sends: the byte that answers the wish for TLS, then TLS records, each
 * of them whole.
 *
 *	pass               everything
 *	freeze N BYTES     N messages and so many bytes; then nothing moves
 *	cut N BYTES        the same; then both ends are closed
 *	delay MS           each piece so much later
 *	trickle MS         a byte every so often
 *	silent             nothing, and no server is asked
 *	endless            yes to TLS, and then bytes without end
 *	babble             yes to TLS, and then what is no TLS
 *	refuse             no to TLS
 *
 * One process a connection. At its end it writes a line, how many messages the
 * server sent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_HEAD 5 /* bytes: type, version, length; RFC 8446, 5.1 */

struct play {
	const char *name;
	long messages, bytes; /* freeze, cut */
	long ms;	      /* delay, trickle */
};

/* Where the server's stream stands. */
struct stream {
	long messages;	   /* whole ones so far */
	size_t have, want; /* of the message that has begun */
	unsigned char head[RECORD_HEAD];
};

/* --- sockets ------------------------------------------------------------- */

static void
hurry(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int
listen_on(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(fd, 512) == -1)
		err(1, "port %s", port);
	return fd;
}

static int
connect_to(char *server)
{
	struct addrinfo hints = { .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char *colon = strrchr(server, ':');
	int fd;

	*colon = '\0';
	if (getaddrinfo(server, colon + 1, &hints, &found) != 0)
		errx(1, "%s: unknown", server);
	*colon = ':';
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, found->ai_addr, found->ai_addrlen) == -1)
		err(1, "%s", server);
	freeaddrinfo(found);
	hurry(fd);
	return fd;
}

static void
write_all(int fd, const unsigned char *bytes, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, bytes, size);
		if (n <= 0)
			exit(0);
		bytes += n;
		size -= (size_t)n;
	}
}

/* Until the client goes. */
static void
wait_for_end(int fd)
{
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		continue;
}

/* --- plays --------------------------------------------------------------- */

/* One byte more of the server's stream; is a message whole with it? */
static bool
advance(struct stream *stream, unsigned char byte)
{
	if (stream->want == 0)
		stream->want = stream->messages == 0 ? 1 : RECORD_HEAD;
	if (stream->have < RECORD_HEAD)
		stream->head[stream->have] = byte;
	stream->have++;
	if (stream->messages > 0 && stream->have == RECORD_HEAD)
		stream->want = (size_t)RECORD_HEAD + stream->head[3] * 256u +
			       stream->head[4];
	if (stream->have < stream->want)
		return false;
	stream->messages++;
	stream->have = 0;
	stream->want = 0;
	return true;
}

/* How many of these bytes may pass? */
static size_t
count_passing(const struct play *play, struct stream *stream,
    const unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (stream->messages >= play->messages &&
		    stream->have >= (size_t)play->bytes)
			return i;
		(void)advance(stream, bytes[i]);
	}
	return size;
}

static void
pass_on(
    const struct play *play, int fd, const unsigned char *bytes, size_t size)
{
	size_t i;

	if (strcmp(play->name, "trickle") == 0) {
		for (i = 0; i < size; i++) {
			(void)usleep((useconds_t)play->ms * 1000);
			write_all(fd, bytes + i, 1);
		}
		return;
	}
	if (strcmp(play->name, "delay") == 0)
		(void)usleep((useconds_t)play->ms * 1000);
	write_all(fd, bytes, size);
}

static bool
forward(const struct play *play, struct stream *stream, int client, int server)
{
	unsigned char bytes[16384];
	struct pollfd fds[] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	size_t passing;
	ssize_t n;

	if (poll(fds, 2, -1) <= 0)
		return errno == EINTR;
	if (fds[0].revents != 0) {
		n = read(client, bytes, sizeof(bytes));
		if (n <= 0)
			return false;
		write_all(server, bytes, (size_t)n);
	}
	if (fds[1].revents == 0)
		return true;
	n = read(server, bytes, sizeof(bytes));
	if (n <= 0)
		return false;
	passing = count_passing(play, stream, bytes, (size_t)n);
	pass_on(play, client, bytes, passing);
	return passing == (size_t)n;
}

static void
serve_endless(int client)
{
	static unsigned char bytes[16384];

	memset(bytes, 0x16, sizeof(bytes));
	write_all(client, (const unsigned char *)"S", 1);
	for (;;)
		write_all(client, bytes, sizeof(bytes));
}

/* A record of a type that TLS does not have, to who wants to shake hands. */
static void
serve_babble(int client)
{
	char hello[16];

	write_all(client, (const unsigned char *)"S", 1);
	if (read(client, hello, sizeof(hello)) > 0)
		write_all(
		    client, (const unsigned char *)"\x99\x03\x03\x00\x01?", 6);
}

static void
serve_alone(const struct play *play, int client)
{
	char request[8];

	if (strcmp(play->name, "silent") != 0 &&
	    read(client, request, sizeof(request)) != sizeof(request))
		return;
	if (strcmp(play->name, "endless") == 0)
		serve_endless(client);
	if (strcmp(play->name, "refuse") == 0)
		write_all(client, (const unsigned char *)"N", 1);
	if (strcmp(play->name, "babble") == 0)
		serve_babble(client);
	wait_for_end(client);
}

static bool
needs_no_server(const struct play *play)
{
	static const char *const names[] = { "silent", "endless", "babble",
		"refuse" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(play->name, names[i]) == 0)
			return true;
	return false;
}

static void
serve(const struct play *play, int client, char *address)
{
	struct stream stream = { 0 };
	int server;

	if (needs_no_server(play)) {
		serve_alone(play, client);
		return;
	}
	server = connect_to(address);
	while (forward(play, &stream, client, server))
		continue;
	if (strcmp(play->name, "freeze") == 0)
		wait_for_end(client);
	printf("%ld\n", stream.messages);
}

static long
number(char *argv[], int i)
{
	return argv[i] != NULL ? strtol(argv[i], NULL, 10) : 0;
}

int
main(int argc, char *argv[])
{
	struct play play = { .messages = LONG_MAX };
	int listener, client;

	if (argc < 4)
		errx(2, "usage: proxy PORT HOST:PORT PLAY...");
	play.name = argv[3];
	if (strcmp(play.name, "freeze") == 0 || strcmp(play.name, "cut") == 0) {
		play.messages = number(argv, 4);
		play.bytes = argv[4] != NULL ? number(argv, 5) : 0;
	} else
		play.ms = number(argv, 4);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	listener = listen_on(argv[1]);
	while ((client = accept(listener, NULL, NULL)) != -1) {
		if (fork() == 0) {
			(void)close(listener);
			hurry(client);
			serve(&play, client, argv[2]);
			exit(0);
		}
		(void)close(client);
	}
	err(1, "accept");
}
