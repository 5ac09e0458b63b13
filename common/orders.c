/* SPDX-License-Identifier: MIT */
#include "orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum oat_status
oat_orders_send(
    int fd, const struct oat_orders *orders, struct oat_deadline deadline)
{
	struct oat_wire out = { 0 };
	enum oat_status status;

	oat_wire_put_text(&out, OAT_VERSION);
	oat_wire_put_text(&out, orders->database);
	oat_wire_put_text(&out, orders->password);
	oat_wire_put_text(&out, orders->next_password);
	status = oat_wire_send(&out, fd, deadline);
	oat_wire_free(&out);
	return status;
}

/* The fields after the version. */
static enum oat_status
read_fields(struct oat_wire *in, struct oat_setup *setup)
{
	enum oat_status status;

	setup->config.database = calloc(1, OAT_WIRE_MAX);
	if (setup->config.database == NULL)
		return OAT_NOMEM;
	status = oat_wire_get_text(in, setup->config.database, OAT_WIRE_MAX);
	if (status == OAT_OK)
		status = oat_wire_get_text(
		    in, setup->password, sizeof(setup->password));
	if (status == OAT_OK)
		status = oat_wire_get_text(
		    in, setup->next_password, sizeof(setup->next_password));
	return status == OAT_OK ? oat_wire_end(in) : status;
}

enum oat_status
oat_orders_read(
    struct oat_wire *in, struct oat_setup *ret_setup, char *ret_error)
{
	char version[64] = "";
	enum oat_status status;

	(void)snprintf(ret_error, OAT_ORDERS_ERROR_MAX,
	    "the courier is of another version than what calls it; run: "
	    "systemctl try-restart oat-watch.service");
	status = oat_wire_get_text(in, version, sizeof(version));
	if (status != OAT_OK || strcmp(version, OAT_VERSION) != 0)
		return OAT_INVALID;
	(void)snprintf(ret_error, OAT_ORDERS_ERROR_MAX,
	    "the courier's orders make no sense");
	status = read_fields(in, ret_setup);
	if (status == OAT_OK)
		status = oat_conninfo_parse(ret_setup->config.database,
		    ret_setup->password[0] != '\0', &ret_setup->conninfo,
		    ret_error);
	return status;
}
