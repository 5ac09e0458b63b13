/* SPDX-License-Identifier: MIT */
/*
 * The protocol is that of glibc's nscd/nscd-client.h, version 2, unchanged
 * since 1998: a request is three 32-bit numbers, the last one the length of the
 * key that follows with its NUL. A request takes a connection. The answer to
 * "invalidate" is one number, or in old versions the end of the connection.
 */
#include "nscd.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define VERSION 2
#define INVALIDATE 10 /* of request_type */

struct request {
	int32_t version, type, key_length;
};

/* The groups of users are kept with the groups. */
static const char *const databases[] = { "passwd", "group" };

#define DATABASES (sizeof(databases) / sizeof(databases[0]))

/* Is it that nobody serves there? A socket may outlive its server. */
static bool
is_absent(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
}

/* OAT_OK; OAT_NOTFOUND when there is no cache; OAT_SYSTEM. */
static enum oat_status
call(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, saved;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return OAT_SYSTEM;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return OAT_SYSTEM;
	/* A full backlog is EAGAIN here, at once. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		*ret_fd = fd;
		return OAT_OK;
	}
	saved = errno;
	(void)close(fd);
	errno = saved;
	return is_absent(saved) ? OAT_NOTFOUND : OAT_SYSTEM;
}

/* So few bytes fit into an empty socket, or something is wrong with it. */
static enum oat_status
say(int fd, const char *database)
{
	struct request request = { VERSION, INVALIDATE,
		(int32_t)strlen(database) + 1 };
	struct iovec parts[] = {
		{ &request, sizeof(request) },
		{ (void *)(uintptr_t)database, (size_t)request.key_length },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	n = sendmsg(fd, &message, MSG_NOSIGNAL);
	if (n == (ssize_t)(sizeof(request) + parts[1].iov_len))
		return OAT_OK;
	if (n != -1)
		errno = EPROTO;
	return OAT_SYSTEM;
}

/* Until it has answered, whatever that is, or closed. */
static enum oat_status
hear(int fd, struct oat_deadline deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&pollfd, 1, oat_deadline_left_ms(deadline));
	} while (ready == -1 && errno == EINTR);
	if (ready == 0)
		return OAT_TIMEOUT;
	return ready == -1 ? OAT_SYSTEM : OAT_OK;
}

enum oat_status
oat_nscd_invalidate(const char *path, struct oat_deadline deadline)
{
	int fds[DATABASES] = { -1, -1 }, saved;
	enum oat_status status = OAT_OK;
	size_t i;

	/* Both are told before one is waited for. */
	for (i = 0; i < DATABASES && status == OAT_OK; i++) {
		status = call(path, &fds[i]);
		if (status == OAT_OK)
			status = say(fds[i], databases[i]);
	}
	for (i = 0; i < DATABASES && status == OAT_OK; i++)
		status = hear(fds[i], deadline);
	saved = errno;
	for (i = 0; i < DATABASES; i++)
		if (fds[i] != -1)
			(void)close(fds[i]);
	errno = saved;
	return status;
}
