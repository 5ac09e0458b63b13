/* SPDX-License-Identifier: MIT */
/* Who gets in by the stacks of a folder: a small model of libpam's rule. */
#ifndef OAT_TESTS_ADMITTED_H
#define OAT_TESTS_ADMITTED_H

#include "common/pamstack.h"

/*
 * Root, and a local user with the right password, by sshd, sudo, su and su-l: a
 * bit for each of them and each phase that lets in.
 */
unsigned admitted_by(const struct oat_pam_folders *folders);

#endif
