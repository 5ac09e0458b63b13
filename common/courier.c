/* SPDX-License-Identifier: MIT */
/*
 * The parent's side, as root. Rules kept here, each a test of that name:
 *   - whatever the child says or does not say, an answer comes by the deadline
 *   - only statuses that the header promises leave this file
 *   - out-parameters are written by a complete answer alone
 *   - why something failed is printable, whoever the child has become
 *   - a silence names who was asked, also when the child had no time to say so
 */
#include "courier_child.h"

#include "escape.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

/* A set of statuses, in addition to OAT_OK, OAT_TIMEOUT, OAT_UNAVAILABLE. */
#define ALSO(status) (1U << (status))
#define NOTHING_ELSE 0U

void
oat_courier_name_servers(
    const struct oat_conninfo *conninfo, char peer[OAT_CHILD_PEER_MAX])
{
	size_t i, length = 0;
	int n;

	for (i = 0; i < oat_conninfo_servers(conninfo); i++) {
		n = snprintf(peer + length, OAT_CHILD_PEER_MAX - length, "%s%s",
		    i > 0 ? ", " : "", oat_conninfo_server_name(conninfo, i));
		if (n < 0 || (size_t)n >= OAT_CHILD_PEER_MAX - length) {
			peer[length] = '\0';
			return;
		}
		length += (size_t)n;
	}
}

enum oat_status
oat_courier_start(const struct oat_account *account,
    const struct oat_orders *orders, struct oat_child *ret_child)
{
	struct oat_orders copy = *orders;
	enum oat_status status;

	status = oat_child_start(account, OAT_COURIER_MEMORY_BYTES,
	    oat_courier_serve, &copy, ret_child);
	if (status == OAT_OK)
		oat_courier_name_servers(orders->conninfo, ret_child->peer);
	return status;
}

/* A failure of the dialogue itself, as the status of the question. */
static enum oat_status
lost(enum oat_status status, char *ret_error)
{
	(void)snprintf(ret_error, OAT_DATABASE_ERROR_MAX, "%s",
	    status == OAT_TIMEOUT
		? "no answer in time"
		: "the network process ended, or answered nonsense");
	return status == OAT_TIMEOUT ? OAT_TIMEOUT : OAT_UNAVAILABLE;
}

/* The same, of a silence with whom was asked, of a unit with where to look. */
static enum oat_status
lost_with(
    const struct oat_child *child, enum oat_status status, char *ret_error)
{
	char why[OAT_CHILD_PEER_MAX + sizeof(": no answer in time")];

	if (status != OAT_TIMEOUT && child->pid == -1) {
		(void)snprintf(ret_error, OAT_DATABASE_ERROR_MAX,
		    "the courier ended, or answered nonsense; "
		    "see: journalctl -u 'oat-courier@*'");
		return OAT_UNAVAILABLE;
	}
	if (status != OAT_TIMEOUT || child->peer[0] == '\0')
		return lost(status, ret_error);
	(void)snprintf(why, sizeof(why), "%s: no answer in time", child->peer);
	oat_escape_sentence(ret_error, OAT_DATABASE_ERROR_MAX, why);
	return OAT_TIMEOUT;
}

static enum oat_status
promised(uint32_t status, unsigned also)
{
	if (status == OAT_OK || status == OAT_TIMEOUT ||
	    (status <= OAT_SYSTEM && (also & ALSO(status)) != 0))
		return (enum oat_status)status;
	return OAT_UNAVAILABLE;
}

/* Read the head of an answer whose first number has been read. */
static enum oat_status
read_head(struct oat_wire *in, uint32_t first, unsigned also, char *ret_error)
{
	char why[OAT_DATABASE_ERROR_MAX];
	enum oat_status status;

	status = oat_wire_get_text(in, why, sizeof(why));
	if (status != OAT_OK)
		return lost(status, ret_error);
	if (first != OAT_OK && why[0] == '\0')
		(void)snprintf(ret_error, OAT_DATABASE_ERROR_MAX,
		    "the network process did not say why");
	else if (first != OAT_OK)
		oat_escape_again(ret_error, OAT_DATABASE_ERROR_MAX, why);
	return promised(first, also);
}

