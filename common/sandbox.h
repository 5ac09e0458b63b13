/* SPDX-License-Identifier: MIT */
/*
 * What is left to the program's children, for good, when they begin to handle
 * what others wrote. Both need PR_SET_NO_NEW_PRIVS, and answer OAT_OK, or
 * OAT_SYSTEM with errno. What the kernel or the architecture does not know is
 * not there: that alone is no failure.
 */
#ifndef OAT_SANDBOX_H
#define OAT_SANDBOX_H

#include "conninfo.h"
#include "status.h"

/*
 * Compute, and answer over what is open: no new descriptor, no network, no
 * file, no program, no signal to anybody. What is not allowed fails with EPERM;
 * without filters of system calls, new descriptors alone are refused.
 */
enum oat_status oat_sandbox_compute(void);

/*
 * Ask a database: sockets as a client, and reading what libpq, OpenSSL and the
 * resolver read. No program, no process, no signal or tracing, no file
 * written, created or removed; no socket but of IPv4, IPv6 and unix; TCP to
 * the ports of the servers and to that of name servers alone. What is not
 * allowed fails with ENOSYS, or EACCES where it is Landlock that refuses.
 */
enum oat_status oat_sandbox_network(const struct oat_conninfo *conninfo);

#endif
