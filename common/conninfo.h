/* SPDX-License-Identifier: MIT */
/*
 * Which database to ask, and how: the policy over libpq's connection options.
 *
 * libpq takes every option it is not given from its environment, from files in
 * a home directory and from a service file. Here a listed set of keys is
 * accepted, and every other option is given a value by us, so that nothing is
 * looked up elsewhere. No libpq in these files: database_connect.c
 * translates.
 */
#ifndef OAT_CONNINFO_H
#define OAT_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>

#include "status.h"

#define OAT_CONNINFO_ERROR_MAX 256 /* bytes of an error text, NUL included */
#define OAT_CONNINFO_SERVERS_MAX 8 /* hosts in a list */

/* A key of libpq and its value, both borrowed. */
struct oat_setting {
	const char *key;
	const char *value;
	bool newer; /* to be left out where libpq does not know the key yet */
};

/* The most settings that oat_conninfo_settings() makes. */
#define OAT_CONNINFO_SETTINGS_MAX 40

struct oat_conninfo; /* a checked set of options; opaque */

/*
 * Check options against the policy: only listed keys, dbname and user present;
 * TCP needs sslmode=verify-full and sslrootcert, loopback excepted; with a
 * password over TLS channel_binding is `require` unless written `disable`; the
 * lists host, hostaddr and port agree in length.
 * `settings` ends with a NULL key; a NULL or empty value means absent, which
 * makes no key a listed one.
 * OAT_OK, and *ret_conninfo is freed by oat_conninfo_free(); OAT_NOMEM;
 * OAT_INVALID, and ret_error (OAT_CONNINFO_ERROR_MAX bytes) names the key, the
 * rule and the way out, never a value.
 */
enum oat_status oat_conninfo_check(const struct oat_setting *settings,
    bool has_password, struct oat_conninfo **ret_conninfo, char *ret_error);

/*
 * The same from a connection string of key=value pairs, each key once; URIs
 * are refused. Statuses and ret_error as above.
 */
enum oat_status oat_conninfo_parse(const char *text, bool has_password,
    struct oat_conninfo **ret_conninfo, char *ret_error);

void oat_conninfo_free(struct oat_conninfo *conninfo);

/* How many servers the host list names: 1 to OAT_CONNINFO_SERVERS_MAX. */
size_t oat_conninfo_servers(const struct oat_conninfo *conninfo);

/* The database role that is configured. Lives as long as the conninfo. */
const char *oat_conninfo_user(const struct oat_conninfo *conninfo);

/* What is written for a key such as "sslrootcert"; NULL when nothing is. */
const char *
oat_conninfo_value(const struct oat_conninfo *conninfo, const char *key);

/* Is the server reached by TCP, where TLS can be? */
bool oat_conninfo_is_remote(const struct oat_conninfo *conninfo, size_t server);

/* Is a password to be sent at all? No where a client certificate speaks. */
bool oat_conninfo_sends_password(const struct oat_conninfo *conninfo);

/*
 * All options for one server, ours and the administrator's, ended by a NULL
 * key, at most OAT_CONNINFO_SETTINGS_MAX with the end. Borrowed strings that
 * live as long as the conninfo; the password is not among them. Returns how
 * many there are without the end.
 */
size_t oat_conninfo_settings(const struct oat_conninfo *conninfo, size_t server,
    struct oat_setting *ret_settings);

/*
 * The same for a look at the server's certificate alone: TLS in any case, and
 * nothing about it checked. Not for a session: no password goes with these.
 */
size_t oat_conninfo_unchecked(const struct oat_conninfo *conninfo,
    size_t server, struct oat_setting *ret_settings);

/* "db1:5432", for messages; borrowed. */
const char *
oat_conninfo_server_name(const struct oat_conninfo *conninfo, size_t server);

/*
 * Can this process read the files that are configured? libpq goes on without a
 * revocation list or a client certificate that it cannot use, and may not say
 * why it cannot read another one, so this is asked before connecting.
 * OAT_OK, also when none is configured; OAT_UNAVAILABLE, and ret_error
 * (OAT_CONNINFO_ERROR_MAX bytes) names the key, the file and what is wrong.
 */
enum oat_status
oat_conninfo_check_files(const struct oat_conninfo *conninfo, char *ret_error);

#endif
