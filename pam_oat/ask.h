/* SPDX-License-Identifier: MIT */
/* The exchange with the program: one request, one answer, in bounded time. */
#ifndef OAT_PAM_ASK_H
#define OAT_PAM_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/request.h"

/* The program's own deadline is timeout_ms; so much later it is killed. */
#define OAT_ASK_MARGIN_MS 500

/* What a holder is told when nobody could be asked. */
#define OAT_ASK_UNREACHABLE "oat: token service unreachable, token not checked"

/*
 * Run `oat verify` and ask it. *ret_answer is filled in every case; did the
 * program answer? If not, it is OAT_UNDECIDED when the time was up, and
 * OAT_BROKEN when the program could not be run, ended without an answer or
 * answered nonsense; detail says which. An undecided answer's message is
 * OAT_ASK_UNREACHABLE.
 */
bool oat_ask(const struct oat_request *request, uint32_t timeout_ms,
    struct oat_answer *ret_answer);

#endif
