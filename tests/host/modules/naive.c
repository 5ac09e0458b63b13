/* SPDX-License-Identifier: MIT */
/*
 * A PAM module as others wrote it: libpq in the caller's process. It says to
 * which server the environment of the caller has led it, and decides nothing.
 * Where it is fooled, the environment did reach the module's process.
 */
#include <security/pam_modules.h>
#include <syslog.h>

#include <libpq-fe.h>

__attribute__((visibility("default"))) int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char *argv[])
{
	PGconn *connection;
	PGresult *result;

	(void)pamh;
	(void)flags;
	if (argc != 1)
		return PAM_IGNORE;
	connection = PQconnectdb("host=db.lab dbname=oat user=oat_web-1");
	result = PQexec(connection, "select 'asked'");
	syslog(LOG_AUTHPRIV | LOG_NOTICE, "naive, in %s: %s", argv[0],
	    PQresultStatus(result) == PGRES_TUPLES_OK
		? PQgetvalue(result, 0, 0)
		: PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return PAM_IGNORE;
}

__attribute__((visibility("default"))) int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char *argv[])
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}
