/* SPDX-License-Identifier: MIT */
/* Connecting: which server, and when none will do. */
#include "common/database.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/fake_server.h"
#include "tests/unit/opened.h"

#include <string.h>
#include <unistd.h>

/*
 * Refused in so much time, as silence or as a no, and the message names the
 * server and this.
 */
static void
check_not_opened(
    int port, uint32_t ms, enum oat_status expected, const char *why)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_database *database = NULL;
	int before = oat_open_descriptors();
	uint64_t began = oat_now_ms();
	enum oat_status status;

	status =
	    oat_open_ports(port, 0, oat_deadline_in_ms(ms), &database, error);
	CU_ASSERT_TRUE(oat_now_ms() - began < ms + OAT_SLACK_MS);
	OAT_ASSERT_THAT(status == expected, "%s: %d", error, status);
	CU_ASSERT_PTR_NULL(database);
	OAT_ASSERT_THAT(
	    oat_names_server(error, port) && strstr(error, why) != NULL,
	    "%s: %s", why, error);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
}

static void
serve_end(int fd, const void *context)
{
	(void)fd;
	(void)context;
}

static void
serve_garbage(int fd, const void *context)
{
	(void)!write(fd, context, strlen(context));
	fake_be_silent(fd);
}

/* No TLS, then one byte a hundred milliseconds of a message that has many. */
static void
serve_drip(int fd, const void *context)
{
	char byte = 'N';

	(void)context;
	for (; write(fd, &byte, 1) == 1; byte = 'R')
		usleep(100000);
}

static void
serve_greeting(int fd, const void *context)
{
	if (fake_greet(fd, context))
		fake_be_silent(fd);
}

static void
serve_late_greeting(int fd, const void *context)
{
	usleep(1200000);
	serve_greeting(fd, context);
}

static void
check_not_opened_by(void (*serve)(int fd, const void *context),
    const void *context, uint32_t ms, enum oat_status expected, const char *why)
{
	struct fake_server server = fake_start(serve, context);

	check_not_opened(server.port, ms, expected, why);
	fake_stop(&server);
}

static void
test_database_closed_port_is_told_with_its_name(void)
{
	check_not_opened(
	    fake_closed_port(), OAT_LONG_MS, OAT_TIMEOUT, "refused");
}

/* case 15 */
static void
test_database_server_that_stalls_is_given_up_in_time(void)
{
	check_not_opened_by(fake_serve_silence, NULL, OAT_BRIEF_MS, OAT_TIMEOUT,
	    "no answer in time");
	check_not_opened_by(
	    serve_drip, NULL, OAT_BRIEF_MS, OAT_TIMEOUT, "no answer in time");
}

static void
test_database_server_that_talks_nonsense_is_given_up(void)
{
	static const struct {
		const char *bytes;
		enum oat_status expected;
	} nonsense[] = {
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", OAT_UNAVAILABLE },
		{ "E\x7f\xff\xff\xff", OAT_UNAVAILABLE },
		{ "R\xff\xff\xff\xff", OAT_UNAVAILABLE },
		{ "N\x1b[31mred\n", OAT_TIMEOUT },
		{ "NR\x00\x00\x00\x01", OAT_TIMEOUT },
	};
	size_t i;

	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		check_not_opened_by(serve_garbage, nonsense[i].bytes,
		    OAT_BRIEF_MS, nonsense[i].expected, "");
	check_not_opened_by(serve_end, NULL, OAT_LONG_MS, OAT_UNAVAILABLE, "");
}

