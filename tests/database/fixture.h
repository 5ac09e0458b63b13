/* SPDX-License-Identifier: MIT */
/* The rows that tests begin with, and a host's calls on them. */
#ifndef OAT_TESTS_DATABASE_FIXTURE_H
#define OAT_TESTS_DATABASE_FIXTURE_H

#include "db.h"

#include <string.h>

/* A new verifier within all bounds; its first 12 bytes are its selector. */
char *fixture_verifier(void);

/* The selector of a verifier. */
char *fixture_selector(const char *verifier);

/* An organization on plan `unlimited`. */
void fixture_organization(PGconn *conn, const char *name);

/* A token without expiry or grants; answers its selector. */
char *fixture_token(PGconn *conn, const char *organization, const char *name);

void fixture_grant(PGconn *conn, const char *organization, const char *token,
    const char *host, const char *service);

/* Enroll a host with labels such as "{prod,eu}"; a connection as its role. */
PGconn *fixture_host(PGconn *conn, const char *name, const char *labels);

/*
 * An administrator, not a superuser: alice, member of oat_admin, with
 * CREATEROLE and the admin option on oat_host.
 */
PGconn *fixture_admin(void);

/* A database role that may log in, member of another. */
PGconn *fixture_role(PGconn *conn, const char *name, const char *member_of);

/*
 * acme/ci with grants for sshd and sudo on web-1, which is enrolled; answers
 * web-1's connection, and the token's selector.
 */
PGconn *fixture_acme(PGconn *conn, char **ret_selector);

/* Run statements with triggers and foreign keys off: moves data in time. */
#define fixture_force(conn, ...)                                        \
	do {                                                            \
		db_run(conn, "set session_replication_role = replica"); \
		db_run(conn, __VA_ARGS__);                              \
		db_run(conn, "reset session_replication_role");         \
	} while (0)

/* Seal the log; how many rows that took. */
char *fixture_seal(PGconn *conn);

/* The log is as it was sealed. */
#define fixture_expect_intact(conn)    \
	db_expect(conn, "t|null|null", \
	    "select intact, batch, problem from oat.verify_activity()")

/* One authentication or account check, as a host asks for it. */
struct fixture_attempt {
	const char *event; /* login, access; default by `selector` */
	const char *login, *service, *selector, *proof;
	const char *rhost, *tty, *ruser; /* default "-" */
	const char *event_id;		 /* default: a new one */
};

/*
 * Decide it: "allowed", or the reason. Defaults: login oat-acme-ci, service
 * sshd, proof "right" with a selector and "none" without, rhost 10.1.2.3.
 */
#define fixture_decide(conn, ...)          \
	oat_fixture_decide(OAT_HERE, conn, \
	    &(struct fixture_attempt){ __VA_ARGS__ }, "reason")

/* The same; answers the message for the holder, or "null". */
#define fixture_message(conn, ...)         \
	oat_fixture_decide(OAT_HERE, conn, \
	    &(struct fixture_attempt){ __VA_ARGS__ }, "message")

/* The same, compared. */
#define fixture_expect(conn, expected, ...) \
	OAT_ASSERT_TEXT(fixture_decide(conn, __VA_ARGS__), expected)

#define OAT_ASSERT_TEXT(actual, expected)                             \
	do {                                                          \
		const char *oat_is = (actual), *oat_not = (expected); \
		OAT_ASSERT_THAT(strcmp(oat_is, oat_not) == 0,         \
		    "is: %s; not: %s", oat_is, oat_not);              \
	} while (0)

char *oat_fixture_decide(struct oat_here here, PGconn *conn,
    const struct fixture_attempt *attempt, const char *column);

#endif
