/* SPDX-License-Identifier: MIT */
/* case_60: dumped, restored into another database, everything goes on. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <unistd.h>

/* Everything that identity and history consist of. */
static const char contents[] =
    "select (select string_agg(login || uid || selector, ',' order by uid) "
    "from oat.tokens), (select md5(string_agg(i::text, ',' order by id)) "
    "from oat.identities i), (select count(*) from oat.activity), "
    "(select md5(string_agg(g::text, ',' order by g::text)) "
    "from oat.grants g), (select count(*) from oat.secrets), "
    "(select md5(string_agg(c::text, ',' order by c::text)) "
    "from oat.token_counts c), (select count(*) from oat.served)";

/*
 * Can pg_dump read this server? It refuses one newer than itself, and servers
 * given by OAT_PG_BINDIR may come without theirs.
 */
static bool
can_dump(PGconn *root)
{
	const char *folder = getenv("OAT_PG_BINDIR");

	if (folder == NULL ||
	    access(db_text("%s/pg_dump", folder), X_OK) == 0 ||
	    PQserverVersion(root) / 10000 <= PQlibVersion() / 10000)
		return true;
	oat_skip("pg_dump is older than the server");
	return false;
}

/*
 * pg_dump this test's database into a new one, `restored`. False when that
 * cannot be done here.
 */
static bool
restore(PGconn *root)
{
	char *file = db_text("%s/dump.sql", oat_cluster_folder());
	const char *dump[] = { "pg_dump", "-f", file, oat_cluster_database(),
		NULL };
	const char *load[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
		"-d", "restored", "-f", file, NULL };
	char *output;

	if (!can_dump(root))
		return false;
	db_run(root, "drop database if exists restored with (force)");
	db_run(root, "create database restored");
	OAT_ASSERT_THAT(oat_cluster_program(dump, &output) == 0, "%s", output);
	OAT_ASSERT_THAT(oat_cluster_program(load, &output) == 0, "%s", output);
	oat_db_use(oat_cluster_folder(), "restored");
	return true;
}

/* A token, a tombstone, some use, and a second secret. */
static PGconn *
history(PGconn *root, char **ret_selector)
{
	PGconn *web = fixture_acme(root, ret_selector);

	fixture_token(root, "acme", "gone");
	fixture_grant(root, "acme", "gone", "*", "sshd");
	db_run(web, "select * from oat.host_identities(0, 0)");
	fixture_expect(web, "allowed", .selector = *ret_selector);
	db_run(root, "delete from oat.tokens where name = 'gone'");
	return web;
}

static void
leave(PGconn *root)
{
	oat_db_use(oat_cluster_folder(), oat_cluster_database());
	db_run(root, "drop database restored with (force)");
}

static void
test_restore_case_60_keeps_everything(void)
{
	PGconn *root = db_connect("postgres"), *restored;
	char *ci, *before;

	(void)history(root, &ci);
	before = db_value(root, "%s", contents);
	if (!restore(root))
		return;
	restored = db_connect("postgres");
	db_expect(restored, before, "%s", contents);
	fixture_expect(db_connect("oat_web-1"), "allowed", .selector = ci);
	leave(root);
}

static void
test_restore_case_60_never_gives_a_number_twice(void)
{
	PGconn *root = db_connect("postgres"), *restored;
	char *ci, *highest, *gone;

	(void)history(root, &ci);
	highest = db_value(root, "select max(id) from oat.identities");
	gone = db_value(
	    root, "select id from oat.identities where name = 'oat-acme-gone'");
	if (!restore(root))
		return;
	restored = db_connect("postgres");
	fixture_token(restored, "acme", "new");
	db_expect(restored, db_text("%d", atoi(highest) + 1),
	    "select uid from oat.tokens where name = 'new'");
	fixture_token(restored, "acme", "gone");
	db_expect(
	    restored, gone, "select uid from oat.tokens where name = 'gone'");
	leave(root);
}

static void
test_restore_case_60_limits_and_log_go_on(void)
{
	PGconn *root = db_connect("postgres"), *restored;
	char *ci;

	(void)history(root, &ci);
	if (!restore(root))
		return;
	restored = db_connect("postgres");
	db_run(restored, "insert into oat.plans values ('one', 1)");
	db_run(restored, "update oat.organizations set plan = 'one'");
	db_refused(restored, OAT_PLAN_FULL,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'x', '%s')",
	    fixture_verifier());
	db_expect(restored, "t",
	    "select max(id) = (select id from oat.activity "
	    "where event = 'organization.updated') from oat.activity");
	leave(root);
}

