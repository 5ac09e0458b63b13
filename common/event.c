/* SPDX-License-Identifier: MIT */
#include "event.h"

#include "escape.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum oat_status
oat_event_id(char ret_id[OAT_EVENT_ID_LENGTH + 1])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return OAT_SYSTEM;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* its variant */
	(void)snprintf(ret_id, OAT_EVENT_ID_LENGTH + 1,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
	    "%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
	return OAT_OK;
}

/* 2026-11-20T09:00:00.123456Z; it sorts as it happened. */
static void
format_now(char *ret_text, size_t size)
{
	char seconds[32];
	struct timespec now;
	struct tm utc;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) == NULL)
		memset(&utc, 0, sizeof(utc));
	(void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(
	    ret_text, size, "%s.%06ldZ", seconds, now.tv_nsec / 1000);
}

enum oat_status
oat_event_session(const struct oat_request *request, const char *event_id,
    char *ret_json, size_t size)
{
	char service[2 * OAT_ESCAPED_MAX], rhost[2 * OAT_ESCAPED_MAX];
	char tty[2 * OAT_ESCAPED_MAX], ruser[2 * OAT_ESCAPED_MAX];
	char at[64];
	int n;

	format_now(at, sizeof(at));
	n = snprintf(ret_json, size,
	    "{\"event_id\":\"%s\",\"at\":\"%s\",\"event\":\"session.%s\","
	    "\"login\":\"%s\",\"service\":\"%s\",\"rhost\":\"%s\","
	    "\"tty\":\"%s\",\"ruser\":\"%s\",\"selector\":null,"
	    "\"outcome\":null,\"reason\":null,\"detail\":{\"pid\":%u}}",
	    event_id, at,
	    request->phase == OAT_PHASE_OPEN ? "opened" : "closed",
	    request->login, oat_escape_json(service, request->service),
	    oat_escape_json(rhost, request->rhost),
	    oat_escape_json(tty, request->tty),
	    oat_escape_json(ruser, request->ruser), request->caller_pid);
	return n > 0 && (size_t)n < size ? OAT_OK : OAT_RANGE;
}

enum oat_status
oat_event_terminated(const struct oat_ending *ending, const char *event_id,
    char *ret_json, size_t size)
{
	char at[64];
	int n;

	format_now(at, sizeof(at));
	n = snprintf(ret_json, size,
	    "{\"event_id\":\"%s\",\"at\":\"%s\","
	    "\"event\":\"session.terminated\",\"login\":\"%s\","
	    "\"outcome\":null,\"reason\":null,\"detail\":{"
	    "\"reason\":\"%s\",\"processes\":%zu,\"left\":%zu}}",
	    event_id, at, ending->login, oat_ending_reason_text(ending->reason),
	    ending->found - ending->left, ending->left);
	return n > 0 && (size_t)n < size ? OAT_OK : OAT_RANGE;
}

bool
oat_event_is_object(const char *json)
{
	size_t i, length = strlen(json);

	if (length < 2 || json[0] != '{' || json[length - 1] != '}')
		return false;
	for (i = 0; i < length; i++)
		if (json[i] < ' ' || json[i] > '~')
			return false;
	return true;
}
