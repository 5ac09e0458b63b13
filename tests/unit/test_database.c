/* SPDX-License-Identifier: MIT */
/* Asking, over a connection that stands. */
#include "common/database.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/fake_server.h"
#include "tests/unit/opened.h"

#include <string.h>

static const struct oat_knowledge nothing = { 0, 0, "{}" };

/* --- answers ------------------------------------------------------------ */

/* What the server sends for a question: rows of one column, or an error. */
struct script {
	int columns, rows;
	const char *value; /* NULL for NULL */
	const char *state; /* of an error instead; NULL for none */
	char endless;	   /* a message without end instead; 0 for none */
};

static void
send_endlessly(int fd, char type)
{
	static const char copy[] = { 0, 0, 0 };
	static const char notice[] = "SNOTICE\0MMore to come\0";
	const char *const value[] = { "more" };

	if (type == 'D') {
		(void)fake_send_columns(fd, 1);
		while (fake_send_row(fd, 1, value))
			continue;
	} else if (type == 'N') {
		while (fake_send(fd, 'N', notice, sizeof(notice)))
			continue;
	} else {
		(void)fake_send(fd, type, copy, sizeof(copy));
		fake_be_silent(fd);
	}
}

static void
serve_script(int fd, const void *context)
{
	const struct script *script = context;
	const char *values[16];
	char statement[256];
	int i;

	for (i = 0; i < 16; i++)
		values[i] = script->value;
	if (!fake_greet(fd, &fake_primary))
		return;
	while (fake_read_query(fd, statement, sizeof(statement))) {
		if (script->endless != 0)
			send_endlessly(fd, script->endless);
		else if (script->state != NULL)
			(void)fake_send_error(fd, script->state, script->value);
		else {
			(void)fake_send_columns(fd, script->columns);
			for (i = 0; i < script->rows; i++)
				(void)fake_send_row(
				    fd, script->columns, values);
			(void)fake_send_end(fd);
		}
	}
}

static void
check_verifier(
    const struct script *script, enum oat_status expected, const char *answer)
{
	struct fake_server server = fake_start(serve_script, script);
	struct oat_database *database = oat_open_one(&server);
	char text[OAT_VERIFIER_MAX] = "untouched";
	uint32_t ms = script->endless != 0 ? OAT_BRIEF_MS : OAT_LONG_MS;
	uint64_t began = oat_now_ms();
	enum oat_status status;

	status = oat_database_verifier(
	    database, "3kPqrstuvwxy", oat_deadline_in_ms(ms), text);
	CU_ASSERT_TRUE(oat_now_ms() - began < ms + OAT_SLACK_MS);
	OAT_ASSERT_THAT(status == expected, "%d rows of %d: %d: %s",
	    script->rows, script->columns, (int)status,
	    oat_database_error(database));
	CU_ASSERT_STRING_EQUAL(text, status == OAT_OK ? answer : "untouched");
	if (status == OAT_TIMEOUT || status == OAT_UNAVAILABLE)
		OAT_ASSERT_THAT(
		    oat_names_server(
			oat_database_error(database), server.port) &&
			oat_is_one_line(oat_database_error(database)),
		    "%s", oat_database_error(database));
	oat_database_close(database);
	fake_stop(&server);
}

static char long_text[OAT_VERIFIER_MAX + 1];

static void
test_database_verifier_answers(void)
{
	struct script script = { .columns = 1, .rows = 1, .value = "a" };

	check_verifier(&script, OAT_OK, "a");
	script.value = NULL;
	check_verifier(&script, OAT_NOTFOUND, NULL);
	memset(long_text, 'v', OAT_VERIFIER_MAX);
	script.value = long_text;
	check_verifier(&script, OAT_RANGE, NULL);
	long_text[OAT_VERIFIER_MAX - 1] = '\0';
	check_verifier(&script, OAT_OK, long_text);
}

static void
test_database_answer_of_another_shape_is_unavailable(void)
{
	struct script script = { .columns = 1, .rows = 0, .value = "a" };

	check_verifier(&script, OAT_UNAVAILABLE, NULL);
	script.rows = 2;
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
	script.rows = 1;
	script.columns = 2;
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
	script.columns = 0;
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
}

/* case 16 */
static void
test_database_answer_without_end_is_given_up_in_time(void)
{
	struct script script = { .endless = 'D' };

	/* The second row is one too many; the rest is read and thrown away. */
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
	script.endless = 'N';
	check_verifier(&script, OAT_TIMEOUT, NULL);
}

