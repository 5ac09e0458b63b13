/* SPDX-License-Identifier: MIT */
#include "common/courier.h"

#include "common/courier_child.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/fake_server.h"
#include "tests/unit/liar.h"

#include <libpq-fe.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROLE "oat_web-1"
#define BRIEF_MS 200  /* a deadline that is meant to pass */
#define SLACK_MS 1000 /* what a busy machine may add to one */

static const struct oat_account nobody = { 65534, 65534 };
static const struct fake_greeting primary = { "off", ROLE, "off" };

static const struct oat_knowledge something = { 1, 2, "{}" };

static const struct oat_question a_question = { "id", "login", "oat-acme-ci",
	"sshd", "-", "-", "-", "3kPqrstuvwxy", "right" };

/* --- the questions, alike ------------------------------------------------ */

/* What was answered, and whether anything was written. */
struct outcome {
	enum oat_status status;
	bool written;
	char error[OAT_DATABASE_ERROR_MAX];
};

static void
ask_verifier(struct oat_child *child, struct oat_deadline deadline,
    struct outcome *outcome)
{
	char verifier[OAT_VERIFIER_MAX] = "untouched";

	outcome->status = oat_courier_verifier(
	    child, "3kPqrstuvwxy", deadline, verifier, outcome->error);
	outcome->written = strcmp(verifier, "untouched") != 0;
}

static void
ask_decision(struct oat_child *child, struct oat_deadline deadline,
    struct outcome *outcome)
{
	struct oat_decision decision, before;

	memset(&before, 0x55, sizeof(before));
	decision = before;
	outcome->status = oat_courier_decide(
	    child, &a_question, deadline, &decision, outcome->error);
	outcome->written = memcmp(&decision, &before, sizeof(before)) != 0;
}

static void
ask_record(struct oat_child *child, struct oat_deadline deadline,
    struct outcome *outcome)
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
    struct outcome *outcome)
{
	int rows = 0;

	outcome->status = oat_courier_identities(
	    child, &something, deadline, count_row, &rows, outcome->error);
	outcome->written = false;
}

static void
ask_to_listen(struct oat_child *child, struct oat_deadline deadline,
    struct outcome *outcome)
{
	outcome->status = oat_courier_listen(child, deadline, outcome->error);
	outcome->written = false;
}

static void
ask_to_await(struct oat_child *child, struct oat_deadline deadline,
    struct outcome *outcome)
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
    struct outcome *outcome)
{
	outcome->status = oat_courier_password(
	    child, "SCRAM-SHA-256$...", deadline, outcome->error);
	outcome->written = false;
}

