/* SPDX-License-Identifier: MIT */
/* The seal: all rows once, in digests that anybody can compute. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *root, *web;
static char *ci;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, &ci);
}

static void
change(PGconn *conn, const char *description)
{
	db_run(conn, "update oat.tokens set description = '%s'", description);
}

static void
test_seal_takes_all_rows_once_in_order_of_id(void)
{
	char *rows = db_value(root, "select count(*) from oat.activity");

	OAT_ASSERT_TEXT(fixture_seal(admin), rows);
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	fixture_expect(web, "allowed", .selector = ci);
	change(admin, "x");
	db_expect(admin, "2|logins|1\n3|management|1",
	    "select batch, kind, events from oat.seal_activity()");
	db_expect(admin, "t",
	    "select max(up_to_id) = (select max(id) from oat.activity) "
	    "from oat.activity_batches");
	fixture_expect_intact(root);
}

static void
test_seal_of_nothing_answers_nothing(void)
{
	(void)fixture_seal(admin);
	db_expect(admin, "", "select * from oat.seal_activity()");
	fixture_expect_intact(root);
}

/* Anybody with the rows and a SHA-256 can do it, without our functions. */
static void
test_seal_digests_are_sha256_of_plain_text(void)
{
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong",
	    .tty = "\"\\x1b\n\xc3\xa9");
	(void)fixture_seal(admin);
	change(admin, "x");
	(void)fixture_seal(admin);
	db_expect(admin, "t|t",
	    "select bool_and(content = sha256(convert_to("
	    "oat.batch_lines(number), 'UTF8'))), "
	    "bool_and(digest = sha256(convert_to("
	    "oat.batch_header(number), 'UTF8'))) from oat.activity_batches");
	db_expect(admin, "t",
	    "select bool_and(split_part(oat.batch_header(number), ' ', 10) = "
	    "coalesce((select encode(digest, 'hex') from oat.activity_batches "
	    "f where f.number = b.number - 1), '-')) "
	    "from oat.activity_batches b");
}

/* Every release of PostgreSQL must spell a row like this, for good. */
static void
test_seal_spells_a_row_alike_everywhere(void)
{
	db_expect(admin,
	    "[7, \"00000000-0000-4000-8000-000000000001\", "
	    "1767323045123456, -62135596800000000, \"acme\", null, "
	    "\"o\\\"a\\\\t\\u001b\\n\xc3\xa9\", \"login\", \"web-1\", "
	    "\"sshd\", \"2001:db8::1\", \"failure\", \"idle\", "
	    "{\"a\": [1.50, 100, null], \"tty\": \"\xc3\xa9\\u0001\"}]",
	    "select oat.activity_line(row(7, "
	    "'00000000-0000-4000-8000-000000000001', "
	    "'2026-01-02 03:04:05.123456+00', '0001-01-01 00:00:00+00', "
	    "'acme', null, E'o\"a\\\\t\\x1b\\n\xc3\xa9', 'login', 'web-1', "
	    "'sshd', '2001:db8:0::1', 'failure', 'idle', "
	    "'{\"tty\": \"\xc3\xa9\\u0001\", \"a\": [1.50, 1e2, null]}')"
	    "::oat.activity)");
}

static void
test_seal_does_not_depend_on_the_session(void)
{
	static const char *const settings[] = { "timezone = 'Asia/Kolkata'",
		"datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'",
		"bytea_output = 'escape'", "extra_float_digits = -15",
		"client_encoding = 'LATIN1'", "xmloption = 'content'",
		"lc_numeric = 'C'", "standard_conforming_strings = off" };
	char *before;
	size_t i;

	fixture_expect(web, "allowed", .selector = ci);
	(void)fixture_seal(admin);
	before = db_value(admin,
	    "select encode(sha256(convert_to(oat.batch_lines(1), 'UTF8')), "
	    "'hex')");
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		db_run(admin, "set %s", settings[i]);
		OAT_ASSERT_THAT(
		    strcmp(
			db_value(admin, "select encode(sha256(convert_to("
					"oat.batch_lines(1), 'UTF8')), 'hex')"),
			before) == 0,
		    "%s", settings[i]);
		change(admin, db_text("%zu", i));
		(void)fixture_seal(admin);
	}
	fixture_expect_intact(root);
}

