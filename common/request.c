/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here: both ends check every field, so that neither trusts the
 * other; a token travels in OAT_PHASE_AUTH alone; what held one is wiped.
 */
#include "request.h"

#include <stdbool.h>
#include <string.h>

#include "wire.h"

void
oat_request_wipe(struct oat_request *request)
{
	if (request != NULL)
		explicit_bzero(request, sizeof(*request));
}

/* Printable ASCII, ended within its buffer: escape.h leaves nothing else. */
static bool
is_text(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size && text[i] != '\0'; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return i < size;
}

static bool
is_token(const char *text)
{
	struct oat_token token;
	bool well_formed;

	well_formed = oat_token_parse(text, &token) == OAT_OK;
	oat_token_wipe(&token);
	return well_formed;
}

/* A token exactly where the phase decides on one. */
static bool
is_phase_with_token(enum oat_phase phase, const char *token)
{
	switch (phase) {
	case OAT_PHASE_AUTH:
		return is_token(token);
	case OAT_PHASE_ACCOUNT:
	case OAT_PHASE_OPEN:
	case OAT_PHASE_CLOSE:
		return token[0] == '\0';
	}
	return false;
}

static bool
request_is_valid(const struct oat_request *request)
{
	return is_text(request->login, sizeof(request->login)) &&
	       is_text(request->service, sizeof(request->service)) &&
	       is_text(request->rhost, sizeof(request->rhost)) &&
	       is_text(request->tty, sizeof(request->tty)) &&
	       is_text(request->ruser, sizeof(request->ruser)) &&
	       is_text(request->token, sizeof(request->token)) &&
	       oat_name_is_login(request->login) &&
	       is_phase_with_token(request->phase, request->token);
}

/* Only an allowed answer may go without a reason, and it must. */
static bool
is_verdict_with_reason(enum oat_verdict verdict, enum oat_reason reason)
{
	if (reason < OAT_REASON_NONE || reason >= OAT_REASON_COUNT)
		return false;
	switch (verdict) {
	case OAT_BROKEN:
	case OAT_UNDECIDED:
	case OAT_REFUSED:
	case OAT_DENIED:
		return true;
	case OAT_ALLOWED:
		return reason == OAT_REASON_NONE;
	}
	return false;
}

static bool
answer_is_valid(const struct oat_answer *answer)
{
	return is_text(answer->organization, sizeof(answer->organization)) &&
	       is_text(answer->token_name, sizeof(answer->token_name)) &&
	       is_text(answer->message, sizeof(answer->message)) &&
	       is_text(answer->detail, sizeof(answer->detail)) &&
	       (answer->organization[0] == '\0' ||
		   oat_name_is_organization(answer->organization)) &&
	       (answer->token_name[0] == '\0' ||
		   oat_name_is_token(answer->token_name)) &&
	       is_verdict_with_reason(answer->verdict, answer->reason);
}

enum oat_status
oat_request_send(
    const struct oat_request *request, int fd, struct oat_deadline deadline)
{
	struct oat_wire wire = { 0 };
	enum oat_status status;

	if (!request_is_valid(request))
		return OAT_INVALID;
	oat_wire_put_u32(&wire, (uint32_t)request->phase);
	oat_wire_put_text(&wire, request->login);
	oat_wire_put_text(&wire, request->service);
	oat_wire_put_text(&wire, request->rhost);
	oat_wire_put_text(&wire, request->tty);
	oat_wire_put_text(&wire, request->ruser);
	oat_wire_put_u32(&wire, request->caller_pid);
	oat_wire_put_text(&wire, request->token);
	status = oat_wire_send(&wire, fd, deadline);
	oat_wire_free(&wire);
	return status;
}

/* The next field as a text that fills an array at most. */
#define GET_TEXT(wire, array) \
	(oat_wire_get_text((wire), (array), sizeof(array)) == OAT_OK)

static bool
read_request(struct oat_wire *wire, struct oat_request *request)
{
	uint32_t phase;

	if (oat_wire_get_u32(wire, &phase) != OAT_OK ||
	    !GET_TEXT(wire, request->login) ||
	    !GET_TEXT(wire, request->service) ||
	    !GET_TEXT(wire, request->rhost) || !GET_TEXT(wire, request->tty) ||
	    !GET_TEXT(wire, request->ruser) ||
	    oat_wire_get_u32(wire, &request->caller_pid) != OAT_OK ||
	    !GET_TEXT(wire, request->token) || oat_wire_end(wire) != OAT_OK ||
	    phase > OAT_PHASE_CLOSE)
		return false;
	request->phase = (enum oat_phase)phase;
	return request_is_valid(request);
}

enum oat_status
oat_request_receive(
    int fd, struct oat_deadline deadline, struct oat_request *ret_request)
{
	struct oat_wire wire = { 0 };
	struct oat_request request = { 0 };
	enum oat_status status;

	status = oat_wire_receive(&wire, fd, deadline);
	if (status == OAT_OK) {
		if (read_request(&wire, &request))
			*ret_request = request;
		else
			status = OAT_INVALID;
	}
	oat_request_wipe(&request);
	oat_wire_free(&wire);
	return status;
}

enum oat_status
oat_answer_send(
    const struct oat_answer *answer, int fd, struct oat_deadline deadline)
{
	struct oat_wire wire = { 0 };
	enum oat_status status;

	if (!answer_is_valid(answer))
		return OAT_INVALID;
	oat_wire_put_u32(&wire, (uint32_t)answer->verdict);
	oat_wire_put_u32(&wire, (uint32_t)answer->reason);
	oat_wire_put_text(&wire, answer->organization);
	oat_wire_put_text(&wire, answer->token_name);
	oat_wire_put_text(&wire, answer->message);
	oat_wire_put_text(&wire, answer->detail);
	status = oat_wire_send(&wire, fd, deadline);
	oat_wire_free(&wire);
	return status;
}

static bool
read_answer(struct oat_wire *wire, struct oat_answer *answer)
{
	uint32_t verdict, reason;

	if (oat_wire_get_u32(wire, &verdict) != OAT_OK ||
	    oat_wire_get_u32(wire, &reason) != OAT_OK ||
	    !GET_TEXT(wire, answer->organization) ||
	    !GET_TEXT(wire, answer->token_name) ||
	    !GET_TEXT(wire, answer->message) ||
	    !GET_TEXT(wire, answer->detail) || oat_wire_end(wire) != OAT_OK ||
	    verdict > OAT_ALLOWED || reason >= OAT_REASON_COUNT)
		return false;
	answer->verdict = (enum oat_verdict)verdict;
	answer->reason = (enum oat_reason)reason;
	return answer_is_valid(answer);
}

enum oat_status
oat_answer_receive(
    int fd, struct oat_deadline deadline, struct oat_answer *ret_answer)
{
	struct oat_wire wire = { 0 };
	struct oat_answer answer = { 0 };
	enum oat_status status;

	status = oat_wire_receive(&wire, fd, deadline);
	if (status == OAT_OK) {
		if (read_answer(&wire, &answer))
			*ret_answer = answer;
		else
			status = OAT_INVALID;
	}
	oat_wire_free(&wire);
	return status;
}
