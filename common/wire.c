/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here:
 *  - whatever the descriptor's flags, a wait ends at the deadline;
 *  - never read past the message: what follows belongs to the next one;
 *  - bytes that left the buffer are wiped, growing included, since a message
 *    may hold a token.
 */
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The message's length comes first in the buffer, so that one write sends. */
#define HEADER_SIZE sizeof(uint32_t)
#define CAPACITY_FIRST 512 /* bytes; a login's request fits */

void
oat_wire_free(struct oat_wire *wire)
{
	if (wire == NULL)
		return;
	if (wire->bytes != NULL) {
		explicit_bzero(wire->bytes, wire->capacity);
		free(wire->bytes);
	}
	*wire = (struct oat_wire){ .status = OAT_OK };
}

/* As realloc(3), which would leave a copy behind. */
static enum oat_status
enlarge(struct oat_wire *wire, size_t capacity)
{
	unsigned char *bytes;

	bytes = calloc(1, capacity);
	if (bytes == NULL)
		return OAT_NOMEM;
	if (wire->bytes != NULL) {
		memcpy(bytes, wire->bytes, wire->length);
		explicit_bzero(wire->bytes, wire->capacity);
		free(wire->bytes);
	}
	wire->bytes = bytes;
	wire->capacity = capacity;
	return OAT_OK;
}

/* Make room for the header, once, and for so many bytes more. */
static enum oat_status
reserve(struct oat_wire *wire, size_t more)
{
	size_t used = wire->length == 0 ? HEADER_SIZE : wire->length;
	size_t capacity = wire->capacity ? wire->capacity : CAPACITY_FIRST;
	enum oat_status status;

	if (more > HEADER_SIZE + OAT_WIRE_MAX - used)
		return OAT_INVALID;
	while (capacity < used + more)
		capacity *= 2;
	if (capacity != wire->capacity) {
		status = enlarge(wire, capacity);
		if (status != OAT_OK)
			return status;
	}
	if (wire->length == 0)
		wire->length = wire->offset = HEADER_SIZE;
	return OAT_OK;
}

static void
append(struct oat_wire *wire, const void *data, size_t size)
{
	if (size > 0)
		memcpy(wire->bytes + wire->length, data, size);
	wire->length += size;
}

void
oat_wire_put_bytes(struct oat_wire *wire, const void *data, size_t size)
{
	uint32_t field_size = (uint32_t)size;

	if (wire->status != OAT_OK)
		return;
	if (size > OAT_WIRE_MAX) {
		wire->status = OAT_INVALID;
		return;
	}
	wire->status = reserve(wire, sizeof(field_size) + size);
	if (wire->status != OAT_OK)
		return;
	append(wire, &field_size, sizeof(field_size));
	append(wire, data, size);
}

void
oat_wire_put_text(struct oat_wire *wire, const char *text)
{
	oat_wire_put_bytes(wire, text, text == NULL ? 0 : strlen(text));
}

void
oat_wire_put_u32(struct oat_wire *wire, uint32_t value)
{
	oat_wire_put_bytes(wire, &value, sizeof(value));
}

void
oat_wire_put_u64(struct oat_wire *wire, uint64_t value)
{
	oat_wire_put_bytes(wire, &value, sizeof(value));
}

/* Look at the next field without taking it. */
static enum oat_status
peek(const struct oat_wire *wire, const unsigned char **ret_data,
    size_t *ret_size)
{
	uint32_t size;

	if (wire->length - wire->offset < sizeof(size))
		return OAT_INVALID;
	memcpy(&size, wire->bytes + wire->offset, sizeof(size));
	if (size > wire->length - wire->offset - sizeof(size))
		return OAT_INVALID;
	*ret_data = wire->bytes + wire->offset + sizeof(size);
	*ret_size = size;
	return OAT_OK;
}

static void
take(struct oat_wire *wire, size_t size)
{
	wire->offset += sizeof(uint32_t) + size;
}

enum oat_status
oat_wire_get_text(struct oat_wire *wire, char *ret_text, size_t size)
{
	const unsigned char *data;
	size_t n;

	if (peek(wire, &data, &n) != OAT_OK || memchr(data, '\0', n) != NULL)
		return OAT_INVALID;
	if (n >= size)
		return OAT_RANGE;
	memcpy(ret_text, data, n);
	ret_text[n] = '\0';
	take(wire, n);
	return OAT_OK;
}