/* The chain is what it was, and goes on; what came later is gone from it. */
static void
test_restore_case_60_seal_goes_on(void)
{
	PGconn *root = db_connect("postgres"), *web, *restored;
	char *ci, *anchor, *later;

	(void)history(root, &ci);
	db_run(root, "select oat.seal_activity()");
	anchor = db_value(root, "select head from oat.verify_activity()");
	fixture_expect(db_connect("oat_web-1"), "allowed", .selector = ci);
	if (!restore(root))
		return;
	restored = db_connect("postgres");
	web = db_connect("oat_web-1");
	db_expect(restored, "t|1",
	    "select intact, unsealed from oat.verify_activity('%s')", anchor);
	db_expect(restored, "t",
	    "select passed from oat.restore_check() where check_name = 'log'");
	fixture_expect(web, "allowed", .selector = ci);
	db_expect(restored, "2", "select sum(events) from oat.seal_activity()");
	db_expect(restored, "t|0",
	    "select intact, unsealed from oat.verify_activity('%s')", anchor);
	db_run(root, "select oat.seal_activity()");
	later = db_value(root, "select head from oat.verify_activity()");
	db_expect(restored, "f", "select intact from oat.verify_activity('%s')",
	    later);
	leave(root);
}

/*
 * Into a cluster whose transactions have lower numbers than the dump's: its
 * mark is not waited for, even if somebody is always writing.
 */
static void
test_restore_case_60_seal_does_not_wait_for_the_old_cluster(void)
{
	PGconn *root = db_connect("postgres"), *one, *two;
	char *ci;

	(void)history(root, &ci);
	db_run(root, "select oat.seal_activity()");
	db_run(root, "update oat.activity_seal set mark_id = 1000000, mark_at "
		     "= now(), mark_xid = '9000000000000000000'");
	one = db_connect("oat_web-1");
	two = db_connect("oat_web-1");
	db_run(one, "begin");
	fixture_expect(one, "allowed", .selector = ci);
	db_expect(root, "", "select * from oat.seal_activity()");
	db_run(two, "begin");
	fixture_expect(two, "allowed", .selector = ci);
	db_run(one, "commit");
	db_expect(root, "1", "select sum(events) from oat.seal_activity()");
	db_run(two, "commit");
	db_expect(root, "1", "select sum(events) from oat.seal_activity()");
	db_expect(
	    root, "t|0", "select intact, unsealed from oat.verify_activity()");
}

/* The rows alone were loaded, not the sequence: ids would be given twice. */
static void
test_restore_check_tells_of_a_log_that_cannot_go_on(void)
{
	PGconn *root = db_connect("postgres");
	char *ci;

	(void)history(root, &ci);
	db_run(root, "select oat.seal_activity()");
	db_expect(root, "t",
	    "select passed from oat.restore_check() where check_name = 'log'");
	db_run(root, "select setval('oat.activity_id', 3)");
	db_expect(root, "f|oat.activity",
	    "select passed, subject from oat.restore_check() "
	    "where check_name = 'log'");
	db_run(root, "%s",
	    db_value(root, "select fix from oat.restore_check() "
			   "where check_name = 'log'"));
	db_expect(root, "t",
	    "select passed from oat.restore_check() where check_name = 'log'");
	fixture_force(root, "delete from oat.activity_batches "
			    "where number = (select max(number) "
			    "from oat.activity_batches)");
	db_expect(root, "f|oat.activity_batches",
	    "select passed, subject from oat.restore_check() "
	    "where check_name = 'log'");
}

static char *
fix_of(PGconn *conn, const char *check)
{
	return db_value(conn,
	    "select fix from oat.restore_check() where check_name = '%s'",
	    check);
}

/* A dump that was restored in parts, without triggers. */
static void
test_restore_check_mends_a_count(void)
{
	PGconn *root = db_connect("postgres"), *admin = fixture_admin();

	fixture_organization(admin, "acme");
	fixture_token(admin, "acme", "ci");
	fixture_token(admin, "acme", "cd");
	OAT_ASSERT_TEXT(fix_of(admin, "counts"), "null");
	fixture_force(root, "update oat.token_counts set held = 12");
	db_expect(admin, "2", "%s", fix_of(admin, "counts"));
	OAT_ASSERT_TEXT(fix_of(admin, "counts"), "null");
	db_expect(admin, "{\"is\": 2, \"was\": 12, \"organization\": \"acme\"}",
	    "select detail -> 'new' from oat.activity "
	    "where event = 'tokens.recounted'");
	fixture_force(
	    root, "update oat.token_counts set held = 0, max_tokens = 1");
	fixture_force(root, "update oat.plans set max_tokens = 1");
	db_refused(admin, OAT_PLAN_TOO_SMALL, "%s", fix_of(admin, "counts"));
	db_refused(admin, OAT_NO_SUCH_ROW, "select oat.recount('nobody')");
	db_refused(fixture_role(root, "bob", "oat_delegate"), NO_PRIVILEGE,
	    "select oat.recount('acme')");
}

/* Who adds tokens meanwhile is counted once. */
static void
test_restore_recount_waits_for_who_adds_tokens(void)
{
	PGconn *root = db_connect("postgres"), *admin = fixture_admin();
	PGconn *other = db_connect("alice");

	fixture_organization(admin, "acme");
	fixture_force(root, "update oat.token_counts set held = 12");
	db_run(other, "begin");
	fixture_token(other, "acme", "ci");
	db_send(admin, "select oat.recount('acme')");
	db_await_block(root, admin);
	db_run(other, "commit");
	OAT_ASSERT_TEXT(db_finish(admin), OK);
	db_expect(root, "1", "select held from oat.token_counts");
}

