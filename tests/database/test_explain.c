/* SPDX-License-Identifier: MIT */
/* Why somebody is let in or not, who could be, and what a change would do. */
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

#define EXPLAIN_CI "oat.explain('oat-acme-ci', 'web-1', 'sshd', '10.1.2.3')"

static char *
first_failure(void)
{
	return db_value(admin,
	    "select coalesce((select check_name from (select row_number() "
	    "over () n, * from " EXPLAIN_CI ") e where not passed "
	    "order by n limit 1), 'none')");
}

static void
test_explain_lists_checks_in_contract_order(void)
{
	char *names = db_value(admin,
	    "select string_agg(check_name, ' ' order by n) from (select "
	    "row_number() over () n, * from " EXPLAIN_CI ") e");

	OAT_ASSERT_THAT(
	    strstr(names, "organization_suspended deactivated "
			  "not_yet_valid expired idle used_up "
			  "service_not_granted not_allowed "
			  "address_not_allowed host_suspended allowed") != NULL,
	    "%s", names);
	OAT_ASSERT_THAT(
	    strcmp(names + strlen(names) - 8, " allowed") == 0, "%s", names);
	OAT_ASSERT_THAT(
	    strncmp(names, "unknown_token host_not_granted", 30) == 0, "%s",
	    names);
}

static void
test_explain_of_what_works_passes_everything(void)
{
	db_expect(admin, "t|t",
	    "select bool_and(passed), bool_and(fix is null or fix = '') "
	    "from " EXPLAIN_CI);
}

/* The same changes as test_decide's, the newest before all others. */
static const char *const changes[][2] = {
	{ "update oat.hosts set suspended_at = now()", "host_suspended" },
	{ "update oat.tokens set allowed_from = '{192.0.2.0/24}'",
	    "address_not_allowed" },
	{ "insert into oat.allowances values ('acme', 'db', 'sshd')",
	    "not_allowed" },
	{ "delete from oat.grants where service = 'sshd'",
	    "service_not_granted" },
	{ "update oat.tokens set uses_left = 0", "used_up" },
	{ "update oat.tokens set max_idle = '1 day', "
	  "created_at = now() - interval '9 days'",
	    "idle" },
	{ "update oat.tokens set expires_at = now() - interval '1 s'",
	    "expired" },
	{ "update oat.tokens set expires_at = now() + interval '2 h', "
	  "not_before = now() + interval '1 h'",
	    "not_yet_valid" },
	{ "update oat.tokens set deactivated_at = now()", "deactivated" },
	{ "update oat.organizations set suspended_at = now()",
	    "organization_suspended" },
	{ "delete from oat.grants", "host_not_granted" },
};

#define CHANGES (sizeof(changes) / sizeof(changes[0]))

static void
test_explain_agrees_with_the_login(void)
{
	size_t i;

	OAT_ASSERT_TEXT(first_failure(), "none");
	for (i = 0; i < CHANGES; i++) {
		fixture_force(root, "%s", changes[i][0]);
		OAT_ASSERT_TEXT(first_failure(), changes[i][1]);
		OAT_ASSERT_TEXT(
		    fixture_decide(web, .selector = ci), changes[i][1]);
		db_expect(admin, "f",
		    "select passed from " EXPLAIN_CI
		    " where check_name = 'allowed'");
	}
}

/* Whoever types each fix in turn ends with a token that works. */
static void
test_explain_fixes_can_be_typed(void)
{
	size_t i;
	char *failure, *fix;

	for (i = 0; i < CHANGES; i++)
		fixture_force(root, "%s", changes[i][0]);
	for (i = 0; i < 2 * CHANGES; i++) {
		failure = first_failure();
		if (strcmp(failure, "none") == 0)
			break;
		fix = db_value(admin,
		    "select fix from " EXPLAIN_CI " where check_name = '%s'",
		    failure);
		db_run(admin, "%s", fix);
		OAT_ASSERT_THAT(strcmp(first_failure(), failure) != 0,
		    "%s is not mended by: %s", failure, fix);
	}
	OAT_ASSERT_TEXT(first_failure(), "none");
	fixture_expect(web, "allowed", .selector = ci);
}

static void
test_explain_names_the_row_that_decides(void)
{
	db_run(admin,
	    "insert into oat.grants values ('acme', 'ci', 'w*', 'cron')");
	db_expect(admin, "t|t",
	    "select passed, detail like '%%w*%%' from oat.explain("
	    "'oat-acme-ci', 'web-1', 'cron') "
	    "where check_name = 'service_not_granted'");
	db_run(admin, "update oat.tokens set allowed_from = '{192.0.2.0/24}'");
	db_expect(admin, "f|t",
	    "select passed, detail like '%%192.0.2.0/24%%' from " EXPLAIN_CI
	    " where check_name = 'address_not_allowed'");
}

