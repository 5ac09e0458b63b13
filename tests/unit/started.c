/* SPDX-License-Identifier: MIT */
#include "tests/unit/started.h"

#include "tests/runner.h"
#include "tests/unit/fake_server.h"

#include <stdio.h>

const struct oat_account started_nobody = { 65534, 65534 };

static struct oat_conninfo *conninfo; /* lives as long as the child */

struct oat_child
started_from(const char *text, const char *next_password)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "";
	struct oat_child child = OAT_CHILD_NONE;
	struct oat_orders orders = { .next_password = next_password };

	(void)started_tear_down();
	CU_ASSERT_EQUAL_FATAL(
	    oat_conninfo_parse(text, false, &conninfo, error), OAT_OK);
	orders.conninfo = conninfo;
	CU_ASSERT_EQUAL_FATAL(
	    oat_courier_start(&started_nobody, &orders, &child), OAT_OK);
	return child;
}

struct oat_child
started_for(int port, const char *settings, const char *next_password)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "host=127.0.0.1 port=%d dbname=oat user=" FAKE_ROLE " %s", port,
	    settings);
	return started_from(text, next_password);
}

int
started_tear_down(void)
{
	oat_conninfo_free(conninfo);
	conninfo = NULL;
	return 0;
}
