/* SPDX-License-Identifier: MIT */
/* `oat enroll`: what this host needs to ask, and the SQL that lets it. */
#ifndef OAT_ENROLL_H
#define OAT_ENROLL_H

/*
 * The subcommand; argv[0] is its name. oat(8) is its manual. One statement goes
 * to descriptor 1, what was written where to descriptor 2. Answers the exit
 * status: 0 done, 1 failed, 2 usage, both explained on descriptor 2.
 */
int oat_enroll_main(int argc, char *argv[]);

#endif
