/* SPDX-License-Identifier: MIT */
/*
 * Every file of this host's own file systems, each once a name. No link is
 * followed, and nothing is entered that is a network's, the kernel's or some
 * program's (FUSE): a server that is gone must not hang who looks for files.
 */
#ifndef OAT_WALK_H
#define OAT_WALK_H

#include <sys/stat.h>

#include "status.h"

#define OAT_WALK_DEPTH_MAX 200 /* directories within each other */

/* What is wanted of a walk. */
struct oat_walk {
	const char *from;   /* an absolute path */
	const char *except; /* a directory that is not entered; or NULL */
	/* OAT_OK to go on; anything else ends the walk and is its answer. */
	enum oat_status (*take)(
	    const char *path, const struct stat *st, void *context);
	void *context;
};

/*
 * Walk. OAT_OK; what `take` answered; OAT_RANGE when directories were too deep
 * to be entered, or could not be, and all else was seen; OAT_NOMEM; OAT_SYSTEM
 * with errno when it cannot begin.
 */
enum oat_status oat_walk_files(const struct oat_walk *walk);

#endif
