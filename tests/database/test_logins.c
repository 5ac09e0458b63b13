/* SPDX-License-Identifier: MIT */
/* What a login or an access leaves behind, and what is made of it. */
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
test_logins_login_row_tells_everything(void)
{
	fixture_decide(web, .selector = ci, .tty = "ssh");
	db_expect(admin,
	    db_text("acme|ci|oat-acme-ci|login|web-1|sshd|10.1.2.3|success|"
		    "null|%s",
		ci),
	    "select organization, token, actor, event, host, service, rhost, "
	    "outcome, reason, detail->>'selector' from oat.activity "
	    "where event = 'login'");
	db_expect(admin, "t|t",
	    "select at <= recorded_at, event_id is not null "
	    "from oat.activity where event = 'login'");
}

static void
test_logins_failures_have_outcome_and_reason(void)
{
	fixture_decide(web, .selector = ci, .proof = "wrong");
	fixture_decide(web, .selector = ci, .service = "cron");
	fixture_decide(web, .event = "access", .service = "su");
	db_expect(admin,
	    "login|sshd|failure|wrong_secret\n"
	    "login|cron|failure|service_not_granted\n"
	    "access|su|failure|service_not_granted",
	    "select event, service, outcome, reason from oat.activity "
	    "where host = 'web-1' and event in ('login', 'access') "
	    "order by id");
}

static void
test_logins_unknown_tokens_share_a_row_a_minute(void)
{
	int i;

	for (i = 0; i < 20; i++)
		fixture_decide(web, .selector = db_text("unknown%05d", i),
		    .proof = "none");
	for (i = 0; i < 3; i++)
		fixture_decide(web, .selector = "unknownother",
		    .login = "oat-acme-x", .proof = "none");
	/* A minute may end while this runs: then each has a second row. */
	db_expect(admin, "t|23",
	    "select count(*) between 2 and 4, "
	    "sum(coalesce((detail->>'count')::int, 1)) from oat.activity "
	    "where reason = 'unknown_token'");
}

static void
test_logins_case_57_random_selectors_keep_tables_bounded(void)
{
	db_run(web, "select oat.host_decide(gen_random_uuid(), 'login', "
		    "'oat-acme-ci', 'sshd', '10.1.2.3', '-', '-', "
		    "substr(md5(i::text), 1, 12), 'none') "
		    "from generate_series(1, 3000) i");
	db_expect(admin, "t",
	    "select count(*) <= 2 from oat.activity "
	    "where reason = 'unknown_token'");
}

