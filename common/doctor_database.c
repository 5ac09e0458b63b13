/* SPDX-License-Identifier: MIT */
/*
 * Everything here is asked by children that are _oat: one for the files that
 * TLS needs, and one for each server, all of them at the same time, so that
 * servers that do not answer cost one timeout together.
 */
#include "doctor_checks.h"

#include "courier.h"
#include "doctor_clock.h"
#include "paths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* One server of host=, and what became of looking at it. */
struct server {
	struct oat_child child;
	const char *name;
	enum oat_status status; /* of asking the child */
	struct oat_probe probe;
	char error[OAT_DATABASE_ERROR_MAX];
};

struct look {
	struct oat_doctor *doctor;
	struct oat_deadline deadline;
	struct server server[OAT_CONNINFO_SERVERS_MAX];
	size_t count, usable, primaries;
};

/* What a child says may be anything; as a time it fits some sums. */
static int64_t
bounded(int64_t number)
{
	const int64_t most = INT64_C(1) << 52;

	return number > most ? most : number < -most ? -most : number;
}

/* --- dates of certificates ----------------------------------------------- */

/* Says when one ends; true when that is far off. */
static bool
check_end(struct oat_doctor *doctor, const char *check, const char *subject,
    int64_t end, const char *fix)
{
	char span[OAT_DOCTOR_SPAN_MAX], date[32] = "?";
	int64_t left = bounded(end) - (int64_t)time(NULL);
	enum oat_level level = oat_doctor_certificate_level(left);
	time_t at = (time_t)bounded(end);
	struct tm tm;

	if (gmtime_r(&at, &tm) != NULL)
		(void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
	oat_doctor_span(span, left < 0 ? -left : left);
	oat_found(&doctor->findings, level, check, subject,
	    left < 0 ? "ended %s, %s ago" : "ends %s, in %s", date, span);
	if (level != OAT_LEVEL_OK)
		oat_fix(&doctor->findings, OAT_FIX_WORDS, "%s", fix);
	return level == OAT_LEVEL_OK;
}

/* What _oat finds when it opens what TLS needs. */
static void
check_files(struct look *look, struct oat_child *child)
{
	static const struct {
		const char *key, *check, *fix;
	} files[] = {
		{ "sslrootcert", "tls.ca",
		    "put the authority's new certificate into the file" },
		{ "sslcert", "tls.certificate",
		    "have the authority sign a new one for this host" },
		{ "sslkey", "tls.key", "" },
	};
	struct oat_doctor *doctor = look->doctor;
	char error[OAT_DATABASE_ERROR_MAX];
	const char *path;
	int64_t end = 0;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path = oat_conninfo_value(doctor->setup.conninfo, files[i].key);
		if (path == NULL)
			continue;
		if (oat_courier_file(child, files[i].key, look->deadline, &end,
			error) != OAT_OK) {
			oat_found(&doctor->findings, OAT_LEVEL_FAILURE,
			    files[i].check, path, "as " OAT_SYSTEM_USER ": %s",
			    error);
			oat_fix(&doctor->findings, OAT_FIX_WORDS,
			    "let " OAT_SYSTEM_USER " read a PEM file there, "
			    "and enter the folders above it");
		} else if (end != 0)
			(void)check_end(
			    doctor, files[i].check, path, end, files[i].fix);
	}
}

/* --- a server that is not usable ----------------------------------------- */

static bool
is_usable(const struct server *server)
{
	return server->status == OAT_OK && server->probe.refused[0] == '\0' &&
	       server->probe.may_use_schema;
}

/* Logins go on while another server is there. */
static void
tell_refusal(struct look *look, const struct server *server)
{
	const char *certificate = server->probe.certificate;
	const char *refusal =
	    server->status == OAT_OK ? server->probe.refused : server->error;
	bool unbelieved = server->status == OAT_OK && certificate[0] != '\0';

	oat_found(&look->doctor->findings,
	    look->usable > 0 ? OAT_LEVEL_WARNING : OAT_LEVEL_FAILURE, "server",
	    server->name, "%s%s%s", refusal,
	    unbelieved ? "; its certificate: " : "",
	    unbelieved ? certificate : "");
	oat_fix(&look->doctor->findings, OAT_FIX_WORDS, "%s",
	    oat_doctor_server_fix(unbelieved ? certificate : refusal));
}

/* --- a server with a session --------------------------------------------- */

static void
check_session(struct look *look, const struct server *server)
{
	const struct oat_probe *probe = &server->probe;

	oat_found(&look->doctor->findings, OAT_LEVEL_OK, "server", server->name,
	    "%s, PostgreSQL %s", probe->standby ? "standby" : "primary",
	    probe->server_version);
	if (probe->certificate_end != 0)
		(void)check_end(look->doctor, "tls.server", server->name,
		    probe->certificate_end,
		    "renew the certificate of the server");
}

