/* SPDX-License-Identifier: MIT */
/*
 * Between courier.c, which runs as root, and courier_child.c, which it forks,
 * or which courier_unit.c runs. Nobody else's.
 *
 * A question is an operation, the milliseconds that are left for it, and its
 * fields. An answer is a status, why (a text, empty on success), and on success
 * what was asked for. Rows come before the answer that ends them, as many in a
 * message as fit, marked by a number that is no status.
 */
#ifndef OAT_COURIER_CHILD_H
#define OAT_COURIER_CHILD_H

#include "courier.h"

enum oat_courier_operation {
	OAT_COURIER_VERIFIER = 1, /* selector: verifier */
	OAT_COURIER_DECIDE = 2,	  /* struct oat_question: struct oat_decision */
	OAT_COURIER_RECORD = 3,	  /* events: how many were new */
	OAT_COURIER_IDENTITIES = 4, /* struct oat_knowledge: rows, nothing */
	OAT_COURIER_LISTEN = 5,	    /* nothing: nothing */
	OAT_COURIER_AWAIT = 6,	    /* nothing: nothing */
	OAT_COURIER_EXPLAIN = 7,    /* login, service, rhost: rows, nothing */
	OAT_COURIER_PASSWORD = 8,   /* SCRAM verifier: nothing */
	OAT_COURIER_PROBE = 9,	    /* which server: struct oat_probe */
	OAT_COURIER_FILE = 10,	    /* key: when its certificate ends, or 0 */
};

#define OAT_COURIER_ROW UINT32_MAX

/*
 * What libpq may need beyond the program itself, its libraries included. A row
 * or a message that asks for more ends in "out of memory", not in a host
 * without memory.
 */
#define OAT_COURIER_MEMORY_BYTES (128UL * 1024 * 1024)

/* "db1:5432, db2:5432", as many as fit. */
void oat_courier_name_servers(
    const struct oat_conninfo *conninfo, char peer[OAT_CHILD_PEER_MAX]);

/*
 * Serve questions until the parent closes the socket. `context` is orders. In
 * the program this loads courier.so, where the real one is (courier_load.c), so
 * that root never has libpq, OpenSSL and their twenty companions in memory.
 */
void oat_courier_serve(int fd, void *context);

/*
 * The one answer of a courier that has nothing to ask with: it waits a little
 * for the question. `why` is a printable line.
 */
void oat_courier_apologize(int fd, const char *why);

/* The build that courier.so is of; it must be the program's. */
extern const char oat_courier_version[];

#endif
