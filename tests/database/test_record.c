/* SPDX-License-Identifier: MIT */
/* Events from hosts: one row each, once, whatever they hold. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#define ID "00000000-0000-4000-8000-0000000000"

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

/* A session event with two digits of id, and members to add or override. */
static char *
event(const char *digits, const char *more)
{
	return db_text("(jsonb_build_object('event_id', '" ID "%s', 'at', "
		       "now()::text, 'event', 'session.opened', 'login', "
		       "'oat-acme-ci', 'service', 'sshd', 'rhost', '10.1.2.3', "
		       "'tty', 'ssh', 'ruser', '-', 'selector', null, "
		       "'outcome', null, 'reason', null, 'detail', "
		       "'{}'::jsonb) || '%s'::jsonb)",
	    digits, more);
}

static char *
record(const char *events)
{
	return db_value(
	    web, "select oat.host_record(jsonb_build_array(%s))", events);
}

static void
test_record_login_row_tells_everything(void)
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
test_record_failures_have_outcome_and_reason(void)
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
test_record_unknown_tokens_share_a_row_a_minute(void)
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
test_record_case_57_random_selectors_keep_tables_bounded(void)
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
test_record_rhost_parsed_without_raising(void)
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
test_record_new_events_counted_old_ones_once(void)
{
	OAT_ASSERT_TEXT(
	    record(db_text("%s, %s", event("01", "{}"), event("02", "{}"))),
	    "2");
	OAT_ASSERT_TEXT(
	    record(db_text("%s, %s", event("02", "{}"), event("03", "{}"))),
	    "1");
	OAT_ASSERT_TEXT(
	    record(db_text("%s, %s", event("04", "{}"), event("04", "{}"))),
	    "1");
	db_expect(admin, "4",
	    "select count(*) from oat.activity "
	    "where event = 'session.opened' and host = 'web-1' "
	    "and organization = 'acme' and token = 'ci' "
	    "and actor = 'oat-acme-ci'");
}

static void
test_record_event_that_was_decided_already_is_not_new(void)
{
	fixture_expect(web, "allowed", .selector = ci, .event_id = ID "01");
	OAT_ASSERT_TEXT(record(event("01", "{\"event\": \"login\", "
					   "\"outcome\": \"success\"}")),
	    "0");
	db_expect(admin, "1",
	    "select count(*) from oat.activity where event_id = '" ID "01'");
}

/* One host must not be able to suppress what another will say. */
static void
test_record_id_used_by_another_host_is_still_new(void)
{
	PGconn *db = fixture_host(admin, "db", "{}");

	db_run(db, "select oat.host_record(jsonb_build_array(%s))",
	    event("01", "{}"));
	OAT_ASSERT_TEXT(record(event("01", "{}")), "1");
}

static void
test_record_two_connections_same_events_arrive_once(void)
{
	PGconn *other = db_connect("oat_web-1");

	db_run(web, "begin");
	record(event("01", "{}"));
	db_send(other, "select oat.host_record(jsonb_build_array(%s))",
	    event("01", "{}"));
	db_await_block(root, other);
	db_run(web, "commit");
	OAT_ASSERT_TEXT(db_finish(other), OK);
	db_expect(admin, "1",
	    "select count(*) from oat.activity where event_id = '" ID "01'");
}

static void
test_record_bad_elements_never_block_good_ones(void)
{
	static const char *const bad[] = {
		"null",
		"1",
		"'x'::text",
		"'{}'::jsonb",
		"'[]'::jsonb",
		"'{\"event_id\": \"not a uuid\", \"event\": \"login\"}'::jsonb",
		"'{\"event\": \"session.opened\"}'::jsonb",
	};
	char *good;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		good = event(db_text("%02zu", i + 10), "{}");
		record(db_text("%s, %s", bad[i], good));
		OAT_ASSERT_THAT(strcmp(db_value(admin,
					   "select count(*) from oat.activity "
					   "where event_id = '" ID "%02zu'",
					   i + 10),
				    "1") == 0,
		    "%s blocks", bad[i]);
	}
}

static void
test_record_bad_members_never_raise(void)
{
	static const char *const members[] = {
		"{\"at\": \"yesterday, or so\"}",
		"{\"at\": null}",
		"{\"at\": \"infinity\"}",
		"{\"at\": \"294277-01-01\"}",
		"{\"at\": \"20000-01-01T00:00:00Z\"}",
		"{\"at\": 5}",
		"{\"rhost\": \"example.org\"}",
		"{\"rhost\": null}",
		"{\"login\": \"root\"}",
		"{\"login\": null}",
		"{\"login\": \"oat-none-none\"}",
		"{\"service\": \"a b \\n c\"}",
		"{\"service\": null}",
		"{\"selector\": \"nosuchselect\"}",
		"{\"outcome\": \"perhaps\"}",
		"{\"reason\": \"because\"}",
		"{\"detail\": null}",
		"{\"detail\": [1, 2]}",
		"{\"detail\": \"text\"}",
		"{\"tty\": {\"a\": 1}}",
		"{\"unknown\": \"member\"}",
		"{\"organization\": \"other\", \"host\": \"web-2\"}",
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		record(db_text("%s, %s",
		    event(db_text("%02zu", i * 2 + 10), members[i]),
		    event(db_text("%02zu", i * 2 + 11), "{}")));
		OAT_ASSERT_THAT(strcmp(db_value(admin,
					   "select count(*) from oat.activity "
					   "where event_id = '" ID "%02zu'",
					   i * 2 + 11),
				    "1") == 0,
		    "%s", members[i]);
	}
	db_expect(admin, "0",
	    "select count(*) from oat.activity "
	    "where host <> 'web-1' or organization = 'other'");
}

