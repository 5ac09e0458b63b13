/* SPDX-License-Identifier: MIT */
/*
 * A snapshot that is there for the NSS module to read, and for an input to
 * damage. Its members are oat-acme-t<i>, numbered OAT_VICTIM_UID + i, all in
 * all three groups, which are numbered from OAT_VICTIM_GID.
 */
#ifndef OAT_FUZZ_VICTIM_H
#define OAT_FUZZ_VICTIM_H

#include <stdbool.h>

#include "tests/fuzz/input.h"

#define OAT_VICTIM_UID 70100
#define OAT_VICTIM_GID 70000
#define OAT_VICTIM_GROUPS 3

/*
 * Once: make the folder, which goes at exit. Snapshots are root's: who is not
 * becomes it in a user namespace. Ends the process when that cannot be.
 */
void oat_victim_set_up(void);

/* There is none, and the module has no copy of one. */
void oat_victim_forget(void);

/*
 * Write the snapshot, in one of two versions, with some bytes changed, maybe
 * truncated. True when checks were made right by force, so that it may say
 * anything.
 */
bool oat_victim_change(struct oat_input *input);

#endif
