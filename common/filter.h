/* SPDX-License-Identifier: MIT */
/* A list of the system calls that are left to this process: seccomp(2). */
#ifndef OAT_FILTER_H
#define OAT_FILTER_H

#include <stddef.h>

#include "status.h"

/*
 * Allow a call when the bits `mask` of one of its arguments are `value`; with
 * mask 0, always. A call may have several rules: one that allows is enough.
 * Arguments are looked at as the kernel takes flags and commands: 32 bits.
 */
struct oat_filter_rule {
	unsigned call;
	unsigned argument; /* 0 to 5 */
	unsigned mask;
	unsigned value;
};

/*
 * For good, for this process and all that it may still start: what no rule
 * allows fails with the errno `refusal`, and a call of another architecture
 * ends the process. It must have PR_SET_NO_NEW_PRIVS.
 * OAT_OK, also where kernel or architecture have no such filters; OAT_SYSTEM
 * with errno.
 */
enum oat_status oat_filter_install(
    const struct oat_filter_rule *rules, size_t count, int refusal);

#endif
