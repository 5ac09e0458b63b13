/* SPDX-License-Identifier: MIT */
/* The public keys by which this host's sshd is known. */
#ifndef OAT_HOSTKEYS_H
#define OAT_HOSTKEYS_H

#include <stdio.h>

/* sshd's own place for them. */
#define OAT_HOSTKEYS_PATTERN "/etc/ssh/ssh_host_*_key.pub"

/*
 * Write the keys in the files that a pattern of glob(7) names to `out`, as the
 * elements of an array of PostgreSQL: "type key","type key", without comments.
 * What is no public key is left out; none of what is written needs quoting
 * beyond this. Answers how many were written.
 */
size_t oat_hostkeys_write(const char *pattern, FILE *out);

#endif
