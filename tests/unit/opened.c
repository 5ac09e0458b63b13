/* SPDX-License-Identifier: MIT */
#include "tests/unit/opened.h"

#include "tests/process.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpq looks into the environment; the program has emptied it. */
int
oat_opened_set_up(void)
{
	return clearenv();
}

struct oat_deadline
oat_soon(void)
{
	return oat_deadline_in_ms(OAT_LONG_MS);
}

/* Servers on these ports of the loopback; 0 ends the list. */
struct oat_conninfo *
oat_conninfo_of(int first, int second)
{
	char text[256], error[OAT_CONNINFO_ERROR_MAX] = "";
	struct oat_conninfo *conninfo = NULL;

	if (second == 0)
		snprintf(text, sizeof(text),
		    "host=127.0.0.1 port=%d dbname=oat user=" FAKE_ROLE, first);
	else
		snprintf(text, sizeof(text),
		    "host=127.0.0.1,127.0.0.1 port=%d,%d dbname=oat "
		    "user=" FAKE_ROLE,
		    first, second);
	CU_ASSERT_EQUAL_FATAL(
	    oat_conninfo_parse(text, false, &conninfo, error), OAT_OK);
	return conninfo;
}

/* Does the text name this server? */
bool
oat_names_server(const char *text, int port)
{
	char server[32];

	snprintf(server, sizeof(server), "127.0.0.1:%d: ", port);
	return strstr(text, server) != NULL;
}

static struct oat_conninfo *conninfo; /* lives as long as the connection */

enum oat_status
oat_open_ports(int first, int second, struct oat_deadline deadline,
    struct oat_database **ret_database, char *ret_error)
{
	enum oat_status status;

	oat_conninfo_free(conninfo);
	conninfo = oat_conninfo_of(first, second);
	status = oat_database_open(
	    conninfo, NULL, deadline, ret_database, ret_error);
	OAT_ASSERT_THAT(
	    status == OAT_OK || oat_is_one_line(ret_error), "%s", ret_error);
	return status;
}

struct oat_database *
oat_open_one(const struct fake_server *server)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_database *database = NULL;
	enum oat_status status;

	status = oat_open_ports(server->port, 0, oat_soon(), &database, error);
	OAT_ASSERT_THAT(status == OAT_OK, "%s", error);
	if (status != OAT_OK)
		CU_FAIL_FATAL("no connection");
	return database;
}

int
oat_opened_tear_down(void)
{
	oat_conninfo_free(conninfo);
	conninfo = NULL;
	return 0;
}
