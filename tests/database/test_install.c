/* SPDX-License-Identifier: MIT */
/* install.sql: by whom, twice, over what is already there. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>

/* Everything that an installation could change, rows included. */
static const char digest[] =
    "select md5(string_agg(line, E'\\n' order by line)) from ("
    "select 'relation ' || c.oid::regclass || c.relkind::text || "
    "  pg_get_userbyid(c.relowner) || coalesce(c.relacl::text, '') || "
    "  c.relrowsecurity || c.relforcerowsecurity || "
    "  coalesce(c.reloptions::text, '') || "
    "  coalesce(case c.relkind when 'v' then pg_get_viewdef(c.oid) end, '') "
    "  as line from pg_class c where c.relnamespace = 'oat'::regnamespace "
    "union all select 'column ' || attrelid::regclass || attname || attnum "
    "  || atttypid::regtype || attnotnull || coalesce(attacl::text, '') "
    "  from pg_attribute where attrelid in (select oid from pg_class "
    "  where relnamespace = 'oat'::regnamespace) "
    "union all select 'default ' || adrelid::regclass || adnum || "
    "  pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid in "
    "  (select oid from pg_class where relnamespace = 'oat'::regnamespace) "
    "union all select 'function ' || p.oid::regprocedure || "
    "  pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') || "
    "  pg_get_userbyid(p.proowner) from pg_proc p "
    "  where p.pronamespace = 'oat'::regnamespace and p.prokind = 'f' "
    "union all select 'constraint ' || conname || conrelid::regclass || "
    "  pg_get_constraintdef(oid) from pg_constraint "
    "  where connamespace = 'oat'::regnamespace "
    "union all select 'trigger ' || pg_get_triggerdef(t.oid) || "
    "tgenabled::text "
    "  from pg_trigger t join pg_class c on c.oid = t.tgrelid "
    "  where c.relnamespace = 'oat'::regnamespace and not tgisinternal "
    "union all select 'policy ' || p::text from pg_policies p "
    "  where schemaname = 'oat' "
    "union all select 'comment ' || coalesce(objoid::regclass::text, "
    "  objoid::text) || objsubid || description from pg_description "
    "  where classoid = 'pg_class'::regclass and objoid in (select oid from "
    "  pg_class where relnamespace = 'oat'::regnamespace) "
    "union all select 'role ' || rolname || rolsuper || rolcreaterole || "
    "  rolcanlogin || rolbypassrls from pg_roles where rolname ~ '^oat_' "
    "union all select 'member ' || roleid::regrole || member::regrole || "
    "  admin_option from pg_auth_members "
    "union all select 'plan ' || p::text from oat.plans p "
    "union all select 'setting ' || s::text from oat.settings s "
    "union all select 'activity ' || count(*) from oat.activity "
    ") lines";

static void
install(const char *role)
{
	char *output = "";

	OAT_ASSERT_THAT(
	    oat_cluster_install(role, oat_cluster_database(), &output) == 0,
	    "as %s: %s", role, output);
}

/* A minimal working installation: a token logs in. */
static void
assert_works(PGconn *conn)
{
	char *selector;
	PGconn *host = fixture_acme(conn, &selector);

	fixture_expect(host, "allowed", .selector = selector);
}

static void
test_install_as_superuser_works(void)
{
	install("postgres");
	assert_works(db_connect("postgres"));
}

static void
test_install_as_superuser_twice_changes_nothing(void)
{
	PGconn *conn = db_connect("postgres");
	char *before;

	install("postgres");
	before = db_value(conn, "%s", digest);
	install("postgres");
	db_expect(conn, before, "%s", digest);
}

/* What a managed service gives its customers: no superuser. */
static PGconn *
managed_service(void)
{
	PGconn *conn = db_connect("postgres");

	db_run(conn, "create role customer login createrole");
	db_run(conn, "alter database %s owner to customer",
	    oat_cluster_database());
	return conn;
}

static void
test_install_as_createrole_works(void)
{
	(void)managed_service();
	install("customer");
	assert_works(db_connect("customer"));
}

static void
test_install_as_createrole_twice_changes_nothing(void)
{
	PGconn *conn = managed_service();
	char *before;

	install("customer");
	before = db_value(conn, "%s", digest);
	install("customer");
	db_expect(conn, before, "%s", digest);
}

