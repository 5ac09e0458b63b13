/* SPDX-License-Identifier: MIT */
/* Somebody leaves a transaction open: nobody waits for it without a word. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <unistd.h>

#define LOCK_NOT_AVAILABLE "55P03"

static PGconn *root, *admin, *web, *bob;
static char *ci;

/* bob, a delegate of acme with every right; and an organization without. */
static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, &ci);
	fixture_organization(admin, "globex");
	fixture_token(admin, "globex", "ci");
	db_run(admin, "insert into oat.allowances values "
		      "('acme', 'web-1', 'sshd')");
	bob = fixture_role(root, "bob", "oat_delegate");
	db_run(admin, "insert into oat.delegates values "
		      "('acme', 'bob', '{admin,rotate,revoke}')");
}

/* Five seconds, and no test has the patience. */
static void
be_impatient(void)
{
	static const char *const functions[] = { "revoke(text, text)",
		"end_sessions(text, text)", "await_draw()" };
	size_t i;

	db_expect(root, "await_draw,end_sessions,revoke",
	    "select string_agg(proname, ',' order by proname) from pg_proc "
	    "where pronamespace = 'oat'::regnamespace "
	    "and 'lock_timeout=5s' = any (proconfig)");
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		db_run(root, "alter function oat.%s set lock_timeout = '200ms'",
		    functions[i]);
}

/* Refused with the process of `holder`, and what ends it: typed, it works. */
static void
expect_held_by(PGconn *holder, const char *role, const char *fix)
{
	db_error_says(db_text("process %d of %s", PQbackendPID(holder), role));
	db_error_says(fix);
}

/* A process that is ended takes a moment. */
static void
await_end(int pid)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (strcmp(db_value(root,
			       "select count(*) from pg_stat_activity "
			       "where pid = %d",
			       pid),
			"0") == 0)
			return;
		usleep(5000);
	}
	CU_FAIL("the process does not end");
}

static void
test_waits_for_an_early_generation_are_told(void)
{
	char *fix;

	be_impatient();
	db_run(bob, "begin");
	db_run(bob, "set constraints all immediate");
	db_run(bob, "update oat.tokens set description = 'lunch'");
	fix = db_text("pg_terminate_backend(%d)", PQbackendPID(bob));
	db_refused(admin, LOCK_NOT_AVAILABLE, "select oat.revoke('globex/ci')");
	db_error_says("the generation");
	expect_held_by(bob, "bob", fix);
	db_expect(admin, "active",
	    "select status from oat.token_status "
	    "where organization = 'globex'");
	db_expect(root, "t", "select %s", fix);
	await_end(PQbackendPID(bob));
	db_run(admin, "select oat.revoke('globex/ci')");
	db_expect(admin, "deactivated",
	    "select status from oat.token_status "
	    "where organization = 'globex'");
}

static void
test_waits_for_a_token_are_told(void)
{
	static const char *const statements[] = {
		"select oat.revoke('acme/ci')",
		"select oat.end_sessions('acme', 'ci')",
	};
	char *fix = db_text("pg_terminate_backend(%d)", PQbackendPID(bob));
	size_t i;

	be_impatient();
	db_run(bob, "begin");
	db_run(bob, "update oat.tokens set description = 'lunch'");
	for (i = 0; i < 2; i++) {
		db_refused(admin, LOCK_NOT_AVAILABLE, "%s", statements[i]);
		db_error_says("token acme/ci");
		expect_held_by(bob, "bob", fix);
	}
	/* Nobody waits for the token of another. */
	db_run(admin, "select oat.revoke('globex/ci')");
	db_expect(root, "t", "select %s", fix);
	await_end(PQbackendPID(bob));
	for (i = 0; i < 2; i++)
		db_run(admin, "%s", statements[i]);
	fixture_expect(web, "deactivated", .selector = ci);
}

/* Its connections are an administrator's to end, who is no superuser. */
static void
test_waits_for_a_host_that_takes_a_use_are_told(void)
{
	be_impatient();
	db_run(admin, "update oat.tokens set uses_left = 5");
	db_run(web, "begin");
	fixture_expect(web, "allowed", .selector = ci);
	db_refused(admin, LOCK_NOT_AVAILABLE, "select oat.revoke('acme/ci')");
	expect_held_by(
	    web, "oat_web-1", "select oat.end_connections('oat_web-1')");
	db_expect(admin, "1", "select oat.end_connections('oat_web-1')");
	await_end(PQbackendPID(web));
	db_run(admin, "select oat.revoke('acme/ci')");
	db_expect(admin, "5",
	    "select uses_left from oat.tokens "
	    "where organization = 'acme'");
}

static void
test_waits_are_told_to_delegates_too(void)
{
	PGconn *other = db_connect("alice");

	be_impatient();
	db_run(other, "begin");
	db_run(other, "update oat.tokens set description = 'lunch'");
	db_refused(bob, LOCK_NOT_AVAILABLE, "select oat.revoke('acme/ci')");
	expect_held_by(other, "alice", "pg_terminate_backend(");
}

/* Whoever ends in time is waited for, as ever. */
static void
test_waits_end_with_who_is_waited_for(void)
{
	db_run(bob, "begin");
	db_run(bob, "set constraints all immediate");
	db_run(bob, "update oat.tokens set description = 'quick'");
	db_send(admin, "select oat.revoke('globex/ci')");
	db_await_block(root, admin);
	db_run(bob, "commit");
	OAT_ASSERT_TEXT(db_finish(admin), OK);
	db_expect(root, "t",
	    "select max(generation) = oat.generation() from oat.changes "
	    "where organization = 'globex'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_waits_for_an_early_generation_are_told),
	OAT_TEST(test_waits_for_a_token_are_told),
	OAT_TEST(test_waits_for_a_host_that_takes_a_use_are_told),
	OAT_TEST(test_waits_are_told_to_delegates_too),
	OAT_TEST(test_waits_end_with_who_is_waited_for),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "waits", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