static void
test_seal_leaves_out_a_count_that_may_still_change(void)
{
	(void)fixture_seal(admin);
	fixture_expect(
	    web, "unknown_token", .selector = "unknown00001", .proof = "none");
	fixture_expect(web, "allowed", .selector = ci);
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	fixture_force(root,
	    "update oat.activity set recorded_at = recorded_at - "
	    "interval '5 minutes 1 second' where reason = 'unknown_token'");
	db_run(root, "set role oat_owner");
	db_refused(root, OAT_APPEND_ONLY,
	    "update oat.activity set detail = detail || '{\"count\": 2}' "
	    "where reason = 'unknown_token'");
	db_run(root, "reset role");
	OAT_ASSERT_TEXT(fixture_seal(admin), "2");
	fixture_expect_intact(root);
}

/* A host may hold a transaction open: its now() is no clock. */
static void
test_seal_count_is_closed_by_the_clock(void)
{
	char *now;

	fixture_expect(
	    web, "unknown_token", .selector = "unknown00001", .proof = "none");
	db_run(web, "begin");
	now = db_value(web, "select now()");
	fixture_force(root,
	    "update oat.activity set recorded_at = '%s'::timestamptz - "
	    "interval '3 minutes 59.5 s' where reason = 'unknown_token'; "
	    "update oat.unknown_tokens u set recorded_at = a.recorded_at, "
	    "minute = date_trunc('minute', '%s'::timestamptz) "
	    "from oat.activity a where a.id = u.activity_id",
	    now, now);
	db_run(web, "select pg_sleep(0.6)");
	fixture_expect(
	    web, "unknown_token", .selector = "unknown00002", .proof = "none");
	fixture_expect(
	    web, "unknown_token", .selector = "unknown00003", .proof = "none");
	db_run(web, "commit");
	db_expect(root, "1\n2",
	    "select detail->>'count' from oat.activity "
	    "where reason = 'unknown_token' order by id");
}

/* Encodings of the database: one that differs, and none at all. */
static void
test_seal_works_in_every_encoding(void)
{
	static const char *const encodings[] = { "LATIN1", "SQL_ASCII" };
	PGconn *conn;
	char *lines;
	size_t i;

	for (i = 0; i < 2; i++) {
		db_run(root, "drop database if exists encoded with (force)");
		db_run(root,
		    "create database encoded encoding '%s' template template0",
		    encodings[i]);
		CU_ASSERT_EQUAL(
		    oat_cluster_install("postgres", "encoded", NULL), 0);
		oat_db_use(oat_cluster_folder(), "encoded");
		conn = db_connect("postgres");
		db_run(conn, "set client_encoding = '%s'", encodings[i]);
		db_run(conn,
		    "insert into oat.activity (event_id, at, "
		    "recorded_at, actor, event) values ('00000000-"
		    "0000-4000-8000-000000000001', '2026-01-02 "
		    "03:04:05+00', now(), '\xe9\xff', 'token.updated')");
		(void)fixture_seal(conn);
		fixture_expect_intact(conn);
		/* Digests are of UTF-8, wherever there is an encoding. */
		lines = db_value(conn,
		    "select encode(convert_to(oat.batch_lines(1), '%s'), "
		    "'hex')",
		    i == 0 ? "UTF8" : "SQL_ASCII");
		OAT_ASSERT_THAT(
		    strstr(lines, i == 0 ? "c3a9c3bf" : "e9ff") != NULL, "%s",
		    encodings[i]);
		oat_db_use(oat_cluster_folder(), oat_cluster_database());
		db_disconnect(conn);
	}
	db_run(root, "drop database encoded with (force)");
}

