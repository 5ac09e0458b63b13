/* SPDX-License-Identifier: MIT */
/* Being told of changes: database.h and courier.h, listen and await. */
#include "common/courier.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/fake_server.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct oat_account nobody = { 65534, 65534 };

static struct oat_conninfo *conninfo;

static struct oat_deadline
soon(void)
{
	return oat_deadline_in_ms(OAT_LONG_MS);
}

static struct oat_deadline
briefly(void)
{
	return oat_deadline_in_ms(OAT_BRIEF_MS);
}

static void
parse(const struct fake_server *server)
{
	char text[128], error[OAT_CONNINFO_ERROR_MAX] = "";

	oat_conninfo_free(conninfo);
	conninfo = NULL;
	snprintf(text, sizeof(text),
	    "host=127.0.0.1 port=%d dbname=oat user=" FAKE_ROLE, server->port);
	CU_ASSERT_EQUAL_FATAL(
	    oat_conninfo_parse(text, false, &conninfo, error), OAT_OK);
}

static struct oat_database *
open_it(const struct fake_server *server)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_database *database = NULL;

	parse(server);
	CU_ASSERT_EQUAL_FATAL(
	    oat_database_open(conninfo, NULL, soon(), &database, error),
	    OAT_OK);
	return database;
}

static struct oat_child
start(const struct fake_server *server)
{
	struct oat_child child = OAT_CHILD_NONE;
	struct oat_orders orders = { .password = NULL };

	parse(server);
	orders.conninfo = conninfo;
	CU_ASSERT_EQUAL_FATAL(
	    oat_courier_start(&nobody, &orders, &child), OAT_OK);
	return child;
}

static int
tear_down(void)
{
	oat_conninfo_free(conninfo);
	conninfo = NULL;
	return 0;
}

/* --- servers ------------------------------------------------------------- */

#define MANY 1000

/* So many in one piece: 'A', their length, a process, channel and payload. */
static void
send_notifications(int fd, int count)
{
	static const char one[] = "A\0\0\0\025pid.oat_changed\0";
	char bytes[MANY * sizeof(one)];
	int i;

	for (i = 0; i < count; i++)
		memcpy(bytes + (size_t)i * sizeof(one), one, sizeof(one));
	(void)!write(fd, bytes, (size_t)count * sizeof(one));
}

static bool
answer_listen(int fd)
{
	char statement[128] = "";

	return fake_read_query(fd, statement, sizeof(statement)) &&
	       strcmp(statement, "listen oat_changed") == 0 &&
	       fake_send(fd, 'n', NULL, 0) && fake_send(fd, 'C', "LISTEN", 7) &&
	       fake_send(fd, 'Z', "I", 1);
}

/* What follows a LISTEN. */
enum then { SAY_NOTHING, TELL_LATER, TELL_OFTEN, TELL_WITH_THE_ANSWER, GO };

static void
serve_listener(int fd, const void *context)
{
	enum then then = *(const enum then *)context;

	if (!fake_greet(fd, &fake_primary))
		return;
	if (then == TELL_WITH_THE_ANSWER)
		send_notifications(fd, 1);
	if (!answer_listen(fd) || then == GO)
		return;
	if (then == TELL_LATER)
		usleep(OAT_BRIEF_MS * 500);
	if (then == TELL_LATER || then == TELL_OFTEN)
		send_notifications(fd, then == TELL_OFTEN ? MANY : 1);
	fake_be_silent(fd);
}

static void
serve_standby(int fd, const void *context)
{
	char statement[128];

	(void)context;
	if (!fake_greet(fd, &fake_standby))
		return;
	while (fake_read_query(fd, statement, sizeof(statement)))
		(void)fake_send_error(
		    fd, "25006", "cannot execute LISTEN during recovery");
}

/* --- the database -------------------------------------------------------- */

static void
test_notification_is_waited_for(void)
{
	static const struct {
		enum then then;
		enum oat_status expected;
	} servers[] = { { SAY_NOTHING, OAT_NOTFOUND }, { TELL_LATER, OAT_OK },
		{ TELL_OFTEN, OAT_OK }, { TELL_WITH_THE_ANSWER, OAT_OK },
		{ GO, OAT_UNAVAILABLE } };
	struct fake_server server;
	struct oat_database *database;
	enum oat_status status;
	size_t i;

	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		server = fake_start(serve_listener, &servers[i].then);
		database = open_it(&server);
		CU_ASSERT_EQUAL(oat_database_listen(database, soon()), OAT_OK);
		status = oat_database_await(database,
		    servers[i].then == SAY_NOTHING ? briefly() : soon());
		OAT_ASSERT_THAT(
		    status == servers[i].expected, "%zu: %d", i, (int)status);
		oat_database_close(database);
		fake_stop(&server);
	}
}

