/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here:
 *  - no verifier leaves before its token is safe, so that none is in use whose
 *    token nobody has;
 *  - an existing file is never touched;
 *  - a token is shown to a person at a terminal, or goes where it was told to,
 *    never by accident into a pipe or a log;
 *  - a failed write is never silent, on a full disk or a closed descriptor;
 *  - tokens pass through no stdio buffer, and what held them is wiped.
 */
#include "mint.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "argon2id.h"
#include "status.h"
#include "token.h"
#include "tokenfile.h"
#include "verifier.h"

#define COUNT_MAX 10000
#define LINE_SIZE 384 /* bytes of a line at most, the longest an object */

#define USAGE "usage: oat mint [--token-file FILE | --json] [--count N]\n"

enum exit_code { DONE = 0, FAILED = 1, WRONG_USAGE = 2 };

struct options {
	const char *token_file; /* or NULL */
	bool json;
	size_t count;
};

struct minted {
	struct oat_token token;
	char verifier[OAT_VERIFIER_MAX];
};

/* Append what a line says of one token. Answers where the line ends. */
typedef char *line_writer(char *line, const struct minted *minted);

/* --- options --- */

static bool
parse_count(const char *text, size_t *ret_count)
{
	size_t n = strspn(text, "0123456789");
	unsigned long count;

	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	count = strtoul(text, NULL, 10);
	if (count < 1 || count > COUNT_MAX)
		return false;
	*ret_count = count;
	return true;
}

static enum exit_code
wrong_usage(const char *what)
{
	fprintf(stderr, "oat mint: %s\n" USAGE, what);
	return WRONG_USAGE;
}

static enum exit_code
parse_options(int argc, char *argv[], struct options *options)
{
	static const struct option table[] = {
		{ "token-file", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'f')
			options->token_file = optarg;
		else if (option == 'j')
			options->json = true;
		else if (option != 'c')
			return wrong_usage(
			    "unknown option, or no value for it");
		else if (!parse_count(optarg, &options->count))
			return wrong_usage("--count takes 1 to 10000");
	}
	if (optind < argc)
		return wrong_usage("takes no arguments beside its options");
	if (options->json && options->token_file != NULL)
		return wrong_usage("--json already prints the tokens; leave "
				   "out --token-file");
	return DONE;
}

/* --- where things go --- */

/* Could a write to standard output succeed at all? */
static bool
can_write_stdout(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	return flags != -1 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Refuse, before anything is made, what could not be delivered. */
static enum exit_code
check_outputs(const struct options *options)
{
	if (!can_write_stdout()) {
		fprintf(stderr, "oat mint: standard output is closed; the "
				"verifier goes there\n");
		return FAILED;
	}
	if (!options->json && options->token_file == NULL &&
	    isatty(STDERR_FILENO) != 1) {
		fprintf(stderr,
		    "oat mint: standard error is not a terminal, and a token "
		    "is shown nowhere else;\nuse --token-file FILE to keep it "
		    "in a file, or --json to print it\n");
		return FAILED;
	}
	return DONE;
}

/*
 * Write all, waiting where the descriptor does not. How much was written; less
 * than `size` with errno.
 */
static size_t
write_all(int fd, const char *bytes, size_t size)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = write(fd, bytes + done, size - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			(void)poll(&pollfd, 1, -1);
		else if (errno != EINTR)
			break;
	}
	return done;
}

/* Some file systems report a full disk only when a descriptor is closed. */
static bool
flush_stdout(void)
{
	int copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	return copy != -1 && close(copy) == 0;
}

/* --- what is made --- */

static char *
write_token(char *line, const struct minted *minted)
{
	return stpcpy(line, minted->token.text);
}

static char *
write_verifier(char *line, const struct minted *minted)
{
	return stpcpy(line, minted->verifier);
}

/* No value holds a character that JSON would want escaped. */
static char *
write_object(char *line, const struct minted *minted)
{
	line = stpcpy(line, "{\"selector\":\"");
	line = stpcpy(line, minted->token.selector);
	line = stpcpy(line, "\",\"verifier\":\"");
	line = stpcpy(line, minted->verifier);
	line = stpcpy(line, "\",\"token\":\"");
	line = stpcpy(line, minted->token.text);
	return stpcpy(line, "\"}");
}

/* All lines of one kind in one buffer, to be wiped by its size, and freed. */
static char *
make_text(const struct minted *minted, size_t count, line_writer *write_line,
    size_t *ret_size)
{
	char *text, *end;
	size_t i;

	text = end = malloc(count * LINE_SIZE);
	if (text == NULL)
		return NULL;
	for (i = 0; i < count; i++) {
		end = write_line(end, &minted[i]);
		*end++ = '\n';
	}
	*ret_size = (size_t)(end - text);
	return text;
}

static void
free_text(char *text, size_t size)
{
	if (text != NULL)
		explicit_bzero(text, size);
	free(text);
}