static const struct {
	const char *name;
	void (*ask)(struct oat_child *child, struct oat_deadline deadline,
	    struct outcome *outcome);
} questions[] = {
	{ "verifier", ask_verifier },
	{ "decide", ask_decision },
	{ "record", ask_record },
	{ "identities", ask_identities },
	{ "listen", ask_to_listen },
	{ "await", ask_to_await },
	{ "password", ask_password },
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static bool
is_one_line(const char *text)
{
	if (text[0] == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* Put a question to a child that does this instead of asking a database. */
static struct outcome
ask_liar(size_t question, void (*tell)(int fd, void *context), void *context,
    uint32_t ms)
{
	struct outcome outcome = { .status = OAT_OK };
	struct oat_child child = OAT_CHILD_NONE;
	uint64_t began = oat_now_ms();

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, tell, context, &child), OAT_OK);
	questions[question].ask(&child, oat_deadline_in_ms(ms), &outcome);
	CU_ASSERT_TRUE(oat_now_ms() - began < ms + SLACK_MS);
	oat_child_end(&child);
	return outcome;
}

/* --- case 19: the child has been replaced by a liar ---------------------- */

static void
end_at_once(int fd, void *context)
{
	(void)fd;
	(void)context;
}

static void
end_after_question(int fd, void *context)
{
	struct oat_wire in = { 0 };

	(void)context;
	(void)oat_wire_receive(&in, fd, oat_deadline_in_ms(OAT_LONG_MS));
	oat_wire_free(&in);
}

static void
send_garbage(int fd, void *context)
{
	char bytes[4096];

	(void)context;
	memset(bytes, 0xa5, sizeof(bytes));
	(void)!write(fd, bytes, sizeof(bytes));
	pause();
}

static void
send_part_and_end(int fd, void *context)
{
	static const uint32_t part[] = { 100, 4, 0, 0 };

	(void)context;
	(void)!write(fd, part, sizeof(part));
}

static void
send_part_and_wait(int fd, void *context)
{
	send_part_and_end(fd, context);
	pause();
}

static void
wait_for_ever(int fd, void *context)
{
	(void)fd;
	(void)context;
	for (;;)
		pause();
}

static void
drip(int fd, void *context)
{
	static const uint32_t length = 60000;

	(void)context;
	(void)!write(fd, &length, sizeof(length));
	while (write(fd, "\0", 1) == 1)
		usleep(10000);
}

static void
send_rows_for_ever(int fd, void *context)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_wire out = { 0 };
	struct oat_row row;

	(void)context;
	memset(&row, 0, sizeof(row));
	do {
		oat_wire_free(&out);
		oat_wire_put_u32(&out, OAT_COURIER_ROW);
		oat_reply_put(&out, oat_row_fields, OAT_ROW_FIELDS, &row);
	} while (oat_wire_send(&out, fd, soon) == OAT_OK);
}

static void
test_courier_liar_gets_nothing_through(void)
{
	static const struct {
		const char *what;
		void (*tell)(int fd, void *context);
		enum oat_status expected;
	} lies[] = {
		{ "end", end_at_once, OAT_UNAVAILABLE },
		{ "end after", end_after_question, OAT_UNAVAILABLE },
		{ "garbage", send_garbage, OAT_UNAVAILABLE },
		{ "part, end", send_part_and_end, OAT_UNAVAILABLE },
		{ "part, wait", send_part_and_wait, OAT_TIMEOUT },
		{ "silence", wait_for_ever, OAT_TIMEOUT },
		{ "drip", drip, OAT_TIMEOUT },
	};
	struct outcome outcome;
	size_t i, q;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (q = 0; q < QUESTIONS; q++) {
			outcome = ask_liar(q, lies[i].tell, NULL,
			    lies[i].expected == OAT_TIMEOUT ? BRIEF_MS
							    : OAT_LONG_MS);
			OAT_ASSERT_THAT(outcome.status == lies[i].expected &&
					    !outcome.written &&
					    is_one_line(outcome.error),
			    "%s, %s: %d: %s", lies[i].what, questions[q].name,
			    (int)outcome.status, outcome.error);
		}
	CU_ASSERT_TRUE(oat_is_childless());
}

static void
test_courier_rows_without_end_are_a_timeout(void)
{
	struct outcome outcome =
	    ask_liar(3, send_rows_for_ever, NULL, BRIEF_MS);

	CU_ASSERT_EQUAL(outcome.status, OAT_TIMEOUT);
	/* To any other question a row is no answer. */
	CU_ASSERT_EQUAL(
	    ask_liar(0, send_rows_for_ever, NULL, OAT_LONG_MS).status,
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    ask_liar(1, send_rows_for_ever, NULL, OAT_LONG_MS).status,
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    ask_liar(2, send_rows_for_ever, NULL, OAT_LONG_MS).status,
	    OAT_UNAVAILABLE);
}

static struct outcome
ask_about(size_t question, const char *fields)
{
	char copy[32];

	snprintf(copy, sizeof(copy), "%s", fields);
	return ask_liar(question, oat_liar_answer, copy, OAT_LONG_MS);
}

