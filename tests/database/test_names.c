/* SPDX-License-Identifier: MIT */
/* What organizations, tokens, hosts, labels and services may be called. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#define A16 "abcdefghijklmnop"
#define A63 "a12345678901234567890123456789012345678901234567890123456789012"

/* Each of these, in a statement with one $1, must be refused by name. */
static void
refuse_all(PGconn *conn, const char *sql, const char *const bad[])
{
	const char *sqlstate;

	for (; *bad != NULL; bad++) {
		sqlstate = db_try(conn, sql, 1, bad);
		OAT_ASSERT_THAT(strcmp(sqlstate, OAT_BAD_NAME) == 0,
		    "%s for \"%s\" in %s", sqlstate, *bad, sql);
	}
}

static void
accept_all(PGconn *conn, const char *sql, const char *const good[])
{
	const char *sqlstate;

	for (; *good != NULL; good++) {
		sqlstate = db_try(conn, sql, 1, good);
		OAT_ASSERT_THAT(strcmp(sqlstate, OK) == 0,
		    "%s for \"%s\" in %s", sqlstate, *good, sql);
	}
}

static void
test_names_organization_within_grammar_accepted(void)
{
	static const char *const good[] = { "ab", "a0", A16, "sudos", "user",
		"acme", NULL };

	accept_all(fixture_admin(),
	    "insert into oat.organizations (name) values ($1)", good);
}

static void
test_names_organization_outside_grammar_refused(void)
{
	static const char *const bad[] = { "", "a", A16 "q", "Acme", "1acme",
		"ac-me", "ac_me", "acme\n", "\nacme", " acme", "ac me", "ac.me",
		"acm\xc3\xa9", "root:x", "$(id)", NULL };
	PGconn *conn = fixture_admin();

	refuse_all(
	    conn, "insert into oat.organizations (name) values ($1)", bad);
	db_expect(conn, "0", "select count(*) from oat.organizations");
}

static void
test_names_organization_reserved_refused(void)
{
	static const char *const bad[] = { "sudo", "users", NULL };

	refuse_all(fixture_admin(),
	    "insert into oat.organizations (name) values ($1)", bad);
	db_error_says("users");
}

static const char insert_token[] =
    "insert into oat.tokens (organization, name, verifier) values ('acme', $1,"
    " 'sel' || substr(md5($1), 1, 9) || "
    "'$argon2id$v=19$m=7168,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')";

static void
test_names_token_within_grammar_accepted(void)
{
	static const char *const good[] = { "c", "0", "ci", "a-b", "a-b-c",
		"0-0", "web01", NULL };
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	accept_all(conn, insert_token, good);
	db_expect(conn, "oat-acme-a-b-c",
	    "select login from oat.tokens where name = 'a-b-c'");
}

static void
test_names_token_outside_grammar_refused(void)
{
	static const char *const bad[] = { "", "-", "-a", "a-", "a--b", "Ci",
		"a_b", "a b", "ci\n", "a.b", "a/b", "../a", "a:b", "\xc3\xa9",
		"ci'", NULL };
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	refuse_all(conn, insert_token, bad);
	db_expect(conn, "0", "select count(*) from oat.tokens");
}

static void
test_names_login_of_32_accepted(void)
{
	static const char *const good[] = { "a2345678901234567890123", NULL };
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	accept_all(conn, insert_token, good);
	db_expect(conn, "32|oat-acme-a2345678901234567890123",
	    "select length(login), login from oat.tokens");
}

static void
test_names_case_48_login_of_33_refused_with_room_left(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	db_refused(conn, OAT_LONG_LOGIN,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'a23456789012345678901234', '%s')",
	    fixture_verifier());
	db_error_says("23");
	db_error_says("acme");
	fixture_organization(conn, A16);
	db_refused(conn, OAT_LONG_LOGIN,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('" A16 "', 'a23456789012', '%s')",
	    fixture_verifier());
	db_error_says("11");
	fixture_token(conn, A16, "a2345678901");
	db_expect(conn, "1", "select count(*) from oat.tokens");
}

