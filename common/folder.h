/* SPDX-License-Identifier: MIT */
/* A folder in which nobody but this program's user can put or replace files. */
#ifndef OAT_FOLDER_H
#define OAT_FOLDER_H

#include <sys/types.h>

/*
 * Open a folder, made with this mode, whatever the umask, when it is missing
 * (its parent is not). It is judged as opened: no link in the last component,
 * owned by the effective user, writable for nobody else.
 * Returns a descriptor, close-on-exec, that the caller closes; -1 with errno,
 * EPERM when the folder is not as above.
 */
int oat_folder_open(const char *path, mode_t mode);

/* close(2), with errno as it was. */
void oat_folder_close(int folder);

#endif
