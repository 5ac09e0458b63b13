/* SPDX-License-Identifier: MIT */
/* Reports of use are exact, however much of the log is sealed. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *root, *web, *db;
static char *ci, *cd;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, &ci);
	cd = fixture_token(admin, "acme", "cd");
	fixture_grant(admin, "acme", "cd", "*", "*");
	db = fixture_host(admin, "db", "{}");
}

/* The sums as they are, and as they follow from the rows one by one. */
static void
expect_exact(const char *when)
{
	char *counted = db_value(root,
	    "select (at at time zone 'UTC')::date, organization, token, host, "
	    "service, count(*) filter (where outcome = 'success'), "
	    "count(*) filter (where outcome = 'failure') from oat.activity "
	    "where outcome is not null and token is not null "
	    "group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5");
	char *reported = db_value(admin,
	    "select day, organization, token, host, service, successes, "
	    "failures from oat.usage_daily order by 1, 2, 3, 4, 5");

	OAT_ASSERT_THAT(strcmp(reported, counted) == 0, "%s: is: %s; not: %s",
	    when, reported, counted);
	db_expect(root, "",
	    "select organization, token, at from (select distinct on "
	    "(organization, token) organization, token, at from oat.activity "
	    "where outcome = 'success' and token is not null "
	    "order by organization, token, at desc) a "
	    "except select organization, token, last_used_at "
	    "from oat.token_status");
}

/* A login of the host `db` that happened a while ago. */
static void
record(const char *ago, const char *service, const char *outcome)
{
	db_run(db,
	    "select oat.host_record(jsonb_build_array(jsonb_build_object("
	    "'event_id', gen_random_uuid(), 'at', now() - interval '%s', "
	    "'event', 'login', 'login', 'oat-acme-cd', 'service', %s, "
	    "'rhost', '192.0.2.1', 'outcome', '%s', 'reason', 'idle')))",
	    ago, service, outcome);
}

static void
test_usage_is_exact_before_during_and_after_the_seal(void)
{
	PGconn *other = db_connect("oat_web-1");

	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	expect_exact("nothing is sealed");
	(void)fixture_seal(admin);
	expect_exact("all is sealed");
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "allowed", .selector = cd, .login = "oat-acme-cd");
	expect_exact("a part is sealed");
	db_run(other, "begin");
	fixture_expect(other, "allowed", .selector = ci, .service = "sudo");
	fixture_expect(web, "allowed", .event = "access");
	(void)fixture_seal(admin);
	expect_exact("the seal waits for a transaction");
	db_run(other, "commit");
	expect_exact("which has committed");
	(void)fixture_seal(admin);
	expect_exact("and is sealed");
	db_run(admin, "begin");
	(void)fixture_seal(admin);
	fixture_expect(web, "allowed", .selector = ci);
	expect_exact("within the sealing transaction");
	db_run(admin, "rollback");
	expect_exact("which is rolled back");
}

static void
test_usage_of_late_events_lands_on_their_day(void)
{
	record("3 days", "'sshd'", "success");
	(void)fixture_seal(admin);
	record("3 days", "'sshd'", "success");
	record("40 days", "'sudo'", "success");
	record("40 days", "null", "failure");
	expect_exact("before");
	(void)fixture_seal(admin);
	expect_exact("after");
	db_expect(admin, "sshd|2|0\nnull|0|1\nsudo|1|0",
	    "select service, successes, failures from oat.usage_daily "
	    "order by day desc, service nulls first");
}

/* An event from a host's spool is older than what is known already. */
static void
test_usage_last_use_never_moves_back(void)
{
	fixture_expect(db, "allowed", .selector = cd, .login = "oat-acme-cd");
	(void)fixture_seal(admin);
	record("3 days", "'cron'", "success");
	db_expect(admin, "sshd|db",
	    "select last_used_service, last_used_host from oat.token_status "
	    "where token = 'cd'");
	(void)fixture_seal(admin);
	db_expect(admin, "sshd|db",
	    "select last_used_service, last_used_host from oat.token_status "
	    "where token = 'cd'");
	expect_exact("sealed");
	fixture_force(root, "delete from oat.activity");
	db_expect(admin, "sshd|db",
	    "select service, host from oat.last_use where token = 'cd'");
}

