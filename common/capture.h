/* SPDX-License-Identifier: MIT */
/*
 * What another program of the host says: run with an empty environment and a
 * deadline, both of its outputs read, its status known.
 */
#ifndef OAT_CAPTURE_H
#define OAT_CAPTURE_H

#include <stddef.h>

#include "deadline.h"
#include "status.h"

/*
 * Run argv (an absolute path and its arguments, NULL-terminated, at most
 * OAT_CAPTURE_ARGS_MAX). It has no input, and ends with the caller.
 * OAT_OK when it ended by itself: ret_text holds what it said, cut to `size`
 * bytes, *ret_exit its exit status (127: it could not be executed).
 * OAT_TIMEOUT, after it was killed; OAT_INVALID for too many arguments;
 * OAT_SYSTEM when nothing could be started.
 */
#define OAT_CAPTURE_ARGS_MAX 16
enum oat_status oat_capture(const char *const argv[],
    struct oat_deadline deadline, char *ret_text, size_t size, int *ret_exit);

#endif
