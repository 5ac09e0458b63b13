/* SPDX-License-Identifier: MIT */
#include "db.h"

#include "tests/runner.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32
#define TEXTS_MAX 20000
#define AWAIT_TRIES 1000 /* of 5 ms */

static struct {
	char folder[64], database[64];
	PGconn *connections[CONNECTIONS_MAX];
	char *texts[TEXTS_MAX];
	unsigned connection_count, text_count;
	char sqlstate[6];
	char *error; /* message, detail and hint; one of texts */
} state;

/* --- memory --------------------------------------------------------------- */

/* Owned by `state` from here on. */
static char *
keep_text(char *text)
{
	if (text == NULL || state.text_count == TEXTS_MAX)
		CU_FAIL_FATAL("out of memory");
	state.texts[state.text_count++] = text;
	return text;
}

static char *
format_text(const char *format, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, format, ap) < 0)
		CU_FAIL_FATAL("out of memory");
	return keep_text(text);
}

char *
db_text(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = format_text(format, ap);
	va_end(ap);
	return text;
}

void
oat_db_use(const char *folder, const char *database)
{
	(void)snprintf(state.folder, sizeof(state.folder), "%s", folder);
	(void)snprintf(state.database, sizeof(state.database), "%s", database);
}

void
oat_db_forget(void)
{
	while (state.connection_count > 0)
		PQfinish(state.connections[--state.connection_count]);
	while (state.text_count > 0)
		free(state.texts[--state.text_count]);
	state.error = NULL;
}

/* --- results -------------------------------------------------------------- */

/* Ends the test. Outside of one, in its setup, CUnit would just go on. */
static _Noreturn void
fail(struct oat_here here, const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	CU_assertImplementation(
	    CU_FALSE, here.line, text, here.file, "", CU_TRUE);
	fprintf(stderr, "%s:%u: %s\n", here.file, here.line, text);
	exit(2);
}

static bool
is_success(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
	       status == PGRES_EMPTY_QUERY || status == PGRES_SINGLE_TUPLE;
}

static const char *
field(const PGresult *result, int code)
{
	const char *text = PQresultErrorField(result, code);

	return text != NULL ? text : "";
}

/* Remember how it ended, for db_error_says(), and return the SQLSTATE. */
static const char *
remember(const PGresult *result)
{
	const char *code = field(result, PG_DIAG_SQLSTATE);

	if (is_success(result))
		code = "00000";
	else if (code[0] == '\0')
		code = "08006"; /* the server went away */
	(void)snprintf(state.sqlstate, sizeof(state.sqlstate), "%s", code);
	state.error =
	    db_text("%s\n%s\n%s", field(result, PG_DIAG_MESSAGE_PRIMARY),
		field(result, PG_DIAG_MESSAGE_DETAIL),
		field(result, PG_DIAG_MESSAGE_HINT));
	return state.sqlstate;
}

/* The rows in the form of psql -At. */
static char *
render(const PGresult *result)
{
	int rows = PQntuples(result), columns = PQnfields(result), row, column;
	char *text = NULL;
	size_t size;
	FILE *out;

	if ((out = open_memstream(&text, &size)) == NULL)
		CU_FAIL_FATAL("out of memory");
	for (row = 0; row < rows; row++)
		for (column = 0; column < columns; column++)
			fprintf(out, "%s%s",
			    column ? "|"
			    : row  ? "\n"
				   : "",
			    PQgetisnull(result, row, column)
				? "null"
				: PQgetvalue(result, row, column));
	fclose(out);
	return keep_text(text);
}

/* --- statements ----------------------------------------------------------- */

PGconn *
oat_db_connect(struct oat_here here, const char *role)
{
	const char *keys[] = { "host", "dbname", "user", NULL };
	const char *values[] = { state.folder, state.database, role, NULL };
	PGconn *conn = PQconnectdbParams(keys, values, 0);

	if (PQstatus(conn) != CONNECTION_OK ||
	    state.connection_count == CONNECTIONS_MAX) {
		char *why = db_text("%s", PQerrorMessage(conn));

		PQfinish(conn);
		fail(here, "connect as %s: %s", role, why);
	}
	PQclear(PQexec(conn, "set client_min_messages = error"));
	state.connections[state.connection_count++] = conn;
	return conn;
}

void
db_disconnect(PGconn *conn)
{
	unsigned i;

	for (i = 0; i < state.connection_count; i++)
		if (state.connections[i] == conn) {
			state.connections[i] =
			    state.connections[--state.connection_count];
			PQfinish(conn);
			return;
		}
}

