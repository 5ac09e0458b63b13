/* SPDX-License-Identifier: MIT */
/* The network child's side: it asks the database what its parent asks it. */
#include "courier_child.h"

#include "certificate.h"
#include "mark.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

OAT_MARK;

__attribute__((visibility("default"))) const char oat_courier_version[] =
    OAT_VERSION;

#define IDLE_MS UINT32_C(86400000) /* the child waits as long as its parent */

/* A text field of a question, NUL included; "" stands for absent. */
#define FIELD_MAX 512

/* What the child keeps for telling its parent why it ran out of time. */
#define REPORT_MS 100

/* From here on another row, of the largest kind, might not fit in a message. */
#define ROWS_FULL       \
	(OAT_WIRE_MAX - \
	    (sizeof(struct oat_row) + sizeof(uint64_t) * OAT_ROW_FIELDS))
_Static_assert(sizeof(struct oat_explained) <= sizeof(struct oat_row) &&
		   OAT_EXPLAINED_FIELDS <= OAT_ROW_FIELDS,
    "a row of explanation fits where one of identities does");

struct courier {
	int fd;
	const struct oat_orders *orders;
	struct oat_deadline deadline;  /* a little before the parent's */
	struct oat_database *database; /* NULL until it is connected */
	struct oat_wire rows;	       /* on their way to the parent */
	/* Found: its decision will be asked for, after some work. Or "". */
	char selector[OAT_SELECTOR_LENGTH + 1];
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
	if (status == OAT_OK) {
		oat_wire_put_text(out, verifier);
		memcpy(courier->selector, selector, sizeof(selector));
	}
}

