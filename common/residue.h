/* SPDX-License-Identifier: MIT */
/* `oat residue`: what an identity has left behind on this host. */
#ifndef OAT_RESIDUE_H
#define OAT_RESIDUE_H

/*
 * oat residue [--json] LOGIN | UID
 *
 * Prints one thing a line: what kind, where, and what else is worth knowing.
 * Returns the exit status: 0 nothing is left, 1 not everything could be looked
 * at, 2 usage, 3 something is left.
 */
int oat_residue_main(int argc, char *argv[]);

#endif
