/* SPDX-License-Identifier: MIT */
/* The seal among transactions: it waits for none, and misses no row. */
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

static char *
unsealed(void)
{
	return db_value(root, "select unsealed from oat.verify_activity()");
}

static void
change(PGconn *conn, const char *description)
{
	db_run(conn, "update oat.tokens set description = '%s'", description);
}

/* A transaction has drawn an id, and may commit or not: nothing above it. */
static void
test_seal_waits_for_lower_ids_without_waiting(void)
{
	PGconn *other = db_connect("alice");

	(void)fixture_seal(admin);
	db_run(other, "begin");
	change(other, "slow");
	fixture_expect(web, "allowed", .selector = ci);
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	db_run(other, "commit");
	OAT_ASSERT_TEXT(fixture_seal(admin), "2");
	fixture_expect_intact(root);
}

static void
test_seal_passes_ids_that_were_rolled_back(void)
{
	PGconn *other = db_connect("alice");

	(void)fixture_seal(admin);
	db_run(other, "begin");
	change(other, "never");
	fixture_expect(web, "allowed", .selector = ci);
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	db_run(other, "rollback");
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
	fixture_expect_intact(root);
}

/* What came before a long transaction is not held back by it. */
static void
test_seal_goes_on_below_a_transaction_that_stays_open(void)
{
	PGconn *other = db_connect("alice");

	(void)fixture_seal(admin);
	fixture_expect(web, "allowed", .selector = ci);
	(void)fixture_seal(root);
	db_run(other, "begin");
	change(other, "slow");
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	OAT_ASSERT_TEXT(unsealed(), "0");
	fixture_expect(web, "allowed", .selector = ci);
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	OAT_ASSERT_TEXT(unsealed(), "1");
	db_run(other, "commit");
	OAT_ASSERT_TEXT(fixture_seal(admin), "2");
	fixture_expect_intact(root);
}

/*
 * The mark is made while a writer is at work, which ends; another begins
 * before the next call. There is always one at work, and yet it goes on.
 */
static void
test_seal_goes_on_among_writers_that_take_turns(void)
{
	PGconn *one = db_connect("alice"), *two = db_connect("oat_web-1");

	(void)fixture_seal(admin);
	db_run(one, "begin");
	change(one, "one");
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	db_run(two, "begin");
	fixture_expect(two, "allowed", .selector = ci);
	db_run(one, "commit");
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
	db_run(two, "commit");
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
	fixture_expect_intact(root);
}

/* An id in a transaction that had not written yet, as a host's has not. */
static void
test_seal_sees_who_drew_an_id_and_wrote_nothing_yet(void)
{
	PGconn *other = db_connect("postgres");

	(void)fixture_seal(admin);
	db_run(other, "begin");
	db_run(other, "select oat.next_activity_id()");
	fixture_expect(web, "allowed", .selector = ci);
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	db_run(other, "rollback");
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
}

static void
test_seal_within_a_changing_transaction_takes_its_rows(void)
{
	(void)fixture_seal(admin);
	db_run(admin, "begin");
	change(admin, "mine");
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
	db_run(admin, "savepoint a");
	change(admin, "mine again");
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
	db_run(admin, "rollback to a");
	db_run(admin, "commit");
	fixture_expect_intact(root);
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	fixture_expect(web, "allowed", .selector = ci);
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
	fixture_expect_intact(root);
}

static void
test_seal_and_logins_do_not_wait_for_each_other(void)
{
	PGconn *other = db_connect("oat_web-1");

	db_run(admin, "begin");
	(void)fixture_seal(admin);
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(
	    web, "unknown_token", .selector = "unknown00001", .proof = "none");
	change(root, "while it seals");
	db_run(other, "begin");
	fixture_expect(other, "allowed", .selector = ci);
	db_run(admin, "commit");
	(void)fixture_seal(admin);
	db_run(other, "commit");
	(void)fixture_seal(admin);
	fixture_expect_intact(root);
}

static void
test_seal_twice_at_once_seals_once(void)
{
	db_run(admin, "begin");
	(void)fixture_seal(admin);
	db_send(root, "select oat.seal_activity()");
	db_await_block(db_connect("postgres"), root);
	db_run(admin, "commit");
	OAT_ASSERT_TEXT(db_finish(root), OK);
	fixture_expect_intact(root);
	db_expect(admin, "1", "select count(*) from oat.activity_batches");
}

static void
test_seal_rolled_back_is_as_if_it_never_was(void)
{
	db_run(admin, "begin");
	(void)fixture_seal(admin);
	db_run(admin, "rollback");
	db_expect(root, "0|0",
	    "select (select count(*) from oat.activity_batches), sealed_id "
	    "from oat.activity_seal");
	OAT_ASSERT_TEXT(fixture_seal(admin),
	    db_value(root, "select count(*) from oat.activity"));
	fixture_expect_intact(root);
}

static void
test_seal_under_one_snapshot_refused(void)
{
	db_run(admin, "begin isolation level repeatable read");
	db_refused(admin, "25000", "select * from oat.seal_activity()");
	db_run(admin, "rollback");
	db_run(admin, "begin isolation level serializable");
	db_refused(admin, "25000", "select * from oat.seal_activity()");
	db_run(admin, "rollback");
}

/* A host could hold it back for everybody: then its name is known. */
static void
test_seal_says_whose_transaction_holds_it_back(void)
{
	PGconn *other = db_connect("oat_web-1");

	(void)fixture_seal(admin);
	db_run(other, "begin");
	fixture_expect(other, "allowed", .selector = ci);
	(void)fixture_seal(admin);
	OAT_ASSERT_THAT(
	    !oat_cluster_log_has("is not sealed: a transaction of"), "early");
	db_run(root, "update oat.activity_seal set mark_at = mark_at - "
		     "interval '11 minutes'");
	OAT_ASSERT_TEXT(fixture_seal(admin), "0");
	OAT_ASSERT_THAT(
	    oat_cluster_log_has(
		"is not sealed: a transaction of oat_web-1 is open"),
	    "not said");
	db_run(other, "commit");
	OAT_ASSERT_TEXT(fixture_seal(admin), "1");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_seal_waits_for_lower_ids_without_waiting),
	OAT_TEST(test_seal_passes_ids_that_were_rolled_back),
	OAT_TEST(test_seal_goes_on_below_a_transaction_that_stays_open),
	OAT_TEST(test_seal_goes_on_among_writers_that_take_turns),
	OAT_TEST(test_seal_sees_who_drew_an_id_and_wrote_nothing_yet),
	OAT_TEST(test_seal_within_a_changing_transaction_takes_its_rows),
	OAT_TEST(test_seal_and_logins_do_not_wait_for_each_other),
	OAT_TEST(test_seal_twice_at_once_seals_once),
	OAT_TEST(test_seal_rolled_back_is_as_if_it_never_was),
	OAT_TEST(test_seal_under_one_snapshot_refused),
	OAT_TEST(test_seal_says_whose_transaction_holds_it_back),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "marks", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