static void
test_courier_message_of_another_shape_is_unavailable(void)
{
	static const struct {
		size_t question;
		const char *fields;
	} lies[] = {
		{ 0, "" },
		{ 0, "L" },
		{ 0, "t" },
		{ 0, "0" },
		{ 0, "0-" },
		{ 0, "0-l" },
		{ 0, "0-n" },
		{ 0, "0-tt" },
		{ 0, "0-t0" },
		{ 0, "0l" },
		{ 0, "0n" },
		{ 0, "00" },
		{ 0, "R" },
		{ 1, "0-1" },
		{ 1, "0-2ttttt" },
		{ 1, "0-L----" },
		{ 1, "0-1----" },
		{ 1, "0-1------" },
		{ 1, "0-1l----" },
		{ 1, "0-1----l" },
		{ 1, "0-1---n-" },
		{ 1, "0-t-----" },
		{ 2, "0-" },
		{ 2, "0-l" },
		{ 2, "0-L" },
		{ 2, "0-11" },
		{ 3, "R" },
		{ 3, "Rtt" },
		{ 3, "RttLttt2Lt" },
		{ 3, "RttLttt1Ltt" },
		{ 3, "RttLttt1Ll" },
		{ 3, "RttLttt1Ln" },
		{ 3, "Rtt1ttt1Lt" },
		{ 3, "RltLttt1Lt" },
		{ 3, "RttLttt1LtttLttt1L" },
		{ 3, "0" },
		{ 3, "0l" },
		{ 4, "0-t" },
		{ 4, "0" },
		{ 5, "0-1" },
		{ 5, "R" },
		{ 6, "" },
		{ 6, "0-t" },
		{ 6, "0-0" },
		{ 6, "R" },
	};
	struct outcome outcome;
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		outcome = ask_about(lies[i].question, lies[i].fields);
		OAT_ASSERT_THAT(outcome.status == OAT_UNAVAILABLE &&
				    !outcome.written &&
				    is_one_line(outcome.error),
		    "%s, %s: %d: %s", questions[lies[i].question].name,
		    lies[i].fields, (int)outcome.status, outcome.error);
	}
}

static bool
is_promised(size_t question, enum oat_status status)
{
	return status == OAT_TIMEOUT || status == OAT_UNAVAILABLE ||
	       (question == 0 &&
		   (status == OAT_NOTFOUND || status == OAT_RANGE)) ||
	       (question == 2 && status == OAT_INVALID) ||
	       ((question == 4 || question == 5) && status == OAT_NOTFOUND);
}

static void
test_courier_status_outside_the_promise_is_unavailable(void)
{
	static const char codes[] = "123456789:R";
	enum oat_status told, expected;
	struct outcome outcome;
	char fields[3] = "?t";
	size_t i, q;

	for (q = 0; q < QUESTIONS; q++)
		for (i = 0; codes[i] != '\0'; i++) {
			if (codes[i] == 'R' && q == 3)
				continue;
			fields[0] = codes[i];
			told = (enum oat_status)(codes[i] - '0');
			expected = codes[i] <= '7' && is_promised(q, told)
				       ? told
				       : OAT_UNAVAILABLE;
			outcome = ask_about(q, fields);
			OAT_ASSERT_THAT(
			    outcome.status == expected && !outcome.written,
			    "%s, %c: %d", questions[q].name, codes[i],
			    (int)outcome.status);
			CU_ASSERT_STRING_EQUAL(outcome.error, "text");
		}
}

static void
test_courier_reason_is_printable_whoever_gives_it(void)
{
	size_t q;

	for (q = 0; q < QUESTIONS; q++) {
		CU_ASSERT_STRING_EQUAL(
		    ask_about(q, "6e").error, "\\x1b[31m\\x0afake");
		OAT_ASSERT_THAT(is_one_line(ask_about(q, "6-").error), "%s",
		    questions[q].name);
	}
}

