/* SPDX-License-Identifier: MIT */
/*
 * One connection to the token database, and the questions a host may ask.
 * database.c and database_connect.c alone know libpq. They run in the
 * unprivileged network child: everything that comes back is hostile until root
 * has validated it.
 *
 * Every wait ends at its deadline, except a name look-up inside libpq, which
 * cannot be interrupted: the parent kills the process then.
 */
#ifndef OAT_DATABASE_H
#define OAT_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include "conninfo.h"
#include "deadline.h"
#include "reply.h"
#include "status.h"
#include "verifier.h"

/* The newest migration of sql/ when this program was made. */
#define OAT_SCHEMA_VERSION 7

#define OAT_DATABASE_ERROR_MAX 512 /* bytes of an error text, NUL included */

struct oat_database; /* a connection; opaque */

/*
 * What oat.host_decide() is asked. Texts are borrowed; "-" for none. The
 * selector is NULL, or "", for an access check.
 */
struct oat_question {
	const char *event_id; /* uuid */
	const char *event;    /* "login" or "access" */
	const char *login;
	const char *service;
	const char *rhost;
	const char *tty;
	const char *ruser;
	const char *selector;
	const char *proof; /* "right", "wrong", "bad_verifier", "none" */
};

/*
 * Connect to the first server that answers as a primary, else to a standby.
 * While others can be asked, a server may be silent for a second, and gets no
 * more than its share of the time that is left, so that a standby found before
 * can be asked, too. A session that is not the configured role, or is a
 * superuser, is refused.
 * The environment must be empty: libpq looks there for what it is not told.
 * The conninfo must outlive the connection.
 * OAT_OK, and *ret_database is closed by oat_database_close(); OAT_TIMEOUT when
 * no server could be reached, or answered in time; OAT_UNAVAILABLE when one did
 * and is of no use, or this host's own files are not. On failure ret_error
 * (OAT_DATABASE_ERROR_MAX bytes, printable, one line) names each server tried
 * and why.
 */
enum oat_status oat_database_open(const struct oat_conninfo *conninfo,
    const char *password, struct oat_deadline deadline,
    struct oat_database **ret_database, char *ret_error);

/* How long one server is waited for. */
struct oat_patience {
	struct oat_deadline until; /* altogether */
	uint32_t silence_ms;	   /* while nothing comes from it */
};

/*
 * Connect to one server; oat_database_open() in database_open.c tries them all
 * with it. OAT_OK, and whether it is a standby; OAT_TIMEOUT or OAT_UNAVAILABLE
 * as above, and ret_error (OAT_DATABASE_ERROR_MAX bytes) is one line, not
 * escaped.
 */
enum oat_status oat_database_open_server(const struct oat_conninfo *conninfo,
    size_t server, const char *password, struct oat_patience patience,
    struct oat_database **ret_database, bool *ret_standby, char *ret_error);

/* Ends the connection; NULL is accepted. */
void oat_database_close(struct oat_database *database);

/* Why the last question failed: printable, one line. Lives until the next. */
const char *oat_database_error(const struct oat_database *database);

/*
 * The verifier a selector names, for this host. OAT_OK; OAT_NOTFOUND when there
 * is none that this host may see; OAT_RANGE when it is longer than any valid
 * one; OAT_TIMEOUT; OAT_UNAVAILABLE for anything else.
 */
enum oat_status
oat_database_verifier(struct oat_database *database, const char *selector,
    struct oat_deadline deadline, char ret_verifier[OAT_VERIFIER_MAX]);

/*
 * Have the server prepare for deciding on this selector, while Argon2 works: a
 * new session has yet to read its catalogs and plan its statements. Nothing is
 * decided or recorded, and a failure only costs time later.
 */
void oat_database_rehearse(struct oat_database *database, const char *selector,
    struct oat_deadline deadline);

/*
 * Decide, record, answer. OAT_OK; OAT_TIMEOUT, after which the event may or may
 * not have been recorded; OAT_UNAVAILABLE.
 */
enum oat_status oat_database_decide(struct oat_database *database,
    const struct oat_question *question, struct oat_deadline deadline,
    struct oat_decision *ret_decision);

/*
 * Look at one server by itself, for `oat doctor`: why there is no session is an
 * answer, too. OAT_OK; OAT_TIMEOUT and OAT_UNAVAILABLE only when a session was
 * there and a question failed, and ret_error (OAT_DATABASE_ERROR_MAX bytes)
 * says why.
 */
enum oat_status oat_database_probe(const struct oat_conninfo *conninfo,
    size_t server, const char *password, struct oat_deadline deadline,
    struct oat_probe *ret_probe, char *ret_error);

/*
 * Connect as far as TLS goes, without checking anything or saying who asks, and
 * let `look` see the connection: OpenSSL's SSL object. It is not called when it
 * does not come to that.
 */
void oat_database_peek(const struct oat_conninfo *conninfo, size_t server,
    struct oat_deadline deadline, void (*look)(void *tls, void *context),
    void *context);

/*
 * Why a login is refused on this host, or let in: oat.host_explain(), row by
 * row. "-" is no remote host. `take` as for oat_database_identities().
 */
enum oat_status
oat_database_explain(struct oat_database *database, const char *login,
    const char *service, const char *rhost, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_explained *row, void *context),
    void *context);

/*
 * Deliver spooled events, a JSON array; delivering again is harmless.
 * OAT_OK with how many were new; OAT_INVALID when the server cannot take the
 * array for what it holds, now or ever; OAT_TIMEOUT; OAT_UNAVAILABLE.
 */
enum oat_status oat_database_record(struct oat_database *database,
    const char *events, struct oat_deadline deadline, uint32_t *ret_new);

/*
 * A new password for the role that is connected, as its SCRAM verifier.
 * OAT_OK; OAT_TIMEOUT, after which it may or may not have changed;
 * OAT_UNAVAILABLE.
 */
enum oat_status oat_database_password(struct oat_database *database,
    const char *verifier, struct oat_deadline deadline);

/*
 * Be told of changes from now on. OAT_OK; OAT_NOTFOUND when the server does not
 * tell, as a standby; OAT_TIMEOUT; OAT_UNAVAILABLE.
 */
enum oat_status oat_database_listen(
    struct oat_database *database, struct oat_deadline deadline);

/*
 * Wait until a change was told of since the last wait; of many, once. OAT_OK;
 * OAT_NOTFOUND when none was by the deadline; OAT_UNAVAILABLE when the
 * connection is lost.
 */
enum oat_status
oat_database_await(struct oat_database *database, struct oat_deadline deadline);

/*
 * The identities of this host, row by row, in the order the server sends them.
 * `take` answers OAT_OK to go on; anything else ends the listing and is the
 * function's answer. The memory used does not depend on the number of rows.
 */
enum oat_status oat_database_identities(struct oat_database *database,
    const struct oat_knowledge *known, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_row *row, void *context),
    void *context);

#endif
