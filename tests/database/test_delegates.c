/* SPDX-License-Identifier: MIT */
/* People who look after one organization see and touch that one alone. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *web, *ann;
static char *ci;

/* ann may do `may` for acme; acme may use sshd and sudo on web-*. */
static void
delegate(const char *may)
{
	db_run(admin,
	    "insert into oat.delegates (organization, role, may) "
	    "values ('acme', 'ann', '%s')",
	    may);
}

static void
begin(void)
{
	oat_cluster_begin();
	admin = fixture_admin();
	web = fixture_acme(admin, &ci);
	db_run(admin, "insert into oat.allowances values "
		      "('acme', 'web-*', 'sshd'), ('acme', 'web-*', 'sudo')");
	fixture_organization(admin, "other");
	fixture_token(admin, "other", "secretname");
	fixture_grant(admin, "other", "secretname", "web-1", "sshd");
	fixture_decide(web, .selector = ci);
	fixture_decide(web, .event = "access", .login = "oat-other-secretname");
	ann = fixture_role(db_connect("postgres"), "ann", "oat_delegate");
}

static void
test_delegates_gui_statements_work(void)
{
	delegate("{admin}");
	db_run(ann, "select * from oat.tokens");
	db_run(ann,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'gui', '%s') returning *",
	    fixture_verifier());
	db_run(ann, "update oat.tokens set description = 'd' "
		    "where name = 'gui' returning *");
	db_run(ann, "insert into oat.grants values "
		    "('acme', 'gui', 'web-1', 'sshd') returning *");
	db_run(ann, "select * from oat.tokens t join oat.grants g on "
		    "(g.organization, g.token) = (t.organization, t.name)");
	db_run(ann, "select * from oat.token_status");
	db_run(ann, "delete from oat.tokens where name = 'gui' returning *");
	db_expect(admin, "ann",
	    "select actor from oat.activity "
	    "where event = 'token.deleted'");
}

static void
test_delegates_cannot_raise_their_own_rights(void)
{
	static const char *const statements[] = {
		"insert into oat.delegates (organization, role, may) "
		"values ('other', 'ann', '{admin}')",
		"update oat.delegates set may = '{admin,rotate,revoke}'",
		"update oat.delegates set organization = 'other'",
		"delete from oat.delegates",
		"insert into oat.allowances values ('acme', '*', '*')",
		"update oat.allowances set host = '*'",
		"delete from oat.allowances",
		"update oat.organizations set plan = 'business'",
		"update oat.organizations set max_lifetime = null",
		"update oat.organizations set suspended_at = null",
		"delete from oat.organizations",
		"insert into oat.organizations (name) values ('third')",
		"insert into oat.hosts (name, role) values ('x', 'oat_x')",
		"update oat.hosts set labels = '{prod}'",
		"select oat.enroll_host('web-9')",
		"update oat.tokens set login = 'oat-acme-root'",
		"update oat.tokens set uid = 70999",
		"update oat.plans set max_tokens = null",
		"update oat.settings set value = '70000-70001'",
		"select * from oat.secrets",
		"select oat.host_verifier('aaaaaaaaaaaa')",
		"insert into oat.activity (actor, event) values ('a', 'login')",
		"set role oat_owner",
		"set role oat_admin",
		"set session authorization alice",
		"set row_security = off; select * from oat.tokens",
	};
	PGresult *result;
	size_t i;

	delegate("{admin,rotate,revoke,audit}");
	for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		result = PQexec(ann, statements[i]);
		OAT_ASSERT_THAT(PQresultStatus(result) == PGRES_FATAL_ERROR ||
				    strcmp(PQcmdTuples(result), "0") == 0,
		    "%s", statements[i]);
		PQclear(result);
	}
	db_expect(admin, "{admin,audit,revoke,rotate}|unlimited|2|1",
	    "select may, plan, (select count(*) from oat.allowances), "
	    "(select count(*) from oat.delegates) from oat.delegates d "
	    "join oat.organizations o on o.name = d.organization");
}