static void
test_explain_moves_the_clock_only(void)
{
	db_run(admin,
	    "update oat.tokens set not_before = '2100-01-01 00:00+00', "
	    "expires_at = '2100-02-01 00:00+00'");
	db_expect(admin, "f|t|t|f",
	    "select (select passed from oat.explain('oat-acme-ci', 'web-1', "
	    "'sshd', '10.1.2.3', '2099-12-31 23:59:59+00') "
	    "where check_name = 'allowed'), "
	    "(select passed from oat.explain('oat-acme-ci', 'web-1', 'sshd', "
	    "'10.1.2.3', '2100-01-01 00:00+00') "
	    "where check_name = 'allowed'), "
	    "(select passed from oat.explain('oat-acme-ci', 'web-1', 'sshd', "
	    "'10.1.2.3', '2100-01-31 23:59:59+00') "
	    "where check_name = 'allowed'), "
	    "(select passed from oat.explain('oat-acme-ci', 'web-1', 'sshd', "
	    "'10.1.2.3', '2100-02-01 00:00+00') "
	    "where check_name = 'allowed')");
	db_expect(admin, "0",
	    "select count(*) from oat.activity where event = 'login'");
}

/* Days are added in UTC: no host's or reader's clock change decides. */
static void
test_explain_is_the_same_in_every_time_zone(void)
{
	static const char *const zones[] = { "UTC", "America/New_York",
		"Pacific/Chatham", "Asia/Kolkata" };
	size_t i;

	fixture_force(root, "update oat.tokens set max_idle = '30 days', "
			    "created_at = '2026-10-20 12:00:00+00'");
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		db_run(admin, "set timezone = '%s'", zones[i]);
		OAT_ASSERT_THAT(
		    strcmp(db_value(admin,
			       "select string_agg(passed::text, ' ') "
			       "from unnest('{2026-11-19 11:59:59+00, "
			       "2026-11-19 12:30:00+00}'::timestamptz[]) "
			       "at, oat.explain('oat-acme-ci', 'web-1', "
			       "'sshd', '10.1.2.3', at) "
			       "where check_name = 'idle'"),
			"true false") == 0,
		    "%s", zones[i]);
	}
}

static void
test_explain_of_the_unknown_is_no_error(void)
{
	db_expect(admin, "f|f",
	    "select (select passed from oat.explain('oat-acme-none', 'web-1', "
	    "'sshd') where check_name = 'allowed'), "
	    "(select passed from oat.explain('oat-acme-ci', 'nohost', 'sshd') "
	    "where check_name = 'allowed')");
	db_run(admin, "select * from oat.explain(null, null, null)");
	db_run(admin, "select * from oat.explain('', '', '')");
}

/* In the forms that oat.revoke() takes; and of one that is not there. */
static void
test_explain_takes_a_login_a_name_and_a_selector(void)
{
	const char *const handles[] = { "oat-acme-ci", "acme/ci", ci };
	size_t i;

	for (i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		OAT_ASSERT_THAT(
		    strcmp(db_value(admin,
			       "select passed from oat.explain('%s', 'web-1', "
			       "'sshd') where check_name = 'allowed'",
			       handles[i]),
			"t") == 0,
		    "%s", handles[i]);
	db_expect(admin,
	    "no token has the login oat-acme-none|insert into oat.tokens "
	    "(organization, name, verifier) values ('acme', 'none', "
	    ":'verifier')",
	    "select detail, fix from oat.explain('acme/none', 'web-1', 'sshd') "
	    "where check_name = 'unknown_token'");
	/* What no token can be called is none to insert. */
	db_expect(admin, "0",
	    "select count(fix) from (values (''), ('acme'), ('oat-acme'), "
	    "('oat--x'), ('a/b/c'), "
	    "('acme/a-name-that-is-too-long-for-it')) v (name), "
	    "oat.explain(v.name, 'web-1', 'sshd') "
	    "where check_name = 'unknown_token'");
}

/* It runs as who asks, who may read what it looks into. */
static void
test_explain_is_everybodys_who_may_ask(void)
{
	static const char *const roles[] = { "oat_auditor", "oat_delegate" };
	PGconn *conn;
	size_t i;

	db_run(admin, "insert into oat.allowances values ('acme', '*', '*')");
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		conn = fixture_role(db_connect("postgres"),
		    i == 0 ? "reader" : "helper", roles[i]);
		if (i == 1)
			db_run(admin, "insert into oat.delegates values "
				      "('acme', 'helper', '{audit}')");
		db_expect(conn, "let in let in let in",
		    "select string_agg(e.detail, ' ') from (values "
		    "('acme/ci'), ('oat-acme-ci'), ('%s')) v (handle), "
		    "oat.explain(v.handle, 'web-1', 'sshd') e "
		    "where check_name = 'allowed'",
		    ci);
	}
}

