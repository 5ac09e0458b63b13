/* SPDX-License-Identifier: MIT */
#include "database_connect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum oat_status
oat_connection_wait(
    PGconn *connection, short events, struct oat_deadline deadline)
{
	struct pollfd fd = { .fd = PQsocket(connection), .events = events };
	int n;

	if (fd.fd < 0)
		return OAT_UNAVAILABLE;
	do {
		if (oat_deadline_passed(deadline))
			return OAT_TIMEOUT;
		n = poll(&fd, 1, oat_deadline_left_ms(deadline));
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n < 0 ? OAT_UNAVAILABLE : OAT_OK;
}

/* A server can send any number of notices; none is worth a line. */
static void
ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

/* Is it an option of the libpq that runs, whatever it was compiled with? */
static bool
is_known(const PQconninfoOption *known, const char *key)
{
	for (; known->keyword != NULL; known++)
		if (strcmp(known->keyword, key) == 0)
			return true;
	return false;
}

PGconn *
oat_connection_start(const struct oat_conninfo *conninfo, size_t server,
    const char *password,
    size_t (*settings_for)(const struct oat_conninfo *conninfo, size_t server,
	struct oat_setting *ret_settings))
{
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX];
	const char *keys[OAT_CONNINFO_SETTINGS_MAX + 1];
	const char *values[OAT_CONNINFO_SETTINGS_MAX + 1];
	PQconninfoOption *known;
	PGconn *connection;
	size_t i, n = 0, count;

	known = PQconninfoParse("", NULL);
	if (known == NULL)
		return NULL;
	count = settings_for(conninfo, server, settings);
	for (i = 0; i < count; i++) {
		if (settings[i].newer && !is_known(known, settings[i].key))
			continue;
		keys[n] = settings[i].key;
		values[n++] = settings[i].value;
	}
	/* Without a password a server that asks for one gets an empty no. */
	if (password != NULL && oat_conninfo_sends_password(conninfo)) {
		keys[n] = "password";
		values[n++] = password;
	}
	keys[n] = NULL;
	values[n] = NULL;
	connection = PQconnectStartParams(keys, values, 0);
	PQconninfoFree(known);
	if (connection != NULL)
		PQsetNoticeReceiver(connection, ignore_notice, NULL);
	return connection;
}

/* Is somebody at the other end, whatever comes of it? */
static bool
is_reached(const PGconn *connection)
{
	ConnStatusType state = PQstatus(connection);

	return state != CONNECTION_BAD && state != CONNECTION_STARTED &&
	       state != CONNECTION_NEEDED;
}

/* Wait for what libpq waits for, and let it go on. As oat_connection_wait(). */
static enum oat_status
step(PGconn *connection, PostgresPollingStatusType *polling,
    struct oat_deadline deadline)
{
	enum oat_status status;

	status = oat_connection_wait(connection,
	    *polling == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
	if (status == OAT_OK)
		*polling = PQconnectPoll(connection);
	return status;
}

enum oat_status
oat_connection_finish(
    PGconn *connection, struct oat_patience patience, bool *ret_late)
{
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
	enum oat_status status;
	bool reached = false;

	*ret_late = false;
	while (polling != PGRES_POLLING_OK) {
		if (polling == PGRES_POLLING_FAILED ||
		    PQstatus(connection) == CONNECTION_BAD)
			return reached ? OAT_UNAVAILABLE : OAT_TIMEOUT;
		reached = reached || is_reached(connection);
		status = step(connection, &polling,
		    oat_deadline_min(patience.until,
			oat_deadline_in_ms(patience.silence_ms)));
		*ret_late = status == OAT_TIMEOUT;
		if (status != OAT_OK)
			return status;
	}
	return OAT_OK;
}

/* libpq says "in use" before it has shaken hands. */
static bool
has_tls(PGconn *connection)
{
	return PQsslInUse(connection) != 0 &&
	       PQstatus(connection) != CONNECTION_SSL_STARTUP;
}

void
oat_database_peek(const struct oat_conninfo *conninfo, size_t server,
    struct oat_deadline deadline, void (*look)(void *tls, void *context),
    void *context)
{
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
	PGconn *connection = oat_connection_start(
	    conninfo, server, NULL, oat_conninfo_unchecked);

	while (PQstatus(connection) != CONNECTION_BAD &&
	       polling != PGRES_POLLING_OK && !has_tls(connection) &&
	       step(connection, &polling, deadline) == OAT_OK)
		;
	if (PQstatus(connection) != CONNECTION_BAD && has_tls(connection))
		look(PQsslStruct(connection, "OpenSSL"), context);
	PQfinish(connection);
}
