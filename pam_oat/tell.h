/* SPDX-License-Identifier: MIT */
/* What the holder of a token is told, through the program's conversation. */
#ifndef OAT_PAM_TELL_H
#define OAT_PAM_TELL_H

#include "call.h"

/*
 * Show the answer's message, if it has one: a denial's when oat.conf says
 * explain_denials, an outage's always, a refusal's never, since the secret has
 * not proved right; an acceptance's where it cannot get into what a program
 * reads: unless PAM_SILENT, with a conversation, and with a character device as
 * the caller's standard output. The others show whatever PAM_SILENT says: sudo
 * always asks for silence, and a denial nobody explains is a call at night.
 */
void oat_tell_holder(const struct oat_call *call);

#endif
