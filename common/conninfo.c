/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test in tests/unit/test_conninfo.c:
 *   - an option outside the list is refused, `password` with its own advice
 *   - TCP beyond loopback needs sslmode=verify-full and sslrootcert
 */
#include "conninfo_state.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const key_names[KEY_COUNT] = {
	[KEY_HOST] = "host",
	[KEY_HOSTADDR] = "hostaddr",
	[KEY_PORT] = "port",
	[KEY_DBNAME] = "dbname",
	[KEY_USER] = "user",
	[KEY_SSLMODE] = "sslmode",
	[KEY_SSLROOTCERT] = "sslrootcert",
	[KEY_SSLCERT] = "sslcert",
	[KEY_SSLKEY] = "sslkey",
	[KEY_SSLCRL] = "sslcrl",
	[KEY_SSLCRLDIR] = "sslcrldir",
	[KEY_SSL_MIN] = "ssl_min_protocol_version",
	[KEY_CHANNEL_BINDING] = "channel_binding",
	[KEY_REQUIREPEER] = "requirepeer",
};

static enum oat_status
refuse(char *ret_error, const char *key, const char *why)
{
	(void)snprintf(
	    ret_error, OAT_CONNINFO_ERROR_MAX, "database: %s: %s", key, why);
	return OAT_INVALID;
}

static enum oat_status
take(struct oat_conninfo *conninfo, const struct oat_setting *setting,
    char *ret_error)
{
	size_t i;

	if (setting->value == NULL)
		return OAT_OK;
	for (i = 0; i < KEY_COUNT; i++) {
		if (strcmp(setting->key, key_names[i]) != 0)
			continue;
		if (setting->value[0] == '\0')
			return OAT_OK;
		free(conninfo->value[i]);
		conninfo->value[i] = strdup(setting->value);
		return conninfo->value[i] == NULL ? OAT_NOMEM : OAT_OK;
	}
	if (strcmp(setting->key, "password") == 0)
		return refuse(ret_error, setting->key,
		    "not accepted here; put it into a file, owner root:_oat, "
		    "mode 0640, and name that in password_file");
	return refuse(ret_error, setting->key,
	    "not one of the options oat accepts; see oat.conf(5)");
}

/* Element `index` of a comma-separated list, "" when the list is shorter. */
static char *
element(const char *list, size_t index)
{
	const char *comma;

	if (list == NULL)
		return strdup("");
	for (; index > 0; index--) {
		comma = strchr(list, ',');
		if (comma == NULL)
			return strdup("");
		list = comma + 1;
	}
	return strndup(list, strcspn(list, ","));
}

static size_t
list_length(const char *list)
{
	size_t length = 1;

	if (list == NULL)
		return 0;
	for (; *list != '\0'; list++)
		if (*list == ',')
			length++;
	return length;
}

/* The name a person would use for the server; libpq accepts either alone. */
static enum oat_status
split_server(struct oat_conninfo *conninfo, size_t index)
{
	struct server *server = &conninfo->server[index];
	const char *ports = conninfo->value[KEY_PORT];
	const char *shown;

	server->host = element(conninfo->value[KEY_HOST], index);
	server->hostaddr = element(conninfo->value[KEY_HOSTADDR], index);
	/* One port stands for every host, as in libpq. */
	server->port = element(ports, list_length(ports) == 1 ? 0 : index);
	if (!server->host || !server->hostaddr || !server->port)
		return OAT_NOMEM;
	if (server->port[0] == '\0') {
		free(server->port);
		server->port = strdup("5432");
		if (server->port == NULL)
			return OAT_NOMEM;
	}
	shown = server->host[0] != '\0' ? server->host : server->hostaddr;
	if (asprintf(&server->name,
		strchr(shown, ':') != NULL ? "[%s]:%s" : "%s:%s", shown,
		server->port) < 0) {
		server->name = NULL;
		return OAT_NOMEM;
	}
	return OAT_OK;
}

static enum oat_status
split_servers(struct oat_conninfo *conninfo, char *ret_error)
{
	size_t hosts = list_length(conninfo->value[KEY_HOST]);
	size_t addrs = list_length(conninfo->value[KEY_HOSTADDR]);
	size_t ports = list_length(conninfo->value[KEY_PORT]);
	size_t i, n = hosts > addrs ? hosts : addrs;
	enum oat_status status;

	if (n == 0)
		return refuse(ret_error, "host",
		    "missing; name the server, or the folder of its socket");
	if (n > OAT_CONNINFO_SERVERS_MAX)
		return refuse(ret_error, "host", "more than 8 servers");
	if (hosts != 0 && addrs != 0 && hosts != addrs)
		return refuse(ret_error, "hostaddr",
		    "as many elements as host are needed");
	if (ports > 1 && ports != n)
		return refuse(ret_error, "port",
		    "one element, or as many as host, are needed");
	conninfo->servers = n;
	for (i = 0; i < n; i++) {
		status = split_server(conninfo, i);
		if (status != OAT_OK)
			return status;
		if (conninfo->server[i].host[0] == '\0' &&
		    conninfo->server[i].hostaddr[0] == '\0')
			return refuse(ret_error, "host", "an empty element");
	}
	return OAT_OK;
}

