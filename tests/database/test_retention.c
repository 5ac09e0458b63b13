/* SPDX-License-Identifier: MIT */
/* Old months go, logins before management; what stays stays verifiable. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *root, *web;
static char *ci;

static void
make_month(int ago)
{
	db_run(root,
	    "select oat.make_month((date_trunc('month', now() at time zone "
	    "'UTC') - make_interval(months => %d))::date)",
	    ago);
}

/* Everything that is not sealed yet, to the middle of a month gone by. */
static void
move_back(int ago)
{
	fixture_force(root,
	    "update oat.activity set recorded_at = date_trunc('month', now() "
	    "at time zone 'UTC') at time zone 'UTC' - make_interval(months => "
	    "%d) + interval '14 days' + id * interval '1 s', at = "
	    "date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' "
	    "- make_interval(months => %d) + interval '14 days' "
	    "where id > oat.sealed_id()",
	    ago, ago);
	(void)fixture_seal(root);
}

/* Management and two logins five months ago, one login two months ago. */
static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	make_month(5);
	make_month(2);
	web = fixture_acme(root, &ci);
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	move_back(5);
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo");
	db_run(root, "update oat.tokens set description = 'x'");
	move_back(2);
	fixture_expect(web, "allowed", .selector = ci);
}

static char *
month(int ago)
{
	return db_value(root,
	    "select to_char(now() at time zone 'UTC' - make_interval(months "
	    "=> %d), 'YYYY-MM')",
	    ago);
}

static void
test_retention_drops_logins_and_says_what(void)
{
	db_expect(root, db_text("%s|logins|2|t", month(5)),
	    "select to_char(month, 'YYYY-MM'), kind, events, freed > 0 "
	    "from oat.retention('90 days', '2 years')");
	db_expect(root, "1|2",
	    "select count(*) filter (where event = 'login' and recorded_at < "
	    "now() - interval '1 day'), count(*) filter (where event = "
	    "'login') from oat.activity");
	fixture_expect_intact(root);
	db_expect(
	    root, "", "select * from oat.retention('90 days', '2 years')");
	fixture_expect_intact(root);
}

static void
test_retention_keeps_management_rows_as_they_were(void)
{
	const char *rows = "select md5(string_agg(oat.activity_line(a), '' "
			   "order by id)), count(*) from oat.activity a "
			   "where oat.event_kind(event) = 'management' "
			   "and event <> 'log.dropped'";
	char *before = db_value(root, "%s", rows);

	db_run(root, "select oat.retention('90 days', '2 years')");
	db_expect(root, before, "%s", rows);
	/* In the partition of their month still, closed and append-only. */
	db_expect(root, "t|t|t",
	    "select relispartition, relrowsecurity, relforcerowsecurity "
	    "from pg_class where relname = 'activity_' || translate('%s', "
	    "'-', '_')",
	    month(5));
	db_refused(root, OAT_APPEND_ONLY,
	    "update oat.activity set actor = 'x' where event = "
	    "'token.created'");
	db_refused(root, OAT_APPEND_ONLY, "truncate oat.activity_%s",
	    db_value(root, "select translate('%s', '-', '_')", month(5)));
}

static void
test_retention_drops_whole_months_of_both(void)
{
	db_expect(root,
	    db_text("%s|logins\n%s|management\n%s|logins", month(5), month(5),
		month(2)),
	    "select to_char(month, 'YYYY-MM'), kind "
	    "from oat.retention('20 days', '90 days')");
	db_expect(root, "null",
	    "select to_regclass('oat.activity_' || translate('%s', '-', '_'))",
	    month(5));
	db_expect(root, "token.updated",
	    "select string_agg(event, ' ' order by id) from oat.activity "
	    "where recorded_at < now() - interval '20 days'");
	fixture_expect_intact(root);
}

/* The other way round, and one after the other. */
static void
test_retention_of_management_first_and_logins_later(void)
{
	db_expect(root, db_text("%s|management", month(5)),
	    "select to_char(month, 'YYYY-MM'), kind "
	    "from oat.retention(null, '90 days')");
	fixture_expect_intact(root);
	db_expect(root, db_text("%s|logins", month(5)),
	    "select to_char(month, 'YYYY-MM'), kind "
	    "from oat.retention('90 days', null)");
	db_expect(root, "null",
	    "select to_regclass('oat.activity_' || translate('%s', '-', '_'))",
	    month(5));
	fixture_expect_intact(root);
}