static void
test_notifications_are_one_however_many(void)
{
	static const enum then then = TELL_OFTEN;
	struct fake_server server = fake_start(serve_listener, &then);
	struct oat_database *database = open_it(&server);
	int waits = 0;

	CU_ASSERT_EQUAL(oat_database_listen(database, soon()), OAT_OK);
	while (oat_database_await(database, briefly()) == OAT_OK)
		waits++;
	OAT_ASSERT_THAT(waits >= 1 && waits < MANY / 50, "%d", waits);
	oat_database_close(database);
	fake_stop(&server);
}

static void
test_notifications_of_a_standby_there_are_none(void)
{
	struct fake_server server = fake_start(serve_standby, NULL);
	struct oat_database *database = open_it(&server);

	CU_ASSERT_EQUAL(oat_database_listen(database, soon()), OAT_NOTFOUND);
	/* The connection is good for other questions. */
	CU_ASSERT_EQUAL(oat_database_listen(database, soon()), OAT_NOTFOUND);
	oat_database_close(database);
	fake_stop(&server);
}

static void
serve_silence(int fd, const void *context)
{
	(void)context;
	if (fake_greet(fd, &fake_primary))
		fake_be_silent(fd);
}

static void
test_notifications_of_a_silent_server_are_a_timeout(void)
{
	struct fake_server server = fake_start(serve_silence, NULL);
	struct oat_database *database = open_it(&server);

	CU_ASSERT_EQUAL(oat_database_listen(database, briefly()), OAT_TIMEOUT);
	oat_database_close(database);
	fake_stop(&server);
}

/* --- the courier --------------------------------------------------------- */

static bool
is_readable(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, ms) == 1;
}

static void
test_courier_says_so_when_it_is_told(void)
{
	static const enum then then = TELL_LATER;
	struct fake_server server = fake_start(serve_listener, &then);
	struct oat_child child = start(&server);
	char error[OAT_DATABASE_ERROR_MAX] = "";

	CU_ASSERT_EQUAL(oat_courier_listen(&child, soon(), error), OAT_OK);
	CU_ASSERT_EQUAL(oat_courier_await_begin(&child, soon(), error), OAT_OK);
	CU_ASSERT_TRUE(is_readable(child.fd, OAT_LONG_MS));
	CU_ASSERT_EQUAL(oat_courier_await_end(&child, soon(), error), OAT_OK);
	/* And can be asked to wait again. */
	CU_ASSERT_EQUAL(
	    oat_courier_await_begin(&child, briefly(), error), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_courier_await_end(&child, soon(), error), OAT_NOTFOUND);
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_waits_no_longer_than_it_is_let(void)
{
	static const enum then then = SAY_NOTHING;
	struct fake_server server = fake_start(serve_listener, &then);
	struct oat_child child = start(&server);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	uint64_t began;

	CU_ASSERT_EQUAL(oat_courier_listen(&child, soon(), error), OAT_OK);
	began = oat_now_ms();
	CU_ASSERT_EQUAL(
	    oat_courier_await_begin(&child, briefly(), error), OAT_OK);
	CU_ASSERT_FALSE(is_readable(child.fd, OAT_BRIEF_MS / 4));
	CU_ASSERT_EQUAL(
	    oat_courier_await_end(&child, soon(), error), OAT_NOTFOUND);
	CU_ASSERT_TRUE(oat_now_ms() - began < OAT_LONG_MS / 2);
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_notices_a_server_that_goes(void)
{
	static const enum then then = GO;
	struct fake_server server = fake_start(serve_listener, &then);
	struct oat_child child = start(&server);
	char error[OAT_DATABASE_ERROR_MAX] = "";

	CU_ASSERT_EQUAL(oat_courier_listen(&child, soon(), error), OAT_OK);
	CU_ASSERT_EQUAL(oat_courier_await_begin(&child, soon(), error), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_courier_await_end(&child, soon(), error), OAT_UNAVAILABLE);
	OAT_ASSERT_THAT(strncmp(error, "127.0.0.1:", 10) == 0, "%s", error);
	oat_child_end(&child);
	fake_stop(&server);
}

static void
test_courier_of_a_standby_is_told_nothing(void)
{
	struct fake_server server = fake_start(serve_standby, NULL);
	struct oat_child child = start(&server);
	char error[OAT_DATABASE_ERROR_MAX] = "";

	CU_ASSERT_EQUAL(
	    oat_courier_listen(&child, soon(), error), OAT_NOTFOUND);
	OAT_ASSERT_THAT(strstr(error, "recovery") != NULL, "%s", error);
	oat_child_end(&child);
	fake_stop(&server);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_notification_is_waited_for),
	OAT_TEST(test_notifications_are_one_however_many),
	OAT_TEST(test_notifications_of_a_standby_there_are_none),
	OAT_TEST(test_notifications_of_a_silent_server_are_a_timeout),
	OAT_TEST(test_courier_says_so_when_it_is_told),
	OAT_TEST(test_courier_waits_no_longer_than_it_is_let),
	OAT_TEST(test_courier_notices_a_server_that_goes),
	OAT_TEST(test_courier_of_a_standby_is_told_nothing),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "notifications", NULL, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
