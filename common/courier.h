/* SPDX-License-Identifier: MIT */
/*
 * The child that talks to the database: it has the network and the database's
 * password, and never the token. What it brings back is not trusted.
 *
 * It connects at the first question, within that one's deadline. Each function
 * asks one question and waits for the answer: OAT_OK; OAT_TIMEOUT;
 * OAT_UNAVAILABLE, also when the child is gone or its answer makes no sense.
 * After a failure ret_error (OAT_DATABASE_ERROR_MAX bytes) says why in one
 * printable line.
 */
#ifndef OAT_COURIER_H
#define OAT_COURIER_H

#include "child.h"
#include "conninfo.h"
#include "database.h"
#include "deadline.h"
#include "status.h"

/* What the child is sent off with; it has its own copy after the start. */
struct oat_orders {
	const struct oat_conninfo *conninfo;
	const char *database;	   /* what that was read from */
	const char *password;	   /* or NULL */
	const char *next_password; /* tried where that one fails; or NULL */
};

/* Start it. OAT_OK, ended with oat_child_end(); OAT_SYSTEM. */
enum oat_status oat_courier_start(const struct oat_account *account,
    const struct oat_orders *orders, struct oat_child *ret_child);

/* oat_database_verifier(), OAT_NOTFOUND and OAT_RANGE included. */
enum oat_status oat_courier_verifier(struct oat_child *child,
    const char *selector, struct oat_deadline deadline,
    char ret_verifier[OAT_VERIFIER_MAX], char *ret_error);

/* oat_database_decide(). */
enum oat_status oat_courier_decide(struct oat_child *child,
    const struct oat_question *question, struct oat_deadline deadline,
    struct oat_decision *ret_decision, char *ret_error);

/*
 * oat_database_record(), OAT_INVALID included; the array is at most
 * OAT_COURIER_EVENTS_MAX bytes.
 */
#define OAT_COURIER_EVENTS_MAX 61440
enum oat_status oat_courier_record(struct oat_child *child, const char *events,
    struct oat_deadline deadline, uint32_t *ret_new, char *ret_error);

/* oat_database_password(). */
enum oat_status oat_courier_password(struct oat_child *child,
    const char *verifier, struct oat_deadline deadline, char *ret_error);

/*
 * oat_database_identities(); the report is at most OAT_COURIER_REPORT_MAX
 * bytes. What `take` answers other than OAT_OK is the function's answer; the
 * child is then of no further use.
 */
#define OAT_COURIER_REPORT_MAX 8192
enum oat_status oat_courier_identities(struct oat_child *child,
    const struct oat_knowledge *known, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_row *row, void *context),
    void *context, char *ret_error);

/* oat_database_listen(), OAT_NOTFOUND included. */
enum oat_status oat_courier_listen(
    struct oat_child *child, struct oat_deadline deadline, char *ret_error);

/*
 * oat_database_await(), in two parts, so that the caller can wait for something
 * else as well: let the child begin, and when child->fd is readable, or the
 * deadline near, take the answer. A caller who cannot wait ends the child.
 * Both: as above; the second OAT_NOTFOUND when nothing was told by the
 * deadline, and not later than that.
 */
enum oat_status oat_courier_await_begin(
    struct oat_child *child, struct oat_deadline deadline, char *ret_error);
enum oat_status oat_courier_await_end(
    struct oat_child *child, struct oat_deadline deadline, char *ret_error);

/* --- for `oat doctor` ---------------------------------------------------- */

/* oat_database_explain(). */
enum oat_status oat_courier_explain(struct oat_child *child, const char *login,
    const char *service, const char *rhost, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_explained *row, void *context),
    void *context, char *ret_error);

/*
 * oat_database_probe(), in two halves: several children are asked about a
 * server each, before the first one's answer is waited for. OAT_OK: asked.
 */
enum oat_status oat_courier_ask_probe(struct oat_child *child, uint32_t server,
    struct oat_deadline deadline, char *ret_error);
enum oat_status oat_courier_take_probe(struct oat_child *child,
    struct oat_deadline deadline, struct oat_probe *ret_probe, char *ret_error);

/*
 * Can the child, as the user that needs it, read the file named by this key of
 * the connection options? *ret_end is when the certificate in it ends, in epoch
 * seconds, or 0 when it is of another kind. Nothing is connected.
 */
enum oat_status oat_courier_file(struct oat_child *child, const char *key,
    struct oat_deadline deadline, int64_t *ret_end, char *ret_error);

#endif
