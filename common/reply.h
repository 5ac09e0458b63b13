/* SPDX-License-Identifier: MIT */
/*
 * What the database replies: plain structs, and one table for each that says
 * which fields it has in which order. By it columns are read (database.c) and
 * messages between the network child and its parent are written and read.
 */
#ifndef OAT_REPLY_H
#define OAT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"
#include "wire.h"

#define OAT_MESSAGE_MAX 256	/* bytes of a message for the holder */
#define OAT_EVENT_MAX 4096	/* bytes of an event's JSON */
#define OAT_ROW_TEXT_MAX 64	/* bytes of a name in an identity row */
#define OAT_ROW_SHELL_MAX 136	/* bytes of a shell's path; sql: 128 */
#define OAT_ROW_GROUPS_MAX 4096 /* bytes of the list of groups */

/* What oat.host_decide() answers. Not validated beyond its size. */
struct oat_decision {
	bool allowed;
	char reason[OAT_ROW_TEXT_MAX]; /* "" when allowed */
	char message[OAT_MESSAGE_MAX];
	char organization[OAT_ROW_TEXT_MAX];
	char token_name[OAT_ROW_TEXT_MAX];
	char event[OAT_EVENT_MAX]; /* JSON to spool, or "" */
};

/*
 * One row of oat.host_identities(); see sql/. Not validated; a text that is
 * longer than its field is OAT_ROW_TOO_LONG, so that the row is refused and
 * the others are not.
 */
#define OAT_ROW_TOO_LONG "?"
struct oat_row {
	char kind[OAT_ROW_TEXT_MAX];
	char name[OAT_ROW_TEXT_MAX];
	int64_t id;
	char organization[OAT_ROW_TEXT_MAX];
	char token_name[OAT_ROW_TEXT_MAX];
	char shell[OAT_ROW_SHELL_MAX];
	bool active;
	int64_t expires_at; /* 0 for never */
	char groups[OAT_ROW_GROUPS_MAX];
};

enum oat_field_type { OAT_FIELD_TEXT, OAT_FIELD_NUMBER, OAT_FIELD_FLAG };

/* A field of one of the structs above: char[size], int64_t or bool. */
struct oat_field {
	enum oat_field_type type;
	size_t offset, size;
};

/* In the order of the columns, which is also that of the messages. */
#define OAT_DECISION_FIELDS 6
extern const struct oat_field oat_decision_fields[OAT_DECISION_FIELDS];
#define OAT_ROW_FIELDS 9
extern const struct oat_field oat_row_fields[OAT_ROW_FIELDS];

/*
 * Set one field of a struct from a column's text, "" for NULL: a number is
 * then 0, a flag false. OAT_OK; OAT_RANGE when a text does not fit; OAT_INVALID
 * when a number is none.
 */
enum oat_status
oat_reply_set(const struct oat_field *field, const char *text, void *reply);

/* Append all fields of a struct to a message; failures are kept in it. */
void oat_reply_put(struct oat_wire *wire, const struct oat_field *fields,
    size_t count, const void *reply);

/*
 * Read all fields of a struct up to the end of the message.
 * OAT_OK; OAT_INVALID when one is missing, too long or of another type, or
 * when something is left: *ret_reply is then partly written.
 */
enum oat_status oat_reply_get(struct oat_wire *wire,
    const struct oat_field *fields, size_t count, void *ret_reply);

#endif
