/* SPDX-License-Identifier: MIT */
/* Servers that refuse, in the words of libpq, of OpenSSL and of their own. */
#include <string.h>

#include "common/doctor_checks.h"
#include "tests/runner.h"

#define AT "connection to server at \"db.lab\" (10.77.0.1), port 5432 failed: "

/* What is said, and what the fix speaks of. */
static const struct {
	const char *refusal, *fix;
} refusals[] = {
	{ "could not translate host name \"nowhere\" to address: unknown",
	    "correct host=" },
	{ "server certificate for \"db.lab\" does not match host name \"db\"",
	    "name it in host=" },
	{ AT "server does not support SSL, but SSL was required", "ssl = on" },
	{ "could not find digest for NID UNDEF", "RSA or ECDSA" },
	{ AT "Connection refused", "start PostgreSQL" },
	{ AT "FATAL:  password authentication failed for user \"oat_web-1\"",
	    "oat enroll" },
	{ AT "FATAL:  pg_hba.conf rejects connection for host \"10.77.0.2\"",
	    "pg_hba.conf" },
	{ AT "FATAL:  no pg_hba.conf entry for host \"10.77.0.2\"",
	    "grant oat_host" },
	{ AT "FATAL:  database \"tao\" does not exist", "correct dbname=" },
	{ AT "FATAL:  role \"oat_web-1\" is not permitted to log in",
	    "oat enroll" },
	{ "the configured role is a superuser", "oat.enroll_host()" },
	{ AT "FATAL:  remaining connection slots are reserved for "
	     "non-replication superuser connections",
	    "max_connections" },
	{ AT "FATAL:  remaining connection slots are reserved for roles with "
	     "the SUPERUSER attribute",
	    "max_connections" },
	{ AT "FATAL:  sorry, too many clients already", "max_connections" },
	{ AT "FATAL:  too many connections for role \"oat_web-1\"",
	    "connection limit" },
	{ AT "FATAL:  too many connections for database \"oat\"",
	    "connection limit" },
	{ AT "channel binding required, but server authenticated client "
	     "without channel binding",
	    "scram-sha-256" },
	{ AT "channel binding required but not supported by server's "
	     "authentication request",
	    "scram-sha-256" },
	{ AT "Invalid argument", "ip route get" },
	{ AT "Network is unreachable", "ip route get" },
	{ AT "No route to host", "ip route get" },
	{ "no answer in time", "open the way" },
	{ "courier.so: cannot be loaded", "install oat again" },
	{ "certificate has expired", "renew the certificate" },
	{ "certificate is not yet valid", "set the clocks" },
	{ "certificate revoked", "renew the certificate" },
	{ "sslcrl: No such file", "list of revocations" },
	{ "database: sslrootcert: /etc/oat/ca.pem cannot be used: Permission "
	  "denied",
	    "chmod 0640" },
	{ "unable to get local issuer certificate", "sslrootcert" },
	{ "something else", "log of the server" },
};

static void
test_doctor_refusal_of_a_server_has_its_fix(void)
{
	const char *fix;
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		fix = oat_doctor_server_fix(refusals[i].refusal);
		OAT_ASSERT_THAT(strstr(fix, refusals[i].fix) != NULL, "%s: %s",
		    refusals[i].refusal, fix);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_doctor_refusal_of_a_server_has_its_fix),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "doctor_refusals", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
