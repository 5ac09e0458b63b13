/* SPDX-License-Identifier: MIT */
/* `oat inspect`: what a token says of itself, without asking anybody. */
#ifndef OAT_INSPECT_H
#define OAT_INSPECT_H

/*
 * The subcommand; argv[0] is its name. Reads one token, with or without a
 * newline, from descriptor 0; prints its selector and that its check fits.
 * Answers the exit code: 0; 1 when it is no token, or after a failure, with
 * what is wrong on descriptor 2, never the input; 2 after wrong usage.
 */
int oat_inspect_main(int argc, char *argv[]);

#endif
