/* SPDX-License-Identifier: MIT */
/* Two ends of a connection, and a peer that is slow. */
#ifndef OAT_TESTS_WIRED_H
#define OAT_TESTS_WIRED_H

#include <stddef.h>
#include <sys/types.h>

#include "common/deadline.h"

/* Sockets; a pipe as fds[1] -> fds[0], like them. */
void wired_make_socket(int fds[2]);
void wired_make_pipe(int fds[2]);
void wired_close_both(int fds[2]);

/* A deadline that does not pass unless something hangs. */
struct oat_deadline wired_ample(void);

/* Let a child write these bytes, pausing after each, and end well. */
pid_t
wired_trickle(int fds[2], const void *bytes, size_t size, unsigned pause_us);
void wired_finish(pid_t pid);

#endif