static void
test_retention_null_and_long_spans_keep_everything(void)
{
	char *before = db_value(root, "select count(*) from oat.activity");

	db_expect(root, "", "select * from oat.retention(null, null)");
	db_expect(root, "", "select * from oat.retention('1 year', '1 year')");
	db_expect(root, before, "select count(*) from oat.activity");
}

/* A month is over when it has ended, not when its first day is old enough. */
static void
test_retention_never_drops_this_month(void)
{
	db_run(root, "select oat.retention('0', '0')");
	db_expect(root, "1|t",
	    "select count(*) filter (where event = 'login'), "
	    "min(recorded_at) > now() - interval '1 hour' from oat.activity");
	db_run(root, "select oat.retention('-40 days', '-40 days')");
	db_expect(root, "1",
	    "select count(*) filter (where event = 'login') "
	    "from oat.activity");
	fixture_expect_intact(root);
}

static void
test_retention_tells_of_it_in_the_log_and_by_alert(void)
{
	PGnotify *notify;
	char *row;

	db_run(root, "listen oat_alert");
	db_run(root, "select oat.retention('90 days', '2 years')");
	row = db_value(root,
	    "select id from oat.activity where event = 'log.dropped' "
	    "and actor = 'postgres' and detail->'new' = jsonb_build_object("
	    "'kind', 'logins', 'month', '%s', 'events', 2, 'digest', "
	    "(select encode(digest, 'hex') from oat.activity_batches "
	    "where dropped_at is not null))",
	    month(5));
	(void)PQconsumeInput(root);
	notify = PQnotifies(root);
	CU_ASSERT_PTR_NOT_NULL_FATAL(notify);
	OAT_ASSERT_TEXT(notify->extra, row);
	PQfreemem(notify);
}

/* The row that tells of it may go itself, with its month. */
static void
test_retention_of_its_own_traces_stays_intact(void)
{
	db_run(root, "select oat.retention('90 days', null)");
	make_month(3);
	fixture_force(root, "update oat.activity_batches set dropped_at = "
			    "dropped_at - interval '3 months'");
	move_back(3);
	db_run(root, "select oat.retention('20 days', '20 days')");
	db_expect(root, "0",
	    "select count(*) from oat.activity where event = 'log.dropped' "
	    "and recorded_at < now() - interval '1 day'");
	fixture_expect_intact(root);
}

static void
test_retention_leaves_a_month_with_unsealed_rows(void)
{
	PGconn *other = db_connect("postgres");

	/* Drawn already, and in a month that is over: a clock set back. */
	db_run(other, "begin");
	db_run(other,
	    "insert into oat.activity (actor, event, recorded_at) values "
	    "('x', 'token.updated', now() - interval '5 months')");
	fixture_force(root,
	    "insert into oat.activity (actor, event, recorded_at) select 'y', "
	    "'token.updated', max(recorded_at) from oat.activity "
	    "where recorded_at < now() - interval '100 days'");
	db_expect(
	    root, "", "select * from oat.retention('90 days', '2 years')");
	db_run(other, "rollback");
	db_expect(root, "logins",
	    "select kind from oat.retention('90 days', '2 years')");
	fixture_expect_intact(root);
}

/* As many rows as were dropped, among those of other months. */
static void
test_retention_case_56_rows_forged_in_a_dropped_month_are_found(void)
{
	db_run(root, "select oat.retention('90 days', '2 years')");
	fixture_force(root,
	    "insert into oat.activity (id, actor, event, recorded_at) "
	    "select max(b.up_to_id), 'x', 'session.opened', a.recorded_at "
	    "from oat.activity_batches b, (select recorded_at + interval '1 s' "
	    "as recorded_at from oat.activity where recorded_at < now() - "
	    "interval '90 days' limit 2) a group by a.recorded_at");
	db_expect(root, "f|t",
	    "select intact, problem like 'forged: row %%' "
	    "from oat.verify_activity()");
}

/* Who altered the log cannot have it dropped before somebody looks. */
static void
test_retention_case_56_keeps_what_is_not_as_it_was_sealed(void)
{
	fixture_force(root,
	    "update oat.activity set outcome = 'success', reason = null "
	    "where reason = 'wrong_secret'");
	db_refused(root, "XX001", "select oat.retention('90 days', '2 years')");
	db_error_says("altered");
	db_expect(root, "2",
	    "select count(*) from oat.activity where event = 'login' "
	    "and recorded_at < now() - interval '90 days'");
}