static enum oat_status
make_one(struct minted *minted)
{
	struct oat_verifier verifier;
	enum oat_status status;

	status = oat_token_generate(&minted->token);
	if (status == OAT_OK)
		status = oat_argon2id_verifier(&minted->token, &verifier);
	if (status == OAT_OK)
		status = oat_verifier_format(
		    &verifier, minted->verifier, sizeof(minted->verifier));
	return status;
}

static bool
make_all(struct minted *minted, size_t count)
{
	enum oat_status status;
	size_t i;

	for (i = 0; i < count; i++) {
		status = make_one(&minted[i]);
		if (status != OAT_OK) {
			fprintf(stderr, "oat mint: no token: %s\n",
			    oat_status_text(status));
			return false;
		}
	}
	return true;
}

/* --- delivery --- */

static void
explain_file(const char *path)
{
	if (errno == EEXIST)
		fprintf(stderr,
		    "oat mint: %s: already exists, and is never overwritten; "
		    "name another file or move this one away\n",
		    path);
	else
		fprintf(stderr, "oat mint: %s: cannot keep tokens there: %s\n",
		    path, strerror(errno));
}

/* Put the tokens where they are safe: into the file, or on the terminal. */
static bool
keep_tokens(
    const struct options *options, int fd, const char *text, size_t size)
{
	if (options->json)
		return true;
	if (options->token_file == NULL)
		return write_all(STDERR_FILENO, text, size) == size;
	if (oat_tokenfile_fill(options->token_file, fd, text, size) == OAT_OK)
		return true;
	explain_file(options->token_file);
	return false;
}

/* Say what a failure of standard output means for what was made. */
static void
explain_output(const struct options *options, bool partly)
{
	const char *why = strerror(errno);

	if (!partly)
		fprintf(stderr,
		    "oat mint: standard output: %s; nothing went out, and "
		    "what was made is void\n",
		    why);
	else if (options->json || options->token_file == NULL)
		fprintf(stderr,
		    "oat mint: standard output: %s; the complete lines that "
		    "went out are good, all else that was made is void\n",
		    why);
	else
		fprintf(stderr,
		    "oat mint: standard output: %s; the complete lines that "
		    "went out belong to the first tokens of %s, which is "
		    "kept; its other tokens are void\n",
		    why, options->token_file);
}

/* The result, on standard output. *ret_partly: did any of it go out? */
static bool
print_result(const struct options *options, const char *text, size_t size,
    bool *ret_partly)
{
	size_t done = write_all(STDOUT_FILENO, text, size);

	*ret_partly = done > 0;
	if (done == size && flush_stdout())
		return true;
	explain_output(options, *ret_partly);
	return false;
}

static bool
deliver(const struct options *options, int fd, const struct minted *minted,
    bool *ret_partly)
{
	char *tokens, *result;
	size_t tokens_size = 0, result_size = 0;
	bool delivered = false;

	tokens = make_text(minted, options->count, write_token, &tokens_size);
	result = make_text(minted, options->count,
	    options->json ? write_object : write_verifier, &result_size);
	if (tokens == NULL || result == NULL)
		fprintf(stderr, "oat mint: out of memory\n");
	else
		delivered =
		    keep_tokens(options, fd, tokens, tokens_size) &&
		    print_result(options, result, result_size, ret_partly);
	free_text(tokens, tokens_size);
	free_text(result, result_size);
	return delivered;
}

/* Make the tokens and deliver them; fd is the token file's, or -1. */
static bool
mint(const struct options *options, int fd, bool *ret_partly)
{
	struct minted *minted;
	bool done = false;

	minted = calloc(options->count, sizeof(*minted));
	if (minted == NULL)
		fprintf(stderr, "oat mint: out of memory\n");
	else
		done = make_all(minted, options->count) &&
		       deliver(options, fd, minted, ret_partly);
	if (minted != NULL)
		explicit_bzero(minted, options->count * sizeof(*minted));
	free(minted);
	return done;
}

/* The name is taken first, so that a refusal comes before the work. */
static bool
mint_to_file(const struct options *options)
{
	bool done, partly = false;
	int fd;

	if (oat_tokenfile_create(options->token_file, &fd) != OAT_OK) {
		explain_file(options->token_file);
		return false;
	}
	done = mint(options, fd, &partly);
	if (!done && !partly)
		(void)unlink(options->token_file);
	(void)close(fd);
	return done;
}

int
oat_mint_main(int argc, char *argv[])
{
	struct options options = { .count = 1 };
	enum exit_code code;
	bool partly = false, done;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_DUMPABLE, 0);
	code = parse_options(argc, argv, &options);
	if (code == DONE)
		code = check_outputs(&options);
	if (code != DONE)
		return code;
	if (options.token_file != NULL)
		done = mint_to_file(&options);
	else
		done = mint(&options, -1, &partly);
	return done ? DONE : FAILED;
}
