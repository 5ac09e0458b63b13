/* SPDX-License-Identifier: MIT */
/* What mends a server that refuses; each row is a test of its own words. */
#include "doctor_checks.h"

#include "paths.h"

#include <string.h>

#define NO_WAY \
	"mend the route to it, or take out the one that drops: ip route get"

const char *
oat_doctor_server_fix(const char *refusal)
{
	static const char *const fixes[][2] = {
		{ "could not translate host name",
		    "correct host=, or the name service" },
		{ "does not match host name",
		    "name it in host= as its certificate does" },
		{ "does not support SSL", "set ssl = on there" },
		{ "could not find digest",
		    "sign the server's certificate with RSA or ECDSA: to "
		    "channel binding this one's signature has no digest" },
		{ "refused", "start PostgreSQL there, with listen_addresses "
			     "beyond localhost; or correct port=" },
		{ "password authentication failed",
		    "run oat enroll here, and in psql what it prints" },
		{ "pg_hba.conf",
		    "put the line that sql/install.sql prints (hostssl ... "
		    "+oat_host) above others in pg_hba.conf, and reload; "
		    "grant oat_host to the role" },
		{ "does not exist",
		    "correct dbname= and user=, or install the schema and "
		    "enroll this host" },
		{ "is not permitted to log in",
		    "run oat enroll here, and in psql what it prints" },
		{ "connection slots",
		    "raise max_connections there, or end what holds them: "
		    "select * from pg_stat_activity" },
		{ "too many clients",
		    "raise max_connections there, or end what holds them: "
		    "select * from pg_stat_activity" },
		{ "too many connections",
		    "alter role, or alter database, ... connection limit -1" },
		{ "channel binding required",
		    "have pg_hba.conf there ask this host for scram-sha-256, "
		    "and set the role's password again: oat enroll" },
		{ "Invalid argument", NO_WAY },
		{ "unreachable", NO_WAY },
		{ "No route to host", NO_WAY },
		{ "superuser",
		    "user= must be the role that oat.enroll_host() returns" },
		{ "in time", "open the way to it: address, firewall, "
			     "listen_addresses" },
		{ "courier.so", "install oat again" },
		{ "expired", "renew the certificate of the server" },
		{ "not yet valid", "set the clocks of both" },
		{ "revoked", "renew the certificate of the server" },
		{ "sslcrl", "let " OAT_SYSTEM_USER " read the list of "
			    "revocations there" },
		{ "cannot be used",
		    "let " OAT_SYSTEM_USER " read that file: "
		    "chown root:" OAT_SYSTEM_USER ", chmod 0640" },
		{ "files it is checked with",
		    "let " OAT_SYSTEM_USER " read the files of sslrootcert, "
		    "sslcrl and sslcrldir" },
		{ "certificate", "put the certificate of the server's "
				 "authority into the file of sslrootcert" },
		{ "issuer", "put the certificate of the server's authority "
			    "into the file of sslrootcert" },
	};
	size_t i;

	for (i = 0; i < sizeof(fixes) / sizeof(fixes[0]); i++)
		if (strstr(refusal, fixes[i][0]) != NULL)
			return fixes[i][1];
	return "look into the log of the server";
}
