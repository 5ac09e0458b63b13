/* SPDX-License-Identifier: MIT */
/* Enrolling hosts: a row and a role that may call a few functions. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static void
test_hosts_enrolled_gets_row_and_role(void)
{
	PGconn *conn = fixture_admin();

	db_expect(conn, "oat_web-1",
	    "select oat.enroll_host('web-1', '{prod}', 'secret password', "
	    "'{ssh-ed25519 AAAA}')");
	db_expect(conn, "web-1|oat_web-1|{prod}|{\"ssh-ed25519 AAAA\"}|null",
	    "select name, role, labels, ssh_host_keys, suspended_at "
	    "from oat.hosts");
	db_expect(conn, "t|f|f|f|f|f",
	    "select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, "
	    "rolreplication, rolbypassrls from pg_roles "
	    "where rolname = 'oat_web-1'");
	db_expect(conn, "oat_host",
	    "select string_agg(r.rolname, ',') from pg_auth_members m "
	    "join pg_roles r on r.oid = m.roleid "
	    "where m.member = '\"oat_web-1\"'::regrole");
}

static void
test_hosts_password_stored_as_scram(void)
{
	PGconn *conn = fixture_admin(), *root = db_connect("postgres");

	db_run(conn, "select oat.enroll_host('web-1', '{}', 'pa''ss\\word')");
	db_expect(root, "SCRAM-SHA-256",
	    "select split_part(rolpassword, '$', 1) from pg_authid "
	    "where rolname = 'oat_web-1'");
	db_run(conn, "select oat.enroll_host('web-2')");
	db_expect(root, "null",
	    "select rolpassword from pg_authid where rolname = 'oat_web-2'");
	db_expect(root, "0",
	    "select count(*) from oat.activity a "
	    "where a::text like '%%word%%' or a::text like '%%SCRAM%%'");
}

static void
test_hosts_enrolled_again_changes_nothing(void)
{
	PGconn *conn = fixture_admin();
	char *before;
	const char *state =
	    "select md5(string_agg(h::text, ',')), "
	    "(select count(*) from oat.activity), "
	    "(select rolpassword from pg_authid where rolname = 'oat_web-1') "
	    "from oat.hosts h";

	db_run(conn, "select oat.enroll_host('web-1', '{prod}', 'pw', '{k}')");
	before = db_value(db_connect("postgres"), "%s", state);
	db_run(conn, "select oat.enroll_host('web-1', '{prod}', null, '{k}')");
	db_expect(db_connect("postgres"), before, "%s", state);
}

static void
test_hosts_enrolled_again_with_labels_updates_them(void)
{
	PGconn *conn = fixture_admin();

	db_run(conn, "select oat.enroll_host('web-1', '{a}')");
	db_run(conn, "select oat.enroll_host('web-1', '{b}')");
	db_expect(conn, "{b}", "select labels from oat.hosts");
	db_expect(conn, "host.enrolled\nhost.updated",
	    "select event from oat.activity where event like 'host.%%' "
	    "order by id");
}

static void
test_hosts_enrolled_again_after_removal_reuses_role(void)
{
	PGconn *conn = fixture_admin();

	db_run(conn, "select oat.enroll_host('web-1')");
	db_run(conn, "delete from oat.hosts");
	db_expect(conn, "oat_web-1", "select oat.enroll_host('web-1')");
	db_expect(conn, "1", "select count(*) from oat.hosts");
}

static void
test_hosts_role_of_another_kind_never_taken(void)
{
	static const char *const options[] = { "superuser", "login", "nologin",
		"login createrole", "login bypassrls", NULL };
	const char *const *option;
	PGconn *conn = fixture_admin(), *root = db_connect("postgres");

	for (option = options; *option != NULL; option++) {
		db_run(root, "create role \"oat_web-1\" %s", *option);
		db_refused(
		    conn, OAT_FOREIGN_ROLE, "select oat.enroll_host('web-1')");
		db_error_says("oat_web-1");
		db_refused(
		    root, OAT_FOREIGN_ROLE, "select oat.enroll_host('web-1')");
		db_expect(root, "0|0",
		    "select (select count(*) from oat.hosts), "
		    "(select count(*) from pg_auth_members "
		    "where member = '\"oat_web-1\"'::regrole)");
		db_run(root, "drop role \"oat_web-1\"");
	}
}

/* A host called "admin" must not become our administrator. */
static void
test_hosts_named_as_our_own_roles_refused(void)
{
	static const char *const names[] = { "owner", "admin", "auditor",
		"host", "delegate" };
	PGconn *root = db_connect("postgres");
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		db_refused(root, OAT_FOREIGN_ROLE,
		    "select oat.enroll_host('%s')", names[i]);
		db_expect(root, "f|0",
		    "select rolcanlogin, (select count(*) from oat.hosts) "
		    "from pg_roles where rolname = 'oat_%s'",
		    names[i]);
	}
}