static void
test_usage_last_use_is_over_all_hosts(void)
{
	fixture_expect(web, "allowed", .selector = cd, .login = "oat-acme-cd");
	(void)fixture_seal(admin);
	fixture_expect(db, "allowed", .selector = cd, .login = "oat-acme-cd",
	    .service = "sudo");
	db_expect(admin, "db|sudo|10.1.2.3",
	    "select last_used_host, last_used_service, last_used_from "
	    "from oat.token_status where token = 'cd'");
	(void)fixture_seal(admin);
	db_expect(admin, "db|sudo|10.1.2.3",
	    "select host, service, rhost from oat.last_use "
	    "where token = 'cd'");
	db_expect(admin, "db\nweb-1",
	    "select host from oat.used_on where token = 'cd' order by 1");
	db_expect(admin, "db,web-1",
	    "select string_agg(r, ',') from oat.revoke('acme/cd') r");
}

/* Plans of a login name the newest partitions only: what it needs of others
 * is what the seal has kept. */
static void
test_usage_idle_is_decided_from_sealed_uses_too(void)
{
	db_run(admin, "update oat.tokens set max_idle = '30 days'");
	fixture_force(root, "update oat.tokens set created_at = now() - "
			    "interval '1 year'");
	db_run(root, "select oat.make_month((date_trunc('month', now() "
		     "at time zone 'UTC') - interval '1 month')::date)");
	fixture_expect(web, "idle", .selector = ci);
	record("29 days", "'sshd'", "success");
	db_run(db, "begin");
	fixture_expect(db, "allowed", .selector = cd, .login = "oat-acme-cd");
	db_run(db, "rollback");
	fixture_force(root, "update oat.activity set recorded_at = at + "
			    "interval '1 s' where token = 'cd'");
	(void)fixture_seal(admin);
	db_expect(root, "t",
	    "select oat.tail_month() = date_trunc('month', now(), 'UTC')");
	db_expect(admin, "idle\nactive",
	    "select status from oat.token_status where token in ('ci', 'cd') "
	    "order by token desc");
	fixture_expect(db, "allowed", .selector = cd, .login = "oat-acme-cd");
	(void)fixture_seal(admin);
	fixture_force(root, "update oat.last_uses set at = now() - "
			    "interval '31 days'; delete from oat.activity");
	fixture_expect(db, "idle", .selector = cd, .login = "oat-acme-cd");
	fixture_expect(db, "idle", .event = "access", .login = "oat-acme-cd");
}

static void
test_usage_report_counts_each_column(void)
{
	fixture_organization(admin, "other");
	db_run(admin, "update oat.organizations set plan = 'team' "
		      "where name = 'acme'");
	fixture_token(admin, "acme", "unused");
	db_run(admin, "update oat.tokens set deactivated_at = now() "
		      "where name = 'unused'");
	fixture_expect(web, "allowed", .selector = ci);
	(void)fixture_seal(admin);
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo");
	fixture_expect(web, "allowed", .selector = cd, .login = "oat-acme-cd",
	    .service = "sudo-i");
	fixture_expect(
	    db, "allowed", .event = "access", .login = "oat-acme-cd");
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	db_expect(admin,
	    "acme|team|10|3|2|1|4|1|2|2\nother|unlimited|null|0|0|0|0|0|0|0",
	    "select * from oat.usage_report(null, current_date - 1, "
	    "current_date + 2)");
	db_expect(admin, "other",
	    "select organization from oat.usage_report('other', "
	    "'2000-01-01', '2100-01-01')");
	db_expect(admin, "",
	    "select * from oat.usage_report('none', '2000-01-01', "
	    "'2100-01-01')");
}