/* Begin a question. */
static void
put_question(struct oat_wire *out, enum oat_courier_operation operation,
    struct oat_deadline deadline)
{
	oat_wire_put_u32(out, operation);
	oat_wire_put_u32(out, (uint32_t)oat_deadline_left_ms(deadline));
}

/* Send a question; it is freed. */
static enum oat_status
send_question(const struct oat_child *child, struct oat_wire *out,
    struct oat_deadline deadline, char *ret_error)
{
	enum oat_status status;

	status = oat_wire_send(out, child->fd, deadline);
	oat_wire_free(out);
	return status == OAT_OK ? OAT_OK : lost_with(child, status, ret_error);
}

/* Read an answer up to what was asked for; it is the caller's to free. */
static enum oat_status
read_answer(const struct oat_child *child, struct oat_deadline deadline,
    unsigned also, struct oat_wire *ret_in, char *ret_error)
{
	enum oat_status status;
	uint32_t first = 0;

	status = oat_wire_receive(ret_in, child->fd, deadline);
	if (status == OAT_OK)
		status = oat_wire_get_u32(ret_in, &first);
	if (status != OAT_OK)
		return lost_with(child, status, ret_error);
	return read_head(ret_in, first, also, ret_error);
}

/* Both: the question is freed, the answer is the caller's to free. */
static enum oat_status
converse(const struct oat_child *child, struct oat_wire *out,
    struct oat_deadline deadline, unsigned also, struct oat_wire *ret_in,
    char *ret_error)
{
	enum oat_status status;

	status = send_question(child, out, deadline, ret_error);
	return status == OAT_OK
		   ? read_answer(child, deadline, also, ret_in, ret_error)
		   : status;
}

enum oat_status
oat_courier_verifier(struct oat_child *child, const char *selector,
    struct oat_deadline deadline, char ret_verifier[OAT_VERIFIER_MAX],
    char *ret_error)
{
	static const struct oat_field field = { OAT_FIELD_TEXT, 0,
		OAT_VERIFIER_MAX };
	struct oat_wire out = { 0 }, in = { 0 };
	char verifier[OAT_VERIFIER_MAX];
	enum oat_status status;

	put_question(&out, OAT_COURIER_VERIFIER, deadline);
	oat_wire_put_text(&out, selector);
	status = converse(child, &out, deadline,
	    ALSO(OAT_NOTFOUND) | ALSO(OAT_RANGE), &in, ret_error);
	if (status == OAT_OK &&
	    oat_reply_get(&in, &field, 1, verifier) != OAT_OK)
		status = lost(OAT_INVALID, ret_error);
	if (status == OAT_OK)
		memcpy(ret_verifier, verifier, strlen(verifier) + 1);
	oat_wire_free(&in);
	return status;
}

enum oat_status
oat_courier_decide(struct oat_child *child, const struct oat_question *question,
    struct oat_deadline deadline, struct oat_decision *ret_decision,
    char *ret_error)
{
	struct oat_wire out = { 0 }, in = { 0 };
	struct oat_decision decision;
	enum oat_status status;

	put_question(&out, OAT_COURIER_DECIDE, deadline);
	oat_wire_put_text(&out, question->event_id);
	oat_wire_put_text(&out, question->event);
	oat_wire_put_text(&out, question->login);
	oat_wire_put_text(&out, question->service);
	oat_wire_put_text(&out, question->rhost);
	oat_wire_put_text(&out, question->tty);
	oat_wire_put_text(&out, question->ruser);
	oat_wire_put_text(&out, question->selector);
	oat_wire_put_text(&out, question->proof);
	status = converse(child, &out, deadline, NOTHING_ELSE, &in, ret_error);
	if (status == OAT_OK && oat_reply_get(&in, oat_decision_fields,
				    OAT_DECISION_FIELDS, &decision) != OAT_OK)
		status = lost(OAT_INVALID, ret_error);
	if (status == OAT_OK)
		*ret_decision = decision;
	oat_wire_free(&in);
	return status;
}

enum oat_status
oat_courier_record(struct oat_child *child, const char *events,
    struct oat_deadline deadline, uint32_t *ret_new, char *ret_error)
{
	struct oat_wire out = { 0 }, in = { 0 };
	enum oat_status status;
	uint32_t count = 0;

