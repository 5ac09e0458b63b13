/* SPDX-License-Identifier: MIT */
/* `oat verify`: the PAM module's private request and response. */
#ifndef OAT_VERIFY_H
#define OAT_VERIFY_H

/*
 * Read one request (request.h) from descriptor 0, decide, answer on descriptor
 * 1. `oat verify events` answers requests of sessions alone, and starts none of
 * the children that a decision needs before its request may be read.
 * Returns the exit status: 0 when an answer was sent, whatever it says.
 */
int oat_verify_main(int argc, char *argv[]);

#endif