/* A selector says which secret is typed. */
static void
test_explain_by_selector_is_about_that_secret(void)
{
	static const char state[] =
	    "select string_agg(detail, ' ' order by n) from (values "
	    "(1, '%s'), (2, (select selector from oat.tokens))) v (n, handle), "
	    "oat.explain(v.handle, 'web-1', 'sshd') "
	    "where check_name = 'allowed'";

	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '1 hour')",
	    fixture_verifier());
	db_expect(admin, "let in let in", state, ci);
	db_run(admin, "update oat.tokens set overlap_until = null");
	db_expect(admin, "refused: retired_secret let in", state, ci);
	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '1 hour')",
	    fixture_verifier());
	db_expect(admin, "refused: retired_secret let in", state, ci);
	db_expect(admin, "t",
	    "select passed from oat.explain('acme/ci', 'web-1', 'sshd') "
	    "where check_name = 'allowed'");
}

/* One more network would not mend it, and open the token to that. */
static void
test_explain_without_an_address_asks_for_one(void)
{
	char *fix;

	db_run(admin, "update oat.tokens set allowed_from = "
		      "'{192.0.2.0/24, 198.51.100.7/32}'");
	fix = db_value(admin, "select fix from oat.explain('oat-acme-ci', "
			      "'web-1', 'sshd') "
			      "where check_name = 'address_not_allowed'");
	OAT_ASSERT_TEXT(fix,
	    "select * from oat.explain('oat-acme-ci', 'web-1', 'sshd', "
	    "'192.0.2.0')");
	db_expect(admin, "t",
	    "select passed from (%s) e "
	    "where check_name = 'allowed'",
	    fix);
}

/* su has none; and a list of nothing has no address to ask with. */
static void
test_explain_where_no_address_ever_is_lifts_the_limit(void)
{
	static const char *const cases[][2] = {
		{ "'{192.0.2.0/24}'", "su" },
		{ "'{}'", "sshd" },
	};
	char *fix;
	size_t i;

	fixture_grant(admin, "acme", "ci", "web-1", "su");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		db_run(admin, "update oat.tokens set allowed_from = %s",
		    cases[i][0]);
		fix = db_value(admin,
		    "select fix from oat.explain('oat-acme-ci', 'web-1', '%s') "
		    "where check_name = 'address_not_allowed'",
		    cases[i][1]);
		db_run(admin, "%s", fix);
		db_expect(admin, "t",
		    "select passed from oat.explain('oat-acme-ci', 'web-1', "
		    "'%s') where check_name = 'allowed'",
		    cases[i][1]);
	}
}

/* organization|token|login|host|service of every row. */
#define ACCESS                                                              \
	"select organization, token, login, host, service from oat.access " \
	"order by 1, 2, 4, 5"

/* A secret that is typed is mended by nobody's row. */
static void
test_explain_mends_no_secret(void)
{
	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '0')",
	    fixture_verifier());
	db_expect(admin, "retired_secret|f|null",
	    "select check_name, passed, fix from oat.explain('%s', 'web-1', "
	    "'sshd', '10.1.2.3') where not passed and check_name <> 'allowed'",
	    ci);
}

/* As a host sends it, and as it is compared. */
static const char *const addresses[][2] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "fe80::1%eth0", "fe80::1" },
};

static void
test_explain_mends_an_address_however_it_is_written(void)
{
	char *fix;
	size_t i;

	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		db_run(root,
		    "update oat.tokens set allowed_from = '{10.0.0.0/8}'");
		fixture_expect(web, "address_not_allowed", .selector = ci,
		    .rhost = addresses[i][0]);
		fix = db_value(web,
		    "select fix from oat.host_explain('oat-acme-ci', 'sshd', "
		    "'%s') where check_name = 'address_not_allowed'",
		    addresses[i][0]);
		OAT_ASSERT_THAT(
		    strstr(fix, db_text("'%s'::cidr", addresses[i][1])) != NULL,
		    "%s", fix);
		db_run(admin, "%s", fix);
		fixture_expect(
		    web, "allowed", .selector = ci, .rhost = addresses[i][0]);
	}
	db_run(root, "update oat.tokens set allowed_from = '{10.0.0.0/8}'");
	fix = db_value(admin,
	    "select fix from oat.explain('acme/ci', 'web-1', 'sshd', "
	    "'::ffff:192.0.2.1') where check_name = 'address_not_allowed'");
	db_run(admin, "%s", fix);
	fixture_expect(web, "allowed", .selector = ci, .rhost = "192.0.2.1");
}

