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

/*
 * What one server is like, for `oat doctor`. Not validated beyond its size, but
 * for `refused` and `certificate`, which are printable.
 */
struct oat_probe {
	char refused[512];	 /* why there is no session; "" for none */
	char certificate[256];	 /* why the server's is not believed; or "" */
	int64_t certificate_end; /* epoch seconds; 0 without one */
	int64_t skew_ms;	 /* the server's clock minus this host's */

	/* Of the server; nothing of it is ours. */
	bool standby;
	bool read_only; /* also because it is a standby */
	char server_version[OAT_ROW_TEXT_MAX];
	bool has_schema, may_use_schema, has_health;

	/* oat.host_health(), where it is there. */
	char host[OAT_ROW_TEXT_MAX]; /* "": the role is no enrolled host */
	char suspended_at[OAT_ROW_TEXT_MAX]; /* "" for not */
	int64_t schema_version, generation, clock_us;
	char uid_range[OAT_ROW_TEXT_MAX];
	char excess[OAT_MESSAGE_MAX], excess_fix[1024]; /* "" for none */
};

/* One row of oat.host_explain(); a text that is longer is OAT_ROW_TOO_LONG. */
struct oat_explained {
	char check[OAT_ROW_TEXT_MAX];
	char passed[8]; /* "t", "f", "" for not asked */
	char detail[512];
	char fix[768];
};

enum oat_field_type { OAT_FIELD_TEXT, OAT_FIELD_NUMBER, OAT_FIELD_FLAG };

/* A field of one of the structs above: char[size], int64_t or bool. */
struct oat_field {
	enum oat_field_type type;
	size_t offset, size;
};

/*
 * What a host has when it asks for its identities, and what it says of itself:
 * a JSON object; see sql/, oat.host_sync(). Borrowed.
 */
struct oat_knowledge {
	int64_t generation, as_of_us; /* of its snapshot */
	const char *report;
};

/* In the order of the columns, which is also that of the messages. */
#define OAT_DECISION_FIELDS 6
extern const struct oat_field oat_decision_fields[OAT_DECISION_FIELDS];
#define OAT_ROW_FIELDS 9
extern const struct oat_field oat_row_fields[OAT_ROW_FIELDS];
#define OAT_EXPLAINED_FIELDS 4
extern const struct oat_field oat_explained_fields[OAT_EXPLAINED_FIELDS];

/* Those of a probe: its own, then the columns of two questions. */
#define OAT_PROBE_SERVER 4 /* the first of the server's */
#define OAT_PROBE_SERVER_FIELDS 6
#define OAT_PROBE_HEALTH 10 /* the first of oat.host_health() */
#define OAT_PROBE_HEALTH_FIELDS 8
#define OAT_PROBE_FIELDS 18
extern const struct oat_field oat_probe_fields[OAT_PROBE_FIELDS];

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
 * Read all fields of a struct, of which a message may hold several.
 * OAT_OK; OAT_INVALID when one is missing, too long or of another type:
 * *ret_reply is then partly written.
 */
enum oat_status oat_reply_next(struct oat_wire *wire,
    const struct oat_field *fields, size_t count, void *ret_reply);

/*
 * The same up to the end of the message: OAT_INVALID, too, when something is
 * left.
 */
enum oat_status oat_reply_get(struct oat_wire *wire,
    const struct oat_field *fields, size_t count, void *ret_reply);

#endif
