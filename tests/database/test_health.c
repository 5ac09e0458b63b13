/* SPDX-License-Identifier: MIT */
/* What a host is told of itself, and why a login is refused there. */
#include "cluster.h"
#include "common/database.h"
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

/* --- oat.host_health() --------------------------------------------------- */

static void
test_health_of_an_enrolled_host_has_its_name_and_nothing_to_mend(void)
{
	db_expect(web, "1|web-1|null|null|null|70000-99999|t",
	    "select count(*) over (), host, suspended_at, excess, excess_fix, "
	    "uid_range, abs(clock - extract(epoch from now()) * 1000000) "
	    "< 60000000 from oat.host_health()");
	db_expect(root,
	    db_value(web, "select generation from oat.host_health()"),
	    "select oat.generation()");
}

/* The program says which schema it is made for; this is where they meet. */
static void
test_health_schema_version_is_the_newest_migration_and_the_programs(void)
{
	db_expect(web, db_text("%d", OAT_SCHEMA_VERSION),
	    "select schema_version from oat.host_health()");
	db_expect(root, db_text("%d", OAT_SCHEMA_VERSION),
	    "select max(version) from oat.migrations");
}

static void
test_health_of_a_suspended_host_says_since_when(void)
{
	db_run(admin, "update oat.hosts set suspended_at = "
		      "'2026-11-20 09:00+00'");
	/* Its connection has ended with that. */
	web = db_connect("oat_web-1");
	db_expect(web, "web-1|2026-11-20 09:00 UTC",
	    "select host, suspended_at from oat.host_health()");
}

/* The host goes, and the connection stays: else it would end with it. */
static void
remove_host(void)
{
	db_run(admin, "revoke \"oat_web-1\" from oat_owner");
	db_run(admin, "delete from oat.hosts");
}

static void
test_health_of_a_role_that_is_no_host_is_no_error(void)
{
	remove_host();
	db_expect(web, "null|null|null",
	    "select host, suspended_at, excess from oat.host_health()");
	db_refused(fixture_role(root, "mallory", NULL), NO_PRIVILEGE,
	    "select * from oat.host_health()");
}

/* Each thing too much is named, and typing the fix takes it away. */
static void
test_health_rights_beyond_a_hosts_are_named_and_can_be_taken_away(void)
{
	static const char *const given[][2] = {
		{ "alter role \"oat_web-1\" createrole",
		    "attribute createrole" },
		{ "alter role \"oat_web-1\" createdb", "attribute createdb" },
		{ "alter role \"oat_web-1\" bypassrls", "attribute bypassrls" },
		{ "alter role \"oat_web-1\" replication",
		    "attribute replication" },
		{ "grant oat_auditor to \"oat_web-1\"",
		    "member of oat_auditor" },
		{ "grant select on oat.tokens to \"oat_web-1\"",
		    "rights on oat.tokens" },
		{ "grant update (labels) on oat.hosts to oat_host",
		    "rights on oat.hosts" },
		{ "grant usage on sequence oat.activity_id to public",
		    "rights on oat.activity_id" },
		{ "grant execute on function oat.who_can(text, text) to public",
		    "execute on oat.who_can" },
	};
	size_t i;

	for (i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		db_run(root, "%s", given[i][0]);
		OAT_ASSERT_THAT(
		    strstr(
			db_value(web, "select excess from oat.host_health()"),
			given[i][1]) != NULL,
		    "%s", given[i][1]);
		db_run(root, "%s",
		    db_value(web, "select excess_fix from oat.host_health()"));
		OAT_ASSERT_THAT(
		    strcmp(db_value(web, "select excess, excess_fix "
					 "from oat.host_health()"),
			"null|null") == 0,
		    "%s is not taken away", given[i][1]);
	}
}

/* --- oat.host_explain() -------------------------------------------------- */

#define EXPLAINED "oat.host_explain('oat-acme-ci', 'sshd', '10.1.2.3')"

/* Everything but the words. */
#define PASSED                                                           \
	"select string_agg(check_name || ' ' || coalesce(passed::text, " \
	"'-') || ' ' || coalesce(fix, ''), ',') from "

/* All that is said of a login, with its name taken out. */
static char *
told_of(const char *login)
{
	return db_value(web,
	    "select string_agg(replace(h::text, '%s', 'LOGIN'), chr(10)) "
	    "from oat.host_explain('%s', 'sshd', '10.1.2.3') h",
	    login, login);
}

static void
test_host_explain_passes_where_explain_does(void)
{
	static const char *const changes[] = {
		"select",
		"update oat.hosts set suspended_at = now()",
		"update oat.tokens set allowed_from = '{192.0.2.0/24}'",
		"insert into oat.allowances values ('acme', 'db', 'sshd')",
		"delete from oat.grants where service = 'sshd'",
		"update oat.tokens set uses_left = 0",
		"update oat.tokens set max_idle = '1 day', "
		"created_at = now() - interval '9 days'",
		"update oat.tokens set expires_at = now() - interval '1 s'",
		"update oat.tokens set deactivated_at = now()",
		"update oat.organizations set suspended_at = now()",
	};
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		fixture_force(root, "%s", changes[i]);
		OAT_ASSERT_TEXT(db_value(web, PASSED EXPLAINED),
		    db_value(admin,
			PASSED "oat.explain('oat-acme-ci', 'web-1', 'sshd', "
			       "'10.1.2.3')"));
	}
}