static void
test_names_case_48_login_given_by_hand_never_used(void)
{
	static const char *const logins[] = { "root", "oat-A", "oat-acme-root",
		"oat-other-ci", "oat-acme-ci\n", NULL };
	const char *const *login;
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	for (login = logins; *login != NULL; login++)
		(void)db_try(conn,
		    db_text("insert into oat.tokens "
			    "(organization, name, login, verifier) "
			    "values ('acme', 'ci', $1, '%s')",
			fixture_verifier()),
		    1, login);
	db_expect(conn, "0",
	    "select count(*) from oat.tokens where login <> 'oat-acme-ci'");
	(void)db_try(conn, insert_token, 1, (const char *const[]){ "ci2" });
	for (login = logins; *login != NULL; login++)
		(void)db_try(conn,
		    "update oat.tokens set login = $1 where name = 'ci2'", 1,
		    login);
	db_expect(conn, "oat-acme-ci2",
	    "select login from oat.tokens where name = 'ci2'");
}

static void
test_names_token_renamed_or_moved_refused(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_organization(conn, "other");
	fixture_token(conn, "acme", "ci");
	db_refused(conn, OAT_IMMUTABLE, "update oat.tokens set name = 'cd'");
	db_refused(conn, OAT_IMMUTABLE,
	    "update oat.tokens set organization = 'other'");
	db_refused(conn, OAT_IMMUTABLE,
	    "update oat.organizations set name = 'acne' where name = 'acme'");
	db_refused(
	    conn, OAT_IMMUTABLE, "update oat.tokens set login = 'oat-acme-cd'");
	db_error_says("acme/ci");
	db_expect(conn, "acme|ci|oat-acme-ci",
	    "select organization, name, login from oat.tokens");
}

static void
test_names_unchanged_columns_written_back_accepted(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	db_run(conn,
	    "update oat.tokens set (organization, name, login, uid, selector, "
	    "verifier, shell, created_at, created_by, rotated_at, rotated_by, "
	    "description) = (select organization, name, login, uid, selector, "
	    "verifier, shell, created_at, created_by, rotated_at, rotated_by, "
	    "'edited in a grid' from oat.tokens)");
	db_expect(conn, "edited in a grid|oat-acme-ci",
	    "select description, login from oat.tokens");
}

static void
test_names_host_within_grammar_accepted(void)
{
	static const char *const good[] = { "a", "web-1", "db.example.org", "0",
		"a1234567890123456789012345678901234567890123456789012345678",
		NULL };

	accept_all(fixture_admin(), "select oat.enroll_host($1)", good);
}

static void
test_names_host_outside_grammar_refused(void)
{
	static const char *const bad[] = { "", "Web-1", "web_1", "web 1",
		"web-1\n", "web*", "@web", "web\"; drop table x; --",
		"w\xc3\xa9",
		"a12345678901234567890123456789012345678901234567890123456789",
		NULL };
	PGconn *conn = fixture_admin();

	refuse_all(conn, "select oat.enroll_host($1)", bad);
	db_expect(conn, "0", "select count(*) from oat.hosts");
	db_expect(conn, "0",
	    "select count(*) from pg_auth_members m join pg_roles r "
	    "on r.oid = m.roleid join pg_roles u on u.oid = m.member "
	    "where r.rolname = 'oat_host' and u.rolname like 'oat\\_%%'");
}

static void
test_names_label_within_grammar_accepted(void)
{
	static const char *const good[] = { "{}", "{prod}", "{a,b.c,d_e,f-g,0}",
		"{" A63 "}", NULL };

	accept_all(fixture_admin(),
	    "select oat.enroll_host('web-1', $1::text[])", good);
}

static void
test_names_label_outside_grammar_refused(void)
{
	static const char *const bad[] = { "{\"\"}", "{Prod}", "{@prod}",
		"{\"a b\"}", "{-a}", "{.a}", "{" A63 "4}", "{\"a\n\"}",
		"{ok,NULL}", "{a*}", NULL };
	PGconn *conn = fixture_admin();

	refuse_all(conn, "select oat.enroll_host('web-1', $1::text[])", bad);
	db_run(conn, "select oat.enroll_host('web-1')");
	refuse_all(conn, "update oat.hosts set labels = $1::text[]", bad);
}

static void
test_names_grant_within_grammar_accepted(void)
{
	static const char *const hosts[] = { "web-1", "web-*", "*", "@prod",
		"w?b*", "web-?.example.org", "@" A63, "?", NULL };
	static const char *const services[] = { "sshd", "*", "sudo", "sudo-i",
		"su-l", "cron", "X.y_z-0", A63 "4", NULL };
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	accept_all(conn,
	    "insert into oat.grants values ('acme', 'ci', $1, 'cron')", hosts);
	accept_all(conn,
	    "insert into oat.grants values ('acme', 'ci', 'w', $1)", services);
}

