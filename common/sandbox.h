/* SPDX-License-Identifier: MIT */
/* A process that can compute and answer over what it has open, nothing else. */
#ifndef OAT_SANDBOX_H
#define OAT_SANDBOX_H

#include "status.h"

/*
 * For good: no new descriptor, no network, no file, no program, no signal to
 * anybody. What is not allowed fails with EPERM. The process must have
 * PR_SET_NO_NEW_PRIVS. Where the kernel or the architecture has no seccomp
 * filters, only new descriptors are refused.
 * OAT_OK; OAT_SYSTEM with errno.
 */
enum oat_status oat_sandbox_enter(void);

#endif