static char *
run(struct oat_here here, PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	char *text = render(result);
	bool ok = is_success(result);

	(void)remember(result);
	PQclear(result);
	if (!ok)
		fail(here, "%s: %s in: %s", state.sqlstate, state.error, sql);
	return text;
}

char *
oat_db_value(struct oat_here here, PGconn *conn, const char *format, ...)
{
	va_list ap;
	char *sql;

	va_start(ap, format);
	sql = format_text(format, ap);
	va_end(ap);
	return run(here, conn, sql);
}

void
oat_db_expect(struct oat_here here, PGconn *conn, const char *expected,
    const char *format, ...)
{
	va_list ap;
	char *sql, *value;

	va_start(ap, format);
	sql = format_text(format, ap);
	va_end(ap);
	value = run(here, conn, sql);
	if (strcmp(value, expected) != 0)
		fail(here, "is: %s\n     not: %s\n     in: %s", value, expected,
		    sql);
}

void
oat_db_refused(struct oat_here here, PGconn *conn, const char *sqlstate,
    const char *format, ...)
{
	PGresult *result;
	va_list ap;
	char *sql;

	va_start(ap, format);
	sql = format_text(format, ap);
	va_end(ap);
	result = PQexec(conn, sql);
	(void)remember(result);
	PQclear(result);
	if (sqlstate != NULL && strcmp(state.sqlstate, sqlstate) == 0)
		return;
	if (sqlstate == NULL && strcmp(state.sqlstate, "00000") != 0 &&
	    strncmp(state.sqlstate, "08", 2) != 0 &&
	    strncmp(state.sqlstate, "XX", 2) != 0)
		return;
	fail(here, "SQLSTATE %s (%s), not %s, in: %.600s", state.sqlstate,
	    state.error, sqlstate ? sqlstate : "a refusal", sql);
}

void
oat_db_error_says(struct oat_here here, const char *text, bool does)
{
	if ((strstr(state.error, text) != NULL) != does)
		fail(here, "error should%s say \"%s\": %s", does ? "" : " not",
		    text, state.error);
}

const char *
db_try(PGconn *conn, const char *sql, int count, const char *const values[])
{
	PGresult *result =
	    PQexecParams(conn, sql, count, NULL, values, NULL, NULL, 0);
	const char *sqlstate = remember(result);

	PQclear(result);
	return sqlstate;
}

const char *
db_copy(PGconn *conn, const char *table, const char *lines)
{
	const char *sqlstate;
	PGresult *result;

	result = PQexec(conn, db_text("copy %s from stdin", table));
	if (PQresultStatus(result) != PGRES_COPY_IN) {
		sqlstate = remember(result);
		PQclear(result);
		return sqlstate;
	}
	PQclear(result);
	if (PQputCopyData(conn, lines, (int)strlen(lines)) != 1 ||
	    PQputCopyEnd(conn, NULL) != 1)
		CU_FAIL_FATAL("COPY data not sent");
	return db_finish(conn);
}

/* --- several connections -------------------------------------------------- */

void
oat_db_send(struct oat_here here, PGconn *conn, const char *format, ...)
{
	va_list ap;
	char *sql;

	va_start(ap, format);
	sql = format_text(format, ap);
	va_end(ap);
	if (PQsendQuery(conn, sql) != 1)
		fail(here, "not sent: %s: %s", PQerrorMessage(conn), sql);
}

const char *
db_finish(PGconn *conn)
{
	const char *sqlstate = "00000";
	PGresult *result;

	while ((result = PQgetResult(conn)) != NULL) {
		if (strcmp(sqlstate, "00000") == 0)
			sqlstate = remember(result);
		PQclear(result);
	}
	return sqlstate;
}

/* The server has only just been sent a statement while it looks idle. */
static bool
has_answered(const PGconn *conn)
{
	struct pollfd socket = { .fd = PQsocket(conn), .events = POLLIN };

	return poll(&socket, 1, 0) > 0;
}

void
oat_db_await(struct oat_here here, PGconn *conn, const PGconn *blocked)
{
	const char *answer;
	int i;

	for (i = 0; i < AWAIT_TRIES; i++) {
		answer = oat_db_value(here, conn,
		    "select coalesce(wait_event_type, '') = 'Lock' "
		    "from pg_stat_activity where pid = %d",
		    PQbackendPID(blocked));
		if (strcmp(answer, "t") == 0 || has_answered(blocked))
			return;
		usleep(5000);
	}
	fail(here, "the other connection neither waits nor ends");
}
