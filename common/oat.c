/* SPDX-License-Identifier: MIT */
/* The program: its commands, each in its own file. oat(8) is its manual. */
#include "inspect.h"
#include "mint.h"
#include "sync.h"
#include "verify.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: oat COMMAND [ARGUMENT ...]\n"
    "\n"
    "  oat mint [--token-file FILE | --json] [--count N]\n"
    "          make a token; its verifier, for the database, on stdout\n"
    "  oat inspect < FILE\n"
    "          a token's selector, and whether it is typed right\n"
    "  oat sync [--max-age SECONDS | --after SECONDS]\n"
    "          send events, refresh this host's identities (root)\n"
    "  oat --version | --help\n"
    "\n"
    "`oat verify` is the PAM module's; see oat(8), oat.conf(5), pam_oat(8).\n";

static const struct command {
	const char *name;
	int (*main)(int argc, char *argv[]);
} commands[] = {
	{ "mint", oat_mint_main },
	{ "inspect", oat_inspect_main },
	{ "sync", oat_sync_main },
	{ "verify", oat_verify_main },
};

/*
 * Whoever started the program chose its environment, dispositions, umask and
 * descriptors. The libraries ask the environment where to connect; a socket
 * must not become descriptor 2; an ignored SIGCHLD makes a dead child's number
 * another process's; a broken pipe is an error to be told, not an end.
 */
static bool
forget_caller(void)
{
	int fd;

	do {
		/* Read-only: writing where nothing was open still fails. */
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0 || clearenv() != 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return false;
	(void)close(fd);
	(void)umask(022);
	return true;
}

int
main(int argc, char *argv[])
{
	size_t i;

	if (!forget_caller()) {
		perror("oat");
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("oat " OAT_VERSION "\n") < 0 || fflush(stdout);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) < 0 || fflush(stdout);
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "oat: no such command\n");
	fputs(help, stderr);
	return 2;
}