	put_question(&out, OAT_COURIER_RECORD, deadline);
	oat_wire_put_text(&out, events);
	status =
	    converse(child, &out, deadline, ALSO(OAT_INVALID), &in, ret_error);
	if (status == OAT_OK && (oat_wire_get_u32(&in, &count) != OAT_OK ||
				    oat_wire_end(&in) != OAT_OK))
		status = lost(OAT_INVALID, ret_error);
	if (status == OAT_OK)
		*ret_new = count;
	oat_wire_free(&in);
	return status;
}

enum oat_status
oat_courier_password(struct oat_child *child, const char *verifier,
    struct oat_deadline deadline, char *ret_error)
{
	struct oat_wire out = { 0 }, in = { 0 };
	enum oat_status status;

	put_question(&out, OAT_COURIER_PASSWORD, deadline);
	oat_wire_put_text(&out, verifier);
	status = converse(child, &out, deadline, NOTHING_ELSE, &in, ret_error);
	if (status == OAT_OK && oat_wire_end(&in) != OAT_OK)
		status = lost(OAT_INVALID, ret_error);
	oat_wire_free(&in);
	return status;
}

/* What the rows of a listing are read into, and who takes them there. */
struct taker {
	const struct oat_field *fields;
	size_t count;
	void *row;
	enum oat_status (*take)(void *context);
	void *context;
};

/* The rows of one message. */
static enum oat_status
take_rows(struct oat_wire *in, const struct taker *taker, char *ret_error)
{
	enum oat_status status = OAT_OK;

	do {
		if (oat_reply_next(
			in, taker->fields, taker->count, taker->row) != OAT_OK)
			return lost(OAT_INVALID, ret_error);
		status = taker->take(taker->context);
	} while (status == OAT_OK && oat_wire_end(in) != OAT_OK);
	return status;
}

/* The next message of a listing: rows to be taken, or the end. */
static enum oat_status
next_rows(const struct oat_child *child, struct oat_deadline deadline,
    const struct taker *taker, bool *ret_end, char *ret_error)
{
	struct oat_wire in = { 0 };
	enum oat_status status;
	uint32_t first = 0;

	status = oat_wire_receive(&in, child->fd, deadline);
	if (status == OAT_OK)
		status = oat_wire_get_u32(&in, &first);
	if (status != OAT_OK)
		status = lost_with(child, status, ret_error);
	else if (first != OAT_COURIER_ROW) {
		*ret_end = true;
		status = read_head(&in, first, NOTHING_ELSE, ret_error);
	} else
		status = take_rows(&in, taker, ret_error);
	oat_wire_free(&in);
	return status;
}

/* Ask for a listing and take it; the question is freed. */
static enum oat_status
take_listing(const struct oat_child *child, struct oat_wire *out,
    struct oat_deadline deadline, const struct taker *taker, char *ret_error)
{
	enum oat_status status;
	bool end = false;

	status = send_question(child, out, deadline, ret_error);
	while (status == OAT_OK && !end) {
		/* Rows may come faster than they are taken: nothing waits. */
		if (oat_deadline_passed(deadline))
			return lost_with(child, OAT_TIMEOUT, ret_error);
		status = next_rows(child, deadline, taker, &end, ret_error);
	}
	return status;
}

struct identities {
	struct oat_row row;
	enum oat_status (*take)(const struct oat_row *row, void *context);
	void *context;
};

static enum oat_status
take_identity(void *context)
{
	const struct identities *identities = context;

	return identities->take(&identities->row, identities->context);
}

enum oat_status
oat_courier_identities(struct oat_child *child,
    const struct oat_knowledge *known, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_row *row, void *context),
    void *context, char *ret_error)
{
	struct identities identities = { .take = take, .context = context };
	const struct taker taker = { oat_row_fields, OAT_ROW_FIELDS,
		&identities.row, take_identity, &identities };
	struct oat_wire out = { 0 };

	put_question(&out, OAT_COURIER_IDENTITIES, deadline);
	oat_wire_put_u64(&out, (uint64_t)known->generation);
	oat_wire_put_u64(&out, (uint64_t)known->as_of_us);
	oat_wire_put_text(&out, known->report);
	return take_listing(child, &out, deadline, &taker, ret_error);
}

