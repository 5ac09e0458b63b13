/* SPDX-License-Identifier: MIT */
/* `oat mint`: make tokens, and the verifiers that a database keeps of them. */
#ifndef OAT_MINT_H
#define OAT_MINT_H

/*
 * The subcommand; argv[0] is its name. Verifiers, or with --json objects, go
 * to descriptor 1, one a line, and only after every token is safe: in the new
 * file, synced, or shown on the terminal that descriptor 2 is.
 *
 * When descriptor 1 then fails, the token file is removed if nothing went out,
 * so that the command can be repeated; otherwise it is kept, because a
 * verifier that went out may be in use, and the message says so.
 *
 * Ignores SIGPIPE and makes the process undumpable from here on. Answers the
 * exit code: 0; 1 after a failure, 2 after wrong usage, both explained on
 * descriptor 2.
 */
int oat_mint_main(int argc, char *argv[]);

#endif