/* A month for which nobody made a partition. */
static void
test_retention_of_rows_in_the_default_partition(void)
{
	move_back(7);
	db_expect(root, "t",
	    "select count(*) > 0 from oat.activity "
	    "where tableoid = 'oat.activity_default'::regclass");
	db_expect(root, db_text("%s|logins|1|0", month(7)),
	    "select to_char(month, 'YYYY-MM'), kind, events, freed "
	    "from oat.retention('180 days', '2 years')");
	db_expect(root, "0",
	    "select count(*) from oat.activity "
	    "where tableoid = 'oat.activity_default'::regclass");
	fixture_expect_intact(root);
}

static void
test_retention_keeps_sums_and_last_use(void)
{
	const char *sums = "select string_agg(u::text, E'\\n' order by u) "
			   "from oat.usage_daily u";
	char *before = db_value(root, "%s", sums);

	db_run(root, "select oat.retention('20 days', '2 years')");
	db_expect(root, before, "%s", sums);
	/* The last use that is left is not the log's alone. */
	db_run(root, "update oat.tokens set max_idle = '200 days'");
	fixture_force(root,
	    "delete from oat.activity where event = 'login'; "
	    "update oat.tokens set created_at = now() - interval '2 years'");
	db_expect(root, "active|web-1",
	    "select status, last_used_host from oat.token_status");
	fixture_expect(web, "allowed", .selector = ci);
	db_run(root, "update oat.tokens set max_idle = '20 days'");
	db_expect(root, "acme|ci|web-1", "select * from oat.used_on");
}

static void
test_retention_forgets_sums_with_the_management_of_their_month(void)
{
	db_run(root, "select oat.retention('20 days', '90 days')");
	db_expect(root, "2", "select count(*) from oat.usage_daily");
	db_run(root, "select oat.retention('20 days', '20 days')");
	db_expect(root, "1", "select count(*) from oat.usage_daily");
	db_expect(root, "t",
	    "select last_used_at > now() - interval '1 hour' "
	    "from oat.token_status");
}

static void
test_retention_is_for_the_owner_alone(void)
{
	PGconn *admin = fixture_admin();

	db_refused(admin, NO_PRIVILEGE, "select oat.retention('0', '0')");
	db_refused(fixture_role(root, "auditor", "oat_auditor"), NO_PRIVILEGE,
	    "select oat.retention('0', '0')");
	db_run(root, "set role oat_owner");
	db_run(root, "select oat.retention('90 days', '2 years')");
	db_run(root, "reset role");
	fixture_expect_intact(root);
}

/* Somebody reads the log and does not end: nothing is lost by trying. */
static void
test_retention_gives_up_while_the_log_is_read(void)
{
	PGconn *reader = db_connect("postgres");

	db_run(reader, "begin");
	db_run(reader, "select count(*) from oat.activity");
	db_refused(root, "55P03", "select oat.retention('90 days', '2 years')");
	fixture_expect(web, "allowed", .selector = ci);
	db_run(reader, "rollback");
	db_expect(root, "logins",
	    "select kind from oat.retention('90 days', '2 years')");
	fixture_expect_intact(root);
}

static void
test_retention_logins_go_on_afterwards(void)
{
	db_run(root, "select oat.retention('0', '0')");
	fixture_expect(web, "allowed", .selector = ci);
	db_run(root, "update oat.tokens set description = 'y'");
	(void)fixture_seal(root);
	fixture_expect_intact(root);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_retention_drops_logins_and_says_what),
	OAT_TEST(test_retention_keeps_management_rows_as_they_were),
	OAT_TEST(test_retention_drops_whole_months_of_both),
	OAT_TEST(test_retention_of_management_first_and_logins_later),
	OAT_TEST(test_retention_null_and_long_spans_keep_everything),
	OAT_TEST(test_retention_never_drops_this_month),
	OAT_TEST(test_retention_tells_of_it_in_the_log_and_by_alert),
	OAT_TEST(test_retention_of_its_own_traces_stays_intact),
	OAT_TEST(test_retention_leaves_a_month_with_unsealed_rows),
	OAT_TEST(
	    test_retention_case_56_rows_forged_in_a_dropped_month_are_found),
	OAT_TEST(test_retention_case_56_keeps_what_is_not_as_it_was_sealed),
	OAT_TEST(test_retention_of_rows_in_the_default_partition),
	OAT_TEST(test_retention_keeps_sums_and_last_use),
	OAT_TEST(
	    test_retention_forgets_sums_with_the_management_of_their_month),
	OAT_TEST(test_retention_is_for_the_owner_alone),
	OAT_TEST(test_retention_gives_up_while_the_log_is_read),
	OAT_TEST(test_retention_logins_go_on_afterwards),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "retention", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