static void
test_delegates_grant_beyond_allowance_refused_with_its_name(void)
{
	delegate("{admin}");
	db_run(ann, "insert into oat.grants values "
		    "('acme', 'ci', 'web-2', 'sshd')");
	db_run(ann, "insert into oat.grants values "
		    "('acme', 'ci', 'web-*', 'sudo')");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "insert into oat.grants values "
	    "('acme', 'ci', 'db', 'sshd')");
	db_error_says("web-*");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "insert into oat.grants values "
	    "('acme', 'ci', 'web-1', 'su')");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "insert into oat.grants values "
	    "('acme', 'ci', '*', 'sshd')");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "insert into oat.grants values "
	    "('acme', 'ci', 'web-1', '*')");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "insert into oat.grants values "
	    "('acme', 'ci', '@prod', 'sshd')");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "update oat.grants set host = 'db' where host = 'web-2'");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "select oat.create_token("
	    "'acme', 'x', '%s', '{db}', '{sshd}')",
	    fixture_verifier());
	db_expect(admin, "0",
	    "select count(*) from oat.tokens "
	    "where name = 'x'");
}

static void
test_delegates_allowance_is_a_live_ceiling(void)
{
	fixture_expect(web, "allowed", .selector = ci);
	db_run(admin, "delete from oat.allowances where service = 'sshd'");
	fixture_expect(web, "not_allowed", .selector = ci);
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo-i");
	db_run(admin, "update oat.allowances set host = '@prod', "
		      "service = '*'");
	fixture_expect(web, "not_allowed", .selector = ci);
	db_run(admin, "update oat.hosts set labels = '{prod}'");
	fixture_expect(web, "allowed", .selector = ci);
	db_run(admin, "delete from oat.allowances");
	fixture_expect(web, "allowed", .selector = ci);
}

#define ALLOW_WHAT_IS_GRANTED                                          \
	"insert into oat.allowances (organization, host, service) "    \
	"select distinct organization, host, service from oat.grants " \
	"where organization = 'other' and "                            \
	"(expires_at is null or expires_at > now())"

static void
test_delegates_need_allowances(void)
{
	db_run(admin, "create role bob");
	db_refused(admin, OAT_NO_ALLOWANCE,
	    "insert into oat.delegates (organization, role, may) "
	    "values ('other', 'bob', '{admin}')");
	/* Typed as it is said, it takes nothing away. */
	db_error_says(ALLOW_WHAT_IS_GRANTED);
	db_expect(admin, "0", "select count(*) from oat.delegates");
	/* What was granted once is not allowed for ever. */
	fixture_grant(admin, "other", "secretname", "web-1", "sudo");
	db_run(admin, "update oat.grants set expires_at = now() "
		      "where organization = 'other' and service = 'sudo'");
	db_run(admin, ALLOW_WHAT_IS_GRANTED);
	db_expect(admin, "web-1|sshd",
	    "select host, service from oat.allowances "
	    "where organization = 'other'");
	db_expect(admin, "1",
	    "select count(*) from oat.access where organization = 'other'");
	db_run(admin, "insert into oat.delegates (organization, role, may) "
		      "values ('other', 'bob', '{admin}')");
}

/* Without grants there is nothing to take. */
static void
test_delegates_need_an_allowance_of_an_organization_without_grants(void)
{
	db_run(admin, "create role bob");
	fixture_organization(admin, "fresh");
	db_refused(admin, OAT_NO_ALLOWANCE,
	    "insert into oat.delegates (organization, role, may) "
	    "values ('fresh', 'bob', '{admin}')");
	db_error_says("insert into oat.allowances values ('fresh', ");
}

/* Without any allowance an organization with delegates is closed, not open. */
static void
test_delegates_without_allowance_let_nobody_in(void)
{
	delegate("{admin}");
	db_run(admin, "delete from oat.allowances");
	fixture_expect(web, "not_allowed", .selector = ci);
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "insert into oat.grants values ('acme', 'ci', 'web-1', 'cron')");
	db_run(admin, "delete from oat.delegates");
	fixture_expect(web, "allowed", .selector = ci);
}