/* case 18 */
static void
test_database_session_of_another_role_is_refused(void)
{
	static const struct fake_greeting superuser = { "on", FAKE_ROLE,
		"off" };
	static const struct fake_greeting other = { "off", "postgres", "off" };
	static const struct fake_greeting nobody = { "off", NULL, "off" };
	static const struct fake_greeting unknown = { NULL, FAKE_ROLE, "off" };

	check_not_opened_by(serve_greeting, &superuser, OAT_LONG_MS,
	    OAT_UNAVAILABLE, "superuser");
	check_not_opened_by(serve_greeting, &other, OAT_LONG_MS,
	    OAT_UNAVAILABLE, "not the configured role");
	check_not_opened_by(serve_greeting, &nobody, OAT_LONG_MS,
	    OAT_UNAVAILABLE, "not the configured role");
	check_not_opened_by(serve_greeting, &unknown, OAT_LONG_MS,
	    OAT_UNAVAILABLE, "not the configured role");
}

static void
test_database_second_server_is_used_when_the_first_is_dead(void)
{
	struct fake_server alive = fake_start(serve_greeting, &fake_primary);
	struct fake_server silent = fake_start(fake_serve_silence, NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_database *database = NULL;

	CU_ASSERT_EQUAL(oat_open_ports(fake_closed_port(), alive.port,
			    oat_soon(), &database, error),
	    OAT_OK);
	oat_database_close(database);
	CU_ASSERT_EQUAL(
	    oat_open_ports(silent.port, alive.port,
		oat_deadline_in_ms(4 * OAT_BRIEF_MS), &database, error),
	    OAT_OK);
	oat_database_close(database);
	fake_stop(&silent);
	fake_stop(&alive);
}

static void
test_database_each_dead_server_is_told(void)
{
	int first = fake_closed_port(), second = fake_closed_port();
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_database *database = NULL;

	CU_ASSERT_EQUAL(
	    oat_open_ports(first, second, oat_soon(), &database, error),
	    OAT_TIMEOUT);
	OAT_ASSERT_THAT(
	    oat_names_server(error, first) && oat_names_server(error, second),
	    "%s", error);
}

static void
test_database_one_server_that_says_no_is_no_silence(void)
{
	static const struct fake_greeting superuser = { "on", FAKE_ROLE,
		"off" };
	struct fake_server no = fake_start(serve_greeting, &superuser);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_database *database = NULL;
	int closed = fake_closed_port();

	CU_ASSERT_EQUAL(
	    oat_open_ports(no.port, closed, oat_soon(), &database, error),
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    oat_open_ports(closed, no.port, oat_soon(), &database, error),
	    OAT_UNAVAILABLE);
	fake_stop(&no);
}

/* A login has five seconds; the next server must not wait for half of them. */
static void
test_database_silence_is_waited_for_a_second_while_there_is_another(void)
{
	struct fake_server alive = fake_start(serve_greeting, &fake_primary);
	struct fake_server silent = fake_start(fake_serve_silence, NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_database *database = NULL;
	struct oat_deadline deadline = oat_deadline_in_ms(6 * OAT_SLACK_MS);
	uint64_t began = oat_now_ms();

	CU_ASSERT_EQUAL(
	    oat_open_ports(silent.port, alive.port, deadline, &database, error),
	    OAT_OK);
	CU_ASSERT(oat_now_ms() - began < OAT_SLACK_MS + OAT_SLACK_MS);
	oat_database_close(database);
	fake_stop(&silent);
	fake_stop(&alive);
}

/* The only one is given all the time there is. */
static void
test_database_only_server_may_take_its_time(void)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct fake_server slow =
	    fake_start(serve_late_greeting, &fake_primary);
	struct oat_database *database = NULL;

	CU_ASSERT_EQUAL(
	    oat_open_ports(slow.port, 0, oat_soon(), &database, error), OAT_OK);
	oat_database_close(database);
	fake_stop(&slow);
}

/* Answers which server it is, as the verifier that is asked for. */
static void
serve_name(int fd, const void *context)
{
	const char *name[] = { "standby" }, *in_recovery[] = { "f" };
	const struct fake_greeting *greeting = context;
	char statement[256] = "";

	if (!fake_greet(fd, greeting))
		return;
	if (greeting->standby == NULL || strcmp(greeting->standby, "off") == 0)
		name[0] = "primary";
	while (fake_read_query(fd, statement, sizeof(statement))) {
		(void)fake_send_columns(fd, 1);
		(void)fake_send_row(fd, 1,
		    strstr(statement, "pg_is_in_recovery") == NULL
			? name
			: in_recovery);
		(void)fake_send_end(fd);
	}
}

static void
check_chosen(const struct fake_greeting *first,
    const struct fake_greeting *second, const char *expected)
{
	struct fake_server one = fake_start(serve_name, first);
	struct fake_server two = fake_start(serve_name, second);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	char who[OAT_VERIFIER_MAX] = "";
	struct oat_database *database = NULL;

	CU_ASSERT_EQUAL_FATAL(
	    oat_open_ports(one.port, two.port, oat_soon(), &database, error),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_database_verifier(database, "x", oat_soon(), who), OAT_OK);
	CU_ASSERT_STRING_EQUAL(who, expected);
	oat_database_close(database);
	fake_stop(&one);
	fake_stop(&two);
}

static void
test_database_primary_is_chosen_wherever_it_stands(void)
{
	check_chosen(&fake_primary, &fake_standby, "primary");
	check_chosen(&fake_standby, &fake_primary, "primary");
	check_chosen(&fake_standby, &fake_standby, "standby");
}

/* PostgreSQL 13 says nothing of itself. */
static void
test_database_server_that_does_not_tell_is_asked(void)
{
	static const struct fake_greeting old = { "off", FAKE_ROLE, NULL };
	struct fake_server server = fake_start(serve_name, &old);
	struct oat_database *database = oat_open_one(&server);
	char who[OAT_VERIFIER_MAX] = "";

	CU_ASSERT_EQUAL(
	    oat_database_verifier(database, "x", oat_soon(), who), OAT_OK);
	CU_ASSERT_STRING_EQUAL(who, "primary");
	oat_database_close(database);
	fake_stop(&server);
}

/* A silent primary must not use up the time in which to ask the standby. */
static void
test_database_standby_can_be_asked_while_the_primary_is_silent(void)
{
	struct oat_deadline deadline = oat_deadline_in_ms(4 * OAT_BRIEF_MS);
	struct fake_server one = fake_start(serve_name, &fake_standby);
	struct fake_server two = fake_start(fake_serve_silence, NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	char who[OAT_VERIFIER_MAX] = "";
	struct oat_database *database = NULL;

	CU_ASSERT_EQUAL_FATAL(
	    oat_open_ports(one.port, two.port, deadline, &database, error),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_database_verifier(database, "x", deadline, who), OAT_OK);
	CU_ASSERT_STRING_EQUAL(who, "standby");
	oat_database_close(database);
	fake_stop(&one);
	fake_stop(&two);
}

static CU_TestInfo connecting[] = {
	OAT_TEST(test_database_closed_port_is_told_with_its_name),
	OAT_TEST(test_database_server_that_stalls_is_given_up_in_time),
	OAT_TEST(test_database_server_that_talks_nonsense_is_given_up),
	OAT_TEST(test_database_session_of_another_role_is_refused),
	OAT_TEST(test_database_second_server_is_used_when_the_first_is_dead),
	OAT_TEST(test_database_each_dead_server_is_told),
	OAT_TEST(test_database_one_server_that_says_no_is_no_silence),
	OAT_TEST(
	    test_database_silence_is_waited_for_a_second_while_there_is_another),
	OAT_TEST(test_database_only_server_may_take_its_time),
	OAT_TEST(test_database_primary_is_chosen_wherever_it_stands),
	OAT_TEST(test_database_server_that_does_not_tell_is_asked),
	OAT_TEST(
	    test_database_standby_can_be_asked_while_the_primary_is_silent),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "database: connecting", oat_opened_set_up, oat_opened_tear_down, NULL,
	    NULL, connecting },
	CU_SUITE_INFO_NULL,
};
