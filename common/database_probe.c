/* SPDX-License-Identifier: MIT */
/* What `oat doctor` asks: about a server, and about one login on this host. */
#include "database_ask.h"

#include "certificate.h"
#include "escape.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* A share of the time that a look at the certificate alone may take. */
#define PEEK_PARTS 3

struct peek {
	const struct oat_conninfo *conninfo;
	struct oat_probe *probe;
};

static void
look(void *tls, void *context)
{
	const struct peek *peek = context;
	char why[sizeof(peek->probe->certificate)];

	if (tls == NULL)
		return;
	oat_certificate_of_peer(tls,
	    oat_conninfo_value(peek->conninfo, "sslrootcert"),
	    oat_conninfo_value(peek->conninfo, "sslcrl"),
	    &peek->probe->certificate_end, why, sizeof(why));
	oat_escape_sentence(
	    peek->probe->certificate, sizeof(peek->probe->certificate), why);
}

static int64_t
now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

/* The server's clock against the middle of the time that asking took. */
static enum oat_status
ask_health(struct oat_database *database, struct oat_deadline deadline,
    struct oat_probe *probe)
{
	int64_t before = now_us(), after;
	enum oat_status status;
	bool is_null;

	status = oat_database_ask_one(database, OAT_STATEMENT_HEALTH, NULL,
	    deadline, &oat_probe_fields[OAT_PROBE_HEALTH],
	    OAT_PROBE_HEALTH_FIELDS, probe, &is_null);
	after = now_us();
	if (status == OAT_OK)
		probe->skew_ms =
		    (probe->clock_us - (before + (after - before) / 2)) / 1000;
	return status;
}

static enum oat_status
ask(struct oat_database *database, struct oat_deadline deadline,
    struct oat_probe *probe)
{
	enum oat_status status;
	bool is_null;

	status = oat_database_ask_one(database, OAT_STATEMENT_SERVER, NULL,
	    deadline, &oat_probe_fields[OAT_PROBE_SERVER],
	    OAT_PROBE_SERVER_FIELDS, probe, &is_null);
	if (status == OAT_OK && probe->may_use_schema && probe->has_health)
		status = ask_health(database, deadline, probe);
	if (status == OAT_RANGE)
		return oat_database_refuse(database);
	return status == OAT_INVALID ? OAT_UNAVAILABLE : status;
}

enum oat_status
oat_database_probe(const struct oat_conninfo *conninfo, size_t server,
    const char *password, struct oat_deadline deadline,
    struct oat_probe *ret_probe, char *ret_error)
{
	struct oat_probe probe = { .refused = "" };
	struct peek peek = { conninfo, &probe };
	const struct oat_patience patience = { deadline, UINT32_MAX };
	struct oat_database *database = NULL;
	char why[OAT_DATABASE_ERROR_MAX];
	enum oat_status status;
	bool standby;

	if (oat_conninfo_is_remote(conninfo, server))
		oat_database_peek(conninfo, server,
		    oat_deadline_in_ms(
			(uint32_t)oat_deadline_left_ms(deadline) / PEEK_PARTS),
		    look, &peek);
	status = oat_conninfo_check_files(conninfo, why);
	if (status == OAT_OK)
		status = oat_database_open_server(conninfo, server, password,
		    patience, &database, &standby, why);
	if (status != OAT_OK) {
		oat_escape_sentence(probe.refused, sizeof(probe.refused),
		    why[0] != '\0' ? why : "the connection broke");
		*ret_probe = probe;
		return OAT_OK;
	}
	status = ask(database, deadline, &probe);
	if (status == OAT_OK)
		*ret_probe = probe;
	else
		(void)snprintf(ret_error, OAT_DATABASE_ERROR_MAX, "%s",
		    oat_database_error(database));
	oat_database_close(database);
	return status;
}

struct explaining {
	struct oat_explained row;
	enum oat_status (*take)(const struct oat_explained *row, void *context);
	void *context;
};

static enum oat_status
take_row(bool is_null, void *context)
{
	const struct explaining *explaining = context;

	(void)is_null;
	return explaining->take(&explaining->row, explaining->context);
}

enum oat_status
oat_database_explain(struct oat_database *database, const char *login,
    const char *service, const char *rhost, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_explained *row, void *context),
    void *context)
{
	struct explaining explaining = { .take = take, .context = context };
	const struct oat_reader reader = { .fields = oat_explained_fields,
		.count = OAT_EXPLAINED_FIELDS,
		.reply = &explaining.row,
		.too_long = OAT_ROW_TOO_LONG,
		.take = take_row,
		.context = &explaining };
	const char *const params[] = { login, service, rhost };

	return oat_database_ask(
	    database, OAT_STATEMENT_EXPLAIN, params, deadline, &reader);
}
