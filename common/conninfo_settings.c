/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test in tests/unit/test_conninfo_settings.c:
 *   - every option of libpq has a value from us, but for those below
 *   - a password over TLS needs channel binding, unless written `disable`
 *   - a client certificate means that no password is sent
 *   - service files, password files and GSSAPI are never used
 *   - a revocation list that is configured is checked, or nothing is asked
 *   - a file that cannot be read is told with the reason, by us
 *
 * libpq takes "" for "not given", so what has no neutral value cannot be
 * fixed: service, servicefile, password, hostaddr beside a name, options,
 * requirepeer. For those the program has emptied its environment. The rest
 * that is left out (sslpassword, replication, tcp_user_timeout,
 * fallback_application_name, sslkeylogfile, scram_*, oauth_*) is looked up
 * nowhere.
 */
#include "conninfo_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where libpq would find nothing; it must not be told "" (that is: unset). */
#define NOWHERE "/nonexistent/oat"

#define PEM_CRL "-----BEGIN X509 CRL-----"

/* What we say in place of the environment, whatever the administrator says. */
static const struct oat_setting fixed[] = {
	{ "passfile", NOWHERE, false },
	{ "connect_timeout", "0", false }, /* the deadline is ours */
	{ "client_encoding", "UTF8", false },
	{ "application_name", "oat", false },
	{ "sslcompression", "0", false },
	{ "sslsni", "1", true },
	{ "ssl_max_protocol_version", "TLSv1.3", false },
	{ "sslcertmode", "allow", true },
	{ "sslnegotiation", "postgres", true },
	{ "min_protocol_version", "3.0", true },
	{ "max_protocol_version", "3.0", true },
	{ "gssencmode", "disable", false },
	{ "gssdelegation", "0", true },
	{ "gsslib", "gssapi", false },
	{ "krbsrvname", "postgres", false },
	{ "target_session_attrs", "any", false },
	{ "load_balance_hosts", "disable", true },
	{ "keepalives", "1", false },
	{ "keepalives_idle", "10", false },
	{ "keepalives_interval", "5", false },
	{ "keepalives_count", "3", false },
};

bool
oat_conninfo_sends_password(const struct oat_conninfo *conninfo)
{
	return conninfo->has_password && conninfo->value[KEY_SSLCERT] == NULL;
}

/*
 * Channel binding exists for SCRAM over TLS only: required there, and off
 * where it cannot be (unix sockets, client certificates, plain loopback).
 */
static const char *
channel_binding(
    const struct oat_conninfo *conninfo, const struct server *server)
{
	const char *sslmode = conninfo->value[KEY_SSLMODE];

	if (is_socket(server) || !oat_conninfo_sends_password(conninfo))
		return "disable";
	if (conninfo->value[KEY_CHANNEL_BINDING] != NULL)
		return conninfo->value[KEY_CHANNEL_BINDING];
	return sslmode != NULL && strcmp(sslmode, "verify-full") == 0
		   ? "require"
		   : "disable";
}

/*
 * What the server may ask for. Peer authentication of a unix socket asks for
 * nothing, whether or not there is a password. Before libpq 16 only required
 * channel binding keeps a server from asking for a password in clear.
 */
static const char *
require_auth(const struct oat_conninfo *conninfo, const struct server *server)
{
	if (!oat_conninfo_sends_password(conninfo))
		return "none";
	return is_socket(server) ? "scram-sha-256,none" : "scram-sha-256";
}

/*
 * libpq hands file and folder of revocation lists to OpenSSL together, and
 * checks nothing when the file fails: beside a folder there must be one that
 * can be loaded, and the authority's own certificate can.
 */
static const char *
crl_file(const struct oat_conninfo *conninfo)
{
	if (conninfo->value[KEY_SSLCRL] != NULL)
		return conninfo->value[KEY_SSLCRL];
	if (conninfo->value[KEY_SSLCRLDIR] != NULL &&
	    conninfo->value[KEY_SSLROOTCERT] != NULL)
		return conninfo->value[KEY_SSLROOTCERT];
	return NOWHERE;
}

static const char *
value_or(const struct oat_conninfo *conninfo, enum key key, const char *other)
{
	return conninfo->value[key] != NULL ? conninfo->value[key] : other;
}

/* The next setting; one without a value is left out. */
static void
put(struct oat_setting *settings, size_t *n, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		settings[(*n)++] = (struct oat_setting){ key, value, false };
}

size_t
oat_conninfo_settings(const struct oat_conninfo *conninfo, size_t index,
    struct oat_setting *ret_settings)
{
	const struct server *server = &conninfo->server[index];
	struct oat_setting *s = ret_settings;
	size_t n = sizeof(fixed) / sizeof(fixed[0]);