static void
test_install_as_createrole_leaves_no_owner_powers(void)
{
	PGconn *conn = managed_service();

	install("customer");
	db_expect(conn, "f",
	    "select pg_has_role('customer', 'oat_owner', "
	    "'usage')");
	db_refused(
	    db_connect("customer"), NO_PRIVILEGE, "select * from oat.secrets");
	db_expect(conn, "0",
	    "select count(*) from pg_class "
	    "where relnamespace = 'oat'::regnamespace "
	    "and relowner <> 'oat_owner'::regrole");
}

static void
test_install_as_anybody_refused_whole(void)
{
	PGconn *conn = db_connect("postgres");

	db_run(conn, "create role somebody login");
	db_run(conn, "grant create on database %s to somebody",
	    oat_cluster_database());
	CU_ASSERT_NOT_EQUAL(
	    oat_cluster_install("somebody", oat_cluster_database(), NULL), 0);
	db_expect(conn, "null|0",
	    "select to_regnamespace('oat'), count(*) from pg_roles "
	    "where rolname like 'oat\\_%%'");
}

static void
test_install_prints_the_line_for_pg_hba(void)
{
	char *output = "";

	CU_ASSERT_EQUAL(
	    oat_cluster_install("postgres", oat_cluster_database(), &output),
	    0);
	OAT_ASSERT_THAT(strstr(output, "hostssl") != NULL &&
			    strstr(output, "+oat_host") != NULL &&
			    strstr(output, "scram-sha-256") != NULL &&
			    strstr(output, oat_cluster_database()) != NULL,
	    "%s", output);
}

static void
test_install_over_foreign_schema_refused(void)
{
	PGconn *conn = db_connect("postgres");
	char *output = "";

	db_run(conn, "create schema oat");
	db_run(conn, "create table oat.mine (n int)");
	CU_ASSERT_NOT_EQUAL(
	    oat_cluster_install("postgres", oat_cluster_database(), &output),
	    0);
	db_expect(conn, "mine",
	    "select string_agg(relname, ',') from pg_class "
	    "where relnamespace = 'oat'::regnamespace");
}

static void
test_install_over_powerful_role_refused(void)
{
	PGconn *conn = db_connect("postgres");
	char *output = "";

	db_run(conn, "create role oat_owner bypassrls");
	CU_ASSERT_NOT_EQUAL(
	    oat_cluster_install("postgres", oat_cluster_database(), &output),
	    0);
	OAT_ASSERT_THAT(strstr(output, "oat_owner") != NULL, "%s", output);
	db_expect(conn, "null", "select to_regnamespace('oat')");
}

/* Two databases of one cluster share the roles, and nothing else. */
static void
test_install_in_second_database_works(void)
{
	PGconn *conn = db_connect("postgres");

	install("postgres");
	db_run(conn, "drop database if exists second");
	db_run(conn, "create database second");
	CU_ASSERT_EQUAL(oat_cluster_install("postgres", "second", NULL), 0);
	db_run(conn, "drop database second");
	assert_works(conn);
}

/* The second waits for the first, which holds the advisory lock. */
static void
test_install_two_at_once_both_succeed(void)
{
	char *command =
	    db_text("\\! one() { psql -X -q -v ON_ERROR_STOP=1 -d %s "
		    "-f %s/install.sql; }; one & one && wait $! && echo both",
		oat_cluster_database(), oat_cluster_sql());
	const char *argv[] = { "psql", "-X", "-q", "-c", command, NULL };
	char *output = "";

	CU_ASSERT_EQUAL(oat_cluster_program(argv, &output), 0);
	OAT_ASSERT_THAT(strstr(output, "both") != NULL, "%s", output);
	assert_works(db_connect("postgres"));
}

/* Any role can hold an advisory lock: for ever, if nobody is told. */
static void
test_install_names_who_holds_its_lock(void)
{
	PGconn *root = db_connect("postgres"), *holder;
	char *output = "";

	holder = fixture_role(root, "mallory", NULL);
	db_run(holder, "select pg_advisory_lock(7299444)");
	setenv("PGOPTIONS", "-c lock_timeout=200", 1);
	CU_ASSERT_NOT_EQUAL(
	    oat_cluster_install("postgres", oat_cluster_database(), &output),
	    0);
	unsetenv("PGOPTIONS");
	OAT_ASSERT_THAT(strstr(output, "role mallory") != NULL &&
			    strstr(output, db_text("pg_terminate_backend(%d)",
					       PQbackendPID(holder))) != NULL,
	    "%s", output);
	db_expect(root, "null", "select to_regnamespace('oat')");
	db_disconnect(holder);
	install("postgres");
	assert_works(root);
	db_expect(root, "0", "show lock_timeout");
}

