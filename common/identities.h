/* SPDX-License-Identifier: MIT */
/*
 * All groups and identities of this host, while an answer is taken in: every
 * name once, every number once.
 *
 * A row that fails is refused with a reason and leaves the others alone: one
 * hostile or mistaken row must not take the host's identities away. Of two
 * rows with one name or one number, the first stays. Membership in a group
 * that is not in the set, such as one that was refused, is dropped: that only
 * takes power away.
 */
#ifndef OAT_IDENTITIES_H
#define OAT_IDENTITIES_H

#include <stddef.h>

#include "identity.h"
#include "local.h"
#include "status.h"

/* Opaque; freed by oat_identities_free(). */
struct oat_identities;

/*
 * An empty set for rows that are validated against `local`, which must outlive
 * it. OAT_OK; OAT_NOMEM.
 */
enum oat_status oat_identities_new(
    const struct oat_local *local, struct oat_identities **ret_set);
void oat_identities_free(struct oat_identities *set);

/*
 * Validate a row and add it. Groups come before the identities that name them.
 * OAT_OK; OAT_INVALID when the row is refused: the set is as before, and
 * *ret_why says why in a few words (static storage); OAT_NOMEM.
 */
enum oat_status oat_identities_add_group(struct oat_identities *set,
    const struct oat_identity_row *row, const char **ret_why);
enum oat_status oat_identities_add(struct oat_identities *set,
    const struct oat_identity_row *row, const char **ret_why);

/*
 * What has been added, in that order; owned by the set, valid until the next
 * add. *ret_count is always written; NULL with a count of 0 when empty.
 */
const struct oat_group *
oat_identities_groups(const struct oat_identities *set, size_t *ret_count);
const struct oat_identity *
oat_identities_all(const struct oat_identities *set, size_t *ret_count);

#endif
