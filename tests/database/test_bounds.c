/* SPDX-License-Identifier: MIT */
/* What somebody writes into a row of theirs stops no sync and no report. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *root, *admin, *web;
static char *ci;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, &ci);
}

/* Bob, with these rights for acme, which may use sshd and sudo on web-1. */
static PGconn *
delegate(const char *may)
{
	PGconn *bob = fixture_role(root, "bob", "oat_delegate");

	db_run(admin, "insert into oat.allowances values "
		      "('acme', 'web-1', 'sshd'), ('acme', 'web-1', 'sudo')");
	db_run(admin,
	    "insert into oat.delegates values ('acme', 'bob', '{%s}')", may);
	return bob;
}

static void
expect_snapshot(void)
{
	db_expect(web, "1",
	    "select count(*) from oat.host_sync(0, 0, null) "
	    "where kind = 'identity' and active");
}

static void
expect_reports(void)
{
	db_run(admin, "select * from oat.token_status");
	db_run(admin, "select * from oat.access");
	db_run(admin, "select * from oat.who_can('web-1', 'sshd')");
	db_run(admin, "select * from oat.breaks_under('acme', '200000 years')");
	db_run(admin, "select * from oat.usage_report(null, current_date - 30, "
		      "current_date)");
	db_run(admin, "select * from oat.restore_check()");
}

static void
test_bounds_of_sessions_end_at(void)
{
	static const char *const wrong[] = { "'infinity'", "'-infinity'",
		"'294276-12-31'", "now() + interval '25 hours'" };
	static const char *const right[] = { "null", "now()", "'2020-01-01'",
		"now() + interval '23 hours'" };
	PGconn *bob = delegate("revoke");
	size_t i;

	for (i = 0; i < 4; i++) {
		db_refused(bob, OAT_BAD_NAME,
		    "update oat.tokens set sessions_end_at = %s", wrong[i]);
		db_error_says("token acme/ci");
		db_run(bob, "update oat.tokens set sessions_end_at = %s",
		    right[i]);
		expect_snapshot();
	}
}

/* As from a dump, or from before there were bounds. */
static void
test_bounds_sync_goes_on_with_sessions_that_end_never(void)
{
	static const char *const ends[] = { "infinity", "-infinity",
		"294276-12-31" };
	size_t i;

	for (i = 0; i < 3; i++) {
		fixture_force(root,
		    "update oat.tokens set sessions_end_at = '%s'", ends[i]);
		expect_snapshot();
		expect_reports();
	}
	db_expect(web, "t",
	    "select bool_and(expires_at <= extract(epoch from now()) + 86401) "
	    "from oat.host_sync(0, 0, null) where kind = 'terminate'");
}

static void
test_bounds_of_max_idle(void)
{
	static const char *const wrong[] = { "250000 years", "101 years",
		"36001 days", "1000000 hours",
		/* 300 days, but not step by step */
		"-200000 years 72000300 days", "-101 years 40000 days" };
	static const char *const right[] = { "100 years", "1 year",
		"36000 days", "1 second", "1 year -1 day" };
	PGconn *bob = delegate("admin");
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		db_refused(bob, OAT_BAD_NAME,
		    "update oat.tokens set max_idle = '%s'", wrong[i]);
		db_error_says("100 years");
	}
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		db_run(bob, "update oat.tokens set max_idle = '%s'", right[i]);
		expect_reports();
		fixture_expect(web, "allowed", .selector = ci);
	}
}

static void
test_bounds_reports_go_on_with_an_endless_max_idle(void)
{
	static const char *const spans[] = { "250000 years",
		"-200000 years 72000300 days" };
	size_t i;

	for (i = 0; i < 2; i++) {
		fixture_force(
		    root, "update oat.tokens set max_idle = '%s'", spans[i]);
		expect_reports();
		fixture_expect(web, "allowed", .selector = ci);
	}
}

static void
test_bounds_of_max_lifetime(void)
{
	db_run(admin, "update oat.tokens set expires_at = now() + '1 day'");
	db_refused(admin, OAT_BAD_NAME,
	    "update oat.organizations set max_lifetime = '101 years'");
	db_error_says("acme");
	db_refused(admin, OAT_BAD_NAME,
	    "insert into oat.organizations (name, max_lifetime) "
	    "values ('globex', '250000 years')");
	db_run(
	    admin, "update oat.organizations set max_lifetime = '100 years'");
	expect_reports();
}

/* In an emergency nothing that was written before is in the way. */
static void
test_bounds_keep_nobody_from_suspending_or_revoking(void)
{
	fixture_force(
	    root, "update oat.organizations set max_lifetime = '250000 years'");
	expect_reports();
	db_run(admin, "update oat.organizations set suspended_at = now()");
	db_run(admin, "update oat.organizations set suspended_at = null");
	fixture_force(root,
	    "update oat.tokens set sessions_end_at = 'infinity', "
	    "overlap_until = 'infinity', previous_selector = 'sel'");
	db_run(admin, "select oat.revoke('acme/ci')");
	fixture_expect(web, "deactivated", .selector = ci);
}

static void
test_bounds_of_the_other_times(void)
{
	db_refused(admin, OAT_BAD_NAME,
	    "update oat.tokens set deactivated_at = 'infinity'");
	db_error_says("infinite");
	db_refused(admin, OAT_BAD_NAME,
	    "update oat.tokens set deactivated_at = '-infinity'");
	db_refused(admin, OAT_BAD_NAME,
	    "update oat.tokens set verifier = '%s', "
	    "overlap_until = 'infinity'",
	    fixture_verifier());
	db_error_says("infinite");
	fixture_expect(web, "allowed", .selector = ci);
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	db_expect(admin, "t",
	    "select detail ~ '^deactivated [0-9]' from oat.explain('acme/ci', "
	    "'web-1', 'sshd') where check_name = 'deactivated'");
}

static void
set_groups(PGconn *conn, int count, const char *sqlstate)
{
	OAT_ASSERT_TEXT(db_try(conn,
			    db_text("update oat.grants set groups = array("
				    "select 'g' || i %% %d "
				    "from generate_series(1, 40) i)",
				count),
			    0, NULL),
	    sqlstate);
}

/* Numbers are for good: one UPDATE does not take them all. */
static void
test_bounds_of_groups(void)
{
	const char *taken = "select count(*) from oat.identities "
			    "where name ~ '^oat-g-'";
	PGconn *bob = delegate("admin");

	set_groups(bob, 17, OAT_BAD_NAME);
	db_error_says("17");
	db_error_says("16");
	db_expect(root, "0", "%s", taken);
	set_groups(bob, 16, OK);
	set_groups(bob, 1, OK);
	db_expect(root, "16", "%s", taken);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_bounds_of_sessions_end_at),
	OAT_TEST(test_bounds_sync_goes_on_with_sessions_that_end_never),
	OAT_TEST(test_bounds_of_max_idle),
	OAT_TEST(test_bounds_reports_go_on_with_an_endless_max_idle),
	OAT_TEST(test_bounds_of_max_lifetime),
	OAT_TEST(test_bounds_keep_nobody_from_suspending_or_revoking),
	OAT_TEST(test_bounds_of_the_other_times),
	OAT_TEST(test_bounds_of_groups),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "bounds", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
