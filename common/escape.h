/* SPDX-License-Identifier: MIT */
/* Text from outside, made fit for one line of a log, bounded and printable. */
#ifndef OAT_ESCAPE_H
#define OAT_ESCAPE_H

#include <stddef.h>

/* What a log line shows of one field from outside, NUL included. */
#define OAT_ESCAPED_MAX 256

/*
 * Copy text so that only printable ASCII without blank, backslash or quotes is
 * left; every other byte becomes \xHH. An empty or NULL text becomes "-"; a
 * lone "-" becomes \x2d. What does not fit in `size` bytes (at least 8) is cut
 * at a whole character and ends in "\+", which no complete text can.
 * Returns dst.
 */
char *oat_escape(char *dst, size_t size, const char *text);

/*
 * As oat_escape(), but blanks stay, quotes stay, and empty stays empty: for
 * sentences, such as a server's error message.
 */
char *oat_escape_sentence(char *dst, size_t size, const char *text);

/*
 * For what another process of ours has escaped already, and may have been made
 * to lie: printable ASCII is copied as it is, cut as above; all else is escaped
 * as a sentence. Returns dst.
 */
char *oat_escape_again(char *dst, size_t size, const char *text);

/*
 * The inside of a JSON string for a text that has been escaped, and so is
 * printable: only backslashes and quotes are left to be marked. dst has
 * 2 * strlen(text) + 1 bytes. Returns dst.
 */
char *oat_escape_json(char *dst, const char *text);

#endif