/* The end of a failed migration is the state before it. */
static void
test_install_that_fails_changes_nothing(void)
{
	PGconn *conn = db_connect("postgres");

	/* An event trigger stops it near its end. */
	db_run(conn,
	    "create function stop() returns event_trigger language plpgsql "
	    "as $$ begin if exists (select from pg_class "
	    "where relname = 'token_status') then raise 'stop'; end if; "
	    "end $$");
	db_run(conn, "create event trigger stop on ddl_command_end "
		     "execute function stop()");
	CU_ASSERT_NOT_EQUAL(
	    oat_cluster_install("postgres", oat_cluster_database(), NULL), 0);
	db_expect(conn, "null", "select to_regnamespace('oat')");
	db_run(conn, "drop event trigger stop");
	install("postgres");
}

/*
 * A copy of sql/ whose install.sql stops at a version: the parts for later
 * ones, from their question to their \\endif, are left out.
 */
static char *
version_alone(int version)
{
	char *folder =
	    db_text("%s/sql_%s", oat_cluster_folder(), oat_cluster_database());
	char *command = db_text("\\! mkdir %s && cp %s/*.sql %s && "
				"sed -i '/version = [%d-9])/,/^.endif/d' "
				"%s/install.sql",
	    folder, oat_cluster_sql(), folder, version + 1, folder);
	const char *argv[] = { "psql", "-X", "-q", "-c", command, NULL };
	char *output = "";

	CU_ASSERT_EQUAL_FATAL(oat_cluster_program(argv, &output), 0);
	OAT_ASSERT_TEXT(output, "");
	return db_text("%s/install.sql", folder);
}

static void
install_version(int version)
{
	char *file = version_alone(version), *output;
	const char *argv[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
		"-d", oat_cluster_database(), "-f", file, NULL };

	OAT_ASSERT_THAT(oat_cluster_program(argv, &output) == 0, "%s", output);
	db_expect(db_connect("postgres"), db_text("%d", version),
	    "select max(version) from oat.migrations");
}

static void
keeps_its_rows(int version)
{
	const char *rows = "select (select string_agg(login || uid || "
			   "selector, ',') from oat.tokens), "
			   "(select count(*) from oat.grants), "
			   "(select count(*) from oat.activity), "
			   "(select count(*) from oat.served)";
	PGconn *conn, *host;
	char *selector, *before;

	install_version(version);
	conn = db_connect("postgres");
	host = fixture_acme(conn, &selector);
	fixture_token(conn, "acme", "cd");
	db_run(host, "select * from oat.host_identities(0, 0)");
	fixture_expect(host, "allowed", .selector = selector);
	before = db_value(conn, "%s", rows);
	install("postgres");
	db_expect(conn, db_text("t"),
	    "select max(version) > %d from oat.migrations", version);
	db_expect(conn, before, "%s", rows);
	fixture_expect(host, "allowed", .selector = selector);
	db_expect(
	    conn, "t", "select pg_has_role('oat_owner', 'oat_web-1', 'usage')");
	db_expect(conn, "t",
	    "select bool_and(passed) from oat.explain('oat-acme-ci', 'web-1', "
	    "'sshd', '10.1.2.3')");
	db_run(conn, "select oat.rotate_token('acme', 'ci', '%s', '1 h')",
	    fixture_verifier());
	fixture_expect(host, "allowed", .selector = selector);
}

/* A fresh database between two installations of one test. */
static void
begin_anew(void)
{
	oat_cluster_end();
	oat_cluster_begin();
}

/* What install.sql ends with. */
static int
newest_version(void)
{
	install("postgres");
	return atoi(db_value(
	    db_connect("postgres"), "select max(version) from oat.migrations"));
}

static void
test_install_case_60_over_each_version_keeps_its_rows(void)
{
	int version, newest = newest_version();

	OAT_ASSERT_THAT(newest > 1, "%d", newest);
	for (version = 1; version < newest; version++) {
		begin_anew();
		keeps_its_rows(version);
	}
}

/* What is installed by now; beyond the database that its texts go with. */
static void
take_digest(char *ret_digest, size_t size)
{
	(void)snprintf(ret_digest, size, "%s",
	    db_value(db_connect("postgres"), "%s", digest));
}

/* However a schema came about, it is the same. */
static void
test_install_case_60_over_each_version_equals_a_fresh_one(void)
{
	char fresh[64], migrated[64];
	int version, newest = newest_version();

	take_digest(fresh, sizeof(fresh));
	for (version = 1; version < newest; version++) {
		begin_anew();
		install_version(version);
		install("postgres");
		take_digest(migrated, sizeof(migrated));
		OAT_ASSERT_THAT(
		    strcmp(migrated, fresh) == 0, "over version %d", version);
	}
}

