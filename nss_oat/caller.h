/* SPDX-License-Identifier: MIT */
/* Who calls: may a program be started in this process? */
#ifndef OAT_NSS_CALLER_H
#define OAT_NSS_CALLER_H

#include <stdbool.h>

/*
 * Root, not pid 1, not a process that systemd waits for while it resolves a
 * name, and under no seccomp filter, which might kill for execve(2). What
 * cannot be found out counts as no.
 */
bool oat_nss_caller_may_sync(void);

#endif
