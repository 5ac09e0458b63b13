/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - nobody but root gives orders, and nobody but root gets them
 *   - whoever asks is never root, and needs no privilege
 *   - it ends when the other side is gone, also while a server is silent
 *   - orders of another version are answered with the way out
 */
#include "courier_unit.h"

#include "courier_child.h"
#include "deadline.h"
#include "escape.h"
#include "orders.h"
#include "paths.h"
#include "report.h"
#include "setup.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define ORDERS_MS 5000 /* root writes them as soon as it is connected */
#define ANSWER_MS 1000

/* Is the other end root's? Of a listener: is it of root who listens? */
static bool
is_roots(int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       peer.uid == 0;
}

/* --- root's side --------------------------------------------------------- */

/* Connect; a courier whose queue is full is waited for. */
static int
connect_by(const char *path, struct oat_deadline deadline)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int left_ms = oat_deadline_left_ms(deadline), fd, saved;
	struct timeval left = { left_ms / 1000, left_ms % 1000 * 1000 + 1 };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) == 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	saved = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -1;
}

static enum oat_status
fail(const char *path, const char *why, char *ret_error)
{
	char line[OAT_DATABASE_ERROR_MAX];

	(void)snprintf(line, sizeof(line),
	    "%s: %s; run: systemctl restart oat-courier.socket", path, why);
	oat_escape_sentence(ret_error, OAT_DATABASE_ERROR_MAX, line);
	return OAT_UNAVAILABLE;
}

enum oat_status
oat_courier_call(const char *path, const struct oat_orders *orders,
    struct oat_deadline deadline, struct oat_child *ret_child, char *ret_error)
{
	enum oat_status status;
	int fd;

	fd = connect_by(path, deadline);
	if (fd < 0)
		return fail(path, strerror(errno), ret_error);
	if (!is_roots(fd)) {
		(void)close(fd);
		return fail(path, "not root listens there", ret_error);
	}
	status = oat_orders_send(fd, orders, deadline);
	if (status != OAT_OK) {
		(void)close(fd);
		return fail(path, "the orders were not taken", ret_error);
	}
	*ret_child = (struct oat_child)OAT_CHILD_NONE;
	ret_child->fd = fd;
	oat_courier_name_servers(orders->conninfo, ret_child->peer);
	return OAT_OK;
}

/* --- the courier's side -------------------------------------------------- */

void
oat_courier_apologize(int fd, const char *why)
{
	struct oat_deadline deadline = oat_deadline_in_ms(ANSWER_MS);
	struct oat_wire in = { 0 }, out = { 0 };

	if (oat_wire_receive(&in, fd, deadline) == OAT_OK) {
		oat_wire_put_u32(&out, OAT_UNAVAILABLE);
		oat_wire_put_text(&out, why);
		(void)oat_wire_send(&out, fd, deadline);
	}
	oat_wire_free(&in);
	oat_wire_free(&out);
}

/* The child, which has the connection to root. */
static void
serve(int fd, void *context)
{
	struct oat_orders orders = oat_setup_orders(context);

	oat_courier_serve(fd, &orders);
}

/* Until root hangs up, or the child has ended. */
static void
wait_for_end(int fd, pid_t pid)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLRDHUP },
		{ .events = POLLIN } };

	fds[1].fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (fds[1].fd >= 0 && poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (fds[1].fd >= 0)
		(void)close(fds[1].fd);
}

static int
serve_orders(int fd, struct oat_setup *setup, struct oat_wire *in)
{
	struct oat_account self = { getuid(), getgid() };
	struct oat_child child = OAT_CHILD_NONE;
	char why[OAT_ORDERS_ERROR_MAX];
	enum oat_status status;

	status = oat_orders_read(in, setup, why);
	/* Neither this process nor the child keeps a second copy. */
	oat_wire_free(in);
	if (status != OAT_OK) {
		oat_courier_apologize(fd, why);
		return 1;
	}
	if (oat_child_start_on(fd, &self, OAT_COURIER_MEMORY_BYTES, serve,
		setup, &child) != OAT_OK) {
		oat_courier_apologize(fd, "the courier has no process to ask");
		return 1;
	}
	oat_setup_forget_password(setup);
	wait_for_end(fd, child.pid);
	oat_child_end(&child);
	return 0;
}

static int
serve_connection(int fd)
{
	struct oat_setup setup = { .conninfo = NULL };
	struct oat_wire in = { 0 };
	int code = 1;

	/* Whoever connects to see whether somebody listens says nothing. */
	if (oat_wire_receive(&in, fd, oat_deadline_in_ms(ORDERS_MS)) == OAT_OK)
		code = serve_orders(fd, &setup, &in);
	oat_wire_free(&in);
	oat_setup_free(&setup);
	return code;
}

int
oat_courier_main(int argc, char *argv[])
{
	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: oat courier\n");
		return 2;
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || getuid() == 0 ||
	    geteuid() == 0 || !is_roots(STDIN_FILENO)) {
		oat_report(LOG_ERR, "courier",
		    "it is started by oat-courier.socket, as " OAT_SYSTEM_USER
		    ", for a connection of root's");
		return 1;
	}
	return serve_connection(STDIN_FILENO);
}
