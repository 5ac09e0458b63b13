/* SPDX-License-Identifier: MIT */
/* A plan's limit holds exactly, at every isolation level and by every way. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <stdio.h>

static const char *const levels[] = { "read committed", "repeatable read",
	"serializable" };

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

/* How many tokens a statement, given later, would insert. */
static char *
insertion(const char *organization, int first, int count)
{
	char *sql = db_text(
	    "insert into oat.tokens (organization, name, verifier) values ");
	int i;

	for (i = first; i < first + count; i++)
		sql = db_text("%s%s('%s', 't%d', '%s')", sql,
		    i > first ? ", " : "", organization, i, fixture_verifier());
	return sql;
}

static PGconn *
team_with(int count)
{
	PGconn *conn = fixture_admin();

	db_run(conn, "insert into oat.organizations (name) values ('acme')");
	if (count > 0)
		db_run(conn, "%s", insertion("acme", 1, count));
	return conn;
}

static void
test_plans_seeded_as_announced(void)
{
	db_expect(fixture_admin(), "business|100\nteam|10\nunlimited|null",
	    "select name, max_tokens from oat.plans order by name");
}

static void
test_plans_default_is_team(void)
{
	db_expect(team_with(0), "team", "select plan from oat.organizations");
}

static void
test_plans_tenth_accepted_eleventh_refused_as_10_of_10(void)
{
	PGconn *conn = team_with(9);

	db_run(conn, "%s", insertion("acme", 10, 1));
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 1));
	db_error_says("10 of 10");
	db_error_says("acme");
	db_error_says("team");
	db_expect(conn, "10", "select count(*) from oat.tokens");
}

static void
test_plans_refusal_names_rows_that_could_go(void)
{
	PGconn *conn = team_with(10);

	db_run(conn,
	    "update oat.tokens set deactivated_at = now() where name = 't7'");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 1));
	db_error_says("t7");
}

/* Whoever types what the refusal says has room. */
static void
test_plans_refusal_names_a_plan_with_room(void)
{
	PGconn *conn = team_with(10);

	db_run(conn, "insert into oat.plans values ('mid', 12)");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 1));
	db_error_says("plan = 'mid' where name = 'acme'");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 3));
	db_error_says("plan = 'business' where name = 'acme'");
	db_run(conn, "update oat.plans set max_tokens = 12");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 3));
	db_error_says(
	    "update oat.plans set max_tokens = 13 where name = 'team'");
	db_run(conn, "update oat.plans set max_tokens = 13 "
		     "where name = 'team'");
	db_run(conn, "%s", insertion("acme", 11, 3));
}

static void
test_plans_expired_and_deactivated_count(void)
{
	PGconn *conn = team_with(10);

	db_run(conn, "update oat.tokens set deactivated_at = now()");
	fixture_force(db_connect("postgres"),
	    "update oat.tokens set expires_at = now() - interval '1 day'");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 1));
	db_error_says("10 of 10");
}

static void
test_plans_room_again_after_delete(void)
{
	PGconn *conn = team_with(10);

	db_run(conn, "delete from oat.tokens where name = 't3'");
	db_run(conn, "%s", insertion("acme", 11, 1));
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 12, 1));
}

static void
test_plans_one_statement_above_limit_refused_whole(void)
{
	PGconn *conn = team_with(0);

	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 1, 11));
	db_expect(conn, "0", "select count(*) from oat.tokens");
	db_run(conn, "%s", insertion("acme", 1, 10));
}

static char *
copy_lines(int first, int count)
{
	char *lines = db_text("%s", "");
	int i;

	for (i = first; i < first + count; i++)
		lines =
		    db_text("%sacme\tt%d\t%s\n", lines, i, fixture_verifier());
	return lines;
}

static void
test_plans_case_55_copy_above_limit_refused_whole(void)
{
	PGconn *conn = team_with(5), *root = db_connect("postgres");
	const char *table = "oat.tokens (organization, name, verifier)";

	OAT_ASSERT_THAT(strcmp(db_copy(root, table, copy_lines(6, 6)), OK) != 0,
	    "COPY of the eleventh");
	db_error_says("5 of 10");
	db_expect(conn, "5", "select count(*) from oat.tokens");
	OAT_ASSERT_TEXT(db_copy(root, table, copy_lines(6, 5)), OK);
	db_expect(conn, "10", "select count(*) from oat.tokens");
}

static void
test_plans_rows_dropped_by_on_conflict_not_counted(void)
{
	PGconn *conn = team_with(9);
	int i;

	for (i = 0; i < 5; i++)
		db_run(
		    conn, "%s on conflict do nothing", insertion("acme", 1, 3));
	db_run(conn,
	    "%s on conflict (organization, name) do update "
	    "set description = 'seen'",
	    insertion("acme", 1, 9));
	db_run(conn, "%s", insertion("acme", 10, 1));
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 1));
	/* And a full plan does not stop a script that is run again. */
	db_run(conn, "%s on conflict do nothing", insertion("acme", 1, 10));
	db_expect(conn, "10", "select count(*) from oat.tokens");
}

