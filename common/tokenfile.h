/* SPDX-License-Identifier: MIT */
/* A new file that keeps tokens: private, durable, never over another. */
#ifndef OAT_TOKENFILE_H
#define OAT_TOKENFILE_H

#include <stddef.h>

#include "status.h"

/*
 * Create the file, mode 0600. The descriptor is CLOEXEC and above 2, so that
 * with one of 0, 1 and 2 closed no message ends up among the tokens.
 * OAT_OK; OAT_SYSTEM, errno says why: EEXIST when there is anything of that
 * name, a dangling link included.
 */
enum oat_status oat_tokenfile_create(const char *path, int *ret_fd);

/*
 * Write all of it to the disk itself, and the file's name too.
 * OAT_OK; OAT_SYSTEM, errno says why.
 */
enum oat_status
oat_tokenfile_fill(const char *path, int fd, const char *text, size_t size);

#endif
