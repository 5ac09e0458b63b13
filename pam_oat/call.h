/* SPDX-License-Identifier: MIT */
/* One call of libpam into the module: what it is about, and what came of it. */
#ifndef OAT_PAM_CALL_H
#define OAT_PAM_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <security/pam_modules.h>

#include "common/deadline.h"
#include "common/request.h"
#include "options.h"

/* On the caller's stack; holds a token for a while, wiped by oat_call_end(). */
struct oat_call {
	pam_handle_t *pamh;
	struct oat_options options;
	int passwd_errno;     /* why /etc/passwd could not be read, or 0 */
	bool silent;	      /* PAM_SILENT */
	bool explain_denials; /* of oat.conf, as the next two */
	uint32_t timeout_ms;
	uint32_t fail_delay_ms;
	struct oat_deadline floor; /* a refusal returns no earlier */
	struct oat_request request;
	char selector[OAT_SELECTOR_LENGTH + 1]; /* of the token; "-" */
	bool answered; /* the program did, and this is what it said: */
	struct oat_answer answer; /* starts as OAT_BROKEN */
};

/*
 * Whose call is it? PAM_SUCCESS when it is ours: *ret_call then describes it
 * and is given to oat_call_end(). Anything else is for the entry point to
 * return at once: PAM_IGNORE for a foreign user, PAM_INCOMPLETE or libpam's
 * error when there is no user name to be had.
 */
int oat_call_begin(pam_handle_t *pamh, enum oat_phase phase, int flags,
    int argc, const char **argv, struct oat_call *ret_call);

/*
 * Can this call be decided at all: could /etc/passwd be read, is the caller
 * root, are the options known, is oat.conf there and in order? If not, the
 * answer says why. Reads the configuration.
 */
bool oat_call_is_ready(struct oat_call *call);

/*
 * Have the token from libpam, with one prompt at most. False when there is
 * none, or none that is well-formed: the answer then is a refusal.
 */
bool oat_call_take_token(struct oat_call *call);

/* Ask the program; call->answer is what it said. */
void oat_call_ask(struct oat_call *call);

/* The PAM code for the answer. */
int oat_call_code(const struct oat_call *call);

/* Wipes it all. Answers `code`. */
int oat_call_end(struct oat_call *call, int code);

/*
 * Is this handle sudo's? It opens its session as the target user, who may be
 * one of ours without having come in as such.
 */
bool oat_call_is_sudo(pam_handle_t *pamh);

#endif
