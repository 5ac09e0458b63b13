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

/* Sent again after weeks, from a spool that could not be emptied. */
static void
test_record_event_of_an_older_month_is_not_new(void)
{
	record(event("01", "{}"));
	db_run(root, "select oat.make_month((date_trunc('month', now() "
		     "at time zone 'UTC') - interval '2 months')::date)");
	fixture_force(root, "update oat.activity set recorded_at = "
			    "recorded_at - interval '62 days'");
	OAT_ASSERT_TEXT(record(event("01", "{}")), "0");
	db_run(admin, "select oat.seal_activity()");
	OAT_ASSERT_TEXT(record(event("01", "{}")), "0");
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

static CU_TestInfo tests[] = {
	OAT_TEST(test_record_new_events_counted_old_ones_once),
	OAT_TEST(test_record_event_that_was_decided_already_is_not_new),
	OAT_TEST(test_record_event_of_an_older_month_is_not_new),
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
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "record", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
