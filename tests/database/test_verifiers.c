/* SPDX-License-Identifier: MIT */
/* Only what oat mint prints is taken, and it can never be read back. */
#include "cluster.h"
#include "common/verifier.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <stdlib.h>

#define SELECTOR "abcdefghijkl"
#define SALT7 "AAAAAAAAAA" /* base64 of 7 bytes, and so on */
#define SALT8 "AAAAAAAAAAA"
#define SALT16 "AAAAAAAAAAAAAAAAAAAAAA"
#define HASH15 "AAAAAAAAAAAAAAAAAAAA"
#define SALT48 HASH15 HASH15 HASH15 "AAAA"
#define HASH16 SALT16
#define HASH32 HASH15 HASH15 "AAA"
#define HASH64 HASH15 HASH15 HASH15 HASH15 "AAAAAA"
#define PARAMETERS "$argon2id$v=19$m=7168,t=5,p=1$"
#define REST "$" SALT16 "$" HASH32
#define GOOD SELECTOR PARAMETERS SALT16 "$" HASH32
#define WITH(parameters) SELECTOR "$argon2id$v=19$" parameters REST

static const char *const malformed[] = {
	"",
	" ",
	"x",
	SELECTOR,
	/* the token itself, pasted where the verifier belongs */
	"oat_abcdefghijkl_0123456789abcdefghijklmnopqrstuv0abcde",
	/* the PHC string without its selector, and wrong selectors */
	PARAMETERS SALT16 "$" HASH32,
	"abcdefghijk" PARAMETERS SALT16 "$" HASH32,
	"abcdefghijklm" PARAMETERS SALT16 "$" HASH32,
	"abcdefghijk-" PARAMETERS SALT16 "$" HASH32,
	"abcdefghij\xc3\xa9" PARAMETERS SALT16 "$" HASH32,
	/* other functions, versions */
	SELECTOR "$argon2i$v=19$m=7168,t=5,p=1" REST,
	SELECTOR "$argon2d$v=19$m=7168,t=5,p=1" REST,
	SELECTOR "$ARGON2ID$v=19$m=7168,t=5,p=1" REST,
	SELECTOR "$argon2id$v=16$m=7168,t=5,p=1" REST,
	SELECTOR "$argon2id$v=18$m=7168,t=5,p=1" REST,
	SELECTOR "$argon2id$v=20$m=7168,t=5,p=1" REST,
	SELECTOR "$argon2id$m=7168,t=5,p=1" REST,
	SELECTOR "$2y$10$abcdefghijklmnopqrstuv",
	/* parameters just outside, and far */
	WITH("m=7,t=5,p=1"),
	WITH("m=15,t=5,p=2"),
	WITH("m=31,t=5,p=4"),
	WITH("m=65537,t=5,p=1"),
	WITH("m=4194304,t=5,p=1"),
	WITH("m=4294974464,t=5,p=1"),
	WITH("m=99999999999999999999999,t=5,p=1"),
	WITH("m=7168,t=0,p=1"),
	WITH("m=7168,t=9,p=1"),
	WITH("m=7168,t=4294967295,p=1"),
	WITH("m=7168,t=5,p=0"),
	WITH("m=7168,t=5,p=5"),
	WITH("m=7168,t=5,p=255"),
	/* numbers written otherwise */
	WITH("m=07168,t=5,p=1"),
	WITH("m=+7168,t=5,p=1"),
	WITH("m=-7168,t=5,p=1"),
	WITH("m=7168.0,t=5,p=1"),
	WITH("m=0x1c00,t=5,p=1"),
	WITH("m=,t=5,p=1"),
	WITH("t=5,m=7168,p=1"),
	WITH("m=7168,t=5"),
	WITH("m=7168,t=5,p=1,keyid=AA"),
	WITH("m=7168, t=5, p=1"),
	/* salt and hash just outside, not base64, with spare bits */
	SELECTOR PARAMETERS SALT7 "$" HASH32,
	SELECTOR PARAMETERS "$" HASH32,
	SELECTOR PARAMETERS SALT48 "AA$" HASH32,
	SELECTOR PARAMETERS SALT16 "$AAAAAA",
	SELECTOR PARAMETERS SALT16 "$" HASH15,
	SELECTOR PARAMETERS SALT16 "$" HASH64 "A",
	SELECTOR PARAMETERS SALT16 "$" HASH64 "AA",
	SELECTOR PARAMETERS SALT16 "$",
	SELECTOR PARAMETERS SALT16,
	SELECTOR PARAMETERS SALT16 "==$" HASH32 "=",
	SELECTOR PARAMETERS "AAAAAAAAAAAAAAAAAAAAAB$" HASH32,
	SELECTOR PARAMETERS SALT16 "$" HASH15 HASH15 "AAB",
	SELECTOR PARAMETERS "AAAAAAAAAA-_AAAAAAAAAA$" HASH32,
	SELECTOR PARAMETERS "AAAAAAAAAA AAAAAAAAAAA$" HASH32,
	/* something before or after */
	" " GOOD,
	GOOD " ",
	GOOD "\n",
	GOOD "\n" GOOD,
	GOOD "$",
	GOOD "$x",
	"\xef\xbb\xbf" GOOD,
	NULL,
};

