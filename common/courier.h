/* SPDX-License-Identifier: MIT */
/*
 * The child that talks to the database: it has the network and the database's
 * password, and never the token. What it brings back is not trusted.
 *
 * It connects at the first question. Each function asks one question and waits
 * for the answer: OAT_OK; OAT_TIMEOUT; OAT_UNAVAILABLE, also when the child is
 * gone or its answer makes no sense. After a failure ret_error
 * (OAT_DATABASE_ERROR_MAX bytes) says why in one printable line.
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
	const char *password;	      /* or NULL */
	struct oat_deadline deadline; /* of connecting and of each question */
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

/*
 * oat_database_identities(). What `take` answers other than OAT_OK is the
 * function's answer; the child is then of no further use.
 */
enum oat_status oat_courier_identities(struct oat_child *child,
    int64_t known_generation, int64_t known_as_of, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_row *row, void *context),
    void *context, char *ret_error);

#endif
