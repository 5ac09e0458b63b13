/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - statements are the constants below; everything else is a parameter
 *   - no wait outlasts its deadline, whatever a server sends
 *   - no answer is read into memory without a bound: single rows, each cut off
 *     by the child's address-space limit
 *   - what a server says reaches a log escaped and bounded, or not at all
 *   - the session is the configured role, and not a superuser
 */
#include "database_ask.h"

#include "database_connect.h"
#include "escape.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of any server at all: nothing of ours need be there. */
static const char ask_server[] =
    "select pg_is_in_recovery(), "
    "current_setting('transaction_read_only') = 'on', "
    "left(current_setting('server_version'), 60), "
    "to_regnamespace('oat') is not null, "
    "has_schema_privilege(to_regnamespace('oat'), 'usage'), "
    "exists (select from pg_catalog.pg_proc where proname = 'host_health' "
    "and pronamespace = to_regnamespace('oat'))";
static const char ask_health[] =
    "select host, suspended_at, schema_version, generation, clock, uid_range, "
    "excess, excess_fix from oat.host_health()";

static const struct statement {
	const char *sql;
	int params;
} statements[] = {
	[OAT_STATEMENT_VERIFIER] = { "select oat.host_verifier($1)", 1 },
	[OAT_STATEMENT_REHEARSE] = { "select oat.host_rehearse($1)", 1 },
	[OAT_STATEMENT_DECIDE] = { "select allowed, reason, message, "
				   "organization, token, event from "
				   "oat.host_decide($1, $2, $3, $4, $5, $6, "
				   "$7, $8, $9)",
	    9 },
	[OAT_STATEMENT_RECORD] = { "select oat.host_record($1)", 1 },
	[OAT_STATEMENT_IDENTITIES] = { "select kind, name, id, organization, "
				       "token, shell, active, expires_at, "
				       "groups from "
				       "oat.host_sync($1, $2, $3)",
	    3 },
	[OAT_STATEMENT_LISTEN] = { "listen oat_changed", 0 },
	[OAT_STATEMENT_STANDBY] = { "select pg_is_in_recovery()", 0 },
	[OAT_STATEMENT_SERVER] = { ask_server, 0 },
	[OAT_STATEMENT_HEALTH] = { ask_health, 0 },
	[OAT_STATEMENT_EXPLAIN] = { "select check_name, passed, detail, fix "
				    "from oat.host_explain($1, $2, $3)",
	    3 },
	[OAT_STATEMENT_PASSWORD] = { "select oat.host_password($1)", 1 },
};

struct oat_database {
	PGconn *connection; /* owned */
	const char *server; /* for messages; the conninfo's */
	bool is_silent;	    /* an answer is outstanding: of no use any more */
	char error[OAT_DATABASE_ERROR_MAX];
};

/* --- asking -------------------------------------------------------------- */

/* What the data of a question can be blamed for: SQLSTATE classes. */
static bool
is_bad_data(const PGresult *result)
{
	static const char *const classes[] = { "22", "23", "54" };
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (state != NULL && strncmp(state, classes[i], 2) == 0)
			return true;
	return false;
}

/*
 * Keep why a question failed, the first line of it, and answer the status.
 * `result` is NULL when it is not the server who says so.
 */
static enum oat_status
failed(struct oat_database *database, enum oat_status status,
    const PGresult *result)
{
	char line[OAT_DATABASE_ERROR_MAX];
	const char *text = result != NULL
			       ? PQresultErrorMessage(result)
			       : PQerrorMessage(database->connection);

	database->is_silent = database->is_silent || status == OAT_TIMEOUT;
	if (status == OAT_TIMEOUT)
		text = "the server stopped answering";
	else if (text[0] == '\0')
		text = "the server sent something unexpected";
	(void)snprintf(line, sizeof(line), "%s: %.*s", database->server,
	    (int)strcspn(text, "\n"), text);
	oat_escape_sentence(database->error, sizeof(database->error), line);
	if (status == OAT_TIMEOUT)
		return OAT_TIMEOUT;
	return result != NULL && is_bad_data(result) ? OAT_INVALID
						     : OAT_UNAVAILABLE;
}

/* Send what libpq still holds. */
static enum oat_status
flush(PGconn *connection, struct oat_deadline deadline)
{
	enum oat_status status;
	int left;

	while ((left = PQflush(connection)) == 1) {
		status =
		    oat_connection_wait(connection, POLLIN | POLLOUT, deadline);
		if (status != OAT_OK)
			return status;
		if (PQconsumeInput(connection) != 1)
			return OAT_UNAVAILABLE;
	}
	return left == 0 ? OAT_OK : OAT_UNAVAILABLE;
}

