/* SPDX-License-Identifier: MIT */
/* Numbers are given once, to one identity, and to no other ever. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <stdlib.h>

static char *
uid_of(PGconn *conn, const char *token)
{
	return db_value(
	    conn, "select uid from oat.tokens where name = '%s'", token);
}

static PGconn *
acme(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	return conn;
}

static void
test_identities_uids_begin_in_the_default_range(void)
{
	PGconn *conn = acme();

	fixture_token(conn, "acme", "ci");
	db_expect(
	    conn, "t", "select uid between 70000 and 70010 from oat.tokens");
}

static void
test_identities_next_uid_is_highest_ever_and_one(void)
{
	PGconn *conn = acme();
	int first;

	fixture_token(conn, "acme", "a");
	first = atoi(uid_of(conn, "a"));
	fixture_token(conn, "acme", "b");
	CU_ASSERT_EQUAL(atoi(uid_of(conn, "b")), first + 1);
	db_run(conn, "delete from oat.tokens where name = 'b'");
	fixture_token(conn, "acme", "c");
	CU_ASSERT_EQUAL(atoi(uid_of(conn, "c")), first + 2);
}

static void
test_identities_refused_inserts_burn_nothing(void)
{
	PGconn *conn = acme();
	int first, i;

	fixture_token(conn, "acme", "a");
	first = atoi(uid_of(conn, "a"));
	for (i = 0; i < 3; i++) {
		db_refused(conn, OAT_BAD_VERIFIER,
		    "insert into oat.tokens (organization, name, verifier) "
		    "values ('acme', 'bad', 'x')");
		db_refused(conn, OAT_BAD_NAME,
		    "insert into oat.tokens (organization, name, verifier) "
		    "values ('acme', 'Bad', '%s')",
		    fixture_verifier());
		db_refused(conn, UNIQUE_VIOLATION,
		    "insert into oat.tokens (organization, name, verifier) "
		    "values ('acme', 'a', '%s')",
		    fixture_verifier());
		db_refused(conn, OAT_NO_SUCH_ROW,
		    "insert into oat.tokens (organization, name, verifier) "
		    "values ('none', 'a', '%s')",
		    fixture_verifier());
		db_run(conn,
		    "insert into oat.tokens (organization, name, verifier) "
		    "values ('acme', 'a', '%s') on conflict do nothing",
		    fixture_verifier());
		db_run(conn, "begin");
		fixture_token(conn, "acme", "b");
		db_run(conn, "rollback");
	}
	fixture_token(conn, "acme", "b");
	CU_ASSERT_EQUAL(atoi(uid_of(conn, "b")), first + 1);
}

static void
test_identities_full_plan_burns_nothing(void)
{
	PGconn *conn = acme();
	int first;

	db_run(conn, "insert into oat.plans values ('one', 1)");
	db_run(conn, "update oat.organizations set plan = 'one'");
	fixture_token(conn, "acme", "a");
	first = atoi(uid_of(conn, "a"));
	db_refused(conn, OAT_PLAN_FULL,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'b', '%s')",
	    fixture_verifier());
	db_run(conn, "update oat.organizations set plan = 'team'");
	fixture_token(conn, "acme", "b");
	CU_ASSERT_EQUAL(atoi(uid_of(conn, "b")), first + 1);
}

static void
test_identities_two_transactions_get_different_uids(void)
{
	PGconn *conn = acme(), *other = db_connect("alice");

	fixture_organization(conn, "other");
	db_run(conn, "begin");
	fixture_token(conn, "acme", "a");
	db_send(other,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('other', 'b', '%s')",
	    fixture_verifier());
	db_await_block(db_connect("postgres"), other);
	db_run(conn, "commit");
	OAT_ASSERT_TEXT(db_finish(other), OK);
	db_expect(conn, "2|1",
	    "select count(distinct uid), max(uid) - min(uid) from oat.tokens");
}

static void
test_identities_two_transactions_name_one_group_get_one_gid(void)
{
	PGconn *conn = acme(), *other = db_connect("alice");

	fixture_token(conn, "acme", "a");
	fixture_grant(conn, "acme", "a", "x", "sshd");
	fixture_grant(conn, "acme", "a", "y", "sshd");
	db_run(conn, "begin");
	db_run(
	    conn, "update oat.grants set groups = '{deploy}' where host = 'x'");
	db_send(other,
	    "update oat.grants set groups = '{deploy}' where host = 'y'");
	db_await_block(db_connect("postgres"), other);
	db_run(conn, "commit");
	OAT_ASSERT_TEXT(db_finish(other), OK);
	db_expect(db_connect("postgres"), "1|t",
	    "select count(*) filter (where name = 'oat-g-deploy'), "
	    "max(id) = (select last from oat.allocator) from oat.identities");
}

static void
test_identities_two_inserts_in_one_statement_get_different_uids(void)
{
	PGconn *conn = acme();

	db_run(conn,
	    "with a as (insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'a', '%s') returning 1) "
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'b', '%s')",
	    fixture_verifier(), fixture_verifier());
	db_expect(conn, "2|2",
	    "select count(*), count(distinct uid) from oat.tokens");
}

static void
test_identities_deleted_name_revives_its_own_uid(void)
{
	PGconn *conn = acme();
	char *a, *b;

	fixture_token(conn, "acme", "a");
	fixture_token(conn, "acme", "b");
	a = uid_of(conn, "a");
	b = uid_of(conn, "b");
	db_run(conn, "delete from oat.tokens");
	fixture_token(conn, "acme", "b");
	fixture_token(conn, "acme", "a");
	OAT_ASSERT_TEXT(uid_of(conn, "a"), a);
	OAT_ASSERT_TEXT(uid_of(conn, "b"), b);
}

static void
test_identities_deleted_organization_revives_its_own_numbers(void)
{
	PGconn *conn = fixture_admin(), *host;
	char *uid, *gid;
	const char *group = "select id from oat.host_identities(0, 0) "
			    "where kind = 'group' and name = 'oat-acme'";

	host = fixture_acme(conn, NULL);
	uid = uid_of(conn, "ci");
	gid = db_value(host, "%s", group);
	db_run(conn, "delete from oat.organizations");
	db_expect(conn, "0|0",
	    "select (select count(*) from oat.tokens), "
	    "(select count(*) from oat.grants)");
	fixture_organization(conn, "other");
	fixture_token(conn, "other", "ci");
	OAT_ASSERT_THAT(
	    strcmp(uid_of(conn, "ci"), uid) != 0, "%s given twice", uid);
	db_run(conn, "delete from oat.organizations");
	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	fixture_grant(conn, "acme", "ci", "*", "*");
	OAT_ASSERT_TEXT(uid_of(conn, "ci"), uid);
	db_expect(host, gid, "%s", group);
}

/* A hyphen cannot make two identities one: organizations have none. */
static void
test_identities_same_login_never_belongs_to_two(void)
{
	PGconn *conn = fixture_admin();

	db_expect(conn, "0",
	    "insert into oat.organizations (name, plan) values "
	    "('acme', 'unlimited') returning 0");
	fixture_token(conn, "acme", "a-b");
	db_refused(conn, OAT_BAD_NAME,
	    "insert into oat.organizations (name) values ('acme-a')");
	db_refused(conn, UNIQUE_VIOLATION,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'a-b', '%s')",
	    fixture_verifier());
}