static void
test_plans_rolled_back_insert_not_counted(void)
{
	PGconn *conn = team_with(9);

	db_run(conn, "begin");
	db_run(conn, "%s", insertion("acme", 10, 1));
	db_run(conn, "savepoint a");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 1));
	db_run(conn, "rollback to a");
	db_run(conn, "rollback");
	db_run(conn, "%s", insertion("acme", 10, 1));
}

/* Two ask for the last place; the first commits. */
static void
race_for_last_place(const char *level)
{
	PGconn *conn = db_connect("alice"), *other = db_connect("alice");
	const char *sqlstate;

	db_run(conn, "begin isolation level %s", level);
	db_run(other, "begin isolation level %s", level);
	db_run(other, "select count(*) from oat.tokens");
	db_run(conn, "%s", insertion("acme", 10, 1));
	db_send(other, "%s", insertion("acme", 11, 1));
	db_await_block(db_connect("postgres"), other);
	db_run(conn, "commit");
	sqlstate = db_finish(other);
	OAT_ASSERT_THAT(strcmp(sqlstate, OK) != 0, "%s", level);
	if (strcmp(level, "read committed") == 0)
		db_error_says("10 of 10");
	db_run(other, "rollback");
	db_expect(conn, "10", "select count(*) from oat.tokens");
	db_run(conn, "delete from oat.tokens where name = 't10'");
}

static void
test_plans_case_55_two_for_last_place_one_wins(void)
{
	size_t i;

	(void)team_with(9);
	for (i = 0; i < LEVELS; i++)
		race_for_last_place(levels[i]);
}

static void
test_plans_case_55_second_wins_after_rollback_of_first(void)
{
	PGconn *conn = team_with(9), *other;
	size_t i;

	for (i = 0; i < LEVELS; i++) {
		other = db_connect("alice");
		db_run(conn, "begin isolation level %s", levels[i]);
		db_run(other, "begin isolation level %s", levels[i]);
		db_run(other, "select count(*) from oat.tokens");
		db_run(conn, "%s", insertion("acme", 10, 1));
		db_send(other, "%s", insertion("acme", 11, 1));
		db_await_block(db_connect("postgres"), other);
		db_run(conn, "rollback");
		OAT_ASSERT_TEXT(db_finish(other), OK);
		db_run(other, "commit");
		db_expect(conn, "10", "select count(*) from oat.tokens");
		db_run(conn, "delete from oat.tokens where name = 't11'");
	}
}

static void
test_plans_case_55_old_snapshot_does_not_see_room(void)
{
	PGconn *conn = team_with(9), *other;
	size_t i;

	for (i = 1; i < LEVELS; i++) {
		other = db_connect("alice");
		db_run(other, "begin isolation level %s", levels[i]);
		db_expect(other, "9", "select count(*) from oat.tokens");
		db_run(conn, "%s", insertion("acme", 10, 1));
		db_refused(other, SERIALIZATION_FAILURE, "%s",
		    insertion("acme", 11, 1));
		db_run(other, "rollback");
		db_run(conn, "delete from oat.tokens where name = 't10'");
	}
}

static void
test_plans_case_55_reactivation_changes_no_count(void)
{
	PGconn *conn = team_with(10);

	db_run(conn, "update oat.tokens set deactivated_at = now()");
	db_run(conn, "update oat.tokens set deactivated_at = null");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 11, 1));
	db_error_says("10 of 10");
}

static void
test_plans_smaller_than_in_use_refused_with_count(void)
{
	PGconn *conn = team_with(0);

	db_run(conn, "update oat.organizations set plan = 'business'");
	db_run(conn, "%s", insertion("acme", 1, 11));
	db_refused(conn, OAT_PLAN_TOO_SMALL,
	    "update oat.organizations set plan = 'team'");
	db_error_says("11");
	db_error_says("10");
	db_error_says("acme");
	db_run(conn, "delete from oat.tokens where name = 't1'");
	db_run(conn, "update oat.organizations set plan = 'team'");
}

static void
test_plans_limit_below_use_refused_with_count(void)
{
	PGconn *conn = team_with(10);

	db_refused(conn, OAT_PLAN_TOO_SMALL,
	    "update oat.plans set max_tokens = 9 where name = 'team'");
	db_error_says("10");
	db_error_says("acme");
	db_run(
	    conn, "update oat.plans set max_tokens = 11 where name = 'team'");
	db_run(conn, "%s", insertion("acme", 11, 1));
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 12, 1));
	db_error_says("11 of 11");
	db_run(
	    conn, "update oat.plans set max_tokens = null where name = 'team'");
	db_run(conn, "%s", insertion("acme", 12, 5));
}