static void
test_logins_rhost_parsed_without_raising(void)
{
	static const struct {
		const char *given, *stored;
	} cases[] = {
		{ "10.1.2.3", "10.1.2.3" },
		{ "::ffff:10.1.2.3", "10.1.2.3" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "fe80::1%eth0", "fe80::1" },
		{ "-", "null" },
		{ "", "null" },
		{ "example.org", "null" },
		{ "10.1.2.3.4", "null" },
		{ "10.1.2.999", "null" },
		{ "10.0.0.0/8", "null" },
		{ "::1\\x0a", "null" },
		{ "%eth0", "null" },
		{ "'; drop table oat.activity; --", "null" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture_decide(web, .selector = ci, .rhost = cases[i].given);
		OAT_ASSERT_THAT(
		    strcmp(db_value(admin, "select rhost from oat.activity "
					   "where event = 'login' "
					   "order by id desc limit 1"),
			cases[i].stored) == 0,
		    "%s", cases[i].given);
	}
	db_expect(admin, "1",
	    "select count(*) from oat.activity "
	    "where detail::text like '%%example.org%%'");
}

static void
test_logins_last_use_never_moves_back(void)
{
	fixture_decide(web, .selector = ci);
	db_run(web, "select oat.host_record(jsonb_build_array("
		    "jsonb_build_object('event_id', gen_random_uuid(), 'at', "
		    "now() - interval '3 days', 'event', 'access', 'login', "
		    "'oat-acme-ci', 'service', 'cron', 'rhost', '192.0.2.1', "
		    "'outcome', 'success')))");
	db_expect(admin, "sshd|10.1.2.3",
	    "select last_used_service, last_used_from from oat.token_status");
}

static void
test_logins_usage_is_summed_by_utc_day(void)
{
	fixture_decide(web, .selector = ci);
	fixture_decide(web, .selector = ci, .proof = "wrong");
	fixture_decide(web, .event = "access");
	db_run(web, "select oat.host_record(jsonb_build_array("
		    "jsonb_build_object('event_id', gen_random_uuid(), 'at', "
		    "date_trunc('day', now() at time zone 'UTC') "
		    "at time zone 'UTC' - interval '1 us', 'event', 'login', "
		    "'login', 'oat-acme-ci', 'service', 'sshd', "
		    "'outcome', 'success')))");
	db_expect(admin, "1|acme|ci|web-1|sshd|1|0\n0|acme|ci|web-1|sshd|2|1",
	    "select (now() at time zone 'UTC')::date - day, organization, "
	    "token, host, service, successes, failures from oat.usage_daily "
	    "where token = 'ci' order by day");
}

static void
test_logins_case_59_hostile_parameters_end_cleanly(void)
{
	static const char *const texts[] = { "'", "''", "\\", "\\'", "$$",
		"%s%n", "{}", "\"", "a\nb", "\x01\x1b[31m", "--", "/*",
		"\xc3\x28", "\xff" };
	const char *values[7];
	const char *sqlstate;
	size_t i, j;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (j = 0; j < 7; j++)
			values[j] = texts[i];
		sqlstate = db_try(web,
		    "select * from oat.host_decide(gen_random_uuid(), 'login',"
		    " $1, $2, $3, $4, $5, $6, 'none')",
		    6, values);
		OAT_ASSERT_THAT(strncmp(sqlstate, "00", 2) == 0 ||
				    strncmp(sqlstate, "22", 2) == 0,
		    "%s for %s", sqlstate, texts[i]);
		sqlstate =
		    db_try(web, "select oat.host_verifier($1)", 1, values);
		OAT_ASSERT_THAT(strncmp(sqlstate, "00", 2) == 0 ||
				    strncmp(sqlstate, "22", 2) == 0,
		    "%s for %s", sqlstate, texts[i]);
	}
}

static void
test_logins_case_59_megabyte_is_not_stored(void)
{
	PGresult *result;
	char *text = db_text("%01048576d", 0);
	const char *values[] = { text };

	result = PQexecParams(web,
	    "select * from oat.host_decide(gen_random_uuid(), 'login', "
	    "'oat-acme-ci', $1, $1, $1, $1, $1, 'none')",
	    1, NULL, values, NULL, NULL, 0);
	PQclear(result);
	db_expect(root, "t",
	    "select max(length(a::text)) < 10000 from oat.activity a");
}

/* What a rehearsal could leave behind. */
static char *
traces(void)
{
	return db_value(root,
	    "select (select count(*) from oat.activity), "
	    "(select last_value from oat.activity_id), "
	    "(select uses_left from oat.tokens where name = "
	    "'ci'), (select count(*) from oat.unknown_tokens)");
}

static void
test_logins_rehearsal_leaves_nothing_behind(void)
{
	char *before;

	db_run(admin, "update oat.tokens set uses_left = 1 where name = 'ci'");
	before = traces();
	db_run(web, "select oat.host_rehearse('%s')", ci);
	db_run(web, "select oat.host_rehearse('unknownother')");
	db_run(web, "select oat.host_rehearse(null)");
	OAT_ASSERT_TEXT(traces(), before);
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "used_up", .selector = ci);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_logins_login_row_tells_everything),
	OAT_TEST(test_logins_failures_have_outcome_and_reason),
	OAT_TEST(test_logins_unknown_tokens_share_a_row_a_minute),
	OAT_TEST(test_logins_case_57_random_selectors_keep_tables_bounded),
	OAT_TEST(test_logins_rhost_parsed_without_raising),
	OAT_TEST(test_logins_last_use_never_moves_back),
	OAT_TEST(test_logins_usage_is_summed_by_utc_day),
	OAT_TEST(test_logins_rehearsal_leaves_nothing_behind),
	OAT_TEST(test_logins_case_59_hostile_parameters_end_cleanly),
	OAT_TEST(test_logins_case_59_megabyte_is_not_stored),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "logins", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
