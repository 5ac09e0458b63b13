/* SPDX-License-Identifier: MIT */
/* A text file of the host, read whole, whoever may have written it. */
#ifndef OAT_TEXTFILE_H
#define OAT_TEXTFILE_H

#include <stddef.h>

#include "status.h"

#define OAT_TEXTFILE_MAX 1048576 /* bytes; what is longer is refused */

/*
 * Read a regular file, without waiting for a FIFO's writer. It ends at its
 * first NUL, if it has one.
 * OAT_OK, and *ret_text is free()d by the caller; OAT_NOTFOUND; OAT_INVALID
 * when it is longer or not regular; OAT_NOMEM; OAT_SYSTEM with errno.
 */
enum oat_status oat_textfile_read(const char *path, char **ret_text);

/*
 * The next line of a text that is cut at its newline: *text is moved to what
 * follows. NULL at the end.
 */
char *oat_textfile_line(char **text);

/*
 * The next word of a line, cut at its white space, as above. NULL when only
 * white space is left.
 */
char *oat_textfile_word(char **line);

#endif