static void
test_seal_takes_at_most_so_many_rows_a_call(void)
{
	(void)fixture_seal(admin);
	db_run(web, "select oat.host_record((select jsonb_agg("
		    "jsonb_build_object('event_id', gen_random_uuid(), 'event',"
		    " 'session.opened', 'at', now(), 'login', 'oat-acme-ci')) "
		    "from generate_series(1, 100)))");
	db_expect(admin, "40", "select sum(events) from oat.seal_activity(40)");
	db_expect(
	    admin, "60", "select sum(events) from oat.seal_activity(4000)");
	db_expect(admin, "", "select * from oat.seal_activity(0)");
	fixture_expect_intact(root);
}

static void
test_seal_writes_each_digest_to_the_servers_log(void)
{
	char *digest =
	    db_value(admin, "select digest from oat.seal_activity()");

	CU_ASSERT_EQUAL(strlen(digest), 64);
	OAT_ASSERT_THAT(oat_cluster_log_has(digest), "%s", digest);
}

/* The two commands of the manual. */
static void
test_seal_digests_can_be_computed_outside(void)
{
	char *command =
	    db_text("\\! psql -X -At -d %s -c 'select oat.batch_header(2)' | "
		    "tr -d '\n' | sha256sum; psql -X -At -d %s -c 'select "
		    "oat.batch_lines(2)' | head -c -1 | sha256sum",
		oat_cluster_database(), oat_cluster_database());
	const char *argv[] = { "psql", "-X", "-q", "-c", command, NULL };
	char *output;

	(void)fixture_seal(admin);
	change(admin, "\"x\\y");
	(void)fixture_seal(admin);
	CU_ASSERT_EQUAL(oat_cluster_program(argv, &output), 0);
	OAT_ASSERT_TEXT(output,
	    db_value(admin, "select encode(digest, 'hex') || E'  -\\n' || "
			    "encode(content, 'hex') || E'  -\\n' "
			    "from oat.activity_batches where number = 2"));
}

static void
test_seal_makes_partitions_ahead(void)
{
	db_run(root, "drop table oat.activity_%s",
	    db_value(root, "select to_char(now() + interval '2 months', "
			   "'YYYY_MM')"));
	(void)fixture_seal(admin);
	db_expect(root, "t",
	    "select to_regclass('oat.activity_' || to_char(now() + "
	    "interval '2 months', 'YYYY_MM')) is not null");
}

static void
test_seal_is_for_those_who_read_everything(void)
{
	PGconn *auditor = fixture_role(root, "auditor", "oat_auditor");

	(void)fixture_seal(auditor);
	db_expect(auditor, "t", "select intact from oat.verify_activity()");
	db_refused(fixture_role(root, "ann", "oat_delegate"), NO_PRIVILEGE,
	    "select oat.seal_activity()");
	db_refused(web, NO_PRIVILEGE, "select oat.seal_activity()");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_seal_takes_all_rows_once_in_order_of_id),
	OAT_TEST(test_seal_of_nothing_answers_nothing),
	OAT_TEST(test_seal_digests_are_sha256_of_plain_text),
	OAT_TEST(test_seal_spells_a_row_alike_everywhere),
	OAT_TEST(test_seal_does_not_depend_on_the_session),
	OAT_TEST(test_seal_leaves_out_a_count_that_may_still_change),
	OAT_TEST(test_seal_count_is_closed_by_the_clock),
	OAT_TEST(test_seal_works_in_every_encoding),
	OAT_TEST(test_seal_takes_at_most_so_many_rows_a_call),
	OAT_TEST(test_seal_writes_each_digest_to_the_servers_log),
	OAT_TEST(test_seal_digests_can_be_computed_outside),
	OAT_TEST(test_seal_makes_partitions_ahead),
	OAT_TEST(test_seal_is_for_those_who_read_everything),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "seal", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
