/* SPDX-License-Identifier: MIT */
/* `oat rotate-host-password`: another password for this host's role. */
#ifndef OAT_ROTATE_H
#define OAT_ROTATE_H

/*
 * The subcommand; argv[0] is its name. Answers the exit status: 0 done, 1
 * failed, 2 usage; what went wrong is told as report.h says.
 */
int oat_rotate_main(int argc, char *argv[]);

#endif
