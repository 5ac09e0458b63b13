/* SPDX-License-Identifier: MIT */
/* Argon2id over tokens: the one place that knows libargon2. */
#ifndef OAT_ARGON2ID_H
#define OAT_ARGON2ID_H

#include <stdbool.h>

#include "status.h"
#include "token.h"
#include "verifier.h"

/* Memory for one computation, prepared ahead. Opaque; wiped when freed. */
struct oat_argon2id;

/*
 * Map and touch m_kib KiB (at most OAT_ARGON2_M_KIB_MAX), so that the page
 * faults happen while somebody else waits for the network. Optional: compute
 * and check accept NULL, or one too small, and then allocate for themselves.
 * OAT_OK; OAT_INVALID; OAT_NOMEM.
 */
enum oat_status
oat_argon2id_prepare(uint32_t m_kib, struct oat_argon2id **ret_memory);
void oat_argon2id_free(struct oat_argon2id *memory);

/*
 * Make the verifier of a token, with the parameters of oat mint and a fresh
 * salt from getrandom(2). OAT_OK; OAT_NOMEM; OAT_SYSTEM.
 */
enum oat_status oat_argon2id_verifier(
    const struct oat_token *token, struct oat_verifier *ret_verifier);

/*
 * Is this the token of this verifier? Constant time in the hash.
 * OAT_OK with the answer; OAT_INVALID for parameters outside the bounds of
 * verifier.h; OAT_NOMEM.
 */
enum oat_status oat_argon2id_check(struct oat_argon2id *memory,
    const struct oat_verifier *verifier, const struct oat_token *token,
    bool *ret_right);

#endif
