/* SPDX-License-Identifier: MIT */
/* Something went wrong: revoke it, end its sessions, find what else is lost. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *web;
static char *ci;

static void
begin(void)
{
	oat_cluster_begin();
	admin = fixture_admin();
	web = fixture_acme(admin, &ci);
}

static void
test_revoke_by_selector_login_and_name(void)
{
	const char *names[] = { ci, "oat-acme-ci", "acme/ci" };
	size_t i;

	for (i = 0; i < 3; i++) {
		fixture_expect(web, "allowed", .selector = ci);
		db_run(admin, "select oat.revoke('%s')", names[i]);
		fixture_expect(web, "deactivated", .selector = ci);
		fixture_expect(web, "deactivated", .event = "access");
		db_run(admin, "update oat.tokens set deactivated_at = null");
	}
}

static void
test_revoke_returns_hosts_where_it_was_used(void)
{
	(void)fixture_host(admin, "web-2", "{}");
	fixture_expect(web, "allowed", .selector = ci);
	db_expect(admin, "t|f",
	    "select r::text like '%%web-1%%', r::text like '%%web-2%%' "
	    "from (select array_agg(x) r from oat.revoke('acme/ci') x) y");
}

static void
test_revoke_ends_overlap_and_keeps_the_note(void)
{
	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '1 h')",
	    fixture_verifier());
	db_run(admin, "select oat.revoke('acme/ci', 'found on a pastebin')");
	db_expect(admin, "null|t",
	    "select overlap_until, deactivated_at is not null "
	    "from oat.tokens");
	db_expect(admin, "found on a pastebin",
	    "select detail->>'note' from oat.activity "
	    "where event = 'token.deactivated'");
	fixture_expect(web, "retired_secret", .selector = ci);
}

static void
test_revoke_by_previous_selector_revokes_the_token(void)
{
	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '1 h')",
	    fixture_verifier());
	db_run(admin, "select oat.revoke('%s')", ci);
	db_expect(admin, "deactivated", "select status from oat.token_status");
}

static void
test_revoke_twice_changes_nothing(void)
{
	char *before;

	db_run(admin, "select oat.revoke('acme/ci')");
	before = db_value(admin, "select deactivated_at from oat.tokens");
	db_run(admin, "select oat.revoke('acme/ci')");
	db_expect(admin, before, "select deactivated_at from oat.tokens");
}

static void
test_revoke_of_the_unknown_refused(void)
{
	static const char *const names[] = { "acme/none", "none/ci",
		"oat-acme-none", "nosuchselect", "ci", "acme", "", "acme/",
		"/ci", "acme/ci/x", "%" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		db_refused(admin, OAT_NO_SUCH_ROW, "select oat.revoke('%s')",
		    names[i]);
	db_refused(admin, NULL, "select oat.revoke(null)");
	db_expect(admin, "active", "select status from oat.token_status");
}

/* Somebody in an emergency pastes what they have: the token itself. */
static void
test_revoke_by_the_token_itself_never_repeats_it(void)
{
	PGresult *result = PQexec(admin,
	    db_text("select oat.revoke('oat_%s_0123456789abcdefghijklmnopqrs"
		    "tuv0abcde')",
		ci));

	OAT_ASSERT_THAT(
	    strstr(PQresultErrorMessage(result), "0123456789abcdef") == NULL,
	    "%s", PQresultErrorMessage(result));
	PQclear(result);
	db_expect(db_connect("postgres"), "0",
	    "select count(*) from oat.activity a "
	    "where a::text like '%%0123456789abcdef%%'");
}

/* web-1 asks while `change` is not committed; what it was answered. */
static char *
login_during(const char *change, const char *end)
{
	db_run(admin, "update oat.tokens set uses_left = 5");
	db_run(admin, "begin");
	db_run(admin, "update oat.tokens set description = 'locked'");
	db_send(web,
	    "select * from oat.host_decide(gen_random_uuid(), 'login', "
	    "'oat-acme-ci', 'sshd', '10.1.2.3', '-', '-', '%s', 'right')",
	    ci);
	db_await_block(db_connect("postgres"), web);
	db_run(admin, "%s", change);
	db_run(admin, "%s", end);
	OAT_ASSERT_TEXT(db_finish(web), OK);
	return db_value(admin,
	    "select coalesce(reason, 'allowed') from oat.activity "
	    "where event = 'login' order by id desc limit 1");
}

