/* SPDX-License-Identifier: MIT */
/*
 * The child that runs Argon2: it sees the token, and never the network, the
 * configuration or the database's password. Started before those are read.
 */
#ifndef OAT_PROVER_H
#define OAT_PROVER_H

#include <stdbool.h>

#include "child.h"
#include "deadline.h"
#include "status.h"
#include "token.h"

/* Start it. OAT_OK, ended with oat_child_end(); OAT_SYSTEM. */
enum oat_status oat_prover_start(
    const struct oat_account *account, struct oat_child *ret_child);

/*
 * Have it map and touch its memory now; no answer is waited for. A failure
 * only costs time later, so there is none to report.
 */
void oat_prover_prepare(struct oat_child *child, struct oat_deadline deadline);

/*
 * Is it the token of this verifier? OAT_OK with the answer; OAT_INVALID when
 * the verifier is not one, or is of another selector; OAT_TIMEOUT;
 * OAT_UNAVAILABLE when the child is gone or has no memory.
 */
enum oat_status oat_prover_check(struct oat_child *child, const char *verifier,
    const struct oat_token *token, struct oat_deadline deadline,
    bool *ret_right);

#endif