struct right_case {
	const char *statement, *may; /* whoever has any of these succeeds */
};

static const struct right_case right_cases[] = {
	{ "insert into oat.tokens (organization, name, verifier) values "
	  "('acme', 'new', $1)",
	    "admin" },
	{ "select oat.create_token('acme', 'new', $1, '{web-1}', '{sshd}')",
	    "admin" },
	{ "delete from oat.tokens where name = 'ci'", "admin" },
	{ "update oat.tokens set description = 'd'", "admin" },
	{ "update oat.tokens set expires_at = now() + '1 h'", "admin" },
	{ "update oat.tokens set allowed_from = '{10.0.0.0/8}'", "admin" },
	{ "insert into oat.grants values ('acme', 'ci', 'web-3', 'sshd')",
	    "admin" },
	{ "delete from oat.grants", "admin" },
	{ "update oat.tokens set verifier = $1", "admin rotate" },
	{ "select oat.rotate_token('acme', 'ci', $1, '1 h')", "admin rotate" },
	{ "update oat.tokens set deactivated_at = now()", "admin revoke" },
	{ "select oat.revoke('acme/ci')", "admin revoke" },
	{ "select oat.end_sessions('acme', 'ci')", "admin revoke" },
	{ "select 1 / (count(*) > 0)::int from oat.activity", "audit" },
	{ "select 1 / (count(*) > 0)::int from oat.tokens",
	    "admin rotate revoke audit" },
	{ "select 1 / (count(*) > 0)::int from oat.token_status",
	    "admin rotate revoke audit" },
};

static const char *const rights[] = { "admin", "rotate", "revoke", "audit" };

/* Has the statement, with a verifier for $1, an effect? Then undone. */
static int
succeeds(const char *statement)
{
	const char *verifier = fixture_verifier();
	PGresult *result;
	int done;

	PQclear(PQexec(ann, "begin"));
	result = PQexecParams(ann, statement,
	    strstr(statement, "$1") != NULL ? 1 : 0, NULL, &verifier, NULL,
	    NULL, 0);
	done = PQresultStatus(result) == PGRES_TUPLES_OK ||
	       (PQresultStatus(result) == PGRES_COMMAND_OK &&
		   strcmp(PQcmdTuples(result), "0") != 0);
	PQclear(result);
	PQclear(PQexec(ann, "rollback"));
	return done;
}

static void
test_delegates_each_right_permits_what_it_says(void)
{
	const char *statement;
	size_t i, r;

	delegate("{audit}");
	for (r = 0; r < 4; r++) {
		db_run(
		    admin, "update oat.delegates set may = '{%s}'", rights[r]);
		for (i = 0; i < sizeof(right_cases) / sizeof(right_cases[0]);
		     i++) {
			statement = right_cases[i].statement;
			OAT_ASSERT_THAT(
			    succeeds(statement) ==
				(strstr(right_cases[i].may, rights[r]) != NULL),
			    "%s: %s", rights[r], statement);
		}
	}
}

static void
test_delegates_revoked_token_is_not_reactivated_by_them(void)
{
	delegate("{revoke}");
	db_run(admin, "update oat.tokens set deactivated_at = now() "
		      "where name = 'ci'");
	CU_ASSERT_FALSE(
	    succeeds("update oat.tokens set deactivated_at = null"));
	db_run(admin, "update oat.delegates set may = '{rotate}'");
	CU_ASSERT_FALSE(
	    succeeds("update oat.tokens set deactivated_at = null"));
	db_run(admin, "update oat.delegates set may = '{admin}'");
	CU_ASSERT_TRUE(succeeds("update oat.tokens set deactivated_at = null"));
}