/* It had read the token before, and takes a use after. */
static void
test_revoke_refuses_a_login_that_waited_for_it(void)
{
	static const char *const cases[][2] = {
		{ "deactivated", "select oat.revoke('acme/ci')" },
		{ "expired", "update oat.tokens "
			     "set expires_at = clock_timestamp()" },
		{ "used_up", "update oat.tokens set uses_left = 0" },
		{ "organization_suspended",
		    "update oat.organizations set suspended_at = now()" },
		{ "service_not_granted",
		    "delete from oat.grants where service = 'sshd'" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		OAT_ASSERT_TEXT(
		    login_during(cases[i][1], "commit"), cases[i][0]);
		db_run(admin, "update oat.tokens set deactivated_at = null, "
			      "expires_at = null");
		db_run(
		    admin, "update oat.organizations set suspended_at = null");
	}
}

/* Suspended where its connections cannot be ended. */
static void
test_suspension_of_a_host_refuses_a_login_that_waited(void)
{
	fixture_force(db_connect("postgres"),
	    "alter table oat.hosts disable trigger hosts_lost_update");
	OAT_ASSERT_TEXT(
	    login_during("update oat.hosts set suspended_at = now()", "commit"),
	    "host_suspended");
}

static void
test_rotation_refuses_a_login_that_waited_for_it(void)
{
	OAT_ASSERT_TEXT(login_during(db_text("update oat.tokens "
					     "set verifier = '%s'",
					 fixture_verifier()),
			    "commit"),
	    "retired_secret");
}

static void
test_deletion_refuses_a_login_that_waited_for_it(void)
{
	OAT_ASSERT_TEXT(
	    login_during("delete from oat.tokens", "commit"), "unknown_token");
	db_expect(admin, "null|null",
	    "select token, detail ->> 'secret' from oat.activity "
	    "where event = 'login'");
}

static void
test_revoke_rolled_back_lets_a_login_in_that_waited_for_it(void)
{
	OAT_ASSERT_TEXT(
	    login_during("select oat.revoke('acme/ci')", "rollback"),
	    "allowed");
	db_expect(admin, "4", "select uses_left from oat.tokens");
}

/* Who grants to a token, and who reads it, is in the way of no login. */
static void
test_logins_that_take_a_use_wait_for_no_grant(void)
{
	db_run(admin, "update oat.tokens set uses_left = 5");
	db_run(admin, "begin");
	fixture_grant(admin, "acme", "ci", "web-2", "sshd");
	fixture_expect(web, "allowed", .selector = ci);
	db_run(admin, "commit");
	db_expect(admin, "4", "select uses_left from oat.tokens");
}

static char *
terminations(void)
{
	return db_value(web,
	    "select coalesce(string_agg(name || ' ' || (expires_at > "
	    "extract(epoch from now()) - 60), ','), '') "
	    "from oat.host_identities(0, 0) where kind = 'terminate'");
}

/* What PostgreSQL says of its queue of notifications. */
static void
queue_is_full_to(const char *part)
{
	PGconn *root = db_connect("postgres");

	db_run(root, "drop function if exists "
		     "pg_catalog.pg_notification_queue_usage()");
	db_run(root,
	    "create function pg_catalog.pg_notification_queue_usage() "
	    "returns double precision language sql as 'select %s::float8'",
	    part);
	db_run(admin, "discard plans");
	db_disconnect(root);
}

/* Somebody listens and never ends a transaction: a full queue fails commits. */
static void
test_revoke_goes_on_when_notifications_cannot(void)
{
	PGconn *root = db_connect("postgres");
	PGnotify *notify;

	db_run(root, "alter function pg_catalog.pg_notification_queue_usage() "
		     "rename to real_notification_queue_usage");
	queue_is_full_to("0.5");
	db_run(admin, "listen oat_changed");
	db_run(admin, "listen oat_alert");
	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '0')",
	    fixture_verifier());
	db_run(admin, "select oat.revoke('acme/ci')");
	fixture_expect(web, "retired_secret", .selector = ci);
	db_run(admin, "select 1");
	CU_ASSERT_PTR_NULL(PQnotifies(admin));
	queue_is_full_to("0.49");
	db_run(admin, "update oat.tokens set deactivated_at = null");
	notify = PQnotifies(admin);
	CU_ASSERT_PTR_NOT_NULL(notify);
	PQfreemem(notify);
}

static void
test_end_sessions_tells_the_hosts(void)
{
	OAT_ASSERT_TEXT(terminations(), "");
	db_run(admin, "select oat.end_sessions('acme', 'ci')");
	OAT_ASSERT_TEXT(terminations(), "oat-acme-ci true");
	/* It ends sessions; it takes no right away. */
	fixture_expect(web, "allowed", .selector = ci);
}

static void
test_end_sessions_changes_the_generation(void)
{
	char *known =
	    db_value(web, "select id::text || ', ' || expires_at from "
			  "oat.host_identities(0, 0) where kind = 'begin'");

	db_run(admin, "select oat.end_sessions('acme', 'ci')");
	db_expect(web, "f",
	    "select bool_or(kind = 'same') from oat.host_identities(%s)",
	    known);
}

static void
test_end_sessions_of_the_unknown_refused(void)
{
	db_refused(
	    admin, OAT_NO_SUCH_ROW, "select oat.end_sessions('acme', 'none')");
}