static void
test_hosts_enrolled_without_createrole_refused(void)
{
	PGconn *conn;

	conn = fixture_role(db_connect("postgres"), "bob", "oat_admin");
	db_refused(conn, NO_PRIVILEGE, "select oat.enroll_host('web-1')");
	db_error_says("createrole");
	db_expect(conn, "0", "select count(*) from oat.hosts");
}

static void
test_hosts_two_names_never_share_a_role(void)
{
	PGconn *conn = fixture_admin();

	db_run(conn, "select oat.enroll_host('web-1')");
	db_refused(conn, NULL,
	    "insert into oat.hosts (name, role) "
	    "values ('web-2', 'oat_web-1')");
}

static void
test_hosts_two_sessions_enroll_one_host_both_succeed(void)
{
	PGconn *conn = fixture_admin(), *other = db_connect("alice");

	db_run(conn, "begin");
	db_run(conn, "select oat.enroll_host('web-1')");
	db_send(other, "select oat.enroll_host('web-1')");
	db_await_block(db_connect("postgres"), other);
	db_run(conn, "commit");
	OAT_ASSERT_TEXT(db_finish(other), OK);
	db_expect(conn, "1", "select count(*) from oat.hosts");
}

static void
test_hosts_removed_role_can_call_nothing_of_use(void)
{
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	host = fixture_acme(conn, &selector);
	/* So that its connection stays: else it ends here. */
	db_run(conn, "revoke \"oat_web-1\" from oat_owner");
	db_run(conn, "delete from oat.hosts");
	db_refused(
	    host, OAT_NOT_A_HOST, "select * from oat.host_identities(0, 0)");
	db_refused(host, OAT_NOT_A_HOST, "select oat.host_record('[]')");
	db_refused(host, OAT_NOT_A_HOST,
	    "select * from oat.host_decide(gen_random_uuid(), 'access', "
	    "'oat-acme-ci', 'sshd', '-', '-', '-', null, 'none')");
	db_expect(host, "null", "select oat.host_verifier('%s')", selector);
}

#define TRIED 64 /* connections; more than a host may have */

/* One more, of its own: the server's and the role's limits apply alike. */
static PGconn *
knock(const char *role)
{
	const char *keys[] = { "dbname", "user", NULL };
	const char *values[] = { oat_cluster_database(), role, NULL };

	return PQconnectdbParams(keys, values, 0);
}

/* What one host can take from the others is bounded. */
static void
test_hosts_case_57_connections_of_a_host_are_bounded(void)
{
	PGconn *root = db_connect("postgres"), *taken[TRIED], *web;
	size_t i, count = 0;
	char *ci;

	web = fixture_acme(root, &ci);
	(void)fixture_host(root, "web-2", "{}");
	fixture_grant(root, "acme", "ci", "web-2", "sshd");
	for (i = 0; i < TRIED; i++) {
		taken[i] = knock("oat_web-1");
		count += PQstatus(taken[i]) == CONNECTION_OK;
	}
	OAT_ASSERT_THAT(
	    count >= 8 && count <= 32, "%zu beside the first", count);
	OAT_ASSERT_THAT(strstr(PQerrorMessage(taken[TRIED - 1]),
			    "too many connections for role") != NULL,
	    "%s", PQerrorMessage(taken[TRIED - 1]));
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(db_connect("oat_web-2"), "allowed", .selector = ci);
	for (i = 0; i < TRIED; i++)
		PQfinish(taken[i]);
}

/*
 * All that a host's role can hold on to: its time without limit, a transaction
 * that stays open over each of its functions, and every lock it can name.
 */
static void
hold_on(PGconn *host, const char *selector)
{
	db_run(host, "set statement_timeout = 0");
	db_run(host, "set lock_timeout = 0");
	db_run(host, "set idle_in_transaction_session_timeout = 0");
	/* The installation's, and any that somebody else could think of. */
	db_run(host, "select pg_advisory_lock(7299444)");
	db_run(
	    host, "select pg_advisory_lock(i) from generate_series(0, 99) i");
	db_run(host, "begin isolation level serializable");
	db_run(host, "select oat.host_verifier('%s')", selector);
	fixture_expect(host, "allowed", .selector = selector);
	fixture_expect(
	    host, "wrong_secret", .selector = selector, .proof = "wrong");
	fixture_expect(
	    host, "unknown_token", .selector = "unknown00001", .proof = "none");
	fixture_expect(host, "allowed", .event = "access");
	db_run(host, "select * from oat.host_identities(0, 0)");
	db_run(host, "select * from oat.host_sync(0, 0, '{}')");
	db_run(host, "select oat.host_record('[]')");
	db_run(host, "select * from oat.host_health()");
	db_send(host, "select pg_sleep(600)");
}

