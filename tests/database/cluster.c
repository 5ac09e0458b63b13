/* SPDX-License-Identifier: MIT */
#include "cluster.h"

#include "db.h"
#include "server.h"
#include "tests/runner.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEMPLATE "oat_template"

static struct oat_server server;
static char database[32];
static bool bare;

/* --- programs ------------------------------------------------------------- */

static void
become_program(const char *const argv[], int output)
{
	char path[640];

	if (dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(126);
	(void)snprintf(path, sizeof(path), "%s/%s", server.bindir, argv[0]);
	execv(path, (char *const *)(uintptr_t)argv);
	/* A server without clients of its own: the machine's will do. */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* All that comes through a pipe, as text. */
static char *
read_all(int fd)
{
	char buffer[4096], *text = NULL;
	size_t size;
	ssize_t got;
	FILE *out = open_memstream(&text, &size);

	while (out != NULL && (got = read(fd, buffer, sizeof(buffer))) > 0)
		(void)fwrite(buffer, 1, (size_t)got, out);
	if (out != NULL)
		fclose(out);
	return text;
}

static int
run_program(const char *const argv[], char **ret_output)
{
	int fds[2], status = -1;
	char *output;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	if ((pid = fork()) == 0)
		become_program(argv, fds[1]);
	close(fds[1]);
	output = read_all(fds[0]);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		status = -1;
	else
		status = WEXITSTATUS(status);
	*ret_output = output;
	return status;
}

int
oat_cluster_program(const char *const argv[], char **ret_output)
{
	char *output = NULL;
	int status = run_program(argv, &output);

	if (ret_output != NULL)
		*ret_output = db_text("%s", output ? output : "");
	free(output);
	return status;
}

const char *
oat_cluster_sql(void)
{
	const char *folder = getenv("OAT_TEST_SQL");

	return folder != NULL ? folder : "sql";
}

int
oat_cluster_install(const char *role, const char *into, char **ret_output)
{
	char file[512];
	const char *argv[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
		"-U", role, "-d", into, "-f", file, NULL };

	(void)snprintf(file, sizeof(file), "%s/install.sql", oat_cluster_sql());
	return oat_cluster_program(argv, ret_output);
}

/* --- the cluster ---------------------------------------------------------- */

/* libpq and the programs get from the environment what we put there alone. */
static void
clean_environment(void)
{
	const PQconninfoOption *option;
	PQconninfoOption *options = PQconninfoParse("", NULL);

	for (option = options; option && option->keyword; option++)
		if (option->envvar != NULL)
			unsetenv(option->envvar);
	PQconninfoFree(options);
	unsetenv("PGTZ");
	unsetenv("PGDATESTYLE");
	setenv("PGHOST", server.folder, 1);
	setenv("PGUSER", "postgres", 1);
	setenv("PGDATABASE", "postgres", 1);
}

static int
run_once(const char *sql)
{
	const char *argv[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
		"-c", sql, NULL };
	char *output = NULL;
	int status = run_program(argv, &output);

	if (status != 0)
		fprintf(stderr, "%s: %s\n", sql, output ? output : "");
	free(output);
	return status;
}

static void
stop(void)
{
	oat_db_forget();
	oat_server_stop(&server);
}

int
oat_cluster_start_bare(void)
{
	if (server.keeper > 0)
		return 0;
	if (oat_server_start(&server) != 0)
		return -1;
	atexit(stop);
	clean_environment();
	bare = true;
	return run_once("create table roles as select rolname from pg_roles");
}

static int
install_template(void)
{
	char *output = NULL;
	int status;

	if (run_once("create database " TEMPLATE) != 0)
		return -1;
	status = oat_cluster_install("postgres", TEMPLATE, &output);
	if (status != 0)
		fprintf(stderr, "install.sql: %s\n", output);
	oat_db_forget();
	return status;
}

int
oat_cluster_start(void)
{
	if (server.keeper > 0)
		return 0;
	if (oat_cluster_start_bare() != 0 || install_template() != 0)
		return -1;
	bare = false;
	return run_once("drop table roles;"
			"create table roles as select rolname from pg_roles");
}

const char *
oat_cluster_folder(void)
{
	return server.folder;
}

bool
oat_cluster_log_has(const char *text)
{
	char line[1024], path[128];
	bool found = false;
	FILE *log;

	(void)snprintf(path, sizeof(path), "%s/log", server.folder);
	log = fopen(path, "re");
	while (log != NULL && !found && fgets(line, sizeof(line), log) != NULL)
		found = strstr(line, text) != NULL;
	if (log != NULL)
		fclose(log);
	return found;
}

int
oat_cluster_become_standby(void)
{
	return oat_server_become_standby(&server);
}

/* --- a database for each test --------------------------------------------- */

const char *
oat_cluster_database(void)
{
	return database;
}

static PGconn *
administer(void)
{
	oat_db_use(server.folder, "postgres");
	return db_connect("postgres");
}

void
oat_cluster_begin(void)
{
	static unsigned number;

	(void)snprintf(database, sizeof(database), "test_%u", ++number);
	db_run(administer(), "create database %s template %s", database,
	    bare ? "template1" : TEMPLATE);
	oat_db_forget();
	oat_db_use(server.folder, database);
}

/* The databases first: privileges in them keep roles alive. */
void
oat_cluster_end(void)
{
	PGconn *conn;

	oat_db_forget();
	conn = administer();
	db_run(conn,
	    "create or replace procedure tidy() language plpgsql as $$"
	    "declare r text; begin "
	    "for r in select rolname from pg_roles where rolname not in "
	    "(select rolname from roles) loop "
	    "execute format('drop owned by %%I', r); "
	    "execute format('drop role %%I', r); end loop; end $$");
	db_run(conn, "drop database if exists %s with (force)", database);
	db_run(conn, "call tidy()");
	oat_db_forget();
}
