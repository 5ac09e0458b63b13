/* SPDX-License-Identifier: MIT */
/*
 * Events of this host as JSON objects, as oat.host_record() takes them. Every
 * text in one is printable ASCII, escaped (escape.h) where it came from
 * outside.
 */
#ifndef OAT_EVENT_H
#define OAT_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "endings.h"
#include "request.h"
#include "status.h"

#define OAT_EVENT_ID_LENGTH 36 /* bytes of a UUID's text, without the NUL */

/* A random UUID (RFC 9562, version 4). OAT_OK; OAT_SYSTEM. */
enum oat_status oat_event_id(char ret_id[OAT_EVENT_ID_LENGTH + 1]);

/*
 * `session.opened` or `session.closed` for a request, at this moment by the
 * host's clock. OAT_OK; OAT_RANGE when it does not fit in `size`.
 */
enum oat_status oat_event_session(const struct oat_request *request,
    const char *event_id, char *ret_json, size_t size);

/*
 * `session.terminated` for an identity whose processes were ended: how many,
 * why, and how many are left. OAT_OK; OAT_RANGE as above.
 */
enum oat_status oat_event_terminated(const struct oat_ending *ending,
    const char *event_id, char *ret_json, size_t size);

/* Is this text from the database fit to be spooled: one printable object? */
bool oat_event_is_object(const char *json);

#endif