static void
test_database_copy_that_nobody_asked_for_is_unavailable(void)
{
	struct script script = { .endless = 'H' };

	check_verifier(&script, OAT_UNAVAILABLE, NULL);
	script.endless = 'G';
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
	script.endless = 'W';
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
}

/* case 17 */
static void
test_database_error_is_one_escaped_bounded_line(void)
{
	static char text[20000];
	struct script script = { .state = "XX000", .value = text };

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "\x1b[31m", 5);
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
	strcpy(text, "one\nNov 20 09:00:00 sshd: accepted");
	check_verifier(&script, OAT_UNAVAILABLE, NULL);
}

static void
test_database_events_the_server_cannot_take_are_invalid(void)
{
	static const struct {
		const char *state;
		enum oat_status expected;
	} cases[] = {
		{ "22P02", OAT_INVALID },     /* no JSON */
		{ "22P05", OAT_INVALID },     /* \u0000 in a text */
		{ "23514", OAT_INVALID },     /* a CHECK */
		{ "54000", OAT_INVALID },     /* too deep */
		{ "42501", OAT_UNAVAILABLE }, /* no right */
		{ "53100", OAT_UNAVAILABLE }, /* disk full */
		{ "57P01", OAT_UNAVAILABLE }, /* shutting down */
	};
	struct oat_database *database;
	struct fake_server server;
	uint32_t count = 42;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script script = { .state = cases[i].state,
			.value = "no" };

		server = fake_start(serve_script, &script);
		database = oat_open_one(&server);
		OAT_ASSERT_THAT(oat_database_record(database, "[]", oat_soon(),
				    &count) == cases[i].expected,
		    "%s", cases[i].state);
		/* The connection can be asked again. */
		OAT_ASSERT_THAT(oat_database_record(database, "[]", oat_soon(),
				    &count) == cases[i].expected,
		    "%s", cases[i].state);
		CU_ASSERT_EQUAL(count, 42);
		oat_database_close(database);
		fake_stop(&server);
	}
}

static void
test_database_count_of_events_is_a_number(void)
{
	static const struct {
		const char *value;
		enum oat_status expected;
		uint32_t count;
	} cases[] = {
		{ "0", OAT_OK, 0 },
		{ "4294967295", OAT_OK, UINT32_MAX },
		{ "4294967296", OAT_UNAVAILABLE, 42 },
		{ "-1", OAT_UNAVAILABLE, 42 },
		{ "99999999999999999999", OAT_UNAVAILABLE, 42 },
		{ "1x", OAT_UNAVAILABLE, 42 },
		{ NULL, OAT_UNAVAILABLE, 42 },
	};
	struct oat_database *database;
	struct fake_server server;
	uint32_t count;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script script = {
			.columns = 1, .rows = 1, .value = cases[i].value
		};

		count = 42;
		server = fake_start(serve_script, &script);
		database = oat_open_one(&server);
		OAT_ASSERT_THAT(oat_database_record(database, "[]", oat_soon(),
				    &count) == cases[i].expected &&
				    count == cases[i].count,
		    "%s", cases[i].value ? cases[i].value : "NULL");
		oat_database_close(database);
		fake_stop(&server);
	}
}

/* --- decisions and rows ------------------------------------------------- */

static void
serve_rows(int fd, const void *context)
{
	const char *const(*rows)[OAT_ROW_FIELDS] = context;
	char statement[256];
	int columns, i;

	if (!fake_greet(fd, &fake_primary))
		return;
	while (fake_read_query(fd, statement, sizeof(statement))) {
		columns = strstr(statement, "host_decide") != NULL
			      ? OAT_DECISION_FIELDS
			      : OAT_ROW_FIELDS;
		(void)fake_send_columns(fd, columns);
		for (i = 0; rows[i][0] != NULL; i++)
			(void)fake_send_row(fd, columns, rows[i]);
		(void)fake_send_end(fd);
	}
}

static const struct oat_question question = { "id", "login", "oat-acme-ci",
	"sshd", "-", "-", "-", NULL, "none" };