static const char *const accepted[] = {
	GOOD,
	"000000000000" PARAMETERS SALT16 "$" HASH32,
	"zZ9aA0zZ9aA0" PARAMETERS SALT16 "$" HASH32,
	WITH("m=8,t=1,p=1"),
	WITH("m=16,t=1,p=2"),
	WITH("m=32,t=1,p=4"),
	WITH("m=65536,t=8,p=4"),
	SELECTOR PARAMETERS SALT8 "$" HASH16,
	SELECTOR PARAMETERS SALT48 "$" HASH64,
	SELECTOR PARAMETERS "+/+/+/+/+/+/+/+/+/+/+w$" HASH32,
	NULL,
};

static const char insert_token[] =
    "insert into oat.tokens (organization, name, verifier) "
    "values ('acme', 'ci', $1)";

/* A part of the value that is telling, however the error cuts or quotes it. */
static void
assert_not_repeated(const char *value)
{
	if (strlen(value) >= 20) {
		db_error_hides(db_text("%.20s", value));
		db_error_hides(value + strlen(value) - 20);
	}
	db_error_hides("argon2i$");
	db_error_hides("AAAAAAAA");
}

static void
assert_refused(PGconn *conn, const char *sql, const char *value)
{
	const char *sqlstate = db_try(conn, sql, 1, &value);

	OAT_ASSERT_THAT(strcmp(sqlstate, OAT_BAD_VERIFIER) == 0,
	    "%s for %.200s", sqlstate, value ? value : "null");
	db_error_says("acme/ci");
	db_error_says("did oat mint run?");
	if (value != NULL)
		assert_not_repeated(value);
}

static void
test_verifiers_case_46_malformed_refused_at_insert(void)
{
	const char *const *bad;
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	for (bad = malformed; *bad != NULL; bad++)
		assert_refused(conn, insert_token, *bad);
	assert_refused(conn, insert_token, NULL);
	db_expect(conn, "0", "select count(*) from oat.tokens");
	db_expect(
	    db_connect("postgres"), "0", "select count(*) from oat.secrets");
}

static void
test_verifiers_case_46_malformed_refused_at_update(void)
{
	const char *const *bad;
	PGconn *conn = fixture_admin();
	char *selector;

	fixture_organization(conn, "acme");
	selector = fixture_token(conn, "acme", "ci");
	for (bad = malformed; *bad != NULL; bad++)
		assert_refused(
		    conn, "update oat.tokens set verifier = $1", *bad);
	db_expect(conn, selector, "select selector from oat.tokens");
}

static void
test_verifiers_case_46_malformed_refused_by_functions(void)
{
	const char *const *bad;
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	for (bad = malformed; *bad != NULL; bad++)
		assert_refused(conn,
		    "select oat.create_token('acme', 'ci', $1, '{web}', "
		    "'{sshd}')",
		    *bad);
	db_expect(conn, "0|0",
	    "select (select count(*) from oat.tokens), "
	    "(select count(*) from oat.grants)");
}