/* What version 6 let in, version 7 does not: it can still be changed. */
static void
test_install_case_60_over_version_6_mends_what_is_out_of_bounds(void)
{
	PGconn *conn, *host;
	char *selector;

	install_version(6);
	conn = db_connect("postgres");
	host = fixture_acme(conn, &selector);
	db_run(conn,
	    "update oat.tokens set verifier = '%s', max_idle = '250000 years', "
	    "overlap_until = 'infinity', sessions_end_at = 'infinity', "
	    "deactivated_at = 'infinity'",
	    fixture_verifier());
	install("postgres");
	db_expect(conn, "100 years|t|t|t",
	    "select max_idle, overlap_until > now() + interval '90 years', "
	    "sessions_end_at <= now(), deactivated_at <= now() "
	    "from oat.tokens");
	db_run(conn, "update oat.tokens set deactivated_at = null");
	fixture_expect(host, "allowed", .selector = selector);
	db_run(host, "select * from oat.host_sync(0, 0, null)");
	db_run(conn, "select oat.revoke('acme/ci')");
	fixture_expect(host, "retired_secret", .selector = selector);
}

/* The log of version 2, with counts and refusals, reported, sealed, dropped. */
static void
test_install_case_60_log_of_version_2_goes_on(void)
{
	const char *reports =
	    "select (select string_agg(u::text, ' ' order by u) from "
	    "oat.usage_daily u), (select string_agg(t::text, ' ' order by "
	    "token) from oat.token_status t), (select string_agg(u::text, ' ' "
	    "order by u) from oat.used_on u), (select string_agg(l::text, ' ' "
	    "order by l) from oat.last_use l)";
	PGconn *conn, *host;
	char *selector, *before, *rows;

	install_version(2);
	conn = db_connect("postgres");
	host = fixture_acme(conn, &selector);
	fixture_expect(host, "allowed", .selector = selector);
	fixture_expect(
	    host, "wrong_secret", .selector = selector, .proof = "wrong");
	fixture_expect(
	    host, "unknown_token", .selector = "unknown00001", .proof = "none");
	before = db_value(conn, "%s", reports);
	rows =
	    db_value(conn, "select md5(string_agg(a::text, ' ' order by id)) "
			   "from oat.activity a");
	install("postgres");
	db_expect(conn, before, "%s", reports);
	fixture_force(conn, "update oat.activity set recorded_at = "
			    "recorded_at - interval '6 minutes' "
			    "where reason = 'unknown_token'");
	db_run(conn, "select oat.seal_activity()");
	db_expect(conn, before, "%s", reports);
	db_expect(
	    conn, "t|0", "select intact, unsealed from oat.verify_activity()");
	db_expect(conn, rows,
	    "select md5(string_agg(a::text, ' ' order by id)) from ("
	    "select id, event_id, at, case reason when 'unknown_token' then "
	    "recorded_at + interval '6 minutes' else recorded_at end, "
	    "organization, token, actor, event, host, service, rhost, outcome, "
	    "reason, detail from oat.activity) a");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_install_as_superuser_works),
	OAT_TEST(test_install_as_superuser_twice_changes_nothing),
	OAT_TEST(test_install_as_createrole_works),
	OAT_TEST(test_install_as_createrole_twice_changes_nothing),
	OAT_TEST(test_install_as_createrole_leaves_no_owner_powers),
	OAT_TEST(test_install_as_anybody_refused_whole),
	OAT_TEST(test_install_prints_the_line_for_pg_hba),
	OAT_TEST(test_install_over_foreign_schema_refused),
	OAT_TEST(test_install_over_powerful_role_refused),
	OAT_TEST(test_install_in_second_database_works),
	OAT_TEST(test_install_two_at_once_both_succeed),
	OAT_TEST(test_install_names_who_holds_its_lock),
	OAT_TEST(test_install_that_fails_changes_nothing),
	OAT_TEST(test_install_case_60_over_each_version_keeps_its_rows),
	OAT_TEST(test_install_case_60_over_each_version_equals_a_fresh_one),
	OAT_TEST(
	    test_install_case_60_over_version_6_mends_what_is_out_of_bounds),
	OAT_TEST(test_install_case_60_log_of_version_2_goes_on),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "install", oat_cluster_start_bare, NULL, oat_cluster_begin,
	    oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