	memcpy(s, fixed, sizeof(fixed));
	put(s, &n, "host", server->host);
	put(s, &n, "hostaddr", server->hostaddr);
	put(s, &n, "port", server->port);
	put(s, &n, "dbname", conninfo->value[KEY_DBNAME]);
	put(s, &n, "user", conninfo->value[KEY_USER]);
	put(s, &n, "sslmode",
	    is_socket(server) ? "disable"
			      : value_or(conninfo, KEY_SSLMODE, "prefer"));
	put(s, &n, "sslrootcert", value_or(conninfo, KEY_SSLROOTCERT, NOWHERE));
	put(s, &n, "sslcert", value_or(conninfo, KEY_SSLCERT, NOWHERE));
	put(s, &n, "sslkey", value_or(conninfo, KEY_SSLKEY, NOWHERE));
	put(s, &n, "sslcrl", crl_file(conninfo));
	put(s, &n, "sslcrldir", value_or(conninfo, KEY_SSLCRLDIR, NOWHERE));
	put(s, &n, "ssl_min_protocol_version",
	    value_or(conninfo, KEY_SSL_MIN, "TLSv1.2"));
	put(s, &n, "channel_binding", channel_binding(conninfo, server));
	put(s, &n, "requirepeer", conninfo->value[KEY_REQUIREPEER]);
	s[n++] = (struct oat_setting){ "require_auth",
		require_auth(conninfo, server), true };
	s[n] = (struct oat_setting){ NULL, NULL, false };
	return n;
}

/*
 * The root certificate must not be found, or "require" would check it (libpq,
 * "Client Verification of Server Certificates").
 */
size_t
oat_conninfo_unchecked(const struct oat_conninfo *conninfo, size_t index,
    struct oat_setting *ret_settings)
{
	static const struct oat_setting others[] = {
		{ "sslmode", "require", false },
		{ "sslrootcert", NOWHERE, false },
		{ "sslcrl", NOWHERE, false },
		{ "sslcrldir", NOWHERE, false },
		{ "sslcert", NOWHERE, false },
		{ "channel_binding", "disable", false },
	};
	size_t n = oat_conninfo_settings(conninfo, index, ret_settings), i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < sizeof(others) / sizeof(others[0]); j++)
			if (strcmp(ret_settings[i].key, others[j].key) == 0)
				ret_settings[i].value = others[j].value;
	return n;
}

static enum oat_status
unusable(char *ret_error, const char *key, const char *path, const char *why)
{
	(void)snprintf(ret_error, OAT_CONNINFO_ERROR_MAX,
	    "database: %s: %.128s cannot be used: %s", key, path, why);
	return OAT_UNAVAILABLE;
}

/* Does the file hold a list as PEM, the only form that libpq reads? */
static enum oat_status
check_crl_file(const char *path, char *ret_error)
{
	char line[256];
	bool found = false;
	FILE *file;

	file = fopen(path, "re");
	if (file == NULL)
		return unusable(ret_error, "sslcrl", path, strerror(errno));
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, PEM_CRL, strlen(PEM_CRL)) == 0;
	(void)fclose(file);
	return found
		   ? OAT_OK
		   : unusable(ret_error, "sslcrl", path, "no list in PEM form");
}

/* As libpq will open it: that one's own message may lack the reason. */
static enum oat_status
check_readable(
    const struct oat_conninfo *conninfo, const char *key, char *ret_error)
{
	const char *path = oat_conninfo_value(conninfo, key);
	int fd;

	if (path == NULL)
		return OAT_OK;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return unusable(ret_error, key, path, strerror(errno));
	(void)close(fd);
	return OAT_OK;
}

static bool
has_remote(const struct oat_conninfo *conninfo)
{
	size_t i;

	for (i = 0; i < oat_conninfo_servers(conninfo); i++)
		if (oat_conninfo_is_remote(conninfo, i))
			return true;
	return false;
}

enum oat_status
oat_conninfo_check_files(const struct oat_conninfo *conninfo, char *ret_error)
{
	static const char *const keys[] = { "sslrootcert", "sslcert",
		"sslkey" };
	const char *file = conninfo->value[KEY_SSLCRL];
	const char *folder = conninfo->value[KEY_SSLCRLDIR];
	size_t i, n = sizeof(keys) / sizeof(keys[0]);

	if (folder != NULL && access(folder, R_OK | X_OK) != 0)
		return unusable(
		    ret_error, "sslcrldir", folder, strerror(errno));
	if (file != NULL && check_crl_file(file, ret_error) != OAT_OK)
		return OAT_UNAVAILABLE;
	for (i = 0; has_remote(conninfo) && i < n; i++)
		if (check_readable(conninfo, keys[i], ret_error) != OAT_OK)
			return OAT_UNAVAILABLE;
	return OAT_OK;
}
