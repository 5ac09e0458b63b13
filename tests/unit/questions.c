/* SPDX-License-Identifier: MIT */
#include "tests/unit/questions.h"

#include <string.h>

const struct oat_knowledge oat_something_known = { 1, 2, "{}" };

const struct oat_question oat_a_question = { "id", "login", "oat-acme-ci",
	"sshd", "-", "-", "-", "3kPqrstuvwxy", "right" };

void
oat_ask_verifier(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome)
{
	char verifier[OAT_VERIFIER_MAX] = "untouched";

	outcome->status = oat_courier_verifier(
	    child, "3kPqrstuvwxy", deadline, verifier, outcome->error);
	outcome->written = strcmp(verifier, "untouched") != 0;
}

static void
ask_decision(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome)
{
	struct oat_decision decision, before;

	memset(&before, 0x55, sizeof(before));
	decision = before;
	outcome->status = oat_courier_decide(
	    child, &oat_a_question, deadline, &decision, outcome->error);
	outcome->written = memcmp(&decision, &before, sizeof(before)) != 0;
}

static void
ask_record(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome)
{
	uint32_t count = 4711;

	outcome->status =
	    oat_courier_record(child, "[]", deadline, &count, outcome->error);
	outcome->written = count != 4711;
}

static enum oat_status
count_row(const struct oat_row *row, void *context)
{
	(void)row;
	++*(int *)context;
	return OAT_OK;
}

static void
ask_identities(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome)
{
	int rows = 0;

	outcome->status = oat_courier_identities(child, &oat_something_known,
	    deadline, count_row, &rows, outcome->error);
	outcome->written = false;
}

static void
ask_to_listen(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome)
{
	outcome->status = oat_courier_listen(child, deadline, outcome->error);
	outcome->written = false;
}

static void
ask_to_await(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome)
{
	outcome->status =
	    oat_courier_await_begin(child, deadline, outcome->error);
	if (outcome->status == OAT_OK)
		outcome->status =
		    oat_courier_await_end(child, deadline, outcome->error);
	outcome->written = false;
}

static void
ask_password(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome)
{
	outcome->status = oat_courier_password(
	    child, "SCRAM-SHA-256$...", deadline, outcome->error);
	outcome->written = false;
}

const struct oat_courier_question oat_questions[] = {
	{ "verifier", oat_ask_verifier },
	{ "decide", ask_decision },
	{ "record", ask_record },
	{ "identities", ask_identities },
	{ "listen", ask_to_listen },
	{ "await", ask_to_await },
	{ "password", ask_password },
};

_Static_assert(
    sizeof(oat_questions) / sizeof(oat_questions[0]) == OAT_QUESTIONS, "all");