static enum oat_status
refuse_row(const struct oat_row *row, void *context)
{
	(void)row;
	(void)context;
	return OAT_NOMEM;
}

static void
test_courier_what_take_answers_is_the_answer(void)
{
	char fields[] = "RttLttt1Lt", error[OAT_DATABASE_ERROR_MAX] = "mine";
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, oat_liar_answer, fields, &child),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_courier_identities(&child, &something,
		oat_deadline_in_ms(OAT_LONG_MS), refuse_row, NULL, error),
	    OAT_NOMEM);
	CU_ASSERT_STRING_EQUAL(error, "mine");
	oat_child_end(&child);
}

/* --- the real child ------------------------------------------------------ */

static struct oat_conninfo *conninfo;

static struct oat_child
start_from(const char *text, const char *next_password)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "";
	struct oat_child child = OAT_CHILD_NONE;
	struct oat_orders orders = { .next_password = next_password };

	oat_conninfo_free(conninfo);
	conninfo = NULL;
	CU_ASSERT_EQUAL_FATAL(
	    oat_conninfo_parse(text, false, &conninfo, error), OAT_OK);
	orders.conninfo = conninfo;
	CU_ASSERT_EQUAL_FATAL(
	    oat_courier_start(&nobody, &orders, &child), OAT_OK);
	return child;
}

static struct oat_child
start_with(int port, const char *next_password)
{
	char text[128];

	snprintf(text, sizeof(text),
	    "host=127.0.0.1 port=%d dbname=oat user=" ROLE, port);
	return start_from(text, next_password);
}

static struct oat_child
start(int port)
{
	return start_with(port, NULL);
}

/* A child that had no time to say whom it asked. */
static void
test_silence_names_the_servers_on_one_printable_line(void)
{
	static const char *const hosts[][2] = {
		{ "host=127.0.0.1,127.0.0.2 port=1,2",
		    "127.0.0.1:1, 127.0.0.2:2: no answer in time" },
		{ "host='/run/\x1b[31m' port=3",
		    "/run/\\x1b[31m:3: no answer in time" },
	};
	char text[128], error[OAT_DATABASE_ERROR_MAX] = "";
	char verifier[OAT_VERIFIER_MAX] = "";
	struct oat_child child;
	size_t i;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		snprintf(text, sizeof(text), "%s dbname=oat user=" ROLE,
		    hosts[i][0]);
		child = start_from(text, NULL);
		CU_ASSERT_EQUAL(kill(child.pid, SIGSTOP), 0);
		CU_ASSERT_EQUAL(
		    oat_courier_verifier(&child, "AAAAAAAAAAAA",
			oat_deadline_in_ms(BRIEF_MS), verifier, error),
		    OAT_TIMEOUT);
		CU_ASSERT_STRING_EQUAL(error, hosts[i][1]);
		oat_child_end(&child);
	}
}

/* Answers each of the questions as a good server does. */
static void
serve_well(int fd, const void *context)
{
	static const char *const verifier[] = { "a-verifier" };
	static const char *const decision[] = { "f", "expired", "sorry", "acme",
		"ci", "{}" };
	static const char *const count[] = { "3" }, *const nothing[] = { "" };
	static const char *const row[] = { "same", "web-1", "17", NULL, NULL,
		NULL, NULL, "5", NULL };
	char statement[256] = "";

	(void)context;
	if (!fake_greet(fd, &primary))
		return;
	while (fake_read_query(fd, statement, sizeof(statement))) {
		if (strstr(statement, "host_verifier") != NULL) {
			(void)fake_send_columns(fd, 1);
			(void)fake_send_row(fd, 1, verifier);
		} else if (strstr(statement, "host_decide") != NULL) {
			(void)fake_send_columns(fd, 6);
			(void)fake_send_row(fd, 6, decision);
		} else if (strstr(statement, "host_record") != NULL) {
			(void)fake_send_columns(fd, 1);
			(void)fake_send_row(fd, 1, count);
		} else if (strstr(statement, "host_password") != NULL) {
			(void)fake_send_columns(fd, 1);
			(void)fake_send_row(fd, 1, nothing);
		} else {
			(void)fake_send_columns(fd, 9);
			(void)fake_send_row(fd, 9, row);
		}
		(void)fake_send_end(fd);
	}
}