/* Send one statement with text parameters, rows to come one at a time. */
static enum oat_status
send_statement(struct oat_database *database, const struct statement *statement,
    const char *const *params, struct oat_deadline deadline)
{
	PGconn *connection = database->connection;
	enum oat_status status;

	if (database->is_silent)
		return failed(database, OAT_TIMEOUT, NULL);
	if (PQsetnonblocking(connection, 1) != 0 ||
	    PQsendQueryParams(connection, statement->sql, statement->params,
		NULL, params, NULL, NULL, 0) != 1 ||
	    PQsetSingleRowMode(connection) != 1)
		return failed(database, OAT_UNAVAILABLE, NULL);
	status = flush(connection, deadline);
	return status == OAT_OK ? OAT_OK : failed(database, status, NULL);
}

/* The next result, or NULL at the end of the answer. */
static enum oat_status
next_result(struct oat_database *database, struct oat_deadline deadline,
    PGresult **ret_result)
{
	enum oat_status status;

	/* Rows may come faster than they are taken: then nothing waits. */
	if (oat_deadline_passed(deadline))
		return failed(database, OAT_TIMEOUT, NULL);
	while (PQisBusy(database->connection)) {
		status =
		    oat_connection_wait(database->connection, POLLIN, deadline);
		if (status != OAT_OK)
			return failed(database, status, NULL);
		if (PQconsumeInput(database->connection) != 1)
			return failed(database, OAT_UNAVAILABLE, NULL);
	}
	*ret_result = PQgetResult(database->connection);
	return OAT_OK;
}

/* One row, into the reader's struct. */
static enum oat_status
copy_row(const PGresult *row, const struct oat_reader *reader)
{
	const struct oat_field *field = reader->fields;
	enum oat_status status = OAT_OK;
	const char *text;
	int i;

	for (i = 0; i < reader->count && status == OAT_OK; i++, field++) {
		text = PQgetisnull(row, 0, i) ? "" : PQgetvalue(row, 0, i);
		status = oat_reply_set(field, text, reader->reply);
		if (status == OAT_RANGE && reader->too_long != NULL)
			status = oat_reply_set(
			    field, reader->too_long, reader->reply);
	}
	return status;
}

static enum oat_status
read_result(struct oat_database *database, const PGresult *result,
    const struct oat_reader *reader)
{
	ExecStatusType type = PQresultStatus(result);
	enum oat_status status;

	if (type == PGRES_COMMAND_OK && reader->count == 0)
		return OAT_OK;
	if ((type != PGRES_SINGLE_TUPLE && type != PGRES_TUPLES_OK) ||
	    PQnfields(result) != reader->count)
		return failed(database, OAT_UNAVAILABLE, result);
	if (type == PGRES_TUPLES_OK)
		return OAT_OK; /* the end of the rows is a result without one */
	status = copy_row(result, reader);
	if (status == OAT_INVALID)
		return failed(database, OAT_UNAVAILABLE, NULL);
	if (status != OAT_OK)
		return status;
	return reader->take(PQgetisnull(result, 0, 0), reader->context);
}

/* A COPY that nobody asked for would be announced for ever. */
static bool
is_copy(const PGresult *result)
{
	ExecStatusType type = PQresultStatus(result);

	return type == PGRES_COPY_IN || type == PGRES_COPY_OUT ||
	       type == PGRES_COPY_BOTH;
}

enum oat_status
oat_database_ask(struct oat_database *database, enum oat_statement statement,
    const char *const *params, struct oat_deadline deadline,
    const struct oat_reader *reader)
{
	enum oat_status status, waited;
	PGresult *result = NULL;
	bool copy = false;

	database->error[0] = '\0';
	status =
	    send_statement(database, &statements[statement], params, deadline);
	if (status != OAT_OK)
		return status;
	while (!copy) {
		waited = next_result(database, deadline, &result);
		if (waited != OAT_OK)
			return waited;
		if (result == NULL)
			return status;
		if (status == OAT_OK)
			status = read_result(database, result, reader);
		copy = is_copy(result);
		PQclear(result);
	}
	return status;
}

/* Forget what was told. Was it anything? There is one channel. */
static bool
take_notifications(PGconn *connection)
{
	PGnotify *notification;
	bool any = false;

	while ((notification = PQnotifies(connection)) != NULL) {
		PQfreemem(notification);
		any = true;
	}
	return any;
}

