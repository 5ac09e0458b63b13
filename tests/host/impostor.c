/* SPDX-License-Identifier: MIT */
/*
 * impostor LOG ORGANIZATION TOKEN VERIFIER PORT CERTIFICATE KEY
 * impostor LOG ORGANIZATION TOKEN VERIFIER PATH
 *
 * A PostgreSQL server that says yes to everything, on every address at PORT or
 * on the unix socket PATH: to TLS, with whatever certificate it was given; to
 * whoever logs in, without a question; and to what oat asks, for that token and
 * with that verifier. Anything else that is asked has one row, "fooled".
 *
 * Each contact is a line in LOG before anything is answered. A client that an
 * environment has led to it believes it; who never goes there leaves no line.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/unit/fake_server.h"

#define SSL_REQUEST 80877103
#define GSS_REQUEST 80877104
#define PIECE 16384 /* bytes of a TLS record */

struct yes {
	const char *organization, *token, *verifier;
};

static int log_fd;

static void
tell(const char *what)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s\n", what);

	if (write(log_fd, line, (size_t)n) != n)
		warn("log");
}

/* --- yes ------------------------------------------------------------------ */

static void
answer(int fd, const char *statement, const struct yes *yes)
{
	const char *verifier[] = { yes->verifier };
	const char *decision[] = { "t", NULL, NULL, yes->organization,
		yes->token, NULL };
	static const char *const count[] = { "1" };
	static const char *const same[] = { "same", NULL, "1", NULL, NULL, NULL,
		NULL, "0", NULL };
	static const char *const fooled[] = { "fooled" };

	if (strstr(statement, "host_verifier") != NULL)
		(void)(fake_send_columns(fd, 1) &&
		       fake_send_row(fd, 1, verifier));
	else if (strstr(statement, "host_decide") != NULL)
		(void)(fake_send_columns(fd, 6) &&
		       fake_send_row(fd, 6, decision));
	else if (strstr(statement, "host_record") != NULL)
		(void)(fake_send_columns(fd, 1) && fake_send_row(fd, 1, count));
	else if (strstr(statement, "host_identities") != NULL)
		(void)(fake_send_columns(fd, 9) && fake_send_row(fd, 9, same));
	else
		(void)(fake_send_columns(fd, 1) &&
		       fake_send_row(fd, 1, fooled));
	(void)fake_send_end(fd);
}

static void
say_yes(int fd, const struct yes *yes)
{
	static const struct fake_greeting greeting = { "off", "oat_web-1",
		"off" };
	char statement[512] = "";

	if (!fake_greet(fd, &greeting))
		return;
	while (fake_read_query(fd, statement, sizeof(statement)))
		answer(fd, statement, yes);
}

/* --- TLS ------------------------------------------------------------------ */

/* What comes out of the tunnel goes on; false at the end of either. */
static int
pump_in(SSL *ssl, int plain)
{
	char piece[PIECE];
	int n;

	do {
		n = SSL_read(ssl, piece, sizeof(piece));
		if (n <= 0 || write(plain, piece, (size_t)n) != n)
			return 0;
	} while (SSL_pending(ssl) > 0);
	return 1;
}

static int
pump_out(SSL *ssl, int plain)
{
	char piece[PIECE];
	ssize_t n = read(plain, piece, sizeof(piece));

	return n > 0 && SSL_write(ssl, piece, (int)n) == n;
}

static void
pump(SSL *ssl, int fd, int plain)
{
	struct pollfd ends[] = { { fd, POLLIN, 0 }, { plain, POLLIN, 0 } };
	int go_on = 1;

	while (go_on && poll(ends, 2, -1) > 0) {
		if (ends[0].revents != 0)
			go_on = pump_in(ssl, plain);
		if (go_on && ends[1].revents != 0)
			go_on = pump_out(ssl, plain);
	}
}

/* A process that speaks TLS with `fd`; the plain end of it. */
static int
tunnel(int fd, SSL_CTX *context)
{
	int pair[2];
	SSL *ssl;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		err(1, "socketpair");
	if (fork() == 0) {
		(void)close(pair[0]);
		ssl = SSL_new(context);
		if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 &&
		    SSL_accept(ssl) == 1)
			pump(ssl, fd, pair[1]);
		else
			tell("no TLS came about");
		_exit(0);
	}
	(void)close(pair[1]);
	(void)close(fd);
	return pair[0];
}

/* Until something comes that is neither a wish for TLS nor for GSSAPI. */
static int
agree(int fd, SSL_CTX *context)
{
	uint32_t head[2];

	while (recv(fd, head, sizeof(head), MSG_PEEK | MSG_WAITALL) ==
	       sizeof(head)) {
		head[1] = ntohl(head[1]);
		if (head[1] != SSL_REQUEST && head[1] != GSS_REQUEST)
			return fd;
		if (read(fd, head, sizeof(head)) != sizeof(head))
			break;
		if (head[1] == GSS_REQUEST || context == NULL) {
			if (write(fd, "N", 1) != 1)
				break;
		} else if (write(fd, "S", 1) == 1) {
			tell("TLS");
			fd = tunnel(fd, context);
		}
	}
	return fd;
}

static SSL_CTX *
make_context(const char *certificate, const char *key)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL ||
	    SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		errx(1, "%s: %s", certificate,
		    ERR_error_string(ERR_get_error(), NULL));
	return context;
}

/* --- listening ------------------------------------------------------------ */

static int
listen_at(const struct sockaddr *address, socklen_t size)
{
	int on = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		err(1, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address, size) == -1 || listen(fd, 64) == -1)
		err(1, "bind");
	return fd;
}

static int
listen_tcp(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_port = htons((uint16_t)atoi(port));
	return listen_at((struct sockaddr *)&address, sizeof(address));
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	(void)unlink(path);
	fd = listen_at((struct sockaddr *)&address, sizeof(address));
	if (chmod(path, 0777) == -1)
		err(1, "%s", path);
	return fd;
}

int
main(int argc, char *argv[])
{
	SSL_CTX *context = NULL;
	struct yes yes;
	int listener, fd;

	if (argc != 6 && argc != 8)
		errx(2, "usage: impostor log organization token verifier "
			"port certificate key | path");
	yes = (struct yes){ argv[2], argv[3], argv[4] };
	log_fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (log_fd == -1)
		err(1, "%s", argv[1]);
	if (argc == 8)
		context = make_context(argv[6], argv[7]);
	listener = argc == 8 ? listen_tcp(argv[5]) : listen_unix(argv[5]);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	while ((fd = accept(listener, NULL, NULL)) != -1) {
		tell("contact");
		if (fork() == 0) {
			say_yes(agree(fd, context), &yes);
			_exit(0);
		}
		(void)close(fd);
	}
	err(1, "accept");
}
