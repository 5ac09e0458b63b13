/* SPDX-License-Identifier: MIT */
/* Run a subcommand's main in a child and collect what it said. */
#ifndef OAT_TESTS_COMMAND_H
#define OAT_TESTS_COMMAND_H

#include <stddef.h>

/* How it is run, and afterwards what became of it. Zero-initialise. */
struct command {
	int (*main)(int argc, char *argv[]);
	char *argv[8];
	const char *input;     /* on descriptor 0; NULL for nothing */
	size_t input_size;     /* 0: by strlen */
	void (*prepare)(void); /* in the child, just before; or NULL */
	int code;	       /* its answer, or -1 after a signal */
	char out[8192];	       /* descriptor 1 */
	char err[8192];	       /* descriptor 2 */
};

/* Run it to its end. Each of its descriptors 0 to 2 is a file of its own. */
void command_run(struct command *command);

/* What a file holds, as a text cut to the buffer. Closes the descriptor. */
void command_collect(int fd, char *ret_text, size_t size);

#endif
