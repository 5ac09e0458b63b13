/* SPDX-License-Identifier: MIT */
/*
 * Between database.c, which knows libpq and every statement, and
 * database_questions.c, which knows what the answers mean. Nobody else's.
 */
#ifndef OAT_DATABASE_ASK_H
#define OAT_DATABASE_ASK_H

#include "database.h"

/* The statements, spelled at the top of database.c. */
enum oat_statement {
	OAT_STATEMENT_VERIFIER,	  /* selector */
	OAT_STATEMENT_REHEARSE,	  /* selector */
	OAT_STATEMENT_DECIDE,	  /* the fields of struct oat_question */
	OAT_STATEMENT_RECORD,	  /* events */
	OAT_STATEMENT_IDENTITIES, /* the members of struct oat_knowledge */
	OAT_STATEMENT_LISTEN,	  /* none; no columns, no rows */
	OAT_STATEMENT_STANDBY,	  /* none */
	OAT_STATEMENT_SERVER,	  /* none */
	OAT_STATEMENT_HEALTH,	  /* none */
	OAT_STATEMENT_EXPLAIN,	  /* login, service, rhost */
	OAT_STATEMENT_PASSWORD,	  /* SCRAM verifier */
};

/* How the rows of an answer are read. */
struct oat_reader {
	const struct oat_field *fields; /* one for each column, in order */
	int count;
	void *reply;	      /* the struct they are read into, row after row */
	const char *too_long; /* put where a text does not fit; or NULL */
	/* Called after each row, with whether its first column was NULL. */
	enum oat_status (*take)(bool is_null, void *context);
	void *context;
};

/*
 * Ask, and read the answer to its end, also after `take` failed, so that the
 * connection can be asked again. NULL in a row becomes "", 0 or false.
 * OAT_OK; what `take` failed with; OAT_RANGE when a text does not fit and there
 * is no too_long; OAT_INVALID when the server refuses the parameters for what
 * they hold; OAT_TIMEOUT; OAT_UNAVAILABLE for anything else, other columns
 * included. After a failure oat_database_error() says why.
 */
enum oat_status oat_database_ask(struct oat_database *database,
    enum oat_statement statement, const char *const *params,
    struct oat_deadline deadline, const struct oat_reader *reader);

/*
 * The same for an answer that must be one row: `fields` into `ret_reply`; any
 * other number is OAT_UNAVAILABLE. *ret_is_null: was its first column NULL?
 */
enum oat_status oat_database_ask_one(struct oat_database *database,
    enum oat_statement statement, const char *const *params,
    struct oat_deadline deadline, const struct oat_field *fields, int count,
    void *ret_reply, bool *ret_is_null);

/* Say that an answer made no sense. Answers OAT_UNAVAILABLE. */
enum oat_status oat_database_refuse(struct oat_database *database);

#endif
