/* SPDX-License-Identifier: MIT */
/* Connections of common/database.h to servers that a test plays. */
#ifndef OAT_TESTS_OPENED_H
#define OAT_TESTS_OPENED_H

#include <stdbool.h>

#include "common/database.h"
#include "tests/unit/fake_server.h"

/* Of a suite: libpq finds no environment; nothing stays in memory. */
int oat_opened_set_up(void);
int oat_opened_tear_down(void);

/* A deadline that does not pass unless something hangs. */
struct oat_deadline oat_soon(void);

/*
 * Connect to the servers on these ports of the loopback, 0 for no second one.
 * What oat_database_open() answers, whose ret_error is one line.
 */
enum oat_status
oat_open_ports(int first, int second, struct oat_deadline deadline,
    struct oat_database **ret_database, char *ret_error);

/* Connect to this one, or the test ends; oat_database_close()d by the caller.
 */
struct oat_database *oat_open_one(const struct fake_server *server);

/* Options for these servers; oat_conninfo_free()d by the caller. */
struct oat_conninfo *oat_conninfo_of(int first, int second);

/* Does the text name the server on this port? */
bool oat_names_server(const char *text, int port);

#endif