static enum oat_status
keep_row(const struct oat_row *row, void *context)
{
	*(struct oat_row *)context = *row;
	return OAT_OK;
}

static void
check_good_answers(int port)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	char error[OAT_DATABASE_ERROR_MAX] = "", text[OAT_VERIFIER_MAX] = "";
	struct oat_child child = start(port);
	struct oat_decision decision = { 0 };
	struct oat_row row = { 0 };
	uint32_t count = 0;

	CU_ASSERT_EQUAL(
	    oat_courier_verifier(&child, "x", soon, text, error), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "a-verifier");
	CU_ASSERT_EQUAL(
	    oat_courier_decide(&child, &a_question, soon, &decision, error),
	    OAT_OK);
	CU_ASSERT_FALSE(decision.allowed);
	CU_ASSERT_STRING_EQUAL(decision.reason, "expired");
	CU_ASSERT_STRING_EQUAL(decision.message, "sorry");
	CU_ASSERT_EQUAL(
	    oat_courier_record(&child, "[]", soon, &count, error), OAT_OK);
	CU_ASSERT_EQUAL(count, 3);
	CU_ASSERT_EQUAL(oat_courier_identities(
			    &child, &something, soon, keep_row, &row, error),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(row.kind, "same");
	CU_ASSERT_EQUAL(row.id, 17);
	CU_ASSERT_EQUAL(oat_courier_password(&child, "x", soon, error), OAT_OK);
	OAT_ASSERT_THAT(error[0] == '\0', "%s", error);
	oat_child_end(&child);
}

static void
test_courier_brings_each_answer_back(void)
{
	struct fake_server server = fake_start(serve_well, NULL);

	check_good_answers(server.port);
	fake_stop(&server);
}

/* --- a password that is being changed ------------------------------------ */

/* As a server to which the first password is not the right one. */
static void
refuse_once(int fd, const void *context)
{
	static int connections;

	if (connections++ > 0)
		serve_well(fd, context);
}