/* A host may be known by another role than oat_<name>. */
static void
test_restore_check_makes_the_role_that_a_host_has(void)
{
	PGconn *root = db_connect("postgres"), *admin = fixture_admin();
	char *fix;

	db_run(admin, "insert into oat.hosts (name, role) "
		      "values ('web-1', 'webserver'), ('web-2', default)");
	fix = fix_of(admin, "roles");
	OAT_ASSERT_THAT(
	    strcmp(fix,
		"select oat.make_host_role('webserver', ...)\n"
		"select oat.enroll_host('web-2', password => ...)") == 0,
	    "%s", fix);
	db_run(admin, "select oat.make_host_role('webserver', null)");
	db_run(admin, "select oat.enroll_host('web-2', password => null)");
	OAT_ASSERT_TEXT(fix_of(admin, "roles"), "null");
	db_run(db_connect("webserver"), "select * from oat.host_health()");
	db_run(root, "delete from oat.hosts");
}

/* Snapshots must not believe that nothing changed. */
static void
test_restore_case_60_generation_never_goes_back(void)
{
	PGconn *root = db_connect("postgres"), *web;
	char *ci, *newest;

	web = history(root, &ci);
	if (!restore(root))
		return;
	/* What the host has seen since the dump is lost with the old one. */
	db_run(root, "update oat.tokens set shell = '/bin/zsh'");
	newest = db_value(web,
	    "select id from oat.host_identities(0, 0) where kind = 'begin'");
	db_run(
	    db_connect("postgres"), "update oat.tokens set shell = '/bin/ksh'");
	db_expect(db_connect("oat_web-1"), "t|begin",
	    "select id > %s, kind from oat.host_identities(%s, 0) limit 1",
	    newest, newest);
	leave(root);
}

static void
test_restore_check_tells_of_newer_revocations(void)
{
	PGconn *root = db_connect("postgres"), *web, *restored;
	char *ci, *newest;

	web = history(root, &ci);
	if (!restore(root))
		return;
	db_run(root, "update oat.tokens set deactivated_at = now()");
	newest = db_value(web,
	    "select id from oat.host_identities(0, 0) where kind = 'begin'");
	restored = db_connect("postgres");
	db_expect(restored, "f",
	    "select coalesce(bool_or(c::text like '%%web-1%%'), false) "
	    "from oat.restore_check() c");
	/* The host comes with a generation that this database never gave. */
	db_run(db_connect("oat_web-1"),
	    "select * from oat.host_identities(%s, 0)", newest);
	db_expect(restored, "t",
	    "select bool_or(c::text like '%%web-1%%') "
	    "from oat.restore_check() c");
	leave(root);
}

/* The row names the role: renamed, it is nobody's until the row follows. */
static void
test_restore_case_60_renamed_role_is_told_and_mended_by_its_row(void)
{
	PGconn *root = db_connect("postgres"), *web;
	char *ci;

	db_disconnect(fixture_acme(root, &ci));
	db_run(root, "alter role \"oat_web-1\" rename to \"oat_web_one\"");
	web = db_connect("oat_web_one");
	db_refused(
	    web, OAT_NOT_A_HOST, "select * from oat.host_identities(0, 0)");
	db_expect(web, "null", "select oat.host_verifier('%s')", ci);
	db_expect(root,
	    "f|host web-1|role oat_web-1 is missing or not a host's",
	    "select passed, subject, detail from oat.restore_check() "
	    "where check_name = 'roles'");
	db_run(root, "update oat.hosts set role = 'oat_web_one'");
	db_expect(root, "t",
	    "select passed from oat.restore_check() "
	    "where check_name = 'roles'");
	fixture_expect(web, "allowed", .selector = ci);
	db_expect(root, "web-1",
	    "select host from oat.activity where event = 'login'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_restore_case_60_keeps_everything),
	OAT_TEST(test_restore_case_60_never_gives_a_number_twice),
	OAT_TEST(test_restore_case_60_limits_and_log_go_on),
	OAT_TEST(test_restore_case_60_seal_goes_on),
	OAT_TEST(test_restore_case_60_seal_does_not_wait_for_the_old_cluster),
	OAT_TEST(test_restore_check_tells_of_a_log_that_cannot_go_on),
	OAT_TEST(test_restore_check_mends_a_count),
	OAT_TEST(test_restore_recount_waits_for_who_adds_tokens),
	OAT_TEST(test_restore_check_makes_the_role_that_a_host_has),
	OAT_TEST(test_restore_case_60_generation_never_goes_back),
	OAT_TEST(test_restore_check_tells_of_newer_revocations),
	OAT_TEST(
	    test_restore_case_60_renamed_role_is_told_and_mended_by_its_row),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "restore", oat_cluster_start, NULL, oat_cluster_begin,
	    oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
