/* SPDX-License-Identifier: MIT */
/* The program: its commands, each in its own file. oat(8) is its manual. */
#include "courier_unit.h"
#include "doctor.h"
#include "enroll.h"
#include "inspect.h"
#include "mark.h"
#include "mint.h"
#include "residue.h"
#include "rotate.h"
#include "sync.h"
#include "verify.h"
#include "whoami.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

OAT_MARK;

static const char help[] =
    "usage: oat COMMAND [ARGUMENT ...]\n"
    "\n"
    "  oat mint [--token-file FILE | --json] [--count N]\n"
    "          make a token; its verifier, for the database, on stdout\n"
    "  oat inspect < FILE\n"
    "          a token's selector, and whether it is typed right\n"
    "  oat enroll [--name NAME] [--labels LABEL,...] [--database CONNINFO\n"
    "          [--certificate]]\n"
    "          password or key of this host, oat.conf; the SQL for it (root)\n"
    "  oat rotate-host-password\n"
    "          another password for this host's role, without a pause (root)\n"
    "  oat residue [--json] LOGIN | UID\n"
    "          what an identity has left behind on this host (root)\n"
    "  oat sync [--courier SOCKET]\n"
    "          [--max-age SECONDS | --after SECONDS | --watch]\n"
    "          send events, refresh this host's identities, end the sessions\n"
    "          of those that lost their access (root)\n"
    "  oat whoami [--json] [--warn DURATION]\n"
    "          which token this user is; 3 when it ends within that time\n"
    "  oat doctor [--json | --quiet] [--login NAME [--service SERVICE]\n"
    "             [--rhost ADDRESS]]\n"
    "          what keeps a login from working here, and the fix to type;\n"
    "          exit status 0 nothing, 1 warnings, 2 failures, 3 not all was\n"
    "          looked at\n"
    "  oat --version | --help\n"
    "\n"
    "`oat verify` is the PAM module's, `oat courier` is systemd's; see "
    "oat(8),\n"
    "oat.conf(5), pam_oat(8).\n";

static const struct command {
	const char *name;
	int (*main)(int argc, char *argv[]);
} commands[] = {
	{ "mint", oat_mint_main },
	{ "inspect", oat_inspect_main },
	{ "residue", oat_residue_main },
	{ "sync", oat_sync_main },
	{ "enroll", oat_enroll_main },
	{ "rotate-host-password", oat_rotate_main },
	{ "doctor", oat_doctor_main },
	{ "verify", oat_verify_main },
	{ "courier", oat_courier_main },
	{ "whoami", oat_whoami_main },
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

static int
show_help(void)
{
	return fputs(help, stdout) < 0 || fflush(stdout);
}

/* Of a command, where --help is no argument of another option. */
static bool
asks_for_help(int argc, char *argv[])
{
	return argc == 3 && strcmp(argv[2], "--help") == 0;
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
		return show_help();
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return asks_for_help(argc, argv)
				   ? show_help()
				   : commands[i].main(argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "oat: no such command\n");
	fputs(help, stderr);
	return 2;
}