/* A standby decides, and lets events wait; what is no standby has to write. */
static void
check_writable(struct look *look, const struct server *server)
{
	if (server->probe.standby || !server->probe.read_only)
		return;
	oat_found(&look->doctor->findings, OAT_LEVEL_FAILURE, "server",
	    server->name, "read-only, and no standby: no login is decided");
	oat_fix(&look->doctor->findings, OAT_FIX_WORDS,
	    "take default_transaction_read_only out of where it is on: alter "
	    "database, alter role, or postgresql.conf");
}

static const char install_sql[] =
    "as an administrator: psql -d ... -v "
    "ON_ERROR_STOP=1 -f " OAT_SQLDIR "/install.sql";

/* False when nothing more can be asked there. */
static bool
check_schema(struct look *look, const struct server *server)
{
	struct oat_findings *findings = &look->doctor->findings;
	const struct oat_probe *probe = &server->probe;
	int64_t version = probe->schema_version;

	if (!probe->has_schema)
		oat_found(findings, OAT_LEVEL_FAILURE, "schema", server->name,
		    "there is no schema oat in this database");
	else if (!probe->may_use_schema) {
		oat_found(findings, OAT_LEVEL_FAILURE, "role", server->name,
		    "%s may not use the schema",
		    oat_conninfo_user(look->doctor->setup.conninfo));
		oat_fix(findings, OAT_FIX_SQL,
		    "grant usage on schema oat to oat_host; "
		    "grant oat_host to \"%s\"",
		    oat_conninfo_user(look->doctor->setup.conninfo));
		return false;
	} else if (!probe->has_health || version < OAT_SCHEMA_VERSION)
		oat_found(findings, OAT_LEVEL_FAILURE, "schema", server->name,
		    "version %" PRId64 "%s, this program needs %d", version,
		    probe->has_health ? "" : " (too old to say)",
		    OAT_SCHEMA_VERSION);
	else if (version > OAT_SCHEMA_VERSION) {
		oat_found(findings, OAT_LEVEL_WARNING, "schema", server->name,
		    "version %" PRId64 ", this program is made for %d", version,
		    OAT_SCHEMA_VERSION);
		oat_fix(findings, OAT_FIX_WORDS,
		    "upgrade oat on this host, as on the others");
		return true;
	} else {
		oat_found(findings, OAT_LEVEL_OK, "schema", server->name,
		    "version %" PRId64, version);
		return true;
	}
	oat_fix(findings, OAT_FIX_WORDS, "%s", install_sql);
	return probe->has_health;
}

/* What user= would be called as a host: "oat_web-1" is web-1. */
static const char *
host_of(const char *role)
{
	return strncmp(role, "oat_", 4) == 0 ? role + 4 : role;
}

static void
check_role(struct look *look, const struct server *server)
{
	struct oat_findings *findings = &look->doctor->findings;
	const char *role = oat_conninfo_user(look->doctor->setup.conninfo);
	const struct oat_probe *probe = &server->probe;

	if (probe->host[0] == '\0') {
		oat_found(findings, OAT_LEVEL_FAILURE, "role", server->name,
		    "%s is no enrolled host", role);
		oat_fix(findings, OAT_FIX_SQL, "select oat.enroll_host('%s')",
		    host_of(role));
	} else if (probe->suspended_at[0] != '\0') {
		oat_found(findings, OAT_LEVEL_FAILURE, "role", server->name,
		    "host %s is suspended since %s", probe->host,
		    probe->suspended_at);
		oat_fix(findings, OAT_FIX_SQL,
		    "update oat.hosts set suspended_at = null "
		    "where name = '%s'",
		    probe->host);
	} else if (probe->excess[0] != '\0') {
		oat_found(findings, OAT_LEVEL_FAILURE, "role", server->name,
		    "host %s may do more than a host: %s", probe->host,
		    probe->excess);
		oat_fix(findings, OAT_FIX_SQL, "%s", probe->excess_fix);
	} else
		oat_found(findings, OAT_LEVEL_OK, "role", server->name,
		    "host %s, with a host's rights alone", probe->host);
}