static void
test_verifiers_case_46_megabyte_refused_and_not_repeated(void)
{
	char *megabyte = malloc(1 << 20);
	PGconn *conn = fixture_admin();

	CU_ASSERT_PTR_NOT_NULL_FATAL(megabyte);
	memset(megabyte, 'Q', (1 << 20) - 1);
	megabyte[(1 << 20) - 1] = '\0';
	memcpy(megabyte, GOOD, strlen(GOOD));
	fixture_organization(conn, "acme");
	assert_refused(conn, insert_token, megabyte);
	db_error_hides("QQQQQQQQ");
	free(megabyte);
}

static void
test_verifiers_within_bounds_accepted(void)
{
	const char *const *good;
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	for (good = accepted; *good != NULL; good++) {
		db_run(conn, "begin");
		OAT_ASSERT_THAT(
		    strcmp(db_try(conn, insert_token, 1, good), OK) == 0, "%s",
		    *good);
		db_expect(conn, fixture_selector(*good),
		    "select selector from oat.tokens");
		db_run(conn, "rollback");
	}
}

/* The bounds are written in SQL and in C: they must not drift apart. */
static void
test_verifiers_bounds_agree_with_c(void)
{
	struct oat_verifier verifier;
	const char *const *text;

	for (text = malformed; *text != NULL; text++)
		OAT_ASSERT_THAT(
		    oat_verifier_parse(*text, &verifier) == OAT_INVALID, "%s",
		    *text);
	for (text = accepted; *text != NULL; text++)
		OAT_ASSERT_THAT(oat_verifier_parse(*text, &verifier) == OAT_OK,
		    "%s", *text);
}

static void
test_verifiers_read_back_as_null(void)
{
	char *verifier = fixture_verifier();
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	db_expect(conn, db_text("null|%s", fixture_selector(verifier)),
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'ci', '%s') returning verifier, selector",
	    verifier);
	db_expect(conn, "null", "select verifier from oat.tokens");
	db_expect(
	    db_connect("postgres"), "null", "select verifier from oat.tokens");
	db_expect(conn, "0",
	    "select count(*) from oat.tokens t where t::text like "
	    "'%%argon2%%'");
}

static void
test_verifiers_secrets_readable_by_nobody_but_the_owner(void)
{
	static const char *const roles[] = { "oat_admin", "oat_auditor",
		"oat_host", "oat_delegate" };
	PGconn *conn;
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		db_run(db_connect("postgres"),
		    "create role r%zu login; "
		    "grant %s to r%zu",
		    i, roles[i], i);
		conn = db_connect(db_text("r%zu", i));
		db_refused(conn, NO_PRIVILEGE, "select * from oat.secrets");
		db_refused(conn, NO_PRIVILEGE, "select 1 from oat.secrets");
		db_refused(conn, NO_PRIVILEGE, "delete from oat.secrets");
		db_refused(conn, NO_PRIVILEGE, "copy oat.secrets to stdout");
	}
}

static void
test_verifiers_selector_of_another_token_refused(void)
{
	char *verifier = fixture_verifier();
	char *thief = db_text("%.12s%s", verifier, fixture_verifier() + 12);
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	host = fixture_acme(conn, NULL);
	db_run(conn, "update oat.tokens set verifier = '%s'", verifier);
	selector = fixture_selector(verifier);
	db_refused(conn, OAT_SELECTOR_TAKEN,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'thief', '%s')",
	    thief);
	db_error_hides("argon2id");
	fixture_token(conn, "acme", "cd");
	db_refused(conn, OAT_SELECTOR_TAKEN,
	    "update oat.tokens set verifier = '%s' where name = 'cd'", thief);
	db_refused(conn, NULL,
	    "update oat.tokens set selector = '%s' where name = 'cd'",
	    selector);
	db_expect(host, verifier, "select oat.host_verifier('%s')", selector);
}

