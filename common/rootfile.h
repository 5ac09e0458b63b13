/* SPDX-License-Identifier: MIT */
/* A small private file that nobody but root can have written, read whole. */
#ifndef OAT_ROOTFILE_H
#define OAT_ROOTFILE_H

#include <stddef.h>

#include "status.h"

/*
 * Read a file: opened without following a link in its last component and
 * without waiting, then checked by fstat(2): regular, owner root, group root,
 * no permission for group or others, at most `max` bytes.
 * OAT_OK, and *ret_text (not NUL-terminated; wiped and freed by the caller with
 * oat_rootfile_free()); OAT_NOMEM; OAT_UNAVAILABLE when the file is missing,
 * unreadable or not as above. On failure `ret_error` of `error_size` bytes
 * holds one line that names the file, why, and the way out.
 */
enum oat_status oat_rootfile_read(const char *path, size_t max, char **ret_text,
    size_t *ret_size, char *ret_error, size_t error_size);

/* Wipes and frees what was read. NULL is accepted. */
void oat_rootfile_free(char *text, size_t size);

#endif