static void
test_plans_negative_limit_and_unknown_plan_refused(void)
{
	PGconn *conn = team_with(0);

	db_refused(conn, "23514", "insert into oat.plans values ('x', -1)");
	db_run(conn, "insert into oat.plans values ('none', 0)");
	db_refused(
	    conn, "23503", "update oat.organizations set plan = 'nonesuch'");
	db_refused(conn, "23503", "delete from oat.plans where name = 'team'");
	db_run(conn, "update oat.organizations set plan = 'none'");
	db_refused(conn, OAT_PLAN_FULL, "%s", insertion("acme", 1, 1));
	db_error_says("0 of 0");
}

/* A plan shrinks while somebody inserts: whoever is second is refused. */
static void
race_with_change(const char *level, const char *change)
{
	PGconn *conn = db_connect("alice"), *other = db_connect("alice");

	db_run(conn, "begin isolation level %s", level);
	db_run(conn, "%s", insertion("acme", 11, 1));
	db_run(other, "begin isolation level %s", level);
	db_run(other, "select count(*) from oat.tokens");
	db_send(other, "%s", change);
	db_await_block(db_connect("postgres"), other);
	db_run(conn, "commit");
	OAT_ASSERT_THAT(
	    strcmp(db_finish(other), OK) != 0, "%s: %s", level, change);
	db_run(other, "rollback");
	db_run(conn, "delete from oat.tokens where name = 't11'");

	db_run(other, "begin isolation level %s", level);
	db_run(other, "%s", change);
	db_run(conn, "begin isolation level %s", level);
	db_run(conn, "select count(*) from oat.tokens");
	db_send(conn, "%s", insertion("acme", 11, 1));
	db_await_block(db_connect("postgres"), conn);
	db_run(other, "commit");
	OAT_ASSERT_THAT(
	    strcmp(db_finish(conn), OK) != 0, "%s: %s", level, change);
	db_run(conn, "rollback");
	db_run(conn, "update oat.plans set max_tokens = 100 "
		     "where name = 'business'");
	db_run(conn, "update oat.organizations set plan = 'business'");
}

static void
test_plans_case_55_change_of_plan_against_insert_never_above(void)
{
	PGconn *conn = team_with(10);
	size_t i;

	db_run(conn, "update oat.organizations set plan = 'business'");
	for (i = 0; i < LEVELS; i++) {
		race_with_change(
		    levels[i], "update oat.organizations set plan = 'team'");
		race_with_change(levels[i],
		    "update oat.plans set max_tokens = 10 "
		    "where name = 'business'");
	}
}

static void
test_plans_case_55_many_at_once_never_above(void)
{
	PGconn *conn = team_with(0), *others[8];
	char level[32];
	int i, round, accepted = 0;

	for (i = 0; i < 8; i++)
		others[i] = db_connect("alice");
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 8; i++) {
			(void)snprintf(level, sizeof(level), "%s",
			    levels[(size_t)(round + i) % LEVELS]);
			db_send(others[i],
			    "begin isolation level %s; %s; "
			    "commit",
			    level, insertion("acme", round * 8 + i, 1));
		}
		for (i = 0; i < 8; i++) {
			accepted += strcmp(db_finish(others[i]), OK) == 0;
			PQclear(PQexec(others[i], "rollback"));
		}
	}
	OAT_ASSERT_THAT(accepted == 10, "%d accepted", accepted);
	db_expect(conn, "10", "select count(*) from oat.tokens");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_plans_seeded_as_announced),
	OAT_TEST(test_plans_default_is_team),
	OAT_TEST(test_plans_tenth_accepted_eleventh_refused_as_10_of_10),
	OAT_TEST(test_plans_refusal_names_rows_that_could_go),
	OAT_TEST(test_plans_refusal_names_a_plan_with_room),
	OAT_TEST(test_plans_expired_and_deactivated_count),
	OAT_TEST(test_plans_room_again_after_delete),
	OAT_TEST(test_plans_one_statement_above_limit_refused_whole),
	OAT_TEST(test_plans_case_55_copy_above_limit_refused_whole),
	OAT_TEST(test_plans_rows_dropped_by_on_conflict_not_counted),
	OAT_TEST(test_plans_rolled_back_insert_not_counted),
	OAT_TEST(test_plans_case_55_two_for_last_place_one_wins),
	OAT_TEST(test_plans_case_55_second_wins_after_rollback_of_first),
	OAT_TEST(test_plans_case_55_old_snapshot_does_not_see_room),
	OAT_TEST(test_plans_case_55_reactivation_changes_no_count),
	OAT_TEST(test_plans_smaller_than_in_use_refused_with_count),
	OAT_TEST(test_plans_limit_below_use_refused_with_count),
	OAT_TEST(test_plans_negative_limit_and_unknown_plan_refused),
	OAT_TEST(test_plans_case_55_change_of_plan_against_insert_never_above),
	OAT_TEST(test_plans_case_55_many_at_once_never_above),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "plans", oat_cluster_start, NULL, oat_cluster_begin, oat_cluster_end,
	    tests },
	CU_SUITE_INFO_NULL,
};
