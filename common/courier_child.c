/* SPDX-License-Identifier: MIT */
/* The network child's side: it asks the database what its parent asks it. */
#include "courier_child.h"

#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((visibility("default"))) const char oat_courier_version[] =
    OAT_VERSION;

#define IDLE_MS UINT32_C(86400000) /* the child waits as long as its parent */

/* A text field of a question, NUL included; "" stands for absent. */
#define FIELD_MAX 512

/* What the child keeps for telling its parent why it ran out of time. */
#define REPORT_MS 100

struct courier {
	int fd;
	const struct oat_orders *orders;
	struct oat_deadline deadline;  /* a little before the parent's */
	struct oat_database *database; /* NULL until it is connected */
	char error[OAT_DATABASE_ERROR_MAX];
};

static void
put_head(
    const struct courier *courier, struct oat_wire *out, enum oat_status status)
{
	const char *why = "";

	if (status != OAT_OK)
		why = courier->database != NULL
			  ? oat_database_error(courier->database)
			  : courier->error;
	oat_wire_put_u32(out, (uint32_t)status);
	oat_wire_put_text(out, why);
}

static void
serve_verifier(
    struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	char selector[OAT_SELECTOR_LENGTH + 1], verifier[OAT_VERIFIER_MAX];
	enum oat_status status;

	status = oat_wire_get_text(in, selector, sizeof(selector));
	if (status == OAT_OK)
		status = oat_database_verifier(
		    courier->database, selector, courier->deadline, verifier);
	put_head(courier, out, status);
	if (status == OAT_OK)
		oat_wire_put_text(out, verifier);
}

/* The order of the fields of a question, here and in oat_courier_decide(). */
#define QUESTION_FIELDS 9

static void
serve_decide(struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	char text[QUESTION_FIELDS][FIELD_MAX];
	struct oat_decision decision;
	struct oat_question question;
	enum oat_status status = OAT_OK;
	size_t i;

	for (i = 0; i < QUESTION_FIELDS && status == OAT_OK; i++)
		status = oat_wire_get_text(in, text[i], sizeof(text[i]));
	if (status == OAT_OK) {
		question = (struct oat_question){ text[0], text[1], text[2],
			text[3], text[4], text[5], text[6], text[7], text[8] };
		status = oat_database_decide(
		    courier->database, &question, courier->deadline, &decision);
	}
	put_head(courier, out, status);
	if (status == OAT_OK)
		oat_reply_put(
		    out, oat_decision_fields, OAT_DECISION_FIELDS, &decision);
}

static void
serve_record(struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	char events[OAT_COURIER_EVENTS_MAX + 1];
	enum oat_status status;
	uint32_t count = 0;

	status = oat_wire_get_text(in, events, sizeof(events));
	if (status == OAT_OK)
		status = oat_database_record(
		    courier->database, events, courier->deadline, &count);
	put_head(courier, out, status);
	if (status == OAT_OK)
		oat_wire_put_u32(out, count);
}

static enum oat_status
forward_row(const struct oat_row *row, void *context)
{
	struct courier *courier = context;
	struct oat_wire out = { 0 };
	enum oat_status status;

	oat_wire_put_u32(&out, OAT_COURIER_ROW);
	oat_reply_put(&out, oat_row_fields, OAT_ROW_FIELDS, row);
	status = oat_wire_send(&out, courier->fd, courier->deadline);
	oat_wire_free(&out);
	return status;
}

static void
serve_identities(
    struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	uint64_t generation = 0, as_of = 0;
	enum oat_status status;

	status = oat_wire_get_u64(in, &generation);
	if (status == OAT_OK)
		status = oat_wire_get_u64(in, &as_of);
	if (status == OAT_OK)
		status = oat_database_identities(courier->database,
		    (int64_t)generation, (int64_t)as_of, courier->deadline,
		    forward_row, courier);
	put_head(courier, out, status);
}

static enum oat_status
connect_once(struct courier *courier)
{
	if (courier->database != NULL)
		return OAT_OK;
	return oat_database_open(courier->orders->conninfo,
	    courier->orders->password, courier->deadline, &courier->database,
	    courier->error);
}

/* Serve one question. Anything but OAT_OK ends the child. */
static enum oat_status
serve(struct courier *courier)
{
	static void (*const serves[])(struct courier *, struct oat_wire *,
	    struct oat_wire *) = { [OAT_COURIER_VERIFIER] = serve_verifier,
		[OAT_COURIER_DECIDE] = serve_decide,
		[OAT_COURIER_RECORD] = serve_record,
		[OAT_COURIER_IDENTITIES] = serve_identities };
	struct oat_deadline idle = oat_deadline_in_ms(IDLE_MS);
	struct oat_wire in = { 0 }, out = { 0 };
	enum oat_status status, connected;
	uint32_t operation = 0;

	status = oat_wire_receive(&in, courier->fd, idle);
	if (status == OAT_OK)
		status = oat_wire_get_u32(&in, &operation);
	if (status == OAT_OK && (operation < OAT_COURIER_VERIFIER ||
				    operation > OAT_COURIER_IDENTITIES))
		status = OAT_INVALID;
	if (status == OAT_OK) {
		connected = connect_once(courier);
		if (connected == OAT_OK)
			serves[operation](courier, &in, &out);
		else
			put_head(courier, &out, connected);
		status = oat_wire_send(&out, courier->fd, idle);
	}
	oat_wire_free(&in);
	oat_wire_free(&out);
	return status;
}

/* Of a long wait REPORT_MS are kept back, of a short one a part. */
static struct oat_deadline
before(struct oat_deadline deadline)
{
	int left_ms = oat_deadline_left_ms(deadline);
	int kept_ms = left_ms / 4 < REPORT_MS ? left_ms / 4 : REPORT_MS;

	return oat_deadline_in_ms((uint32_t)(left_ms - kept_ms));
}

__attribute__((visibility("default"))) void
oat_courier_serve(int fd, void *context)
{
	const struct oat_orders *orders = context;
	struct courier courier = {
		.fd = fd, .orders = orders, .deadline = before(orders->deadline)
	};

	/* libpq takes from the environment what it is not told. */
	if (clearenv() != 0)
		return;
	while (serve(&courier) == OAT_OK)
		;
	oat_database_close(courier.database);
}
