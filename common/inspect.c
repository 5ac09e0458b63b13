/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here: the input is never repeated, in whole or in part, but for
 * the selector of a well-formed token; it is wiped; nothing is sent anywhere.
 */
#include "inspect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "token.h"

#define INPUT_MAX 4096 /* bytes */

enum exit_code { DONE = 0, FAILED = 1, WRONG_USAGE = 2 };

/*
 * Read all of standard input, as a text without its last newline.
 * What went wrong, or NULL.
 */
static const char *
read_input(char *ret_text, size_t size)
{
	size_t used = 0;
	ssize_t n = 1;

	while (n != 0 && used < size) {
		n = read(STDIN_FILENO, ret_text + used, size - used);
		if (n == -1 && errno != EINTR)
			return "standard input cannot be read";
		used += n > 0 ? (size_t)n : 0;
	}
	if (used == size)
		return "longer than 4096 bytes; a token has 55";
	if (used > 0 && ret_text[used - 1] == '\n')
		used--;
	if (memchr(ret_text, '\0', used) != NULL)
		return "holds a NUL byte";
	ret_text[used] = '\0';
	return NULL;
}

/* What is wrong with a text that is no token, in the order of looking. */
static const char *
find_fault(const char *text)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	const char *mark = text + strlen("oat_") + OAT_SELECTOR_LENGTH;
	size_t length = strlen(text);

	if (length == 0)
		return "empty; give a token on standard input";
	if (strchr(text, '\n') != NULL)
		return "more than one line; give one token";
	if (strncmp(text, "oat_", strlen("oat_")) != 0)
		return "prefix: a token begins with oat_";
	if (length < OAT_TOKEN_LENGTH)
		return "length: too short, a token has 55 characters";
	if (length > OAT_TOKEN_LENGTH)
		return "length: too long, a token has 55 characters";
	if (*mark != '_')
		return "shape: the 17th character of a token is _";
	text += strlen("oat_");
	if (text + strspn(text, digits) != mark ||
	    mark[1 + strspn(mark + 1, digits)] != '\0')
		return "alphabet: beside its marks a token has 0-9A-Za-z only";
	return "check: does not fit the rest; mistyped or cut?";
}

/* What is wrong with the token on standard input, or NULL: then it is read. */
static const char *
read_token(struct oat_token *ret_token)
{
	char text[INPUT_MAX + 2]; /* a newline beside, and room to see more */
	const char *fault;

	fault = read_input(text, sizeof(text));
	if (fault == NULL && oat_token_parse(text, ret_token) != OAT_OK)
		fault = find_fault(text);
	explicit_bzero(text, sizeof(text));
	return fault;
}

int
oat_inspect_main(int argc, char *argv[])
{
	struct oat_token token = { 0 };
	const char *fault;
	int printed = 0;

	(void)argv;
	if (argc != 1) {
		dprintf(STDERR_FILENO,
		    "oat inspect: takes the token on standard input alone\n"
		    "usage: oat inspect <FILE\n");
		return WRONG_USAGE;
	}
	(void)prctl(PR_SET_DUMPABLE, 0);
	fault = read_token(&token);
	if (fault != NULL)
		dprintf(STDERR_FILENO, "oat inspect: %s\n", fault);
	else
		printed = dprintf(
		    STDOUT_FILENO, "selector %s\ncheck ok\n", token.selector);
	oat_token_wipe(&token);
	if (printed < 0)
		dprintf(STDERR_FILENO, "oat inspect: standard output: %s\n",
		    strerror(errno));
	return fault == NULL && printed > 0 ? DONE : FAILED;
}