static void
test_database_decision_is_read_by_its_columns(void)
{
	static const char *const rows[][OAT_ROW_FIELDS] = {
		{ "t", NULL, "", "acme", "ci", "{\"a\": 1}" }, { NULL }
	};
	struct fake_server server = fake_start(serve_rows, rows);
	struct oat_database *database = oat_open_one(&server);
	struct oat_decision decision;

	memset(&decision, 0xff, sizeof(decision));
	CU_ASSERT_EQUAL(
	    oat_database_decide(database, &question, oat_soon(), &decision),
	    OAT_OK);
	CU_ASSERT_TRUE(decision.allowed);
	CU_ASSERT_STRING_EQUAL(decision.reason, "");
	CU_ASSERT_STRING_EQUAL(decision.message, "");
	CU_ASSERT_STRING_EQUAL(decision.organization, "acme");
	CU_ASSERT_STRING_EQUAL(decision.token_name, "ci");
	CU_ASSERT_STRING_EQUAL(decision.event, "{\"a\": 1}");
	oat_database_close(database);
	fake_stop(&server);
}

static void
test_database_decision_is_a_yes_only_for_t(void)
{
	static const char *const words[] = { "f", "", "T", "true", "1", "tt" };
	const char *rows[2][OAT_ROW_FIELDS] = { { "" }, { NULL } };
	struct oat_decision decision;
	struct oat_database *database;
	struct fake_server server;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		rows[0][0] = words[i];
		server = fake_start(serve_rows, rows);
		database = oat_open_one(&server);
		OAT_ASSERT_THAT(oat_database_decide(database, &question,
				    oat_soon(), &decision) == OAT_OK &&
				    !decision.allowed,
		    "'%s'", words[i]);
		oat_database_close(database);
		fake_stop(&server);
	}
}

static void
test_database_decision_with_a_text_too_long_is_unavailable(void)
{
	static char text[OAT_MESSAGE_MAX + 1];
	const char *rows[2][OAT_ROW_FIELDS] = { { "t", "", text }, { NULL } };
	struct fake_server server;
	struct oat_database *database;
	struct oat_decision decision;

	memset(text, 'x', OAT_MESSAGE_MAX);
	server = fake_start(serve_rows, rows);
	database = oat_open_one(&server);
	CU_ASSERT_EQUAL(
	    oat_database_decide(database, &question, oat_soon(), &decision),
	    OAT_UNAVAILABLE);
	oat_database_close(database);
	fake_stop(&server);
}

struct seen {
	int rows, stop_at;
	struct oat_row last;
};

static enum oat_status
see(const struct oat_row *row, void *context)
{
	struct seen *seen = context;

	seen->last = *row;
	return ++seen->rows == seen->stop_at ? OAT_NOMEM : OAT_OK;
}

static void
test_database_row_is_read_by_its_columns(void)
{
	static const char *const rows[][OAT_ROW_FIELDS] = {
		{ "begin", "web-1", "17", NULL, NULL, NULL, NULL,
		    "1763600000000000", "1" },
		{ "identity", "oat-acme-ci", "70001", "acme", "ci", "/bin/sh",
		    "t", NULL, "70000,70002" },
		{ NULL }
	};
	struct fake_server server = fake_start(serve_rows, rows);
	struct oat_database *database = oat_open_one(&server);
	struct seen seen = { 0 };

	CU_ASSERT_EQUAL(
	    oat_database_identities(database, &nothing, oat_soon(), see, &seen),
	    OAT_OK);
	CU_ASSERT_EQUAL(seen.rows, 2);
	CU_ASSERT_STRING_EQUAL(seen.last.kind, "identity");
	CU_ASSERT_STRING_EQUAL(seen.last.name, "oat-acme-ci");
	CU_ASSERT_EQUAL(seen.last.id, 70001);
	CU_ASSERT_STRING_EQUAL(seen.last.organization, "acme");
	CU_ASSERT_STRING_EQUAL(seen.last.token_name, "ci");
	CU_ASSERT_STRING_EQUAL(seen.last.shell, "/bin/sh");
	CU_ASSERT_TRUE(seen.last.active);
	CU_ASSERT_EQUAL(seen.last.expires_at, 0);
	CU_ASSERT_STRING_EQUAL(seen.last.groups, "70000,70002");
	oat_database_close(database);
	fake_stop(&server);
}