static void
test_usage_report_is_half_open(void)
{
#define LOGINS "select logins from oat.usage_report('acme', %s)"

	db_run(admin, "set timezone = 'UTC'");
	record("3 days", "'sshd'", "success");
	db_expect(admin, "1", LOGINS, "current_date - 3, current_date - 2");
	db_expect(admin, "0", LOGINS, "current_date - 2, current_date + 2");
	db_expect(admin, "0", LOGINS, "current_date - 9, current_date - 3");
	db_expect(admin, "0", LOGINS, "current_date - 3, current_date - 3");
	db_expect(admin, "2",
	    "select unused from oat.usage_report('acme', current_date - 2, "
	    "current_date + 2)");
}

static void
test_usage_report_tells_the_use_of_a_deleted_organization(void)
{
	fixture_expect(web, "allowed", .selector = ci);
	(void)fixture_seal(admin);
	db_run(admin, "delete from oat.organizations");
	db_expect(admin, "acme|null|null|0|0|0|1|0|0|1",
	    "select * from oat.usage_report(null, current_date - 1, "
	    "current_date + 2)");
}

static void
test_usage_reports_are_ready_for_csv(void)
{
	char *command = db_text("\\copy (select * from oat.usage_report(null, "
				"current_date - 1, current_date + 2)) to "
				"stdout csv header");
	const char *argv[] = { "psql", "-X", "-q", "-d", oat_cluster_database(),
		"-c", command, NULL };
	char *output;

	fixture_expect(web, "allowed", .selector = ci);
	CU_ASSERT_EQUAL(oat_cluster_program(argv, &output), 0);
	OAT_ASSERT_TEXT(output,
	    "organization,plan,token_limit,tokens_held,active,unused,logins,"
	    "failures,sudo,hosts\nacme,unlimited,,2,2,1,1,0,0,1\n");
}

/* Delegates: with `audit` what is theirs, without it nothing. */
static void
test_usage_of_others_is_not_shown_to_delegates(void)
{
	static const char *const reports[] = {
		"oat.usage_daily",
		"oat.usage_report(null, '2000-01-01', '2100-01-01')",
		"oat.tail_usage()",
	};
	PGconn *ann;
	char *other;
	size_t i, sealed;

	db_run(admin, "insert into oat.allowances values ('acme', '*', '*')");
	fixture_organization(admin, "other");
	other = fixture_token(admin, "other", "x");
	fixture_grant(admin, "other", "x", "*", "*");
	ann = fixture_role(root, "ann", "oat_delegate");
	db_run(admin, "insert into oat.delegates (organization, role, may) "
		      "values ('acme', 'ann', '{audit}')");
	for (sealed = 0; sealed < 2; sealed++) {
		fixture_expect(web, "allowed", .selector = ci);
		fixture_expect(
		    web, "allowed", .selector = other, .login = "oat-other-x");
		for (i = 0; i < 3; i++)
			OAT_ASSERT_THAT(strcmp(db_value(ann,
						   "select string_agg(distinct "
						   "organization, ',') from %s",
						   reports[i]),
					    "acme") == 0,
			    "%s", reports[i]);
		(void)fixture_seal(admin);
	}
	db_run(admin, "update oat.delegates set may = '{admin,rotate,revoke}'");
	for (i = 0; i < 3; i++)
		db_expect(ann, "0", "select count(*) from %s", reports[i]);
	db_expect(ann, "web-1", "select host from oat.used_on");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_usage_is_exact_before_during_and_after_the_seal),
	OAT_TEST(test_usage_of_late_events_lands_on_their_day),
	OAT_TEST(test_usage_last_use_never_moves_back),
	OAT_TEST(test_usage_last_use_is_over_all_hosts),
	OAT_TEST(test_usage_idle_is_decided_from_sealed_uses_too),
	OAT_TEST(test_usage_report_counts_each_column),
	OAT_TEST(test_usage_report_is_half_open),
	OAT_TEST(test_usage_report_tells_the_use_of_a_deleted_organization),
	OAT_TEST(test_usage_reports_are_ready_for_csv),
	OAT_TEST(test_usage_of_others_is_not_shown_to_delegates),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "usage", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