enum oat_status
oat_database_listen(struct oat_database *database, struct oat_deadline deadline)
{
	const struct oat_reader nothing = { .count = 0 };
	enum oat_status status;

	status = oat_database_ask(
	    database, OAT_STATEMENT_LISTEN, NULL, deadline, &nothing);
	if (status != OAT_UNAVAILABLE ||
	    PQstatus(database->connection) != CONNECTION_OK)
		return status;
	return OAT_NOTFOUND;
}

enum oat_status
oat_database_await(struct oat_database *database, struct oat_deadline deadline)
{
	enum oat_status status;

	while (!take_notifications(database->connection)) {
		status =
		    oat_connection_wait(database->connection, POLLIN, deadline);
		if (status == OAT_TIMEOUT)
			return OAT_NOTFOUND;
		if (status != OAT_OK ||
		    PQconsumeInput(database->connection) != 1)
			return failed(database, OAT_UNAVAILABLE, NULL);
	}
	return OAT_OK;
}

enum oat_status
oat_database_refuse(struct oat_database *database)
{
	return failed(database, OAT_UNAVAILABLE, NULL);
}

/* --- connecting ---------------------------------------------------------- */

static bool
parameter_is(PGconn *connection, const char *name, const char *value)
{
	const char *is = PQparameterStatus(connection, name);

	return is != NULL && strcmp(is, value) == 0;
}

/* Why this session is not to be used; NULL when it is. */
static const char *
objection(PGconn *connection, const struct oat_conninfo *conninfo)
{
	if (parameter_is(connection, "is_superuser", "on"))
		return "the configured role is a superuser; use the role that "
		       "oat.enroll_host() made";
	if (!parameter_is(connection, "is_superuser", "off") ||
	    !parameter_is(connection, "session_authorization",
		oat_conninfo_user(conninfo)))
		return "the session is not the configured role";
	return NULL;
}

static enum oat_status
take_nothing(bool is_null, void *context)
{
	(void)is_null;
	(void)context;
	return OAT_OK;
}

/* Servers before PostgreSQL 14 do not tell by themselves. */
static enum oat_status
find_standby(struct oat_database *database, struct oat_deadline deadline,
    bool *ret_standby)
{
	static const struct oat_field flag = { OAT_FIELD_FLAG, 0,
		sizeof(bool) };
	const struct oat_reader reader = { .fields = &flag,
		.count = 1,
		.reply = ret_standby,
		.take = take_nothing };
	PGconn *connection = database->connection;

	if (PQparameterStatus(connection, "in_hot_standby") == NULL)
		return oat_database_ask(
		    database, OAT_STATEMENT_STANDBY, NULL, deadline, &reader);
	*ret_standby = parameter_is(connection, "in_hot_standby", "on");
	return OAT_OK;
}

/*
 * Drive a started connection to its end. OAT_OK when it is usable; OAT_TIMEOUT
 * or OAT_UNAVAILABLE, and *ret_why.
 */
static enum oat_status
complete(struct oat_database *database, const struct oat_conninfo *conninfo,
    struct oat_patience patience, bool *ret_standby, const char **ret_why)
{
	enum oat_status status;
	bool late;

	status = oat_connection_finish(database->connection, patience, &late);
	*ret_why =
	    late ? "no answer in time" : PQerrorMessage(database->connection);
	if (status != OAT_OK)
		return status;
	*ret_why = objection(database->connection, conninfo);
	if (*ret_why != NULL)
		return OAT_UNAVAILABLE;
	*ret_why = "it does not say whether it is a standby";
	return find_standby(database, patience.until, ret_standby);
}

enum oat_status
oat_database_open_server(const struct oat_conninfo *conninfo, size_t server,
    const char *password, struct oat_patience patience,
    struct oat_database **ret_database, bool *ret_standby, char *ret_error)
{
	enum oat_status status = OAT_UNAVAILABLE;
	const char *why = "out of memory";
	struct oat_database *database;

	database = calloc(1, sizeof(*database));
	if (database != NULL) {
		database->server = oat_conninfo_server_name(conninfo, server);
		database->connection = oat_connection_start(
		    conninfo, server, password, oat_conninfo_settings);
	}
	if (database != NULL && database->connection != NULL)
		status =
		    complete(database, conninfo, patience, ret_standby, &why);
	if (status == OAT_OK) {
		*ret_database = database;
		return OAT_OK;
	}
	(void)snprintf(ret_error, OAT_DATABASE_ERROR_MAX, "%.*s",
	    (int)strcspn(why, "\n"), why);
	oat_database_close(database);
	return status;
}

void
oat_database_close(struct oat_database *database)
{
	if (database == NULL)
		return;
	PQfinish(database->connection);
	free(database);
}

const char *
oat_database_error(const struct oat_database *database)
{
	return database->error;
}