static void
test_identities_case_47_uid_given_by_hand_never_used(void)
{
	static const char *const uids[] = { "0", "-1", "999", "65534", "70000",
		"99999", "100000", "2147483647" };
	PGconn *conn = acme();
	size_t i;
	int first;

	fixture_token(conn, "acme", "a");
	first = atoi(uid_of(conn, "a"));
	for (i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		(void)db_try(conn,
		    db_text("insert into oat.tokens "
			    "(organization, name, verifier, uid) "
			    "values ('acme', 'u%zu', '%s', $1)",
			i, fixture_verifier()),
		    1, &uids[i]);
		if (atoi(uids[i]) != first)
			db_refused(conn, NULL,
			    "update oat.tokens set uid = %s "
			    "where name = 'a'",
			    uids[i]);
	}
	db_refused(conn, NULL,
	    "update oat.tokens set uid = 4294967296 where name = 'a'");
	db_expect(conn, db_text("%d|t", first),
	    "select min(uid), max(uid) < %d from oat.tokens", first + 20);
}

static void
test_identities_full_range_refused_with_the_setting(void)
{
	PGconn *conn = acme();
	char *uid;

	fixture_token(conn, "acme", "a");
	uid = uid_of(conn, "a");
	db_run(conn,
	    "update oat.settings set value = '70000-%d' "
	    "where key = 'uid_range'",
	    atoi(uid) + 1);
	fixture_token(conn, "acme", "b");
	db_refused(conn, OAT_RANGE_FULL,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'c', '%s')",
	    fixture_verifier());
	db_error_says("uid_range");
	db_error_says(db_text("'70000-%d'", atoi(uid) + 1 + 100000));
	db_expect(conn, "2", "select count(*) from oat.tokens");
}

