/* SPDX-License-Identifier: MIT */
/* What the holder of a token is told, through the program's conversation. */
#ifndef OAT_PAM_TELL_H
#define OAT_PAM_TELL_H

#include "call.h"

/*
 * Show the answer's message, if it has one: a denial's when oat.conf says
 * explain_denials, an outage's and an acceptance's always, a refusal's never,
 * since the secret has not proved right. PAM_SILENT hides an acceptance's
 * alone: sudo always asks for silence, and a denial nobody explains is a call
 * at night.
 */
void oat_tell_holder(const struct oat_call *call);

#endif