static void
test_host_explain_agrees_with_the_login_about_addresses(void)
{
	static const char *const rhosts[] = { "192.0.2.7", "10.1.2.3",
		"bastion.example.org", "::ffff:192.0.2.7", "-", "" };
	const char *decided;
	size_t i;

	db_run(admin, "update oat.tokens set allowed_from = '{192.0.2.0/24}'");
	for (i = 0; i < sizeof(rhosts) / sizeof(rhosts[0]); i++) {
		decided =
		    fixture_decide(web, .selector = ci, .rhost = rhosts[i]);
		OAT_ASSERT_TEXT(
		    db_value(web,
			"select case when passed then 'allowed' else "
			"replace(detail, 'refused: ', '') end from "
			"oat.host_explain('oat-acme-ci', 'sshd', '%s') "
			"where check_name = 'allowed'",
			rhosts[i]),
		    decided);
	}
	/* A name where an address belongs is not mended in the database. */
	db_expect(web, "f|null",
	    "select passed, fix from oat.host_explain('oat-acme-ci', 'sshd', "
	    "'bastion.example.org') where check_name = 'address_not_allowed'");
}

/* A login of elsewhere and one of nowhere are told apart by nothing. */
static void
test_host_explain_case_58_is_silent_about_logins_of_other_hosts(void)
{
	const char *nowhere = told_of("oat-none-ci");

	fixture_organization(admin, "globex");
	fixture_token(admin, "globex", "ci");
	fixture_grant(admin, "globex", "ci", "db-*", "*");
	fixture_token(admin, "acme", "idle");
	OAT_ASSERT_TEXT(told_of("oat-globex-ci"), nowhere);
	OAT_ASSERT_TEXT(told_of("oat-acme-idle"), nowhere);
	OAT_ASSERT_THAT(
	    strstr(nowhere, "refused: unknown_token") != NULL, "%s", nowhere);
	OAT_ASSERT_THAT(
	    strstr(nowhere, "from oat.explain('LOGIN', 'web-1', 'sshd')") !=
		NULL,
	    "%s", nowhere);
}

/* What the token may elsewhere, and did there, is in no word. */
static void
test_host_explain_case_58_has_no_word_about_other_hosts(void)
{
	PGconn *vault = fixture_host(admin, "vault-9", "{}");
	char *rows;

	fixture_grant(admin, "acme", "ci", "vault-*", "cron");
	db_run(admin, "insert into oat.allowances values "
		      "('acme', 'web-1', 'sshd'), ('acme', 'vault-9', '*')");
	fixture_expect(vault, "allowed", .event = "access", .service = "cron");
	fixture_force(root, "update oat.activity set at = '2021-02-03' "
			    "where host = 'vault-9'; "
			    "update oat.tokens set max_idle = '1 day', "
			    "created_at = '2020-01-01'");
	rows = db_value(web, "select string_agg(h::text, ' ') from "
			     "oat.host_explain('oat-acme-ci', 'cron', null) h");
	OAT_ASSERT_THAT(strstr(rows, "vault") == NULL, "%s", rows);
	OAT_ASSERT_THAT(strstr(rows, "2021") == NULL, "%s", rows);
	OAT_ASSERT_THAT(strstr(rows, ci) == NULL, "%s", rows);
	OAT_ASSERT_THAT(
	    strstr(rows, "grants here: sshd, sudo") != NULL, "%s", rows);
	OAT_ASSERT_THAT(
	    strstr(rows, "allowances here: sshd") != NULL, "%s", rows);
}

/* Served once, then without any grant: the files here are its own still. */
static void
test_host_explain_knows_whom_it_was_served(void)
{
	db_run(web, "select * from oat.host_identities(0, 0)");
	db_run(admin, "delete from oat.grants");
	db_expect(web, "t|f",
	    "select (select passed from " EXPLAINED
	    " where check_name = 'unknown_token'), (select passed "
	    "from " EXPLAINED " where check_name = 'host_not_granted')");
}

static void
test_host_explain_is_for_hosts_alone(void)
{
	remove_host();
	db_refused(web, OAT_NOT_A_HOST, "select * from " EXPLAINED);
	db_refused(fixture_role(root, "bob", "oat_admin"), NO_PRIVILEGE,
	    "select * from " EXPLAINED);
}

static void
test_host_explain_case_59_any_text_is_no_error(void)
{
	static const char *const texts[] = { "", "'", "\\", "\xc3\xa4", "%s%n",
		NULL };
	const char *values[3];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		values[0] = values[1] = values[2] = texts[i];
		OAT_ASSERT_TEXT(
		    db_try(web, "select * from oat.host_explain($1, $2, $3)", 3,
			values),
		    OK);
	}
	db_expect(web, "t",
	    "select max(length(h::text)) < 2000 from oat.host_explain("
	    "repeat('x', 1000000), repeat('y', 1000000), "
	    "repeat('z', 1000000)) h");
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_health_of_an_enrolled_host_has_its_name_and_nothing_to_mend),
	OAT_TEST(
	    test_health_schema_version_is_the_newest_migration_and_the_programs),
	OAT_TEST(test_health_of_a_suspended_host_says_since_when),
	OAT_TEST(test_health_of_a_role_that_is_no_host_is_no_error),
	OAT_TEST(
	    test_health_rights_beyond_a_hosts_are_named_and_can_be_taken_away),
	OAT_TEST(test_host_explain_passes_where_explain_does),
	OAT_TEST(test_host_explain_agrees_with_the_login_about_addresses),
	OAT_TEST(
	    test_host_explain_case_58_is_silent_about_logins_of_other_hosts),
	OAT_TEST(test_host_explain_case_58_has_no_word_about_other_hosts),
	OAT_TEST(test_host_explain_knows_whom_it_was_served),
	OAT_TEST(test_host_explain_is_for_hosts_alone),
	OAT_TEST(test_host_explain_case_59_any_text_is_no_error),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "health", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
