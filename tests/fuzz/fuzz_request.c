/* SPDX-License-Identifier: MIT */
/*
 * oat_request_receive() and oat_answer_receive(): the input is the stream of a
 * peer that sends anything at all. What is accepted can be sent on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/request.h"

#define INPUT_MAX 8192 /* bytes; a socket takes them without a reader */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A socket on which so many bytes wait, and then the end. */
static int
stream_of(const uint8_t *data, size_t size)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		abort();
	if (write(fds[1], data, size) != (ssize_t)size)
		abort();
	(void)shutdown(fds[1], SHUT_WR);
	close(fds[1]);
	return fds[0];
}

static void
receive_request(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	struct oat_request request;
	int fds[2], fd = stream_of(data, size);

	if (oat_request_receive(fd, deadline, &request) == OAT_OK) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1 ||
		    oat_request_send(&request, fds[0], deadline) != OAT_OK ||
		    !oat_name_is_login(request.login))
			abort();
		close(fds[0]);
		close(fds[1]);
	}
	close(fd);
}

static void
receive_answer(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	struct oat_answer answer;
	int fds[2], fd = stream_of(data, size);

	if (oat_answer_receive(fd, deadline, &answer) == OAT_OK) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1 ||
		    oat_answer_send(&answer, fds[0], deadline) != OAT_OK ||
		    (answer.verdict == OAT_ALLOWED &&
			answer.reason != OAT_REASON_NONE))
			abort();
		close(fds[0]);
		close(fds[1]);
	}
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_deadline deadline = oat_deadline_in_ms(1000);

	if (size > INPUT_MAX)
		return 0;
	receive_request(data, size, deadline);
	receive_answer(data, size, deadline);
	return 0;
}
