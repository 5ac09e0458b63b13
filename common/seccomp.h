/* SPDX-License-Identifier: MIT */
/* Does a filter of system calls lie over this thread? */
#ifndef OAT_SECCOMP_H
#define OAT_SECCOMP_H

#include <stdbool.h>

/*
 * May any system call be made, so far as seccomp(2) is concerned? Found out by
 * reading a file alone. What cannot be found out counts as no.
 */
bool oat_seccomp_is_off(void);

#endif