/* One long shell must not take the identities of a whole host away. */
static void
test_database_row_with_a_text_too_long_is_marked(void)
{
	static char text[OAT_ROW_GROUPS_MAX + 1];
	const char *rows[3][OAT_ROW_FIELDS] = { { "identity", "x", "1", "", "",
						    text, "t", NULL, text },
		{ "identity", "y", "2", "", "", "/bin/sh", "t", NULL, "" },
		{ NULL } };
	struct oat_database *database;
	struct fake_server server;
	struct seen seen = { .stop_at = 1 };

	memset(text, 'x', OAT_ROW_GROUPS_MAX);
	server = fake_start(serve_rows, rows);
	database = oat_open_one(&server);
	CU_ASSERT_EQUAL(
	    oat_database_identities(database, &nothing, oat_soon(), see, &seen),
	    OAT_NOMEM);
	CU_ASSERT_STRING_EQUAL(seen.last.shell, OAT_ROW_TOO_LONG);
	CU_ASSERT_STRING_EQUAL(seen.last.groups, OAT_ROW_TOO_LONG);
	memset(&seen, 0, sizeof(seen));
	CU_ASSERT_EQUAL(
	    oat_database_identities(database, &nothing, oat_soon(), see, &seen),
	    OAT_OK);
	CU_ASSERT_EQUAL(seen.rows, 2);
	CU_ASSERT_STRING_EQUAL(seen.last.name, "y");
	oat_database_close(database);
	fake_stop(&server);
}

static void
test_database_row_with_a_number_that_is_none_is_unavailable(void)
{
	static const char *const numbers[] = { "x", "1x", " ", "1.5",
		"9223372036854775808", "-9223372036854775809" };
	const char *rows[2][OAT_ROW_FIELDS] = { { "group", "g" }, { NULL } };
	struct oat_database *database;
	struct fake_server server;
	struct seen seen = { 0 };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		rows[0][2] = numbers[i];
		server = fake_start(serve_rows, rows);
		database = oat_open_one(&server);
		OAT_ASSERT_THAT(oat_database_identities(database, &nothing,
				    oat_soon(), see, &seen) == OAT_UNAVAILABLE,
		    "%s", numbers[i]);
		oat_database_close(database);
		fake_stop(&server);
	}
	CU_ASSERT_EQUAL(seen.rows, 0);
}

/* The first question is not answered, though a second one would be. */
static void
serve_one_silence(int fd, const void *context)
{
	char statement[256];

	(void)context;
	if (fake_greet(fd, &fake_primary) &&
	    fake_read_query(fd, statement, sizeof(statement)))
		fake_be_silent(fd);
}

static void
test_database_that_fell_silent_is_silent_for_the_next_question_too(void)
{
	struct fake_server server = fake_start(serve_one_silence, NULL);
	struct oat_database *database = oat_open_one(&server);
	char verifier[OAT_VERIFIER_MAX];
	int i;

	for (i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(oat_database_verifier(database, "x",
				    oat_deadline_in_ms(OAT_BRIEF_MS), verifier),
		    OAT_TIMEOUT);
		OAT_ASSERT_THAT(strstr(oat_database_error(database),
				    "stopped answering") != NULL,
		    "%s", oat_database_error(database));
	}
	oat_database_close(database);
	fake_stop(&server);
}

static CU_TestInfo answers[] = {
	OAT_TEST(test_database_verifier_answers),
	OAT_TEST(test_database_answer_of_another_shape_is_unavailable),
	OAT_TEST(test_database_answer_without_end_is_given_up_in_time),
	OAT_TEST(test_database_copy_that_nobody_asked_for_is_unavailable),
	OAT_TEST(test_database_error_is_one_escaped_bounded_line),
	OAT_TEST(test_database_events_the_server_cannot_take_are_invalid),
	OAT_TEST(test_database_count_of_events_is_a_number),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo rows_tests[] = {
	OAT_TEST(test_database_decision_is_read_by_its_columns),
	OAT_TEST(test_database_decision_is_a_yes_only_for_t),
	OAT_TEST(test_database_decision_with_a_text_too_long_is_unavailable),
	OAT_TEST(test_database_row_is_read_by_its_columns),
	OAT_TEST(test_database_row_with_a_text_too_long_is_marked),
	OAT_TEST(test_database_row_with_a_number_that_is_none_is_unavailable),
	OAT_TEST(
	    test_database_that_fell_silent_is_silent_for_the_next_question_too),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "database: answers", oat_opened_set_up, oat_opened_tear_down, NULL,
	    NULL, answers },
	{ "database: rows", oat_opened_set_up, oat_opened_tear_down, NULL, NULL,
	    rows_tests },
	CU_SUITE_INFO_NULL,
};