static void
test_names_grant_outside_grammar_refused(void)
{
	static const char *const hosts[] = { "", "@", "@Prod", "@a b", "WEB",
		"web-1 ", "web-1\n", "web-[12]", "web-%", "web_1", "@prod*",
		"@" A63 "4", NULL };
	static const char *const services[] = { "", "-a", ".a", "a b", "ss*",
		"a/b", "../x", "sshd\n", A63 "45", "@a", "\xc3\xa9", NULL };
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	refuse_all(conn,
	    "insert into oat.grants values ('acme', 'ci', $1, 'cron')", hosts);
	refuse_all(conn,
	    "insert into oat.grants values ('acme', 'ci', 'w', $1)", services);
	refuse_all(conn,
	    "insert into oat.allowances values ('acme', $1, 'cron')", hosts);
	refuse_all(conn, "insert into oat.allowances values ('acme', 'w', $1)",
	    services);
	db_expect(conn, "0|0",
	    "select (select count(*) from oat.grants), "
	    "(select count(*) from oat.allowances)");
}

static void
test_names_case_47_group_outside_grammar_refused(void)
{
	static const char *const bad[] = { "{\"\"}", "{-a}", "{a-}", "{a--b}",
		"{A}", "{a_b}", "{\"a b\"}", "{\"a\n\"}", "{\"a:b\"}", "{NULL}",
		"{a,\"a,b\"}", "{abcdefghijklmnopqrstuvwxyz1}", NULL };
	static const char *const good[] = { "{}", "{deploy}", "{a-b,c}",
		"{abcdefghijklmnopqrstuvwxyz}", "{sudo}", "{wheel,docker}",
		NULL };
	PGconn *conn = fixture_admin();

	fixture_acme(conn, NULL);
	refuse_all(conn, "update oat.grants set groups = $1::text[]", bad);
	accept_all(conn, "update oat.grants set groups = $1::text[]", good);
	/* However called, on a host it is oat-g-<name>, never the host's. */
	db_expect(db_connect("oat_web-1"), "oat-g-docker,oat-g-wheel",
	    "select string_agg(name, ',' order by name) "
	    "from oat.host_identities(0, 0) "
	    "where kind = 'group' and name ~ 'docker|wheel'");
}

static void
test_names_description_at_200_accepted_above_refused(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	db_run(conn, "update oat.tokens set description = repeat('d', 200)");
	db_refused(conn, OAT_BAD_NAME,
	    "update oat.tokens set description = repeat('d', 201)");
}

static void
test_names_case_49_shell_with_anything_but_a_path_refused(void)
{
	static const char *const bad[] = { "", "sh", "bin/sh", "/bin/s:h",
		"/bin/sh\n", "/bin/s h\t", "/bin/sh\x01", NULL };
	static const char *const good[] = { "/bin/sh", "/usr/bin/zsh",
		"/usr/sbin/nologin", NULL };
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	db_expect(conn, "/bin/sh", "select shell from oat.tokens");
	refuse_all(conn, "update oat.tokens set shell = $1", bad);
	accept_all(conn, "update oat.tokens set shell = $1", good);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_names_organization_within_grammar_accepted),
	OAT_TEST(test_names_organization_outside_grammar_refused),
	OAT_TEST(test_names_organization_reserved_refused),
	OAT_TEST(test_names_token_within_grammar_accepted),
	OAT_TEST(test_names_token_outside_grammar_refused),
	OAT_TEST(test_names_login_of_32_accepted),
	OAT_TEST(test_names_case_48_login_of_33_refused_with_room_left),
	OAT_TEST(test_names_case_48_login_given_by_hand_never_used),
	OAT_TEST(test_names_token_renamed_or_moved_refused),
	OAT_TEST(test_names_unchanged_columns_written_back_accepted),
	OAT_TEST(test_names_host_within_grammar_accepted),
	OAT_TEST(test_names_host_outside_grammar_refused),
	OAT_TEST(test_names_label_within_grammar_accepted),
	OAT_TEST(test_names_label_outside_grammar_refused),
	OAT_TEST(test_names_grant_within_grammar_accepted),
	OAT_TEST(test_names_grant_outside_grammar_refused),
	OAT_TEST(test_names_case_47_group_outside_grammar_refused),
	OAT_TEST(test_names_description_at_200_accepted_above_refused),
	OAT_TEST(test_names_case_49_shell_with_anything_but_a_path_refused),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "names", oat_cluster_start, NULL, oat_cluster_begin, oat_cluster_end,
	    tests },
	CU_SUITE_INFO_NULL,
};
