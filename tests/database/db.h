/* SPDX-License-Identifier: MIT */
/*
 * SQL in tests: run it, expect a result, expect a refusal.
 *
 * Statements are printf-like; a result is compared in the form of psql -At:
 * columns joined by '|', rows by newline, "null" for null. What was not
 * expected ends the test, with the statement in its failure message.
 * Connections and texts live until the test ends.
 */
#ifndef OAT_TESTS_DATABASE_DB_H
#define OAT_TESTS_DATABASE_DB_H

#include <libpq-fe.h>
#include <stdbool.h>

struct oat_here {
	const char *file;
	unsigned line;
};

#define OAT_HERE ((struct oat_here){ __FILE__, __LINE__ })

/* Run; success is expected. */
#define db_run(...) ((void)oat_db_value(OAT_HERE, __VA_ARGS__))

/* Run and compare the result: db_expect(conn, "text", "select ...", ...). */
#define db_expect(...) oat_db_expect(OAT_HERE, __VA_ARGS__)

/* Run and return the result; valid until the test ends. */
#define db_value(...) oat_db_value(OAT_HERE, __VA_ARGS__)

/* Run; an error of this SQLSTATE is expected. NULL: any but a crash. */
#define db_refused(...) oat_db_refused(OAT_HERE, __VA_ARGS__)

/* The last refusal's MESSAGE, DETAIL or HINT contains this, or nowhere. */
#define db_error_says(text) oat_db_error_says(OAT_HERE, text, true)
#define db_error_hides(text) oat_db_error_says(OAT_HERE, text, false)

/* A new connection to the test's database. */
#define db_connect(role) oat_db_connect(OAT_HERE, role)

/* Close before the test ends. */
void db_disconnect(PGconn *conn);

/* Start without waiting; end with db_finish(). */
#define db_send(...) oat_db_send(OAT_HERE, __VA_ARGS__)

/* Wait until the statement sent on `blocked` waits for a lock, or is done. */
#define db_await_block(conn, blocked) oat_db_await(OAT_HERE, conn, blocked)

PGconn *oat_db_connect(struct oat_here here, const char *role);
char *oat_db_value(struct oat_here here, PGconn *conn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void oat_db_expect(struct oat_here here, PGconn *conn, const char *expected,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void oat_db_refused(struct oat_here here, PGconn *conn, const char *sqlstate,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void oat_db_error_says(struct oat_here here, const char *text, bool does);
void oat_db_send(struct oat_here here, PGconn *conn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void oat_db_await(struct oat_here here, PGconn *conn, const PGconn *blocked);

/* Wait for what was sent: its SQLSTATE, "00000" for success. */
const char *db_finish(PGconn *conn);

/*
 * One statement with text parameters ($1 ...), NULL for null: SQLSTATE or
 * "00000". The error is kept for db_error_says().
 */
const char *
db_try(PGconn *conn, const char *sql, int count, const char *const values[]);

/* COPY table from these lines (each ended by '\n'): SQLSTATE or "00000". */
const char *db_copy(PGconn *conn, const char *table, const char *lines);

/* A copy of printf-like text, valid until the test ends. */
char *db_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Between tests: where new connections go; close and free everything. */
void oat_db_use(const char *folder, const char *database);
void oat_db_forget(void);

#endif
