/* SPDX-License-Identifier: MIT */
/* Row-level security: what those of one organization learn of another. */
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
test_isolation_see_their_organization_alone(void)
{
	static const char *const tables[] = { "tokens", "grants",
		"organizations", "allowances", "activity", "token_status",
		"access", "usage_daily", "delegates", "secret_owners",
		"host_status" };
	size_t i;

	delegate("{admin,rotate,revoke,audit}");
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		db_expect(ann, "0",
		    "select count(*) from oat.%s x "
		    "where x::text like '%%other%%' "
		    "or x::text like '%%secretname%%'",
		    tables[i]);
		OAT_ASSERT_THAT(strcmp(db_value(ann,
					   "select count(*) > 0 "
					   "from oat.%s",
					   tables[i]),
				    "t") == 0,
		    "%s", tables[i]);
	}
	db_expect(ann, "0",
	    "select count(*) from oat.expiring('100 years') e "
	    "where e::text like '%%other%%'");
	db_expect(ann, "0",
	    "select count(*) from oat.activity "
	    "where organization is distinct from 'acme'");
}

static void
test_isolation_without_a_row_see_nothing(void)
{
	static const char *const tables[] = { "tokens", "grants",
		"organizations", "allowances", "activity", "token_status",
		"access", "usage_daily", "delegates", "secret_owners",
		"host_status" };
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		db_expect(ann, "0", "select count(*) from oat.%s", tables[i]);
	db_refused(ann, NULL,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'x', '%s')",
	    fixture_verifier());
}

static void
test_isolation_case_58_other_rows_cannot_be_touched(void)
{
	delegate("{admin,rotate,revoke,audit}");
	db_expect(ann, "",
	    "update oat.tokens set description = 'mine' "
	    "where organization = 'other' returning 1");
	db_expect(ann, "",
	    "delete from oat.tokens "
	    "where organization = 'other' returning 1");
	db_expect(ann, "",
	    "delete from oat.grants "
	    "where organization = 'other' returning 1");
	db_refused(ann, NULL,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('other', 'x', '%s')",
	    fixture_verifier());
	db_refused(ann, NULL,
	    "insert into oat.grants values "
	    "('other', 'secretname', 'web-1', 'sudo')");
	db_refused(ann, NULL, "update oat.tokens set organization = 'other'");
	db_refused(ann, NULL,
	    "select oat.rotate_token('other', 'secretname', '%s', '1 h')",
	    fixture_verifier());
	db_refused(ann, NULL, "select oat.revoke('other/secretname')");
	db_refused(ann, NULL, "select oat.revoke('oat-other-secretname')");
	db_refused(ann, NULL,
	    "select oat.create_token('other', 'x', '%s', "
	    "'{web-1}', '{sshd}')",
	    fixture_verifier());
	db_expect(admin, "1|active",
	    "select count(*), min(status) "
	    "from oat.token_status where organization = 'other'");
}

/* What exists elsewhere and what does not must look the same. */
static void
test_isolation_case_58_errors_tell_nothing_of_others(void)
{
	static const char *const pairs[][2] = {
		{ "insert into oat.grants values "
		  "('other', 'secretname', 'web-1', 'su')",
		    "insert into oat.grants values "
		    "('nosuch', 'secretname', 'web-1', 'su')" },
		{ "insert into oat.grants values "
		  "('other', 'secretname', 'web-1', 'su')",
		    "insert into oat.grants values "
		    "('other', 'nosuch', 'web-1', 'su')" },
		{ "select oat.revoke('other/secretname')",
		    "select oat.revoke('other/nosuch')" },
		{ "select oat.end_sessions('other', 'secretname')",
		    "select oat.end_sessions('other', 'nosuch')" },
	};
	const char *there, *missing;
	size_t i;

	delegate("{admin,rotate,revoke,audit}");
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		there = db_text("%s", db_try(ann, pairs[i][0], 0, NULL));
		db_error_hides("oat-other");
		missing = db_try(ann, pairs[i][1], 0, NULL);
		OAT_ASSERT_TEXT(there, missing);
		OAT_ASSERT_THAT(strcmp(there, OK) != 0, "%s", pairs[i][0]);
	}
}

/* A function in WHERE sees rows before the policy does, unless we take care. */
static void
test_isolation_case_58_functions_in_where_see_no_other_rows(void)
{
	static const char *const relations[] = { "tokens", "grants", "activity",
		"token_status", "access", "usage_daily", "secret_owners" };
	size_t i;

	delegate("{admin,audit}");
	db_run(ann, "create function pg_temp.leak(text) returns boolean "
		    "language plpgsql cost 0.0000001 as $$ begin "
		    "if $1 ~ 'other|secretname' then raise 'leaked'; end if; "
		    "return true; end $$");
	for (i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
		db_run(ann,
		    "select * from oat.%s x where "
		    "pg_temp.leak(x.organization) and pg_temp.leak(x::text)",
		    relations[i]);
}

/* When, where and from what address somebody came in is for `audit`. */
static void
test_isolation_history_is_for_audit_alone(void)
{
	static const char *const relations[] = { "activity", "typed",
		"usage_daily", "secret_owners", "host_status" };
	size_t i;

	delegate("{admin,rotate,revoke}");
	for (i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
		db_expect(
		    ann, "0", "select count(*) from oat.%s", relations[i]);
	db_run(admin, "update oat.delegates set may = '{audit}'");
	for (i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
		db_expect(
		    ann, "t", "select count(*) > 0 from oat.%s", relations[i]);
}

static void
test_isolation_role_of_two_organizations_sees_both(void)
{
	delegate("{admin}");
	db_run(admin, "insert into oat.allowances values ('other', '*', '*')");
	db_run(admin, "insert into oat.delegates (organization, role, may) "
		      "values ('other', 'ann', '{audit}')");
	db_expect(ann, "acme,other",
	    "select string_agg(distinct "
	    "organization, ',') from oat.tokens");
	db_expect(ann, "",
	    "update oat.tokens set description = 'x' "
	    "where organization = 'other' returning 1");
	db_expect(ann, "other",
	    "select string_agg(distinct organization, ',')"
	    " from oat.activity");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_isolation_see_their_organization_alone),
	OAT_TEST(test_isolation_without_a_row_see_nothing),
	OAT_TEST(test_isolation_role_of_two_organizations_sees_both),
	OAT_TEST(test_isolation_history_is_for_audit_alone),
	OAT_TEST(test_isolation_case_58_other_rows_cannot_be_touched),
	OAT_TEST(test_isolation_case_58_errors_tell_nothing_of_others),
	OAT_TEST(test_isolation_case_58_functions_in_where_see_no_other_rows),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "isolation", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