static void
test_delegates_lifetime_holds_for_them(void)
{
	delegate("{admin,rotate}");
	db_run(admin, "update oat.tokens set expires_at = "
		      "now() + interval '1 day' where name = 'ci'");
	db_run(admin, "update oat.organizations set max_lifetime = '90 days' "
		      "where name = 'acme'");
	db_refused(ann, OAT_LIFETIME,
	    "update oat.tokens set expires_at = "
	    "now() + interval '91 days'");
	db_refused(ann, OAT_LIFETIME,
	    "select oat.rotate_token('acme', 'ci', "
	    "'%s', '1 h', now() + interval '91 days')",
	    fixture_verifier());
}

static void
test_delegates_bad_rights_and_roles_refused(void)
{
	static const char *const may[] = { "{}", "{root}", "{admin,NULL}",
		"{Admin}", "{*}" };
	size_t i;

	for (i = 0; i < sizeof(may) / sizeof(may[0]); i++)
		db_refused(admin, NULL,
		    "insert into oat.delegates (organization, role, may) "
		    "values ('acme', 'ann', '%s')",
		    may[i]);
	db_refused(admin, NULL,
	    "insert into oat.delegates (organization, role, may) "
	    "values ('acme', 'nosuchrole', '{admin}')");
}

/* The same secret again is none, however the row is written. */
static void
test_delegates_with_rotate_extend_nothing_without_a_new_secret(void)
{
	char *verifier = fixture_verifier();
	const char *end = "expires_at = now() + interval '90 years'";

	delegate("{rotate}");
	db_run(admin, "update oat.tokens set expires_at = now() + '1 day'");
	db_run(ann,
	    "update oat.tokens set verifier = '%s', "
	    "expires_at = now() + interval '2 days'",
	    verifier);
	db_refused(ann, OAT_NO_RIGHT,
	    "update oat.tokens set verifier = '%s', %s", verifier, end);
	db_refused(ann, OAT_NO_RIGHT,
	    "update oat.tokens set verifier = '%s', selector = 'x', %s",
	    verifier, end);
	db_refused(ann, OAT_NO_RIGHT, "update oat.tokens set %s", end);
	/* A script that runs again. */
	db_run(ann, "update oat.tokens set verifier = '%s'", verifier);
	db_expect(admin, "t|1",
	    "select max(expires_at) < now() + interval '3 days', "
	    "(select count(*) from oat.activity where event = "
	    "'token.rotated') from oat.tokens where organization = 'acme'");
}

/* Bodies of functions are read as the session says. */
static void
test_delegates_gain_nothing_by_settings(void)
{
	delegate("{admin}");
	db_run(admin, "insert into oat.allowances values "
		      "('acme', '*.prod.example', 'sshd')");
	db_run(ann, "set standard_conforming_strings = off");
	db_run(ann, "set escape_string_warning = off");
	db_run(ann, "insert into oat.grants values "
		    "('acme', 'ci', 'a.prod.example', 'sshd')");
	db_refused(ann, OAT_BEYOND_ALLOWANCE,
	    "insert into oat.grants values "
	    "('acme', 'ci', 'a.prodxexample', 'sshd')");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_delegates_gui_statements_work),
	OAT_TEST(test_delegates_cannot_raise_their_own_rights),
	OAT_TEST(test_delegates_grant_beyond_allowance_refused_with_its_name),
	OAT_TEST(test_delegates_allowance_is_a_live_ceiling),
	OAT_TEST(test_delegates_need_allowances),
	OAT_TEST(
	    test_delegates_need_an_allowance_of_an_organization_without_grants),
	OAT_TEST(test_delegates_without_allowance_let_nobody_in),
	OAT_TEST(test_delegates_each_right_permits_what_it_says),
	OAT_TEST(test_delegates_revoked_token_is_not_reactivated_by_them),
	OAT_TEST(test_delegates_lifetime_holds_for_them),
	OAT_TEST(test_delegates_bad_rights_and_roles_refused),
	OAT_TEST(
	    test_delegates_with_rotate_extend_nothing_without_a_new_secret),
	OAT_TEST(test_delegates_gain_nothing_by_settings),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "delegates", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