static void
test_exposed_by_lists_secrets_typed_on_a_host(void)
{
	PGconn *db = fixture_host(admin, "db", "{}");
	char *cd = fixture_token(admin, "acme", "cd");

	fixture_grant(admin, "acme", "ci", "db", "sshd");
	fixture_grant(admin, "acme", "cd", "*", "sshd");
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(db, "allowed", .selector = cd, .login = "oat-acme-cd");
	/* A public-key login shows the host no secret. */
	fixture_expect(
	    web, "allowed", .event = "access", .login = "oat-acme-cd");
	db_expect(admin, "ci",
	    "select string_agg(distinct token, ',') "
	    "from oat.exposed_by('web-1', now() - interval '1 h')");
	db_expect(admin, "t",
	    "select bool_or(e::text like '%%db%%') "
	    "from oat.exposed_by('web-1', now() - interval '1 h') e");
	db_expect(admin, "0",
	    "select count(*) from oat.exposed_by('web-1', now() + '1 h')");
	db_run(admin,
	    "update oat.tokens set verifier = '%s' "
	    "where name = 'ci'",
	    fixture_verifier());
	db_expect(admin, "0",
	    "select count(*) "
	    "from oat.exposed_by('web-1', now() - interval '1 h') "
	    "where still_works");
}

/* An empty answer would look like good news. */
static void
test_exposed_by_without_host_or_time_refused(void)
{
	db_refused(
	    admin, OAT_BAD_NAME, "select * from oat.exposed_by('web-1', null)");
	db_error_says("oat.exposed_by('web-1', now()");
	db_refused(
	    admin, OAT_BAD_NAME, "select * from oat.exposed_by(null, now())");
	fixture_expect(web, "allowed", .selector = ci);
	db_expect(admin, "1",
	    "select count(*) from oat.exposed_by('web-1', '-infinity')");
}

/* A secret refused by policy was typed there all the same. */
static void
test_exposed_by_counts_refused_logins_too(void)
{
	fixture_expect(
	    web, "service_not_granted", .selector = ci, .service = "cron");
	db_expect(admin, "ci",
	    "select string_agg(distinct token, ',') "
	    "from oat.exposed_by('web-1', now() - interval '1 h')");
}

static void
test_known_to_lists_live_secrets_minted_by_a_role(void)
{
	PGconn *bob = fixture_role(db_connect("postgres"), "bob", "oat_admin");

	db_expect(admin, "0", "select count(*) from oat.known_to('bob')");
	fixture_token(bob, "acme", "bobs");
	db_expect(admin, "bobs",
	    "select string_agg(distinct token, ',') from oat.known_to('bob')");
	db_expect(admin, "ci",
	    "select string_agg(distinct token, ',') "
	    "from oat.known_to('alice')");
	db_run(admin,
	    "update oat.tokens set verifier = '%s' "
	    "where name = 'bobs'",
	    fixture_verifier());
	db_expect(admin, "0", "select count(*) from oat.known_to('bob')");
	db_run(bob, "select oat.rotate_token('acme', 'ci', '%s', '1 h')",
	    fixture_verifier());
	/* During the overlap both know a secret that works. */
	db_expect(admin, "ci|t",
	    "select (select string_agg(distinct token, ',') "
	    "from oat.known_to('bob')), (select bool_or(token = 'ci') "
	    "from oat.known_to('alice'))");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_revoke_by_selector_login_and_name),
	OAT_TEST(test_revoke_returns_hosts_where_it_was_used),
	OAT_TEST(test_revoke_ends_overlap_and_keeps_the_note),
	OAT_TEST(test_revoke_by_previous_selector_revokes_the_token),
	OAT_TEST(test_revoke_twice_changes_nothing),
	OAT_TEST(test_revoke_of_the_unknown_refused),
	OAT_TEST(test_revoke_by_the_token_itself_never_repeats_it),
	OAT_TEST(test_revoke_refuses_a_login_that_waited_for_it),
	OAT_TEST(test_suspension_of_a_host_refuses_a_login_that_waited),
	OAT_TEST(test_rotation_refuses_a_login_that_waited_for_it),
	OAT_TEST(test_deletion_refuses_a_login_that_waited_for_it),
	OAT_TEST(test_revoke_rolled_back_lets_a_login_in_that_waited_for_it),
	OAT_TEST(test_logins_that_take_a_use_wait_for_no_grant),
	OAT_TEST(test_revoke_goes_on_when_notifications_cannot),
	OAT_TEST(test_end_sessions_tells_the_hosts),
	OAT_TEST(test_end_sessions_changes_the_generation),
	OAT_TEST(test_end_sessions_of_the_unknown_refused),
	OAT_TEST(test_exposed_by_lists_secrets_typed_on_a_host),
	OAT_TEST(test_exposed_by_without_host_or_time_refused),
	OAT_TEST(test_exposed_by_counts_refused_logins_too),
	OAT_TEST(test_known_to_lists_live_secrets_minted_by_a_role),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "revoke", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
