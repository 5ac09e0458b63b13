/* SPDX-License-Identifier: MIT */
/* The parent and the real child, against servers of every kind. */
#include "common/courier.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/fake_server.h"
#include "tests/unit/questions.h"
#include "tests/unit/started.h"

#include <libpq-fe.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static struct oat_child
start(int port)
{
	return started_for(port, "", NULL);
}

/* A child that had no time to say whom it asked. */
static void
test_courier_child_silence_names_the_servers_on_one_printable_line(void)
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
		snprintf(text, sizeof(text), "%s dbname=oat user=" FAKE_ROLE,
		    hosts[i][0]);
		child = started_from(text, NULL);
		CU_ASSERT_EQUAL(kill(child.pid, SIGSTOP), 0);
		CU_ASSERT_EQUAL(
		    oat_courier_verifier(&child, "AAAAAAAAAAAA",
			oat_deadline_in_ms(OAT_BRIEF_MS), verifier, error),
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
	if (!fake_greet(fd, &fake_primary))
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
	    oat_courier_decide(&child, &oat_a_question, soon, &decision, error),
	    OAT_OK);
	CU_ASSERT_FALSE(decision.allowed);
	CU_ASSERT_STRING_EQUAL(decision.reason, "expired");
	CU_ASSERT_STRING_EQUAL(decision.message, "sorry");
	CU_ASSERT_EQUAL(
	    oat_courier_record(&child, "[]", soon, &count, error), OAT_OK);
	CU_ASSERT_EQUAL(count, 3);
	CU_ASSERT_EQUAL(oat_courier_identities(&child, &oat_something_known,
			    soon, keep_row, &row, error),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(row.kind, "same");
	CU_ASSERT_EQUAL(row.id, 17);
	CU_ASSERT_EQUAL(oat_courier_password(&child, "x", soon, error), OAT_OK);
	OAT_ASSERT_THAT(error[0] == '\0', "%s", error);
	oat_child_end(&child);
}

static void
test_courier_child_brings_each_answer_back(void)
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
	struct oat_child child = started_for(server.port, "", next);
	struct oat_outcome outcome = { .status = OAT_OK };

	oat_ask_verifier(&child, soon, &outcome);
	OAT_ASSERT_THAT(outcome.status == expected, "%s", outcome.error);
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_child_next_password_is_tried_where_the_first_fails(void)
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
	bool going = fake_greet(fd, &fake_primary);

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
	    oat_courier_decide(&child, &oat_a_question, soon, &decision, error),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(decision.reason, "expired");
	CU_ASSERT_STRING_EQUAL(asked->letters, letters);
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_child_rehearses_between_verifier_and_decision(void)
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
test_courier_child_environment_is_not_asked(void)
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

/* The child gives up a little before its parent, so that it can say why. */
static void
test_courier_child_silent_server_is_named_by_the_deadline(void)
{
	struct fake_server server = fake_start(fake_serve_silence, NULL);
	struct oat_deadline deadline = oat_deadline_in_ms(5 * OAT_BRIEF_MS);
	struct oat_outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(server.port);
	char name[32];

	oat_ask_verifier(&child, deadline, &outcome);
	CU_ASSERT_EQUAL(outcome.status, OAT_TIMEOUT);
	snprintf(name, sizeof(name), "127.0.0.1:%d: no answer", server.port);
	OAT_ASSERT_THAT(strncmp(outcome.error, name, strlen(name)) == 0, "%s",
	    outcome.error);
	CU_ASSERT_FALSE(oat_deadline_passed(deadline));
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_child_closed_port_is_named_for_every_question(void)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(fake_closed_port());
	size_t q;

	for (q = 0; q < OAT_QUESTIONS; q++) {
		oat_questions[q].ask(&child, soon, &outcome);
		OAT_ASSERT_THAT(
		    outcome.status == OAT_TIMEOUT && !outcome.written &&
			strncmp(outcome.error, "127.0.0.1:", 10) == 0,
		    "%s: %s", oat_questions[q].name, outcome.error);
	}
	oat_child_end(&child);
}

static void
test_courier_child_that_was_killed_is_unavailable(void)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(fake_closed_port());
	size_t q;

	CU_ASSERT_EQUAL(kill(child.pid, SIGKILL), 0);
	for (q = 0; q < OAT_QUESTIONS; q++) {
		oat_questions[q].ask(&child, soon, &outcome);
		OAT_ASSERT_THAT(outcome.status == OAT_UNAVAILABLE &&
				    !outcome.written &&
				    oat_is_one_line(outcome.error),
		    "%s: %s", oat_questions[q].name, outcome.error);
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
	if (!fake_greet(fd, &fake_primary) ||
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
test_courier_child_memory_is_bounded_whatever_is_sent(void)
{
	struct fake_server server = fake_start(serve_gigabyte, NULL);
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_outcome outcome = { .status = OAT_OK };
	struct oat_child child = start(server.port);
	struct rusage usage;

	oat_ask_verifier(&child, soon, &outcome);
	OAT_ASSERT_THAT(outcome.status == OAT_UNAVAILABLE, "%d: %s",
	    (int)outcome.status, outcome.error);
	oat_child_end(&child);
	fake_stop(&server);
	CU_ASSERT_EQUAL(getrusage(RUSAGE_CHILDREN, &usage), 0);
	OAT_ASSERT_THAT(
	    usage.ru_maxrss < 256 * 1024, "%ld KiB", usage.ru_maxrss);
}

static CU_TestInfo children[] = {
	OAT_TEST(
	    test_courier_child_silence_names_the_servers_on_one_printable_line),
	OAT_TEST(test_courier_child_brings_each_answer_back),
	OAT_TEST(
	    test_courier_child_next_password_is_tried_where_the_first_fails),
	OAT_TEST(test_courier_child_rehearses_between_verifier_and_decision),
	OAT_TEST(test_courier_child_environment_is_not_asked),
	OAT_TEST(test_courier_child_silent_server_is_named_by_the_deadline),
	OAT_TEST(test_courier_child_closed_port_is_named_for_every_question),
	OAT_TEST(test_courier_child_that_was_killed_is_unavailable),
	OAT_TEST(test_courier_child_memory_is_bounded_whatever_is_sent),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "courier: the child", NULL, started_tear_down, NULL, NULL, children },
	CU_SUITE_INFO_NULL,
};
