/* SPDX-License-Identifier: MIT */
/*
 * The module's lines in the system log, facility authpriv, with each field as
 * one of the journal, too, where there is one (pam_oat(8) lists their names):
 *
 *	pam_oat(sshd:auth): refused login=oat-acme-ci selector=3kPq...
 *	    reason=expired rhost=10.1.2.3 detail=...
 *
 * on one line, the fields in this order, "-" for none, detail to its end and
 * only when there is something to say. Other programs read these lines.
 */
#ifndef OAT_PAM_LOG_H
#define OAT_PAM_LOG_H

#include "call.h"

/* "accepted" or "refused": the outcome of an authentication or account check */
void oat_log_decision(const struct oat_call *call);

/* "unrecorded", if the event of a session was lost; else nothing. */
void oat_log_session(const struct oat_call *call);

/* A step, with the option debug. Never a secret. */
void oat_log_debug(const struct oat_call *call, const char *step);

#endif