/* The parent has got the verifier, and is busy with it. */
static void
rehearse(struct courier *courier)
{
	if (courier->selector[0] == '\0')
		return;
	oat_database_rehearse(
	    courier->database, courier->selector, courier->deadline);
	courier->selector[0] = '\0';
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

static void
serve_password(
    struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	char verifier[FIELD_MAX];
	enum oat_status status;

	status = oat_wire_get_text(in, verifier, sizeof(verifier));
	if (status == OAT_OK)
		status = oat_database_password(
		    courier->database, verifier, courier->deadline);
	put_head(courier, out, status);
}

/* Send the rows that have gathered, if any. */
static enum oat_status
flush_rows(struct courier *courier)
{
	enum oat_status status = OAT_OK;

	if (courier->rows.length > 0)
		status = oat_wire_send(
		    &courier->rows, courier->fd, courier->deadline);
	oat_wire_free(&courier->rows);
	return status;
}

/* A row on its way to the parent, with others. */
static enum oat_status
forward(struct courier *courier, const struct oat_field *fields, size_t count,
    const void *row)
{
	struct oat_wire *rows = &courier->rows;

	if (rows->length == 0)
		oat_wire_put_u32(rows, OAT_COURIER_ROW);
	oat_reply_put(rows, fields, count, row);
	return rows->length < ROWS_FULL ? rows->status : flush_rows(courier);
}

/* The head of the answer that ends the rows. */
static void
end_rows(struct courier *courier, struct oat_wire *out, enum oat_status status)
{
	if (status == OAT_OK)
		status = flush_rows(courier);
	oat_wire_free(&courier->rows);
	put_head(courier, out, status);
}

static enum oat_status
forward_identity(const struct oat_row *row, void *context)
{
	return forward(context, oat_row_fields, OAT_ROW_FIELDS, row);
}

static void
serve_identities(
    struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	char report[OAT_COURIER_REPORT_MAX + 1];
	struct oat_knowledge known = { .report = report };
	uint64_t generation = 0, as_of = 0;
	enum oat_status status;

	status = oat_wire_get_u64(in, &generation);
	if (status == OAT_OK)
		status = oat_wire_get_u64(in, &as_of);
	if (status == OAT_OK)
		status = oat_wire_get_text(in, report, sizeof(report));
	known.generation = (int64_t)generation;
	known.as_of_us = (int64_t)as_of;
	if (status == OAT_OK)
		status = oat_database_identities(courier->database, &known,
		    courier->deadline, forward_identity, courier);
	end_rows(courier, out, status);
}

static void
serve_listen(struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	(void)in;
	put_head(courier, out,
	    oat_database_listen(courier->database, courier->deadline));
}

static void
serve_await(struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	(void)in;
	put_head(courier, out,
	    oat_database_await(courier->database, courier->deadline));
}

static enum oat_status
forward_explained(const struct oat_explained *row, void *context)
{
	return forward(
	    context, oat_explained_fields, OAT_EXPLAINED_FIELDS, row);
}

static void
serve_explain(
    struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	char login[FIELD_MAX], service[FIELD_MAX], rhost[FIELD_MAX];
	enum oat_status status;

	status = oat_wire_get_text(in, login, sizeof(login));
	if (status == OAT_OK)
		status = oat_wire_get_text(in, service, sizeof(service));
	if (status == OAT_OK)
		status = oat_wire_get_text(in, rhost, sizeof(rhost));
	if (status == OAT_OK)
		status = oat_database_explain(courier->database, login, service,
		    rhost, courier->deadline, forward_explained, courier);
	end_rows(courier, out, status);
}

static enum oat_status
probe_with(struct courier *courier, uint32_t server, const char *password,
    struct oat_probe *ret_probe)
{
	return oat_database_probe(courier->orders->conninfo, server, password,
	    courier->deadline, ret_probe, courier->error);
}

static void
serve_probe(struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	const struct oat_orders *orders = courier->orders;
	struct oat_probe probe;
	enum oat_status status;
	uint32_t server = 0;

	status = oat_wire_get_u32(in, &server);
	if (status == OAT_OK &&
	    server >= oat_conninfo_servers(orders->conninfo))
		status = OAT_INVALID;
	if (status == OAT_OK)
		status = probe_with(courier, server, orders->password, &probe);
	/* As connect_once(). */
	if (status == OAT_OK && probe.refused[0] != '\0' &&
	    orders->next_password != NULL)
		status =
		    probe_with(courier, server, orders->next_password, &probe);
	put_head(courier, out, status);
	if (status == OAT_OK)
		oat_reply_put(out, oat_probe_fields, OAT_PROBE_FIELDS, &probe);
}

/* A key is for reading alone; the others hold certificates. */
static enum oat_status
look_into(struct courier *courier, const char *key, int64_t *ret_end)
{
	const char *path = oat_conninfo_value(courier->orders->conninfo, key);
	enum oat_status status = OAT_OK;
	int fd;

	if (path == NULL)
		return OAT_INVALID;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		status = OAT_SYSTEM;
	else if (strcmp(key, "sslkey") == 0)
		*ret_end = 0;
	else
		status = oat_certificate_file_end(path, ret_end);
	if (status != OAT_OK)
		(void)snprintf(courier->error, sizeof(courier->error), "%s",
		    status == OAT_SYSTEM ? strerror(errno)
					 : "no certificate in PEM form");
	if (fd >= 0)
		(void)close(fd);
	return status == OAT_OK ? OAT_OK : OAT_UNAVAILABLE;
}

static void
serve_file(struct courier *courier, struct oat_wire *in, struct oat_wire *out)
{
	enum oat_status status;
	char key[FIELD_MAX];
	int64_t end = 0;

	status = oat_wire_get_text(in, key, sizeof(key));
	if (status == OAT_OK)
		status = look_into(courier, key, &end);
	put_head(courier, out, status);
	if (status == OAT_OK)
		oat_wire_put_u64(out, (uint64_t)end);
}

static enum oat_status
open_with(struct courier *courier, const char *password)
{
	return oat_database_open(courier->orders->conninfo, password,
	    courier->deadline, &courier->database, courier->error);
}

/* While the host's password is being changed, either may be the right one. */
static enum oat_status
connect_once(struct courier *courier)
{
	enum oat_status status;

	if (courier->database != NULL)
		return OAT_OK;
	status = open_with(courier, courier->orders->password);
	if (status == OAT_UNAVAILABLE && courier->orders->next_password != NULL)
		status = open_with(courier, courier->orders->next_password);
	return status;
}

/* Of a long wait REPORT_MS are kept back, of a short one a part. */
static struct oat_deadline
before(uint32_t left_ms)
{
	uint32_t kept_ms = left_ms / 4 < REPORT_MS ? left_ms / 4 : REPORT_MS;

	return oat_deadline_in_ms(left_ms - kept_ms);
}

/* Serve one question. Anything but OAT_OK ends the child. */
static enum oat_status
serve(struct courier *courier)
{
	static void (*const serves[])(struct courier *, struct oat_wire *,
	    struct oat_wire *) = { [OAT_COURIER_VERIFIER] = serve_verifier,
		[OAT_COURIER_DECIDE] = serve_decide,
		[OAT_COURIER_RECORD] = serve_record,
		[OAT_COURIER_IDENTITIES] = serve_identities,
		[OAT_COURIER_LISTEN] = serve_listen,
		[OAT_COURIER_AWAIT] = serve_await,
		[OAT_COURIER_EXPLAIN] = serve_explain,
		[OAT_COURIER_PASSWORD] = serve_password,
		[OAT_COURIER_PROBE] = serve_probe,
		[OAT_COURIER_FILE] = serve_file };
	struct oat_deadline idle = oat_deadline_in_ms(IDLE_MS);
	struct oat_wire in = { 0 }, out = { 0 };
	enum oat_status status, connected;
	uint32_t operation = 0, left_ms = 0;

	status = oat_wire_receive(&in, courier->fd, idle);
	if (status == OAT_OK)
		status = oat_wire_get_u32(&in, &operation);
	if (status == OAT_OK)
		status = oat_wire_get_u32(&in, &left_ms);
	if (status == OAT_OK &&
	    (operation < OAT_COURIER_VERIFIER || operation > OAT_COURIER_FILE))
		status = OAT_INVALID;
	courier->deadline = before(left_ms);
	if (status == OAT_OK) {
		/* The last two ask for no session, or for one of their own. */
		connected = operation < OAT_COURIER_PROBE
				? connect_once(courier)
				: OAT_OK;
		if (connected == OAT_OK)
			serves[operation](courier, &in, &out);
		else
			put_head(courier, &out, connected);
		status = oat_wire_send(&out, courier->fd, idle);
		rehearse(courier);
	}
	oat_wire_free(&in);
	oat_wire_free(&out);
	return status;
}

__attribute__((visibility("default"))) void
oat_courier_serve(int fd, void *context)
{
	const struct oat_orders *orders = context;
	struct courier courier = { .fd = fd, .orders = orders };

	/*
	 * libpq takes from the environment what it is not told. The resolver
	 * gives a silent name server five seconds, as long as a login has: then
	 * the next one, or the next database, would never be asked.
	 */
	if (clearenv() != 0 ||
	    setenv("RES_OPTIONS", "timeout:1 attempts:2", 1) != 0)
		return;
	while (serve(&courier) == OAT_OK)
		;
	oat_database_close(courier.database);
}
