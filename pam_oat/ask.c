/* SPDX-License-Identifier: MIT */
#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "common/spawn.h"

/*
 * Which kind of request it will read has to be known to the program before:
 * its children are forked earlier than that.
 */
static const char *const *
arguments(enum oat_phase phase)
{
	static const char *const decide[] = { "oat", "verify", NULL };
	static const char *const events[] = { "oat", "verify", "events", NULL };

	switch (phase) {
	case OAT_PHASE_AUTH:
	case OAT_PHASE_ACCOUNT:
		return decide;
	case OAT_PHASE_OPEN:
	case OAT_PHASE_CLOSE:
		return events;
	}
	return decide;
}

/* The dialogue itself. */
static enum oat_status
exchange(const struct oat_request *request, struct oat_deadline deadline,
    struct oat_answer *ret_answer)
{
	struct oat_spawn spawn;
	enum oat_status status;
	int saved;

	status = oat_spawn_start(
	    OAT_PATH_PROGRAM, arguments(request->phase), &spawn);
	if (status != OAT_OK)
		return status;
	status = oat_request_send(request, spawn.fd, deadline);
	/* It may have said what is wrong with this host, and gone. */
	if (status == OAT_OK || status == OAT_UNAVAILABLE)
		status = oat_answer_receive(spawn.fd, deadline, ret_answer);
	saved = errno;
	oat_spawn_end(&spawn);
	errno = saved;
	return status;
}

/* Escaped, since strerror(3) speaks the host's language. */
static void
set_detail(struct oat_answer *answer, const char *why)
{
	char text[OAT_ESCAPED_MAX];

	(void)snprintf(text, sizeof(text), OAT_PATH_PROGRAM " %s", why);
	(void)oat_escape_sentence(answer->detail, sizeof(answer->detail), text);
}

/* The answer in place of one that did not come. errno as exchange() left it. */
static void
explain(enum oat_status status, struct oat_answer *ret_answer)
{
	struct oat_answer answer = { .verdict = OAT_BROKEN,
		.reason = OAT_REASON_UNAVAILABLE };

	switch (status) {
	case OAT_TIMEOUT:
		answer.verdict = OAT_UNDECIDED;
		set_detail(&answer, "did not answer in time");
		break;
	case OAT_UNAVAILABLE:
		set_detail(&answer, "could not be run, or ended early");
		break;
	case OAT_INVALID:
		set_detail(&answer, "answered nonsense");
		break;
	case OAT_SYSTEM:
		set_detail(&answer, strerror(errno));
		break;
	case OAT_OK:
	case OAT_NOMEM:
	case OAT_NOTFOUND:
	case OAT_RANGE:
		set_detail(&answer, oat_status_text(status));
		break;
	}
	*ret_answer = answer;
}

bool
oat_ask(const struct oat_request *request, uint32_t timeout_ms,
    struct oat_answer *ret_answer)
{
	struct oat_deadline deadline =
	    oat_deadline_in_ms(timeout_ms + OAT_ASK_MARGIN_MS);
	enum oat_status status;

	status = exchange(request, deadline, ret_answer);
	if (status != OAT_OK)
		explain(status, ret_answer);
	if (ret_answer->verdict == OAT_UNDECIDED)
		(void)snprintf(ret_answer->message, sizeof(ret_answer->message),
		    "%s", OAT_ASK_UNREACHABLE);
	return status == OAT_OK;
}