static void
test_record_case_56_management_events_cannot_be_forged(void)
{
	static const char *const events[] = { "token.created", "token.deleted",
		"host.enrolled", "grant.created", "plan.updated",
		"session.stolen", "", "LOGIN" };
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		record(event(db_text("%02zu", i + 10),
		    db_text("{\"event\": \"%s\"}", events[i])));
	db_expect(admin,
	    "grant.created|2\nhost.enrolled|1\n"
	    "organization.created|1\ntoken.created|1",
	    "select event, count(*) from oat.activity "
	    "group by event order by event");
}

/* What a host says may name its own people only, never another's history. */
static void
test_record_foreign_login_is_not_attributed(void)
{
	fixture_organization(admin, "other");
	fixture_token(admin, "other", "x");
	record(event("01", "{\"login\": \"oat-other-x\"}"));
	record(event("02", "{\"event\": \"login\", \"outcome\": \"success\", "
			   "\"login\": \"oat-other-x\"}"));
	db_expect(admin, "null",
	    "select last_used_at from oat.token_status "
	    "where organization = 'other'");
}

static void
test_record_time_is_clamped_and_the_original_kept(void)
{
	record(event("01", "{\"at\": \"2001-02-03T04:05:06Z\"}"));
	record(event("02", "{\"at\": \"2999-02-03T04:05:06Z\"}"));
	db_expect(admin, "t|t",
	    "select at between now() - interval '90 days 1 minute' "
	    "and now() - interval '89 days 23 hours', "
	    "detail::text like '%%2001-02-03%%' from oat.activity "
	    "where event_id = '" ID "01'");
	db_expect(admin, "t|t",
	    "select at between now() + interval '4 minutes' "
	    "and now() + interval '5 minutes', "
	    "detail::text like '%%2999-02-03%%' from oat.activity "
	    "where event_id = '" ID "02'");
}

static void
test_record_thousand_accepted_above_refused(void)
{
	const char *events =
	    "jsonb_agg(jsonb_build_object('event_id', gen_random_uuid(), "
	    "'at', now(), 'event', 'session.closed', "
	    "'login', 'oat-acme-ci', 'service', 'sshd'))";

	db_expect(web, "1000",
	    "select oat.host_record(%s) from generate_series(1, 1000)", events);
	db_refused(web, NULL,
	    "select oat.host_record(%s) from generate_series(1, 1001)", events);
	db_error_says("1000");
	db_expect(web, "0", "select oat.host_record('[]')");
}

static void
test_record_what_is_no_array_is_refused_cleanly(void)
{
	db_refused(web, NULL, "select oat.host_record('{}')");
	db_refused(web, NULL, "select oat.host_record('5')");
	db_refused(admin, OAT_NOT_A_HOST, "select oat.host_record('[]')");
}

static void
test_record_spooled_login_counts_as_use(void)
{
	record(event("01", "{\"event\": \"login\", \"outcome\": \"success\"}"));
	db_expect(admin, "t|web-1|10.1.2.3|sshd",
	    "select last_used_at > now() - interval '1 minute', "
	    "last_used_host, last_used_from, last_used_service "
	    "from oat.token_status");
}

static void
test_record_last_use_never_moves_back(void)
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
test_record_usage_is_summed_by_utc_day(void)
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
test_record_case_59_hostile_parameters_end_cleanly(void)
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
test_record_case_59_megabyte_is_not_stored(void)
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

static CU_TestInfo tests[] = {
	OAT_TEST(test_record_login_row_tells_everything),
	OAT_TEST(test_record_failures_have_outcome_and_reason),
	OAT_TEST(test_record_unknown_tokens_share_a_row_a_minute),
	OAT_TEST(test_record_case_57_random_selectors_keep_tables_bounded),
	OAT_TEST(test_record_rhost_parsed_without_raising),
	OAT_TEST(test_record_new_events_counted_old_ones_once),
	OAT_TEST(test_record_event_that_was_decided_already_is_not_new),
	OAT_TEST(test_record_id_used_by_another_host_is_still_new),
	OAT_TEST(test_record_two_connections_same_events_arrive_once),
	OAT_TEST(test_record_bad_elements_never_block_good_ones),
	OAT_TEST(test_record_bad_members_never_raise),
	OAT_TEST(test_record_case_56_management_events_cannot_be_forged),
	OAT_TEST(test_record_foreign_login_is_not_attributed),
	OAT_TEST(test_record_time_is_clamped_and_the_original_kept),
	OAT_TEST(test_record_thousand_accepted_above_refused),
	OAT_TEST(test_record_what_is_no_array_is_refused_cleanly),
	OAT_TEST(test_record_spooled_login_counts_as_use),
	OAT_TEST(test_record_last_use_never_moves_back),
	OAT_TEST(test_record_usage_is_summed_by_utc_day),
	OAT_TEST(test_record_case_59_hostile_parameters_end_cleanly),
	OAT_TEST(test_record_case_59_megabyte_is_not_stored),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "record", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