/* A field of exactly this size. */
static enum oat_status
get_fixed(struct oat_wire *wire, void *ret_value, size_t size)
{
	const unsigned char *data;
	size_t n;

	if (peek(wire, &data, &n) != OAT_OK || n != size)
		return OAT_INVALID;
	memcpy(ret_value, data, n);
	take(wire, n);
	return OAT_OK;
}

enum oat_status
oat_wire_get_u32(struct oat_wire *wire, uint32_t *ret_value)
{
	return get_fixed(wire, ret_value, sizeof(*ret_value));
}

enum oat_status
oat_wire_get_u64(struct oat_wire *wire, uint64_t *ret_value)
{
	return get_fixed(wire, ret_value, sizeof(*ret_value));
}

enum oat_status
oat_wire_end(const struct oat_wire *wire)
{
	return wire->offset == wire->length ? OAT_OK : OAT_INVALID;
}

/* Wait until the descriptor is ready, or has an error to be met. */
static enum oat_status
wait_for(int fd, short events, struct oat_deadline deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	int ready;

	do {
		ready = poll(&pollfd, 1, oat_deadline_left_ms(deadline));
	} while (ready == -1 && errno == EINTR);
	if (ready == -1)
		return OAT_SYSTEM;
	if (ready == 0)
		return OAT_TIMEOUT;
	if (pollfd.revents & POLLNVAL) {
		errno = EBADF;
		return OAT_SYSTEM;
	}
	return OAT_OK;
}

/* OAT_OK when an attempt that failed, by errno, is to be repeated. */
static enum oat_status
after_failure(struct oat_deadline deadline)
{
	switch (errno) {
	case EINTR:
	case EAGAIN:
		return oat_deadline_passed(deadline) ? OAT_TIMEOUT : OAT_OK;
	case EPIPE:
	case ECONNRESET:
		return OAT_UNAVAILABLE;
	default:
		return OAT_SYSTEM;
	}
}

/*
 * A part of the bytes, without blocking, when poll(2) said ready. A pipe has
 * no MSG_DONTWAIT, but when ready it takes PIPE_BUF bytes without blocking.
 */
static ssize_t
send_some(int fd, const unsigned char *data, size_t size)
{
	ssize_t n;

	n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno == ENOTSOCK)
		n = write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
	return n;
}

static ssize_t
receive_some(int fd, unsigned char *data, size_t size)
{
	ssize_t n;

	n = recv(fd, data, size, MSG_DONTWAIT);
	if (n == -1 && errno == ENOTSOCK)
		n = read(fd, data, size);
	return n;
}

static enum oat_status
send_all(int fd, const unsigned char *data, size_t size,
    struct oat_deadline deadline)
{
	enum oat_status status = OAT_OK;
	ssize_t n;

	while (size > 0 && status == OAT_OK) {
		status = wait_for(fd, POLLOUT, deadline);
		if (status != OAT_OK)
			break;
		n = send_some(fd, data, size);
		if (n == -1) {
			status = after_failure(deadline);
			continue;
		}
		data += n;
		size -= (size_t)n;
	}
	return status;
}

static enum oat_status
receive_all(
    int fd, unsigned char *data, size_t size, struct oat_deadline deadline)
{
	enum oat_status status = OAT_OK;
	ssize_t n;

	while (size > 0 && status == OAT_OK) {
		status = wait_for(fd, POLLIN, deadline);
		if (status != OAT_OK)
			break;
		n = receive_some(fd, data, size);
		if (n == 0)
			return OAT_UNAVAILABLE;
		if (n == -1) {
			status = after_failure(deadline);
			continue;
		}
		data += n;
		size -= (size_t)n;
	}
	return status;
}

enum oat_status
oat_wire_send(struct oat_wire *wire, int fd, struct oat_deadline deadline)
{
	uint32_t size;

	if (wire->status == OAT_OK)
		wire->status = reserve(wire, 0);
	if (wire->status != OAT_OK)
		return wire->status;
	size = (uint32_t)(wire->length - HEADER_SIZE);
	memcpy(wire->bytes, &size, sizeof(size));
	return send_all(fd, wire->bytes, wire->length, deadline);
}

enum oat_status
oat_wire_receive(struct oat_wire *wire, int fd, struct oat_deadline deadline)
{
	uint32_t size;
	enum oat_status status;

	status =
	    receive_all(fd, (unsigned char *)&size, sizeof(size), deadline);
	if (status == OAT_OK)
		status = reserve(wire, size);
	if (status != OAT_OK)
		return status;
	status = receive_all(fd, wire->bytes + HEADER_SIZE, size, deadline);
	if (status == OAT_OK)
		wire->length = HEADER_SIZE + size;
	return status;
}
