/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <libpq-fe.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH_MIN (UINT64_C(2) << 30) /* bytes free */
#define START_TRIES 1500		/* of 20 ms: half a minute */

/* --- in the keeper -------------------------------------------------------- */

/* The account that may run PostgreSQL, which refuses to be root. */
static const struct passwd *
unprivileged(void)
{
	const struct passwd *pw = getpwnam("postgres");

	return pw != NULL ? pw : getpwnam("nobody");
}

static int
drop_root(void)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	if ((pw = unprivileged()) == NULL || setgroups(0, NULL) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return -1;
	return 0;
}

/*
 * Become a program of PostgreSQL: quiet, unprivileged, dying with us. argv[0]
 * becomes its path, from which it finds its companions; a bare name it would
 * look for in PATH.
 */
static void
become(const struct oat_server *server, const char *name, char *argv[])
{
	char path[640];
	int log;

	/* After setresuid(2), which would forget the parent-death signal. */
	if (drop_root() != 0 || chdir(server->folder) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0)
		_exit(126);
	log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	signal(SIGINT, SIG_DFL);
	(void)snprintf(path, sizeof(path), "%s/%s", server->bindir, name);
	argv[0] = path;
	execv(path, argv);
	_exit(127);
}

static int
make_cluster(const struct oat_server *server)
{
	char *argv[] = { "initdb", "--pgdata=data", "--auth=trust",
		"--username=postgres", "--encoding=UTF8", "--locale=C",
		"--no-sync", NULL };
	pid_t pid;
	int status;

	if ((pid = fork()) == 0)
		become(server, "initdb", argv);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0
									 : -1;
}

/* A server whose own time zone is odd, so that nothing relies on it. */
static int
start_postgres(const struct oat_server *server, pid_t *ret_pid)
{
	char *argv[] = { "postgres", "-D", "data", "-k",
		(char *)(uintptr_t)server->folder, "-c",
		"listen_addresses=", "-c", "fsync=off", "-c",
		"full_page_writes=off", "-c", "synchronous_commit=off", "-c",
		"autovacuum=off", "-c", "shared_buffers=64MB", "-c",
		"max_connections=40", "-c", "timezone=Pacific/Chatham", "-c",
		"log_timezone=UTC", "-c", "jit=off", "-c", "max_wal_size=2GB",
		NULL };
	const char *keys[] = { "host", "dbname", "user", NULL };
	const char *values[] = { server->folder, "postgres", "postgres", NULL };
	pid_t pid;
	int i;

	if ((pid = fork()) == 0)
		become(server, "postgres", argv);
	for (i = 0; pid > 0 && i < START_TRIES; i++) {
		if (PQpingParams(keys, values, 0) == PQPING_OK) {
			*ret_pid = pid;
			return 0;
		}
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return -1;
		usleep(20000);
	}
	return -1;
}

static void
end_postgres(pid_t *pid, int signal_number)
{
	if (*pid > 0 && kill(*pid, signal_number) == 0)
		(void)waitpid(*pid, NULL, 0);
	*pid = 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int
make_standby(const struct oat_server *server, pid_t *postgres)
{
	char path[128];
	int fd;

	end_postgres(postgres, SIGINT);
	(void)snprintf(
	    path, sizeof(path), "%s/data/standby.signal", server->folder);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0)
		return -1;
	close(fd);
	return start_postgres(server, postgres);
}

/* Serve one-byte orders until the test program is gone; '+' says done. */
static void
keep(const struct oat_server *server, int fd)
{
	pid_t postgres = 0;
	char order, answer;

	(void)setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	answer =
	    make_cluster(server) == 0 && start_postgres(server, &postgres) == 0
		? '+'
		: '-';
	while (write(fd, &answer, 1) == 1 && read(fd, &order, 1) == 1)
		answer = make_standby(server, &postgres) == 0 ? '+' : '-';
	end_postgres(&postgres, SIGQUIT);
	(void)nftw(server->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

/* --- in the test program -------------------------------------------------- */

static void
show_log(const struct oat_server *server)
{
	char path[128], line[512];
	FILE *log;

	(void)snprintf(path, sizeof(path), "%s/log", server->folder);
	if ((log = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), log) != NULL)
		fputs(line, stderr);
	fclose(log);
}

static int
find_bindir(char *bindir, size_t size)
{
	const char *given = getenv("OAT_PG_BINDIR");
	const char *root = "/usr/lib/postgresql";
	const struct dirent *entry;
	double version, best = 0;
	DIR *dir;

	if (given != NULL)
		return (size_t)snprintf(bindir, size, "%s", given) < size ? 0
									  : -1;
	if ((dir = opendir(root)) == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		version = strtod(entry->d_name, NULL);
		if (version <= best)
			continue;
		best = version;
		(void)snprintf(bindir, size, "%s/%s/bin", root, entry->d_name);
	}
	closedir(dir);
	return best > 0 ? 0 : -1;
}

/* Thousands of files come and go: in memory, where there is room for them. */
static const char *
scratch(void)
{
	struct statvfs fs;

	return statvfs("/dev/shm", &fs) == 0 &&
		       fs.f_bavail > SCRATCH_MIN / fs.f_frsize &&
		       access("/dev/shm", W_OK | X_OK) == 0
		   ? "/dev/shm"
		   : "/tmp";
}

static int
make_folder(char *folder, size_t size)
{
	const struct passwd *pw;

	(void)snprintf(folder, size, "%s/oat-db-XXXXXX", scratch());
	if (mkdtemp(folder) == NULL)
		return -1;
	if (geteuid() != 0)
		return 0;
	pw = unprivileged();
	return pw != NULL ? chown(folder, pw->pw_uid, pw->pw_gid) : -1;
}

static int
answered(const struct oat_server *server)
{
	char answer = '-';

	return read(server->fd, &answer, 1) == 1 && answer == '+' ? 0 : -1;
}

int
oat_server_start(struct oat_server *ret_server)
{
	struct oat_server server = { .fd = -1 };
	int fds[2];

	if (find_bindir(server.bindir, sizeof(server.bindir)) != 0) {
		fprintf(stderr, "no PostgreSQL: set OAT_PG_BINDIR\n");
		return -1;
	}
	if (make_folder(server.folder, sizeof(server.folder)) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		fprintf(stderr, "%s: %s\n", server.folder, strerror(errno));
		return -1;
	}
	if ((server.keeper = fork()) == 0) {
		close(fds[0]);
		keep(&server, fds[1]);
	}
	close(fds[1]);
	server.fd = fds[0];
	*ret_server = server;
	if (answered(&server) == 0)
		return 0;
	fprintf(stderr, "PostgreSQL in %s did not start\n", server.bindir);
	show_log(&server);
	oat_server_stop(ret_server);
	return -1;
}

void
oat_server_stop(struct oat_server *server)
{
	if (server->keeper <= 0)
		return;
	close(server->fd);
	(void)waitpid(server->keeper, NULL, 0);
	server->keeper = 0;
}

int
oat_server_become_standby(struct oat_server *server)
{
	if (write(server->fd, "s", 1) == 1 && answered(server) == 0)
		return 0;
	fprintf(stderr, "PostgreSQL did not come back as a standby\n");
	show_log(server);
	return -1;
}
