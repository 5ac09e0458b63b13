/* SPDX-License-Identifier: MIT */
/*
 * Messages between processes of one host: the plugins and the program, and the
 * program's parent and its children. Both ends come from one build.
 *
 * A message is a 32-bit length in host byte order, then that many bytes:
 * fields, each a 32-bit length and its bytes. A reader knows which fields it
 * expects; more, fewer, a NUL inside a text or a byte left over is
 * OAT_INVALID. Nothing is trusted because of where it came from.
 */
#ifndef OAT_WIRE_H
#define OAT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "deadline.h"
#include "status.h"

/* Bytes of one message; identities travel one a message, so this is ample. */
#define OAT_WIRE_MAX 65536

/* A message being built or read. Zero-initialise; wiped when freed. */
struct oat_wire {
	unsigned char *bytes;	/* owned */
	size_t length;		/* bytes in use */
	size_t capacity;	/* bytes allocated */
	size_t offset;		/* where the next field is read */
	enum oat_status status; /* the first failure of an append, kept */
};

/* Wipes and frees the bytes and resets the struct; NULL is accepted. */
void oat_wire_free(struct oat_wire *wire);

/*
 * Append a field. Failure (OAT_NOMEM, or OAT_INVALID past OAT_WIRE_MAX) is
 * kept in wire->status and answered by oat_wire_send(), so that a message is
 * written as a list of fields. A NULL text is the empty text.
 */
void oat_wire_put_bytes(struct oat_wire *wire, const void *data, size_t size);
void oat_wire_put_text(struct oat_wire *wire, const char *text);
void oat_wire_put_u32(struct oat_wire *wire, uint32_t value);
void oat_wire_put_u64(struct oat_wire *wire, uint64_t value);

/*
 * Read the next field. OAT_OK; OAT_INVALID when there is none, when it does
 * not have the type's size, or when a text holds a NUL; OAT_RANGE when a text
 * does not fit its buffer of `size` bytes, the NUL included.
 */
enum oat_status
oat_wire_get_text(struct oat_wire *wire, char *ret_text, size_t size);
enum oat_status oat_wire_get_u32(struct oat_wire *wire, uint32_t *ret_value);
enum oat_status oat_wire_get_u64(struct oat_wire *wire, uint64_t *ret_value);

/* OAT_OK when every field has been read, OAT_INVALID when bytes are left. */
enum oat_status oat_wire_end(const struct oat_wire *wire);

/*
 * Send the message over a stream socket or a pipe. Raises no SIGPIPE on a
 * socket; on a pipe SIGPIPE must be ignored by the caller.
 * OAT_OK; what an append failed with; OAT_TIMEOUT; OAT_UNAVAILABLE when the
 * peer is gone; OAT_SYSTEM.
 */
enum oat_status
oat_wire_send(struct oat_wire *wire, int fd, struct oat_deadline deadline);

/*
 * Receive one message into a zeroed struct; free it in every case.
 * OAT_OK; OAT_TIMEOUT; OAT_UNAVAILABLE at end of file, also in the middle of a
 * message; OAT_INVALID for a length over OAT_WIRE_MAX; OAT_NOMEM; OAT_SYSTEM.
 */
enum oat_status
oat_wire_receive(struct oat_wire *wire, int fd, struct oat_deadline deadline);

#endif