static void
test_verifiers_row_dropped_by_on_conflict_changes_no_secret(void)
{
	char *before = fixture_verifier(), *after = fixture_verifier();
	PGconn *conn = fixture_admin(), *host = fixture_acme(conn, NULL);

	db_run(conn, "update oat.tokens set verifier = '%s'", before);
	db_run(conn,
	    "insert into oat.tokens (organization, name, verifier) values "
	    "('acme', 'ci', '%s') on conflict do nothing",
	    after);
	db_expect(host, before, "select oat.host_verifier('%.12s')", before);
	db_expect(host, "null", "select oat.host_verifier('%.12s')", after);
	db_run(conn,
	    "insert into oat.tokens (organization, name, verifier) values "
	    "('acme', 'ci', '%s') on conflict (organization, name) "
	    "do update set description = 'again'",
	    after);
	db_expect(host, before, "select oat.host_verifier('%.12s')", before);
	db_expect(host, "null", "select oat.host_verifier('%.12s')", after);
}

static void
test_verifiers_rolled_back_insert_leaves_no_secret(void)
{
	char *verifier = fixture_verifier();
	PGconn *conn = fixture_admin(), *host = fixture_acme(conn, NULL);

	db_run(conn, "begin");
	db_run(conn, "update oat.tokens set verifier = '%s'", verifier);
	db_run(conn, "rollback");
	db_expect(host, "null", "select oat.host_verifier('%.12s')", verifier);
}

static void
test_verifiers_deleted_token_leaves_no_secret(void)
{
	PGconn *conn = fixture_admin();

	fixture_acme(conn, NULL);
	db_run(
	    conn, "update oat.tokens set verifier = '%s'", fixture_verifier());
	db_run(conn, "delete from oat.tokens");
	db_expect(db_connect("postgres"), "0",
	    "select count(*) from oat.secrets where verifier is not null");
}

/* Its old secret is wiped after the new one is there. */
static void
test_verifiers_of_a_token_deleted_and_made_by_one_statement_works(void)
{
	PGconn *admin = fixture_admin(), *web;
	char *old, *verifier = fixture_verifier();

	web = fixture_acme(admin, &old);
	db_run(admin, "delete from oat.grants");
	db_run(admin,
	    "with gone as (delete from oat.tokens where name = 'ci' "
	    "returning *) insert into oat.tokens (organization, name, "
	    "verifier) select organization, name, '%s' from gone",
	    verifier);
	fixture_grant(admin, "acme", "ci", "web-1", "sshd");
	db_expect(web, verifier, "select oat.host_verifier('%s')",
	    fixture_selector(verifier));
	db_expect(web, "null", "select oat.host_verifier('%s')", old);
	fixture_expect(web, "allowed", .selector = fixture_selector(verifier));
	db_expect(admin, "t",
	    "select bool_and(passed) from oat.restore_check() "
	    "where check_name in ('secrets', 'counts')");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_verifiers_case_46_malformed_refused_at_insert),
	OAT_TEST(test_verifiers_case_46_malformed_refused_at_update),
	OAT_TEST(test_verifiers_case_46_malformed_refused_by_functions),
	OAT_TEST(test_verifiers_case_46_megabyte_refused_and_not_repeated),
	OAT_TEST(test_verifiers_within_bounds_accepted),
	OAT_TEST(test_verifiers_bounds_agree_with_c),
	OAT_TEST(test_verifiers_read_back_as_null),
	OAT_TEST(test_verifiers_secrets_readable_by_nobody_but_the_owner),
	OAT_TEST(test_verifiers_selector_of_another_token_refused),
	OAT_TEST(test_verifiers_row_dropped_by_on_conflict_changes_no_secret),
	OAT_TEST(test_verifiers_rolled_back_insert_leaves_no_secret),
	OAT_TEST(test_verifiers_deleted_token_leaves_no_secret),
	OAT_TEST(
	    test_verifiers_of_a_token_deleted_and_made_by_one_statement_works),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "verifiers", oat_cluster_start, NULL, oat_cluster_begin,
	    oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
