/* SPDX-License-Identifier: MIT */
/* host_sync: what a host says of itself is kept, bounded, and costs little. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *root, *web;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, NULL);
}

/* The kinds of rows answered to a host that knows nothing. */
static char *
report(const char *json)
{
	return db_value(web,
	    "select string_agg(distinct kind, ' ' order by kind) "
	    "from oat.host_sync(0, 0, %s)",
	    json);
}

static void
test_sync_answers_what_host_identities_answers(void)
{
	db_expect(web, "",
	    "select * from oat.host_sync(0, 0, '{}') where kind <> 'begin' "
	    "except select * from oat.host_identities(0, 0)");
	db_expect(web, "",
	    "select * from oat.host_identities(0, 0) where kind <> 'begin' "
	    "except select * from oat.host_sync(0, 0, '{}')");
	db_expect(web, "same",
	    "with known as materialized (select id, expires_at "
	    "from oat.host_identities(0, 0) where kind = 'begin') "
	    "select s.kind from known, "
	    "oat.host_sync(known.id, known.expires_at, '{}') s");
}

static void
test_sync_keeps_what_the_host_reports(void)
{
	report("jsonb_build_object('version', '0.2.0', 'spooled', 3, "
	       "'clock', floor(extract(epoch from now() + interval '2 s') * "
	       "1000000), 'certificate_end', 1900000000, 'problem', "
	       "'spool is full', 'left', '[\"oat-acme-ci 12\"]'::jsonb, "
	       "'later', true)");
	db_expect(admin,
	    "0.2.0|3|00:00:02|2030-03-17 17:46:40|it says: spool is full",
	    "select version, spooled, date_trunc('second', clock_skew + "
	    "interval '1 ms'), certificate_end at time zone 'UTC', problem "
	    "from oat.host_status");
	/* Keys that only a newer version knows are kept for it. */
	db_expect(admin, "[\"oat-acme-ci 12\"]|true|t|t",
	    "select report -> 'left', report -> 'later', "
	    "reported_at = seen_at, spooled_since = seen_at "
	    "from oat.host_state");
	report("'{\"certificate_end\": null, \"problem\": null}'");
	db_expect(admin, "null|null|null|null|null",
	    "select version, spooled, clock_skew, certificate_end, problem "
	    "from oat.host_status");
}

static void
test_sync_odd_reports_never_raise(void)
{
	static const char *const reports[] = { "null", "'null'", "'5'", "'[]'",
		"'\"text\"'", "'{\"clock\": \"noon\"}'", "'{\"clock\": -1}'",
		"'{\"clock\": 1e300}'", "'{\"clock\": 1e130000}'",
		"'{\"clock\": 0.5}'", "'{\"clock\": 9223372036854775807}'",
		"'{\"clock\": 253402300799000000}'",
		"'{\"certificate_end\": 9223372036854775808}'",
		"'{\"certificate_end\": 253402300799}'",
		"'{\"certificate_end\": {}}'", "'{\"spooled\": -5}'",
		"'{\"spooled\": 1e20}'", "'{\"spooled\": true}'",
		"'{\"version\": 5, \"problem\": []}'",
		"'{\"version\": \"\\u001b[31m\\n\"}'", "'{\"left\": {}}'",
		"jsonb_build_object('version', repeat('v', 100000), "
		"'problem', repeat('p', 100000), 'left', repeat('l', 100000), "
		"'clock', 1e300, 'spooled', 12)" };
	size_t i;

	for (i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		OAT_ASSERT_TEXT(report(reports[i]), "begin end group identity");
		OAT_ASSERT_THAT(
		    strcmp(db_value(admin,
			       "select s::text !~ '[[:cntrl:]]' and "
			       "pg_column_size(t) < 9000 from oat.host_status "
			       "s join oat.host_state t using (host)"),
			"t") == 0,
		    "%s", reports[i]);
	}
	db_expect(admin, "64|509|12|true",
	    "select length(version), length(problem), spooled, "
	    "report -> 'cut' from oat.host_status join oat.host_state "
	    "using (host)");
}

/* Not even on one page: no new index entry, whoever it is that asks. */
static void
test_sync_writes_its_row_in_place(void)
{
	int i;

	for (i = 0; i < 20; i++)
		report("'{\"version\": \"0.2.0\", \"spooled\": 0}'");
	db_expect(root, "1",
	    "select count(*) from pg_index "
	    "where indrelid = 'oat.host_state'::regclass");
	db_expect(root, "t|50",
	    "select pg_relation_size('oat.host_state') <= 8192 * 2, "
	    "(select option_value from pg_options_to_table(reloptions) "
	    "where option_name = 'fillfactor') "
	    "from pg_class where oid = 'oat.host_state'::regclass");
}

static void
test_sync_host_that_keeps_an_old_snapshot_is_behind(void)
{
	char *given;

	report("'{}'");
	db_expect(
	    admin, "t", "select behind_since is null from oat.host_state");
	given = db_value(admin, "select given_generation from oat.host_state");
	db_run(web, "select oat.host_sync(%s, 0, '{}')", given);
	db_expect(
	    admin, "t", "select behind_since is null from oat.host_state");
	db_run(web, "select oat.host_sync(%s - 1, 0, '{}')", given);
	db_run(web, "select oat.host_sync(%s - 1, 0, '{}')", given);
	db_expect(
	    admin, "t", "select behind_since < seen_at from oat.host_state");
	db_run(web, "select oat.host_sync(%s, 0, '{}')", given);
	db_expect(
	    admin, "t", "select behind_since is null from oat.host_state");
}

static void
test_sync_nobody_but_a_host_may_ask(void)
{
	db_refused(root, OAT_NOT_A_HOST, "select oat.host_sync(0, 0, '{}')");
	db_refused(fixture_role(root, "auditor", "oat_auditor"), NO_PRIVILEGE,
	    "select oat.host_sync(0, 0, '{}')");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_sync_answers_what_host_identities_answers),
	OAT_TEST(test_sync_keeps_what_the_host_reports),
	OAT_TEST(test_sync_odd_reports_never_raise),
	OAT_TEST(test_sync_writes_its_row_in_place),
	OAT_TEST(test_sync_host_that_keeps_an_old_snapshot_is_behind),
	OAT_TEST(test_sync_nobody_but_a_host_may_ask),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "sync", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
