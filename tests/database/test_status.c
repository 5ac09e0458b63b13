/* SPDX-License-Identifier: MIT */
/* host_status: what is wrong with a host; and who is told what by NOTIFY. */
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
report(const char *json)
{
	db_run(web, "select oat.host_sync(0, 0, %s)", json);
}

static void
expect_problem(const char *problem)
{
	char *is =
	    db_value(admin, "select coalesce(problem, '') from oat.host_status "
			    "where host = 'web-1'");

	OAT_ASSERT_THAT(strstr(is, problem) != NULL &&
			    (problem[0] != '\0' || is[0] == '\0'),
	    "is: %s; not: %s", is, problem);
}

static void
test_status_lists_each_host_with_what_it_told(void)
{
	(void)fixture_host(admin, "web-2", "{}");
	db_run(web,
	    "select oat.host_sync((select id from oat.host_identities(0, 0) "
	    "where kind = 'begin'), 0, jsonb_build_object('version', "
	    "'0.2.0', 'spooled', 0, 'clock', floor(extract(epoch from now()) "
	    "* 1000000), 'certificate_end', 4000000000))");
	db_expect(root,
	    "web-1|t|0.2.0|t|0|t|2096-10-02 07:06:40|null\n"
	    "web-2|null|null|null|null|null|null|never seen",
	    "select host, last_seen_at > now() - interval '1 minute', version,"
	    " generation = oat.generation(), spooled, "
	    "abs(extract(epoch from clock_skew)) < 1, "
	    "certificate_end at time zone 'UTC', problem "
	    "from oat.host_status order by host");
}

