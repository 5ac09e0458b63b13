/* SPDX-License-Identifier: MIT */
/*
 * What the PAM module asks of `oat verify`, and what it is answered: one
 * request on the program's standard input, one answer on its standard output.
 */
#ifndef OAT_REQUEST_H
#define OAT_REQUEST_H

#include <stdint.h>

#include "deadline.h"
#include "escape.h"
#include "name.h"
#include "status.h"
#include "token.h"
#include "verdict.h"

/* Which PAM phase asks. */
enum oat_phase {
	OAT_PHASE_AUTH = 1,    /* decide on a token, record a `login` */
	OAT_PHASE_ACCOUNT = 2, /* decide without a token, record an `access` */
	OAT_PHASE_OPEN = 3,    /* record `session.opened` in the spool */
	OAT_PHASE_CLOSE = 4,   /* record `session.closed` in the spool */
};

/* Texts are escaped (escape.h) where they come from outside; "-" for none. */
struct oat_request {
	enum oat_phase phase;
	char login[OAT_LOGIN_MAX + 1];	  /* by oat_name_is_login() */
	char service[OAT_ESCAPED_MAX];	  /* PAM_SERVICE */
	char rhost[OAT_ESCAPED_MAX];	  /* PAM_RHOST */
	char tty[OAT_ESCAPED_MAX];	  /* PAM_TTY */
	char ruser[OAT_ESCAPED_MAX];	  /* PAM_RUSER */
	uint32_t caller_pid;		  /* the PAM application's process */
	char token[OAT_TOKEN_LENGTH + 1]; /* "" but for OAT_PHASE_AUTH */
};

struct oat_answer {
	enum oat_verdict verdict;
	enum oat_reason reason; /* OAT_REASON_NONE when allowed */
	char organization[OAT_ORGANIZATION_MAX + 1]; /* "" if unknown */
	char token_name[OAT_TOKEN_NAME_MAX + 1];     /* "" if unknown */
	char message[OAT_ESCAPED_MAX];	  /* for the holder; "" for none */
	char detail[2 * OAT_ESCAPED_MAX]; /* for the log; "" for none */
};

/* Wipes the token and everything else in the struct. NULL is accepted. */
void oat_request_wipe(struct oat_request *request);

/*
 * Send or receive one request or answer; statuses as oat_wire_send() and
 * oat_wire_receive(), and OAT_INVALID for a field outside its grammar: a phase
 * or verdict that does not exist, a login that is not ours, a token that is
 * not well-formed or, outside OAT_PHASE_AUTH, not empty, an allowed answer with
 * a reason, any text with a byte outside printable ASCII (which escape.h never
 * leaves). A received struct is complete or untouched.
 */
enum oat_status oat_request_send(
    const struct oat_request *request, int fd, struct oat_deadline deadline);
enum oat_status oat_request_receive(
    int fd, struct oat_deadline deadline, struct oat_request *ret_request);
enum oat_status oat_answer_send(
    const struct oat_answer *answer, int fd, struct oat_deadline deadline);
enum oat_status oat_answer_receive(
    int fd, struct oat_deadline deadline, struct oat_answer *ret_answer);

#endif
