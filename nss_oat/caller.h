/* SPDX-License-Identifier: MIT */
/* Who calls: may a program be started in this process? */
#ifndef OAT_NSS_CALLER_H
#define OAT_NSS_CALLER_H

#include <stdbool.h>

/*
 * Root, not pid 1, not a process that systemd waits for while it resolves a
 * name, and under no seccomp filter, which might kill for execve(2). What
 * cannot be found out counts as no. Whoever cannot open `config`, the program's
 * configuration, could run no sync and is not root: that is asked first, since
 * a filter that lets names be looked up lets files be opened.
 */
bool oat_nss_caller_may_sync(const char *config);

#endif
