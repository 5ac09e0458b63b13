/* SPDX-License-Identifier: MIT */
#include "database_ask.h"

#include <stdio.h>
#include <string.h>

/* What became of an answer that must have one row. */
struct single {
	int rows;
	bool is_null; /* its first column */
};

static enum oat_status
take_single(bool is_null, void *context)
{
	struct single *single = context;

	single->is_null = is_null;
	return ++single->rows > 1 ? OAT_UNAVAILABLE : OAT_OK;
}

enum oat_status
oat_database_ask_one(struct oat_database *database,
    enum oat_statement statement, const char *const *params,
    struct oat_deadline deadline, const struct oat_field *fields, int count,
    void *ret_reply, bool *ret_is_null)
{
	struct single single = { 0 };
	const struct oat_reader reader = {
		.fields = fields,
		.count = count,
		.reply = ret_reply,
		.take = take_single,
		.context = &single,
	};
	enum oat_status status;

	status =
	    oat_database_ask(database, statement, params, deadline, &reader);
	if (single.rows > 1 || (status == OAT_OK && single.rows == 0))
		return oat_database_refuse(database);
	*ret_is_null = single.is_null;
	return status;
}

enum oat_status
oat_database_verifier(struct oat_database *database, const char *selector,
    struct oat_deadline deadline, char ret_verifier[OAT_VERIFIER_MAX])
{
	static const struct oat_field field = { OAT_FIELD_TEXT, 0,
		OAT_VERIFIER_MAX };
	const char *const params[] = { selector };
	char text[OAT_VERIFIER_MAX] = "";
	enum oat_status status;
	bool is_null = true;

	status = oat_database_ask_one(database, OAT_STATEMENT_VERIFIER, params,
	    deadline, &field, 1, text, &is_null);
	if (status == OAT_INVALID)
		return OAT_UNAVAILABLE;
	if (status != OAT_OK)
		return status;
	if (is_null)
		return OAT_NOTFOUND;
	memcpy(ret_verifier, text, sizeof(text));
	return OAT_OK;
}

void
oat_database_rehearse(struct oat_database *database, const char *selector,
    struct oat_deadline deadline)
{
	static const struct oat_field nothing = { OAT_FIELD_TEXT, 0, 1 };
	const char *const params[] = { selector };
	char text[1];
	bool is_null;

	(void)oat_database_ask_one(database, OAT_STATEMENT_REHEARSE, params,
	    deadline, &nothing, 1, text, &is_null);
}

/* A parameter that is absent is NULL in SQL too. */
static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

enum oat_status
oat_database_decide(struct oat_database *database,
    const struct oat_question *question, struct oat_deadline deadline,
    struct oat_decision *ret_decision)
{
	const char *const params[] = { question->event_id, question->event,
		question->login, question->service, question->rhost,
		question->tty, question->ruser, or_null(question->selector),
		question->proof };
	struct oat_decision decision;
	enum oat_status status;
	bool is_null;

	memset(&decision, 0, sizeof(decision));
	status = oat_database_ask_one(database, OAT_STATEMENT_DECIDE, params,
	    deadline, oat_decision_fields, OAT_DECISION_FIELDS, &decision,
	    &is_null);
	if (status == OAT_RANGE)
		return oat_database_refuse(database);
	if (status == OAT_INVALID)
		return OAT_UNAVAILABLE;
	if (status == OAT_OK)
		*ret_decision = decision;
	return status;
}

enum oat_status
oat_database_record(struct oat_database *database, const char *events,
    struct oat_deadline deadline, uint32_t *ret_new)
{
	static const struct oat_field field = { OAT_FIELD_NUMBER, 0,
		sizeof(int64_t) };
	const char *const params[] = { events };
	int64_t count = -1;
	enum oat_status status;
	bool is_null = true;

	status = oat_database_ask_one(database, OAT_STATEMENT_RECORD, params,
	    deadline, &field, 1, &count, &is_null);
	if (status != OAT_OK)
		return status;
	if (is_null || count < 0 || count > UINT32_MAX)
		return oat_database_refuse(database);
	*ret_new = (uint32_t)count;
	return OAT_OK;
}

enum oat_status
oat_database_password(struct oat_database *database, const char *verifier,
    struct oat_deadline deadline)
{
	static const struct oat_field nothing = { OAT_FIELD_TEXT, 0, 1 };
	const char *const params[] = { verifier };
	enum oat_status status;
	char text[1];
	bool is_null;

	status = oat_database_ask_one(database, OAT_STATEMENT_PASSWORD, params,
	    deadline, &nothing, 1, text, &is_null);
	return status == OAT_OK || status == OAT_TIMEOUT ? status
							 : OAT_UNAVAILABLE;
}

struct listing {
	struct oat_row row;
	enum oat_status (*take)(const struct oat_row *row, void *context);
	void *context;
};

static enum oat_status
take_row(bool is_null, void *context)
{
	const struct listing *listing = context;

	(void)is_null;
	return listing->take(&listing->row, listing->context);
}

enum oat_status
oat_database_identities(struct oat_database *database,
    const struct oat_knowledge *known, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_row *row, void *context),
    void *context)
{
	struct listing listing = { .take = take, .context = context };
	struct oat_reader reader = { .fields = oat_row_fields,
		.count = OAT_ROW_FIELDS,
		.reply = &listing.row,
		.too_long = OAT_ROW_TOO_LONG,
		.take = take_row,
		.context = &listing };
	char generation[32], as_of[32];
	const char *const params[] = { generation, as_of, known->report };

	(void)snprintf(generation, sizeof(generation), "%lld",
	    (long long)known->generation);
	(void)snprintf(
	    as_of, sizeof(as_of), "%lld", (long long)known->as_of_us);
	return oat_database_ask(
	    database, OAT_STATEMENT_IDENTITIES, params, deadline, &reader);
}