static void
check_clock(struct look *look, const struct server *server)
{
	int64_t skew_ms = bounded(server->probe.skew_ms);
	enum oat_level level = oat_doctor_skew_level(skew_ms);
	char span[OAT_DOCTOR_SPAN_MAX];

	oat_doctor_span(span, (skew_ms < 0 ? -skew_ms : skew_ms) / 1000);
	if (level == OAT_LEVEL_OK) {
		oat_found(&look->doctor->findings, level, "clock", server->name,
		    "as this host's, within %s", span);
		return;
	}
	oat_found(&look->doctor->findings, level, "clock", server->name,
	    "%s %s this host's", span, skew_ms < 0 ? "behind" : "before");
	oat_fix(&look->doctor->findings, OAT_FIX_WORDS,
	    "set both by NTP: timedatectl set-ntp true, or chronyd");
}

/* Identities outside our range are refused, one row in the log for each. */
static void
check_range(struct look *look, const struct server *server)
{
	const struct oat_config *config = &look->doctor->setup.config;
	unsigned long min = 0, max = 0;

	if (sscanf(server->probe.uid_range, "%lu-%lu", &min, &max) != 2 ||
	    (min >= config->uid_min && max <= config->uid_max))
		return;
	oat_found(&look->doctor->findings, OAT_LEVEL_WARNING, "uid_range",
	    server->name,
	    "the database gives out %lu-%lu, this host takes %u-%u", min, max,
	    config->uid_min, config->uid_max);
	oat_fix(&look->doctor->findings, OAT_FIX_SHELL,
	    "sed -i -E '/^[[:space:]]*uid_range/d' " OAT_PATH_CONFIG
	    " && echo 'uid_range = %lu-%lu' >>" OAT_PATH_CONFIG,
	    min, max);
}

static void
check_server(struct look *look, const struct server *server)
{
	if (server->status != OAT_OK || server->probe.refused[0] != '\0') {
		tell_refusal(look, server);
		return;
	}
	check_session(look, server);
	check_writable(look, server);
	if (!check_schema(look, server))
		return;
	check_role(look, server);
	check_clock(look, server);
	check_range(look, server);
	if (server->probe.generation > look->doctor->generation)
		look->doctor->generation = server->probe.generation;
}

/* --- all of them --------------------------------------------------------- */

static enum oat_status
start(const struct look *look, struct oat_child *ret_child)
{
	const struct oat_orders orders = oat_setup_orders(&look->doctor->setup);
	enum oat_status status;

	status = oat_courier_start(&look->doctor->account, &orders, ret_child);
	/* Asked about one server or file, which its line names already. */
	ret_child->peer[0] = '\0';
	return status;
}

static void
ask_servers(struct look *look)
{
	struct server *server;
	size_t i;

	for (i = 0; i < look->count; i++) {
		server = &look->server[i];
		server->child = (struct oat_child)OAT_CHILD_NONE;
		server->name =
		    oat_conninfo_server_name(look->doctor->setup.conninfo, i);
		server->status = start(look, &server->child);
		if (server->status == OAT_OK)
			server->status = oat_courier_ask_probe(&server->child,
			    (uint32_t)i, look->deadline, server->error);
		else
			(void)snprintf(server->error, sizeof(server->error),
			    "no child process: %s", strerror(errno));
	}
}

static void
await_servers(struct look *look)
{
	struct server *server;
	size_t i;

	for (i = 0; i < look->count; i++) {
		server = &look->server[i];
		if (server->status == OAT_OK)
			server->status = oat_courier_take_probe(&server->child,
			    look->deadline, &server->probe, server->error);
		oat_child_end(&server->child);
		if (!is_usable(server))
			continue;
		look->usable++;
		look->primaries += !server->probe.standby;
	}
}

/* A standby decides; events and used_up tokens wait for a primary. */
static void
check_primary(struct look *look)
{
	if (look->usable == 0 || look->primaries > 0)
		return;
	oat_found(&look->doctor->findings, OAT_LEVEL_WARNING, "primary",
	    "host=",
	    "none of the servers is a primary: logins go on, events wait");
	oat_fix(&look->doctor->findings, OAT_FIX_WORDS,
	    "promote one of them, or name the primary in host=");
}

void
oat_doctor_database(struct oat_doctor *doctor)
{
	struct look look = { .doctor = doctor };
	struct oat_child files = OAT_CHILD_NONE;
	size_t i;

	if (!doctor->configured) {
		oat_doctor_needs_configuration(doctor, "server", "host=");
		return;
	}
	look.count = oat_conninfo_servers(doctor->setup.conninfo);
	look.deadline = oat_deadline_in_ms(doctor->setup.config.timeout_ms);
	ask_servers(&look);
	if (start(&look, &files) == OAT_OK)
		check_files(&look, &files);
	oat_child_end(&files);
	await_servers(&look);
	for (i = 0; i < look.count; i++)
		check_server(&look, &look.server[i]);
	check_primary(&look);
}
