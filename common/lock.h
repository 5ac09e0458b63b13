/* SPDX-License-Identifier: MIT */
/* A lock that ends with the process that holds it: flock(2) on an empty file.
 */
#ifndef OAT_LOCK_H
#define OAT_LOCK_H

#include "deadline.h"
#include "status.h"

/*
 * Take the lock `name` in an open folder (folder.h) without waiting.
 * OAT_OK, held until *ret_fd is closed or the process ends; OAT_UNAVAILABLE
 * when another process, or this one, holds it; OAT_SYSTEM with errno.
 */
enum oat_status oat_lock_try(int folder, const char *name, int *ret_fd);

/*
 * Take the lock `name` in the folder at a path, made (0755) when missing.
 * OAT_OK as above; OAT_TIMEOUT when it is held until the deadline, which may
 * have passed already; OAT_SYSTEM with errno.
 */
enum oat_status oat_lock_take(const char *folder, const char *name,
    struct oat_deadline deadline, int *ret_fd);

#endif