static void
test_access_lists_grants_on_enrolled_hosts(void)
{
	db_expect(admin,
	    "acme|ci|oat-acme-ci|web-1|sshd\n"
	    "acme|ci|oat-acme-ci|web-1|sudo",
	    ACCESS);
	(void)fixture_host(admin, "web-2", "{}");
	db_run(admin, "update oat.grants set host = 'web-*' "
		      "where service = 'sshd'");
	db_expect(admin,
	    "acme|ci|oat-acme-ci|web-1|sshd\n"
	    "acme|ci|oat-acme-ci|web-1|sudo\n"
	    "acme|ci|oat-acme-ci|web-2|sshd",
	    ACCESS);
}

static void
test_access_lists_nobody_who_is_refused(void)
{
	static const char *const refusals[] = {
		"update oat.hosts set suspended_at = now()",
		"update oat.tokens set deactivated_at = now()",
		"update oat.tokens set uses_left = 0",
		"update oat.tokens set not_before = now() + interval '1 h'",
		"update oat.tokens set expires_at = now() - interval '1 h'",
		"update oat.grants set expires_at = now() - interval '1 h'",
		"update oat.organizations set suspended_at = now()",
		"insert into oat.allowances values ('acme', 'db', '*')",
		"update oat.tokens set max_idle = '1 h', "
		"created_at = now() - interval '1 day'",
	};
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		db_run(root, "begin");
		db_run(root, "set local session_replication_role = replica");
		db_run(root, "%s", refusals[i]);
		OAT_ASSERT_THAT(
		    strcmp(db_value(root, "select count(*) from oat.access"),
			"0") == 0,
		    "%s", refusals[i]);
		db_run(root, "rollback");
	}
}

static void
test_access_previews_a_change_by_except(void)
{
	db_run(admin, "begin");
	db_run(admin, "create temp table before on commit drop as "
		      "select * from oat.access");
	db_run(admin, "delete from oat.grants where service = 'sudo'");
	db_run(admin,
	    "insert into oat.grants values ('acme', 'ci', 'web-1', 'cron')");
	db_expect(admin,
	    "lost|oat-acme-ci|web-1|sudo\n"
	    "won|oat-acme-ci|web-1|cron",
	    "select 'lost', login, host, service from ("
	    "select * from before except select * from oat.access) l "
	    "union all select 'won', login, host, service from ("
	    "select * from oat.access except select * from before) w "
	    "order by 1");
	db_run(admin, "rollback");
	db_expect(admin, "2", "select count(*) from oat.access");
}

static void
test_who_can_lists_tokens_for_one_service(void)
{
	fixture_token(admin, "acme", "cd");
	fixture_grant(admin, "acme", "cd", "*", "*");
	fixture_token(admin, "acme", "none");
	db_expect(admin, "oat-acme-cd,oat-acme-ci",
	    "select string_agg(login, ',' order by login) "
	    "from oat.who_can('web-1', 'sudo-i')");
	db_expect(admin, "oat-acme-cd",
	    "select string_agg(login, ',' order by login) "
	    "from oat.who_can('web-1', 'cron')");
	db_expect(admin, "null",
	    "select string_agg(login, ',') from oat.who_can('none', 'sshd')");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_explain_lists_checks_in_contract_order),
	OAT_TEST(test_explain_of_what_works_passes_everything),
	OAT_TEST(test_explain_agrees_with_the_login),
	OAT_TEST(test_explain_fixes_can_be_typed),
	OAT_TEST(test_explain_names_the_row_that_decides),
	OAT_TEST(test_explain_moves_the_clock_only),
	OAT_TEST(test_explain_is_the_same_in_every_time_zone),
	OAT_TEST(test_explain_of_the_unknown_is_no_error),
	OAT_TEST(test_explain_takes_a_login_a_name_and_a_selector),
	OAT_TEST(test_explain_is_everybodys_who_may_ask),
	OAT_TEST(test_explain_by_selector_is_about_that_secret),
	OAT_TEST(test_explain_without_an_address_asks_for_one),
	OAT_TEST(test_explain_where_no_address_ever_is_lifts_the_limit),
	OAT_TEST(test_explain_mends_no_secret),
	OAT_TEST(test_explain_mends_an_address_however_it_is_written),
	OAT_TEST(test_access_lists_grants_on_enrolled_hosts),
	OAT_TEST(test_access_lists_nobody_who_is_refused),
	OAT_TEST(test_access_previews_a_change_by_except),
	OAT_TEST(test_who_can_lists_tokens_for_one_service),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "explain", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
