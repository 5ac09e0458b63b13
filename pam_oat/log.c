/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdio.h>
#include <syslog.h>

#include "common/journal.h"

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

/* What one line says. Every text has been through escape.h. */
struct line {
	const struct oat_call *call;
	int priority;
	const char *word;
	const char *event;  /* or "" */
	const char *detail; /* or "" */
};

/*
 * In the form of pam_syslog(3), which would print the name of the service as
 * it came.
 */
static void
format(const struct line *line, char text[LINE_MAX_SIZE])
{
	const struct oat_request *request = &line->call->request;

	(void)snprintf(text, LINE_MAX_SIZE,
	    "pam_oat(%s:%s): %s login=%s selector=%s reason=%s rhost=%s"
	    "%s%s%s%s",
	    request->service, phase_name(request->phase), line->word,
	    request->login, line->call->selector,
	    oat_reason_name(line->call->answer.reason), request->rhost,
	    line->event[0] != '\0' ? " event=" : "", line->event,
	    line->detail[0] != '\0' ? " detail=" : "", line->detail);
}

static void
write_line(const struct line *line)
{
	const struct oat_request *request = &line->call->request;
	const struct oat_answer *answer = &line->call->answer;
	const struct oat_journal_field fields[] = {
		{ "OAT_VERDICT", line->word },
		{ "OAT_LOGIN", request->login },
		{ "OAT_SELECTOR", line->call->selector },
		{ "OAT_REASON", oat_reason_name(answer->reason) },
		{ "OAT_RHOST", request->rhost },
		{ "OAT_SERVICE", request->service },
		{ "OAT_PHASE", phase_name(request->phase) },
		{ "OAT_TTY", request->tty },
		{ "OAT_RUSER", request->ruser },
		{ "OAT_EVENT", line->event },
		{ "OAT_DETAIL", line->detail },
	};
	char text[LINE_MAX_SIZE];

	format(line, text);
	oat_journal_write(LOG_AUTHPRIV | line->priority, text, fields,
	    sizeof(fields) / sizeof(fields[0]));
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

	write_line(&(struct line){ .call = call,
	    .priority = priority_of(answer),
	    .word = answer->verdict == OAT_ALLOWED ? "accepted" : "refused",
	    .event = "",
	    .detail = answer->detail });
}

void
oat_log_session(const struct oat_call *call)
{
	const struct oat_answer *answer = &call->answer;

	if (answer->verdict == OAT_ALLOWED && answer->detail[0] == '\0') {
		oat_log_debug(call, "event recorded");
		return;
	}
	write_line(&(struct line){ .call = call,
	    .priority = LOG_ERR,
	    .word = "unrecorded",
	    .event = call->request.phase == OAT_PHASE_OPEN ? "session.opened"
							   : "session.closed",
	    .detail = answer->detail });
}

void
oat_log_debug(const struct oat_call *call, const char *step)
{
	if (call->options.debug)
		write_line(&(struct line){ .call = call,
		    .priority = LOG_DEBUG,
		    .word = "debug",
		    .event = "",
		    .detail = step });
}
