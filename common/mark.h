/* SPDX-License-Identifier: MIT */
/*
 * Which version a file of ours is of, readable without running or loading it:
 * each piece carries a mark, as what(1) knew them.
 */
#ifndef OAT_MARK_H
#define OAT_MARK_H

#include <stddef.h>

#include "status.h"

/* In the file that holds a piece's entry point: OAT_MARK; */
#define OAT_MARK                                             \
	__attribute__((used)) static const char oat_mark[] = \
	    "@(#)oat " OAT_VERSION

#define OAT_MARK_VERSION_MAX 32 /* bytes of a version, NUL included */

/*
 * The version in a file. OAT_OK; OAT_NOTFOUND when there is no such file;
 * OAT_INVALID when it has no mark; OAT_NOMEM; OAT_SYSTEM with errno.
 */
enum oat_status
oat_mark_read(const char *path, char ret_version[OAT_MARK_VERSION_MAX]);

#endif