/* Read an answer that has nothing but its head. */
static enum oat_status
read_bare_answer(const struct oat_child *child, struct oat_deadline deadline,
    char *ret_error)
{
	struct oat_wire in = { 0 };
	enum oat_status status;

	status =
	    read_answer(child, deadline, ALSO(OAT_NOTFOUND), &in, ret_error);
	if (status == OAT_OK && oat_wire_end(&in) != OAT_OK)
		status = lost(OAT_INVALID, ret_error);
	oat_wire_free(&in);
	return status;
}

/* Send a question that has nothing but its head. */
static enum oat_status
send_bare_question(const struct oat_child *child,
    enum oat_courier_operation operation, struct oat_deadline deadline,
    char *ret_error)
{
	struct oat_wire out = { 0 };

	put_question(&out, operation, deadline);
	return send_question(child, &out, deadline, ret_error);
}

enum oat_status
oat_courier_listen(
    struct oat_child *child, struct oat_deadline deadline, char *ret_error)
{
	enum oat_status status;

	status =
	    send_bare_question(child, OAT_COURIER_LISTEN, deadline, ret_error);
	return status == OAT_OK ? read_bare_answer(child, deadline, ret_error)
				: status;
}

enum oat_status
oat_courier_await_begin(
    struct oat_child *child, struct oat_deadline deadline, char *ret_error)
{
	return send_bare_question(
	    child, OAT_COURIER_AWAIT, deadline, ret_error);
}

enum oat_status
oat_courier_await_end(
    struct oat_child *child, struct oat_deadline deadline, char *ret_error)
{
	return read_bare_answer(child, deadline, ret_error);
}

struct explanation {
	struct oat_explained row;
	enum oat_status (*take)(const struct oat_explained *row, void *context);
	void *context;
};

static enum oat_status
take_explained(void *context)
{
	const struct explanation *explanation = context;

	return explanation->take(&explanation->row, explanation->context);
}

enum oat_status
oat_courier_explain(struct oat_child *child, const char *login,
    const char *service, const char *rhost, struct oat_deadline deadline,
    enum oat_status (*take)(const struct oat_explained *row, void *context),
    void *context, char *ret_error)
{
	struct explanation explanation = { .take = take, .context = context };
	const struct taker taker = { oat_explained_fields, OAT_EXPLAINED_FIELDS,
		&explanation.row, take_explained, &explanation };
	struct oat_wire out = { 0 };

	put_question(&out, OAT_COURIER_EXPLAIN, deadline);
	oat_wire_put_text(&out, login);
	oat_wire_put_text(&out, service);
	oat_wire_put_text(&out, rhost);
	return take_listing(child, &out, deadline, &taker, ret_error);
}

enum oat_status
oat_courier_ask_probe(struct oat_child *child, uint32_t server,
    struct oat_deadline deadline, char *ret_error)
{
	struct oat_wire out = { 0 };

	put_question(&out, OAT_COURIER_PROBE, deadline);
	oat_wire_put_u32(&out, server);
	return send_question(child, &out, deadline, ret_error);
}

enum oat_status
oat_courier_take_probe(struct oat_child *child, struct oat_deadline deadline,
    struct oat_probe *ret_probe, char *ret_error)
{
	struct oat_wire in = { 0 };
	struct oat_probe probe;
	enum oat_status status;

	status = read_answer(child, deadline, NOTHING_ELSE, &in, ret_error);
	if (status == OAT_OK && oat_reply_get(&in, oat_probe_fields,
				    OAT_PROBE_FIELDS, &probe) != OAT_OK)
		status = lost(OAT_INVALID, ret_error);
	if (status == OAT_OK)
		*ret_probe = probe;
	oat_wire_free(&in);
	return status;
}

enum oat_status
oat_courier_file(struct oat_child *child, const char *key,
    struct oat_deadline deadline, int64_t *ret_end, char *ret_error)
{
	static const struct oat_field field = { OAT_FIELD_NUMBER, 0,
		sizeof(int64_t) };
	struct oat_wire out = { 0 }, in = { 0 };
	enum oat_status status;
	int64_t end = 0;

	put_question(&out, OAT_COURIER_FILE, deadline);
	oat_wire_put_text(&out, key);
	status = converse(child, &out, deadline, NOTHING_ELSE, &in, ret_error);
	if (status == OAT_OK && oat_reply_get(&in, &field, 1, &end) != OAT_OK)
		status = lost(OAT_INVALID, ret_error);
	if (status == OAT_OK)
		*ret_end = end;
	oat_wire_free(&in);
	return status;
}