/* Also where that range is in use already, and where there is no more. */
static void
test_identities_full_range_is_told_a_wider_one(void)
{
	static const char *const ranges[][3] = {
		{ "70000-199999", "199999", "'70000-299999'" },
		{ "70000-2147400000", "2147400000", "'70000-2147483647'" },
		{ "70000-2147483647", "2147483647", "no higher numbers" },
		/* Skipped to above it. */
		{ "70000-99999", "399999", "'70000-499999'" },
	};
	PGconn *conn = acme(), *root = db_connect("postgres");
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		db_run(
		    root, "update oat.settings set value = '%s'", ranges[i][0]);
		db_run(
		    root, "update oat.allocator set last = %s", ranges[i][1]);
		db_refused(conn, OAT_RANGE_FULL,
		    "insert into oat.tokens (organization, name, verifier) "
		    "values ('acme', 'c', '%s')",
		    fixture_verifier());
		db_error_says(ranges[i][2]);
	}
}

static void
test_identities_case_47_range_outside_ours_refused(void)
{
	static const char *const bad[] = { "0-99999", "999-70000",
		"65535-70000", "70000-2147483648", "70000-4294967296",
		"-1-70000", "99999-70000", "70000", "70000-", "x", "",
		"70000-99999\n", " 70000-99999", NULL };
	const char *const *value;
	PGconn *conn = fixture_admin();

	for (value = bad; *value != NULL; value++)
		db_refused(conn, OAT_BAD_SETTING,
		    "update oat.settings set value = '%s' "
		    "where key = 'uid_range'",
		    *value);
	db_refused(conn, OAT_BAD_SETTING,
	    "insert into oat.settings values ('nonesuch', '1')");
	db_expect(conn, "70000-99999",
	    "select value from oat.settings where key = 'uid_range'");
	db_run(conn, "update oat.settings set value = '65536-2147483647' "
		     "where key = 'uid_range'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_identities_uids_begin_in_the_default_range),
	OAT_TEST(test_identities_next_uid_is_highest_ever_and_one),
	OAT_TEST(test_identities_refused_inserts_burn_nothing),
	OAT_TEST(test_identities_full_plan_burns_nothing),
	OAT_TEST(test_identities_two_transactions_get_different_uids),
	OAT_TEST(test_identities_two_transactions_name_one_group_get_one_gid),
	OAT_TEST(
	    test_identities_two_inserts_in_one_statement_get_different_uids),
	OAT_TEST(test_identities_deleted_name_revives_its_own_uid),
	OAT_TEST(test_identities_deleted_organization_revives_its_own_numbers),
	OAT_TEST(test_identities_same_login_never_belongs_to_two),
	OAT_TEST(test_identities_case_47_uid_given_by_hand_never_used),
	OAT_TEST(test_identities_full_range_refused_with_the_setting),
	OAT_TEST(test_identities_full_range_is_told_a_wider_one),
	OAT_TEST(test_identities_case_47_range_outside_ours_refused),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "identities", oat_cluster_start, NULL, oat_cluster_begin,
	    oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