/*
 * Does the traffic stay on this machine? Addresses count when they are spelled
 * in full ("127.1.example" is a name); "localhost" is /etc/hosts' and RFC
 * 6761's.
 */
static bool
is_loopback(const struct server *server)
{
	const char *address =
	    server->hostaddr[0] != '\0' ? server->hostaddr : server->host;
	struct in_addr ipv4;

	if (inet_pton(AF_INET, address, &ipv4) == 1)
		return ntohl(ipv4.s_addr) >> 24 == 127;
	return strcmp(address, "::1") == 0 || strcmp(address, "localhost") == 0;
}

static bool
is(const struct oat_conninfo *conninfo, enum key key, const char *value)
{
	return conninfo->value[key] != NULL &&
	       strcmp(conninfo->value[key], value) == 0;
}

static enum oat_status
check_paths(const struct oat_conninfo *conninfo, char *ret_error)
{
	static const enum key paths[] = { KEY_SSLROOTCERT, KEY_SSLCERT,
		KEY_SSLKEY, KEY_SSLCRL, KEY_SSLCRLDIR };
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		value = conninfo->value[paths[i]];
		if (value != NULL && value[0] != '/')
			return refuse(ret_error, key_names[paths[i]],
			    "an absolute path is needed");
	}
	return OAT_OK;
}

static enum oat_status
check_policy(const struct oat_conninfo *conninfo, char *ret_error)
{
	size_t i;

	if (conninfo->value[KEY_DBNAME] == NULL)
		return refuse(
		    ret_error, "dbname", "missing; usually dbname=oat");
	if (conninfo->value[KEY_USER] == NULL)
		return refuse(ret_error, "user",
		    "missing; oat.enroll_host() returns the role of this host");
	if ((conninfo->value[KEY_SSLCERT] == NULL) !=
	    (conninfo->value[KEY_SSLKEY] == NULL))
		return refuse(ret_error, "sslcert", "goes with sslkey");
	if (conninfo->value[KEY_CHANNEL_BINDING] != NULL &&
	    !is(conninfo, KEY_CHANNEL_BINDING, "require") &&
	    !is(conninfo, KEY_CHANNEL_BINDING, "disable"))
		return refuse(ret_error, "channel_binding",
		    "`require` (the default) or `disable` (for PgBouncer)");
	for (i = 0; i < conninfo->servers; i++) {
		if (is_socket(&conninfo->server[i]) ||
		    is_loopback(&conninfo->server[i]))
			continue;
		if (!is(conninfo, KEY_SSLMODE, "verify-full"))
			return refuse(ret_error, "sslmode",
			    "verify-full is needed for a server on a network");
		if (conninfo->value[KEY_SSLROOTCERT] == NULL)
			return refuse(ret_error, "sslrootcert",
			    "missing; name the file of the certificate "
			    "authority, for example /etc/oat/ca.pem");
	}
	return check_paths(conninfo, ret_error);
}

enum oat_status
oat_conninfo_check(const struct oat_setting *settings, bool has_password,
    struct oat_conninfo **ret_conninfo, char *ret_error)
{
	struct oat_conninfo *conninfo;
	enum oat_status status = OAT_OK;

	conninfo = calloc(1, sizeof(*conninfo));
	if (conninfo == NULL)
		return OAT_NOMEM;
	conninfo->has_password = has_password;
	for (; settings->key != NULL && status == OAT_OK; settings++)
		status = take(conninfo, settings, ret_error);
	if (status == OAT_OK)
		status = split_servers(conninfo, ret_error);
	if (status == OAT_OK)
		status = check_policy(conninfo, ret_error);
	if (status != OAT_OK) {
		oat_conninfo_free(conninfo);
		return status;
	}
	*ret_conninfo = conninfo;
	return OAT_OK;
}

void
oat_conninfo_free(struct oat_conninfo *conninfo)
{
	size_t i;

	if (conninfo == NULL)
		return;
	for (i = 0; i < KEY_COUNT; i++)
		free(conninfo->value[i]);
	for (i = 0; i < OAT_CONNINFO_SERVERS_MAX; i++) {
		free(conninfo->server[i].host);
		free(conninfo->server[i].hostaddr);
		free(conninfo->server[i].port);
		free(conninfo->server[i].name);
	}
	free(conninfo);
}

size_t
oat_conninfo_servers(const struct oat_conninfo *conninfo)
{
	return conninfo->servers;
}

const char *
oat_conninfo_user(const struct oat_conninfo *conninfo)
{
	return conninfo->value[KEY_USER];
}

const char *
oat_conninfo_value(const struct oat_conninfo *conninfo, const char *key)
{
	size_t i;

	for (i = 0; i < KEY_COUNT; i++)
		if (strcmp(key, key_names[i]) == 0)
			return conninfo->value[i];
	return NULL;
}

bool
oat_conninfo_is_remote(const struct oat_conninfo *conninfo, size_t server)
{
	return !is_socket(&conninfo->server[server]);
}

const char *
oat_conninfo_server_name(const struct oat_conninfo *conninfo, size_t server)
{
	return conninfo->server[server].name;
}