/* Everybody else has the time of one PAM call, and no more. */
static void
test_hosts_case_57_a_host_that_sleeps_on_its_locks_stops_nobody(void)
{
	PGconn *root = db_connect("postgres"), *web, *other;
	char *ci, *fresh;

	web = fixture_acme(root, &ci);
	other = fixture_host(root, "web-2", "{}");
	fixture_grant(root, "acme", "ci", "web-2", "sshd");
	hold_on(web, ci);
	db_run(other, "set statement_timeout = '5s'");
	db_run(root, "set statement_timeout = '5s'");
	fixture_expect(other, "allowed", .selector = ci);
	fixture_expect(other, "wrong_secret", .selector = ci, .proof = "wrong");
	fixture_expect(other, "unknown_token", .selector = "unknown00001",
	    .proof = "none");
	db_run(other, "select * from oat.host_identities(0, 0)");
	fixture_expect(db_connect("oat_web-1"), "allowed", .selector = ci);
	/* Administrators manage, and take away what it holds on to. */
	fresh = fixture_token(root, "acme", "cd");
	fixture_grant(root, "acme", "cd", "web-2", "sshd");
	fixture_expect(
	    other, "allowed", .login = "oat-acme-cd", .selector = fresh);
	db_run(root, "select oat.revoke('%s')", ci);
	fixture_expect(other, "deactivated", .selector = ci);
	db_run(root, "select * from oat.seal_activity()");
	db_run(root, "delete from oat.tokens where name = 'ci'");
	db_run(root, "delete from oat.hosts where name = 'web-1'");
	OAT_ASSERT_TEXT(db_finish(web), CONNECTION_ENDED);
}

/* A host may make temporary objects: none of them may be believed. */
static void
test_hosts_case_52_shadowing_objects_have_no_effect(void)
{
	static const char *const shadows[] = {
		"create temp table grants as select 'acme' organization, "
		"'ci' token, '*' host, '*' service, '{}'::text[] groups, "
		"null::timestamptz expires_at",
		"create temp table hosts as select 'web-1' name, "
		"'oat_web-1' role, '{}'::text[] labels",
		"create temp table tokens (name text)",
		"create temp table pg_roles (rolname text)",
		"create function pg_temp.lower(text) returns text "
		"language sql as $$ select 'x' $$",
		"create function pg_temp.eq(text, text) returns boolean "
		"language sql as $$ select true $$",
		"create operator pg_temp.= (leftarg = text, rightarg = text, "
		"function = pg_temp.eq)",
		"create function oat.lower(text) returns text "
		"language sql as $$ select 'x' $$",
		"create function public.eq(text, text) returns boolean "
		"language sql as $$ select true $$",
		"set search_path = pg_temp, oat, public, pg_catalog", NULL
	};
	const char *const *statement;
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	host = fixture_acme(conn, &selector);
	db_run(conn, "delete from oat.grants");
	/* A host may make temporary tables: none of them may be believed. */
	for (statement = shadows; *statement != NULL; statement++)
		PQclear(PQexec(host, *statement));
	fixture_expect(host, "host_not_granted", .selector = selector);
	db_expect(host, "null", "select oat.host_verifier('%s')", selector);
	db_run(host, "set role oat_host");
	fixture_expect(host, "host_not_granted", .selector = selector);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_hosts_enrolled_gets_row_and_role),
	OAT_TEST(test_hosts_password_stored_as_scram),
	OAT_TEST(test_hosts_enrolled_again_changes_nothing),
	OAT_TEST(test_hosts_enrolled_again_with_labels_updates_them),
	OAT_TEST(test_hosts_enrolled_again_after_removal_reuses_role),
	OAT_TEST(test_hosts_role_of_another_kind_never_taken),
	OAT_TEST(test_hosts_named_as_our_own_roles_refused),
	OAT_TEST(test_hosts_enrolled_without_createrole_refused),
	OAT_TEST(test_hosts_two_names_never_share_a_role),
	OAT_TEST(test_hosts_two_sessions_enroll_one_host_both_succeed),
	OAT_TEST(test_hosts_removed_role_can_call_nothing_of_use),
	OAT_TEST(test_hosts_case_57_connections_of_a_host_are_bounded),
	OAT_TEST(
	    test_hosts_case_57_a_host_that_sleeps_on_its_locks_stops_nobody),
	OAT_TEST(test_hosts_case_52_shadowing_objects_have_no_effect),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "hosts", oat_cluster_start, NULL, oat_cluster_begin, oat_cluster_end,
	    tests },
	CU_SUITE_INFO_NULL,
};