static void
check_next_password(const char *next, enum oat_status expected)
{
	struct fake_server server = fake_start(refuse_once, NULL);
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = start_with(server.port, next);
	struct outcome outcome = { .status = OAT_OK };

	ask_verifier(&child, soon, &outcome);
	OAT_ASSERT_THAT(outcome.status == expected, "%s", outcome.error);
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_next_password_is_tried_where_the_first_fails(void)
{
	check_next_password("next", OAT_OK);
	check_next_password(NULL, OAT_UNAVAILABLE);
}

/* --- the rehearsal ------------------------------------------------------- */

/* What a server was asked, a letter each: v, r, d; shared with it. */
struct asked {
	char letters[16];
	bool knows;	/* the selector */
	bool rehearses; /* or it is older than that function */
};

static bool
answer_rehearsal(int fd, const struct asked *asked)
{
	static const char *const nothing[] = { "" };

	if (!asked->rehearses)
		return fake_send_error(fd, "42883", "no such function");
	return fake_send_columns(fd, 1) && fake_send_row(fd, 1, nothing) &&
	       fake_send_end(fd);
}

static bool
answer_verifier(int fd, const struct asked *asked)
{
	static const char *const verifier[] = { "a-verifier" };
	static const char *const unknown[] = { NULL };

	return fake_send_columns(fd, 1) &&
	       fake_send_row(fd, 1, asked->knows ? verifier : unknown) &&
	       fake_send_end(fd);
}

static bool
answer_decision(int fd)
{
	static const char *const decision[] = { "f", "expired", "sorry", "acme",
		"ci", NULL };

	return fake_send_columns(fd, 6) && fake_send_row(fd, 6, decision) &&
	       fake_send_end(fd);
}

static void
serve_and_note(int fd, const void *context)
{
	struct asked *asked = *(struct asked *const *)context;
	char statement[256] = "", *next = asked->letters;
	bool going = fake_greet(fd, &primary);

	while (going && fake_read_query(fd, statement, sizeof(statement))) {
		if (strstr(statement, "host_verifier") != NULL) {
			*next++ = 'v';
			going = answer_verifier(fd, asked);
		} else if (strstr(statement, "host_rehearse") != NULL) {
			*next++ = 'r';
			going = answer_rehearsal(fd, asked);
		} else {
			*next++ = 'd';
			going = answer_decision(fd);
		}
	}
}

/* A login, as far as the courier sees it. */
static void
check_login(struct asked *asked, const char *letters)
{
	struct fake_server server = fake_start(serve_and_note, &asked);
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = start(server.port);
	char error[OAT_DATABASE_ERROR_MAX] = "", text[OAT_VERIFIER_MAX] = "";
	struct oat_decision decision = { 0 };

	CU_ASSERT_EQUAL(
	    oat_courier_verifier(&child, "3kPqrstuvwxy", soon, text, error),
	    asked->knows ? OAT_OK : OAT_NOTFOUND);
	CU_ASSERT_EQUAL(
	    oat_courier_decide(&child, &a_question, soon, &decision, error),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(decision.reason, "expired");
	CU_ASSERT_STRING_EQUAL(asked->letters, letters);
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_rehearses_between_verifier_and_decision(void)
{
	static const struct {
		bool knows, rehearses;
		const char *letters;
	} cases[] = {
		{ true, true, "vrd" },
		{ true, false, "vrd" }, /* its failure costs nothing */
		{ false, true, "vd" },
	};
	struct asked *asked;
	size_t i;

	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_TRUE_FATAL(asked != MAP_FAILED);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		*asked = (struct asked){ .knows = cases[i].knows,
			.rehearses = cases[i].rehearses };
		check_login(asked, cases[i].letters);
	}
	(void)munmap(asked, sizeof(*asked));
}

/* case 2: whatever the environment says, the answers are the same. */
static void
test_courier_environment_is_not_asked(void)
{
	struct fake_server server = fake_start(serve_well, NULL);
	PQconninfoOption *all = PQconninfoParse("", NULL), *option;

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	for (option = all; option->keyword != NULL; option++) {
		if (option->envvar == NULL)
			continue;
		CU_ASSERT_EQUAL(setenv(option->envvar, "203.0.113.1", 1), 0);
		check_good_answers(server.port);
		CU_ASSERT_EQUAL(unsetenv(option->envvar), 0);
	}
	PQconninfoFree(all);
	fake_stop(&server);
}

static void
serve_silence(int fd, const void *context)
{
	(void)context;
	fake_be_silent(fd);
}

/* The child gives up a little before its parent, so that it can say why. */
static void
test_courier_silent_server_is_named_by_the_deadline(void)
{
	struct fake_server server = fake_start(serve_silence, NULL);
	struct oat_deadline deadline = oat_deadline_in_ms(5 * BRIEF_MS);
	struct outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(server.port);
	char name[32];

	ask_verifier(&child, deadline, &outcome);
	CU_ASSERT_EQUAL(outcome.status, OAT_TIMEOUT);
	snprintf(name, sizeof(name), "127.0.0.1:%d: no answer", server.port);
	OAT_ASSERT_THAT(strncmp(outcome.error, name, strlen(name)) == 0, "%s",
	    outcome.error);
	CU_ASSERT_FALSE(oat_deadline_passed(deadline));
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_closed_port_is_named_for_every_question(void)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(fake_closed_port());
	size_t q;

	for (q = 0; q < QUESTIONS; q++) {
		questions[q].ask(&child, soon, &outcome);
		OAT_ASSERT_THAT(
		    outcome.status == OAT_TIMEOUT && !outcome.written &&
			strncmp(outcome.error, "127.0.0.1:", 10) == 0,
		    "%s: %s", questions[q].name, outcome.error);
	}
	oat_child_end(&child);
}

static void
test_courier_that_was_killed_is_unavailable(void)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(fake_closed_port());
	size_t q;

	CU_ASSERT_EQUAL(kill(child.pid, SIGKILL), 0);
	for (q = 0; q < QUESTIONS; q++) {
		questions[q].ask(&child, soon, &outcome);
		OAT_ASSERT_THAT(outcome.status == OAT_UNAVAILABLE &&
				    !outcome.written &&
				    is_one_line(outcome.error),
		    "%s: %s", questions[q].name, outcome.error);
	}
	oat_child_end(&child);
	CU_ASSERT_TRUE(oat_is_childless());
}

/* A row that is announced with a gigabyte, and sent as fast as it goes. */
static void
serve_gigabyte(int fd, const void *context)
{
	static char bytes[1 << 16];
	uint32_t length = htonl(1U << 30);
	char statement[256];
	int i;

	(void)context;
	if (!fake_greet(fd, &primary) ||
	    !fake_read_query(fd, statement, sizeof(statement)))
		return;
	(void)fake_send_columns(fd, 1);
	(void)!write(fd, "D", 1);
	(void)!write(fd, &length, sizeof(length));
	for (i = 0; i < 1 << 14; i++)
		if (write(fd, bytes, sizeof(bytes)) <= 0)
			return;
}

/* case 16: measured as the largest size that any child ever had. */
static void
test_courier_memory_is_bounded_whatever_is_sent(void)
{
	struct fake_server server = fake_start(serve_gigabyte, NULL);
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(server.port);
	struct rusage usage;

	ask_verifier(&child, soon, &outcome);
	OAT_ASSERT_THAT(outcome.status == OAT_UNAVAILABLE, "%d: %s",
	    (int)outcome.status, outcome.error);
	oat_child_end(&child);
	fake_stop(&server);
	CU_ASSERT_EQUAL(getrusage(RUSAGE_CHILDREN, &usage), 0);
	OAT_ASSERT_THAT(
	    usage.ru_maxrss < 256 * 1024, "%ld KiB", usage.ru_maxrss);
}

static int
tear_down(void)
{
	oat_conninfo_free(conninfo);
	conninfo = NULL;
	return 0;
}

static CU_TestInfo liars[] = {
	OAT_TEST(test_silence_names_the_servers_on_one_printable_line),
	OAT_TEST(test_courier_liar_gets_nothing_through),
	OAT_TEST(test_courier_rows_without_end_are_a_timeout),
	OAT_TEST(test_courier_message_of_another_shape_is_unavailable),
	OAT_TEST(test_courier_status_outside_the_promise_is_unavailable),
	OAT_TEST(test_courier_reason_is_printable_whoever_gives_it),
	OAT_TEST(test_courier_what_take_answers_is_the_answer),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo children[] = {
	OAT_TEST(test_courier_brings_each_answer_back),
	OAT_TEST(test_courier_next_password_is_tried_where_the_first_fails),
	OAT_TEST(test_courier_rehearses_between_verifier_and_decision),
	OAT_TEST(test_courier_environment_is_not_asked),
	OAT_TEST(test_courier_silent_server_is_named_by_the_deadline),
	OAT_TEST(test_courier_closed_port_is_named_for_every_question),
	OAT_TEST(test_courier_that_was_killed_is_unavailable),
	OAT_TEST(test_courier_memory_is_bounded_whatever_is_sent),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "courier: liars", NULL, NULL, NULL, NULL, liars },
	{ "courier: the child", NULL, tear_down, NULL, NULL, children },
	CU_SUITE_INFO_NULL,
};