static void
test_status_names_what_is_wrong(void)
{
	static const struct {
		const char *report, *change, *problem;
	} cases[] = {
		{ "'{}'", "select 1", "" },
		{ "null", "select 1", "" },
		{ "'{}'",
		    "update oat.host_state set seen_at = "
		    "'2026-01-02 03:04:05+00'",
		    "not seen since 2026-01-02 03:04 UTC" },
		{ "'{\"problem\": \"disk full\"}'", "select 1",
		    "it says: disk full" },
		{ "'{\"spooled\": 7}'", "select 1", "" },
		{ "'{\"spooled\": 7}'",
		    "update oat.host_state set spooled_since = "
		    "'2026-01-02 03:04:05+00'",
		    "events wait since 2026-01-02 03:04 UTC, 7 now" },
		{ "'{\"spooled\": 9}'", "select 1",
		    "events wait since 2026-01-02 03:04 UTC, 9 now" },
		{ "'{\"spooled\": 0}'", "select 1", "" },
		{ "'{}'",
		    "update oat.host_state set behind_since = "
		    "'2026-01-02 03:04:05+00'",
		    "it has kept an old snapshot since 2026-01-02 03:04 UTC" },
		{ "'{}'",
		    "update oat.host_state set ahead_at = "
		    "'2026-01-02 03:04:05+00'",
		    "newer generation than this database, 2026-01-02 03:04" },
		{ "jsonb_build_object('clock', floor(extract(epoch from now() "
		  "+ interval '5 minutes') * 1000000))",
		    "update oat.host_state set ahead_at = null",
		    "its clock is 300 s ahead" },
		{ "jsonb_build_object('clock', floor(extract(epoch from now() "
		  "- interval '5 minutes') * 1000000))",
		    "select 1", "its clock is 300 s behind" },
		{ "jsonb_build_object('certificate_end', 1000000000)",
		    "select 1", "its certificate ended 2001-09-09 01:46 UTC" },
		{ "jsonb_build_object('certificate_end', floor(extract(epoch "
		  "from now() + interval '13 days')))",
		    "select 1", "its certificate ends 2" },
		{ "jsonb_build_object('certificate_end', floor(extract(epoch "
		  "from now() + interval '15 days')))",
		    "select 1", "" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		report(cases[i].report);
		/* Coming back with nothing is not what is tested here. */
		db_run(root, "update oat.host_state set behind_since = null");
		db_run(root, "%s", cases[i].change);
		expect_problem(cases[i].problem);
	}
}

static void
test_status_several_problems_stand_beside_each_other(void)
{
	report("'{\"problem\": \"spool is full\", \"certificate_end\": 1}'");
	expect_problem("it says: spool is full; its certificate ended 1970");
}

/* Delegates with `audit` see the hosts that their allowance covers. */
static void
test_status_shows_delegates_the_hosts_they_may_use(void)
{
	PGconn *ann = fixture_role(root, "ann", "oat_delegate");

	(void)fixture_host(admin, "db", "{}");
	db_run(
	    admin, "insert into oat.allowances values ('acme', 'web-*', '*')");
	db_expect(ann, "", "select host from oat.host_status");
	db_run(admin, "insert into oat.delegates (organization, role, may) "
		      "values ('acme', 'ann', '{admin,rotate,revoke}')");
	db_expect(ann, "", "select host from oat.host_status");
	db_run(admin, "update oat.delegates set may = '{audit}'");
	db_expect(ann, "web-1", "select host from oat.host_status");
	db_refused(ann, NO_PRIVILEGE, "select * from oat.host_state");
}

/* Everything told since the last time, as "channel payload, ...". */
static char *
told(PGconn *conn)
{
	char *all = db_text("%s", "");
	PGnotify *notify;

	db_run(conn, "select 1");
	(void)PQconsumeInput(conn);
	while ((notify = PQnotifies(conn)) != NULL) {
		all = db_text("%s%s%s %s", all, all[0] != '\0' ? ", " : "",
		    notify->relname, notify->extra);
		PQfreemem(notify);
	}
	return all;
}

static PGconn *
listener(void)
{
	PGconn *conn = db_connect("postgres");

	db_run(conn, "listen oat_changed");
	db_run(conn, "listen oat_alert");
	return conn;
}

static char *
newest(const char *event)
{
	return db_value(root,
	    "select 'oat_alert ' || id from oat.activity where event = '%s' "
	    "order by id desc limit 1",
	    event);
}

static void
test_notify_never_in_what_hosts_do_all_day(void)
{
	PGconn *conn = listener();

	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo");
	fixture_expect(web, "allowed", .event = "access");
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	fixture_expect(
	    web, "unknown_token", .selector = "unknown00001", .proof = "none");
	report("'{\"version\": \"0.2.0\", \"spooled\": 0}'");
	db_run(web, "select oat.host_record(jsonb_build_array("
		    "jsonb_build_object('event_id', gen_random_uuid(), "
		    "'event', 'session.opened', 'login', 'oat-acme-ci')))");
	db_run(admin, "select oat.seal_activity()");
	OAT_ASSERT_TEXT(told(conn), "");
}

static void
test_notify_of_a_change_has_no_payload(void)
{
	PGconn *conn = listener();

	db_run(admin, "update oat.tokens set description = 'x'");
	OAT_ASSERT_TEXT(told(conn), "oat_changed ");
}

static void
test_notify_alert_is_the_id_of_a_row_alone(void)
{
	PGconn *conn = listener();

	fixture_force(root, "update oat.tokens set previous_selector = "
			    "selector, selector = 'newsecret001', "
			    "overlap_until = now() - interval '1 s'");
	fixture_expect(web, "retired_secret", .selector = ci);
	OAT_ASSERT_TEXT(told(conn), newest("login"));
}

/* Once when it begins, not at each sync that repeats it. */
static void
test_notify_alert_of_a_host_in_trouble_comes_once(void)
{
	PGconn *conn = listener();

	report("'{\"problem\": \"3 events were lost\"}'");
	OAT_ASSERT_TEXT(told(conn), newest("host.problem"));
	report("'{\"problem\": \"4 events were lost\"}'");
	report("'{}'");
	OAT_ASSERT_TEXT(told(conn), "");
	report("'{\"problem\": \"again\"}'");
	OAT_ASSERT_TEXT(told(conn), newest("host.problem"));
	db_expect(admin,
	    "oat_web-1|web-1|null|null|3 events were lost\n"
	    "oat_web-1|web-1|null|null|again",
	    "select actor, host, organization, outcome, "
	    "detail #>> '{new,problem}' from oat.activity "
	    "where event = 'host.problem' order by id");
}

static void
test_notify_alert_of_a_host_that_knows_more_comes_once(void)
{
	PGconn *conn = listener();

	db_run(web, "select oat.host_sync(9000000000000000000, 0, '{}')");
	OAT_ASSERT_TEXT(told(conn), newest("host.ahead"));
	db_run(web, "select oat.host_sync(9000000000000000000, 0, '{}')");
	OAT_ASSERT_TEXT(told(conn), "");
	db_expect(admin, "web-1|9000000000000000000",
	    "select host, detail #>> '{new,knows}' from oat.activity "
	    "where event = 'host.ahead'");
	db_run(admin, "select oat.new_generation()");
	db_run(web, "select oat.host_sync(9000000000000000000, 0, '{}')");
	db_expect(admin, "2",
	    "select count(*) from oat.activity where event = 'host.ahead'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_status_lists_each_host_with_what_it_told),
	OAT_TEST(test_status_names_what_is_wrong),
	OAT_TEST(test_status_several_problems_stand_beside_each_other),
	OAT_TEST(test_status_shows_delegates_the_hosts_they_may_use),
	OAT_TEST(test_notify_never_in_what_hosts_do_all_day),
	OAT_TEST(test_notify_of_a_change_has_no_payload),
	OAT_TEST(test_notify_alert_is_the_id_of_a_row_alone),
	OAT_TEST(test_notify_alert_of_a_host_in_trouble_comes_once),
	OAT_TEST(test_notify_alert_of_a_host_that_knows_more_comes_once),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "status", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
