/* SPDX-License-Identifier: MIT */
/*
 * The inside of struct oat_conninfo, for conninfo.c, which checks what the
 * administrator wrote, and conninfo_settings.c, which says what libpq is told.
 */
#ifndef OAT_CONNINFO_STATE_H
#define OAT_CONNINFO_STATE_H

#include "conninfo.h"

/* The keys an administrator may write. */
enum key {
	KEY_HOST,
	KEY_HOSTADDR,
	KEY_PORT,
	KEY_DBNAME,
	KEY_USER,
	KEY_SSLMODE,
	KEY_SSLROOTCERT,
	KEY_SSLCERT,
	KEY_SSLKEY,
	KEY_SSLCRL,
	KEY_SSLCRLDIR,
	KEY_SSL_MIN,
	KEY_CHANNEL_BINDING,
	KEY_REQUIREPEER,
	KEY_COUNT
};

/* One element of the lists host, hostaddr, port; "" where there is none. */
struct server {
	char *host;
	char *hostaddr;
	char *port; /* never "" */
	char *name; /* for messages */
};

struct oat_conninfo {
	char *value[KEY_COUNT]; /* owned; NULL when absent */
	struct server server[OAT_CONNINFO_SERVERS_MAX];
	size_t servers;
	bool has_password;
};

/* Is it the folder of a unix socket, or an abstract one? */
static inline bool
is_socket(const struct server *server)
{
	return server->hostaddr[0] == '\0' &&
	       (server->host[0] == '/' || server->host[0] == '@');
}

#endif
