/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdio.h>
#include <syslog.h>

/* Each field is bounded by itself; all of them fit. */
#define LINE_MAX_SIZE 2048

/* As pam_syslog(3) calls them. */
static const char *
phase_name(enum oat_phase phase)
{
	switch (phase) {
	case OAT_PHASE_AUTH:
		return "auth";
	case OAT_PHASE_ACCOUNT:
		return "account";
	case OAT_PHASE_OPEN:
	case OAT_PHASE_CLOSE:
		return "session";
	}
	return "-";
}

/*
 * In the form of pam_syslog(3), which would print the name of the service as
 * it came. Here every field has been through escape.h.
 */
static void
write_line(const struct oat_call *call, int priority, const char *word,
    const char *further, const char *detail)
{
	const struct oat_request *request = &call->request;
	char line[LINE_MAX_SIZE];

	(void)snprintf(line, sizeof(line),
	    "pam_oat(%s:%s): %s login=%s selector=%s reason=%s rhost=%s%s%s%s",
	    request->service, phase_name(request->phase), word, request->login,
	    call->selector, oat_reason_name(call->answer.reason),
	    request->rhost, further, detail[0] != '\0' ? " detail=" : "",
	    detail);
	syslog(LOG_AUTHPRIV | priority, "%s", line);
}

/* An accepted login with a detail is one whose event was lost. */
static int
priority_of(const struct oat_answer *answer)
{
	switch (answer->verdict) {
	case OAT_ALLOWED:
		return answer->detail[0] == '\0' ? LOG_INFO : LOG_ERR;
	case OAT_REFUSED:
	case OAT_DENIED:
		return LOG_NOTICE;
	case OAT_UNDECIDED:
	case OAT_BROKEN:
		return LOG_ERR;
	}
	return LOG_ERR;
}

void
oat_log_decision(const struct oat_call *call)
{
	const struct oat_answer *answer = &call->answer;

	write_line(call, priority_of(answer),
	    answer->verdict == OAT_ALLOWED ? "accepted" : "refused", "",
	    answer->detail);
}

void
oat_log_session(const struct oat_call *call)
{
	const struct oat_answer *answer = &call->answer;

	if (answer->verdict == OAT_ALLOWED && answer->detail[0] == '\0') {
		oat_log_debug(call, "event recorded");
		return;
	}
	write_line(call, LOG_ERR, "unrecorded",
	    call->request.phase == OAT_PHASE_OPEN ? " event=session.opened"
						  : " event=session.closed",
	    answer->detail);
}

void
oat_log_debug(const struct oat_call *call, const char *step)
{
	if (call->options.debug)
		write_line(call, LOG_DEBUG, "debug", "", step);
}
