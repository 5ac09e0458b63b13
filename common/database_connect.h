/* SPDX-License-Identifier: MIT */
/*
 * Reaching a server with libpq, within a deadline: for database.c, which asks
 * what is reached. Nobody else's, but for oat_database_peek() of database.h.
 */
#ifndef OAT_DATABASE_CONNECT_H
#define OAT_DATABASE_CONNECT_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include "conninfo.h"
#include "database.h"
#include "deadline.h"
#include "status.h"

/*
 * Start one connection, with what `settings_for` says. Its notices go nowhere.
 * Ended with PQfinish(); NULL when there is no memory.
 */
PGconn *oat_connection_start(const struct oat_conninfo *conninfo, size_t server,
    const char *password,
    size_t (*settings_for)(const struct oat_conninfo *conninfo, size_t server,
	struct oat_setting *ret_settings));

/*
 * Drive a started connection. OAT_OK; OAT_TIMEOUT when nobody was reached, or
 * answered in time, or for so long, and *ret_late says which; OAT_UNAVAILABLE.
 */
enum oat_status oat_connection_finish(
    PGconn *connection, struct oat_patience patience, bool *ret_late);

/*
 * Wait for the socket. OAT_OK when it is ready, or in error, which the next
 * libpq call will report; OAT_TIMEOUT; OAT_UNAVAILABLE.
 */
enum oat_status oat_connection_wait(
    PGconn *connection, short events, struct oat_deadline deadline);

#endif
