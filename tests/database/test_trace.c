/* SPDX-License-Identifier: MIT */
/* trace: from a leaked selector to all that it did, and could still do. */
#include "cluster.h"
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

/* "what" of each row in its order, and "on host" where there is one. */
static char *
trace(PGconn *conn, const char *selector)
{
	return db_value(conn,
	    "select coalesce(string_agg(what || coalesce(' on ' || host, ''), "
	    "', ' order by n), '') from oat.trace('%s') "
	    "with ordinality t (at, what, host, detail, n)",
	    selector);
}

static void
test_trace_tells_the_whole_story_in_order(void)
{
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo",
	    .tty = "/dev/pts/1", .rhost = "-");
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	db_run(web, "select oat.host_record(jsonb_build_array("
		    "jsonb_build_object('event_id', gen_random_uuid(), 'at', "
		    "now(), 'event', 'session.opened', 'login', "
		    "'oat-acme-ci', 'service', 'sshd')))");
	db_run(admin, "update oat.tokens set expires_at = now() + "
		      "interval '1 day'");
	OAT_ASSERT_TEXT(trace(admin, ci),
	    "secret.minted, token.created, grant.created on web-1, "
	    "grant.created on web-1, login on web-1, login on web-1, "
	    "login on web-1, session.opened on web-1, token.updated, token, "
	    "reaches on web-1");
	db_expect(admin,
	    "sshd from 10.1.2.3 success\nsudo on /dev/pts/1 success\n"
	    "sshd from 10.1.2.3 wrong_secret\nsshd",
	    "select detail from oat.trace('%s') where what ~ "
	    "'^(login|session)'",
	    ci);
	db_expect(admin, "t|sshd, sudo",
	    "select (select detail like 'acme/ci, oat-acme-ci, active, this "
	    "secret is current, expires 2%%' from oat.trace('%s') "
	    "where what = 'token'), (select detail from oat.trace('%s') "
	    "where what = 'reaches')",
	    ci, ci);
}

/* What another secret of the token did is not this one's. */
static void
test_trace_leaves_out_other_secrets(void)
{
	char *verifier = fixture_verifier();

	fixture_expect(web, "allowed", .selector = ci);
	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '0')",
	    verifier);
	fixture_expect(web, "allowed", .selector = fixture_selector(verifier),
	    .service = "sudo");
	fixture_expect(web, "retired_secret", .selector = ci);
	db_expect(admin,
	    "sshd from 10.1.2.3 success\n"
	    "sshd from 10.1.2.3 retired_secret",
	    "select detail from oat.trace('%s') where what = 'login'", ci);
	db_expect(admin, "1|0|t",
	    "select count(*) filter (where what = 'secret.retired'), "
	    "count(*) filter (where what = 'reaches'), "
	    "bool_or(detail like '%%this secret is retired%%') "
	    "from oat.trace('%s')",
	    ci);
	db_expect(admin, "sudo from 10.1.2.3 success",
	    "select detail from oat.trace('%s') where what = 'login'",
	    fixture_selector(verifier));
}

static void
test_trace_follows_a_token_that_is_deleted(void)
{
	fixture_expect(web, "allowed", .selector = ci);
	db_run(admin, "delete from oat.tokens");
	db_expect(admin, "1|acme/ci, deleted",
	    "select count(*) filter (where what = 'login'), "
	    "max(detail) filter (where what = 'token') from oat.trace('%s')",
	    ci);
	db_run(admin, "delete from oat.organizations");
	db_expect(admin, "1|acme/ci, deleted",
	    "select count(*) filter (where what = 'login'), "
	    "max(detail) filter (where what = 'token') from oat.trace('%s')",
	    ci);
}

static void
test_trace_of_an_unknown_selector_is_empty(void)
{
	OAT_ASSERT_TEXT(trace(admin, "nosuchselect"), "");
}

/* A whole token would be in the server's log: say so, never repeat it. */
static void
test_trace_case_43_token_in_place_of_its_selector_refused(void)
{
	db_refused(admin, OAT_BAD_NAME,
	    "select oat.trace('oat_0123456789ab_0123456789abcdefghijklmnopqrst"
	    "uvwxyzAB')");
	db_error_says("revoke");
	db_error_hides("0123456789abcdef");
	db_refused(admin, OAT_BAD_NAME, "select oat.trace(null)");
	db_refused(admin, OAT_BAD_NAME, "select oat.trace('')");
}

static void
test_trace_shows_delegates_their_own_with_audit(void)
{
	PGconn *ann = fixture_role(root, "ann", "oat_delegate");
	char *other;

	fixture_organization(admin, "other");
	other = fixture_token(admin, "other", "x");
	db_run(admin, "insert into oat.allowances values ('acme', '*', '*')");
	db_run(admin, "insert into oat.delegates (organization, role, may) "
		      "values ('acme', 'ann', '{admin,rotate,revoke}')");
	OAT_ASSERT_TEXT(trace(ann, ci), "");
	db_run(admin, "update oat.delegates set may = '{audit}'");
	OAT_ASSERT_THAT(
	    strstr(trace(ann, ci), "secret.minted") != NULL, "%s", ci);
	OAT_ASSERT_TEXT(trace(ann, other), "");
	db_expect(ann, "0",
	    "select count(*) from oat.secret_owners where selector = '%s'",
	    other);
	OAT_ASSERT_THAT(
	    strstr(trace(fixture_role(root, "auditor", "oat_auditor"), other),
		"secret.minted") != NULL,
	    "%s", other);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_trace_tells_the_whole_story_in_order),
	OAT_TEST(test_trace_leaves_out_other_secrets),
	OAT_TEST(test_trace_follows_a_token_that_is_deleted),
	OAT_TEST(test_trace_of_an_unknown_selector_is_empty),
	OAT_TEST(test_trace_case_43_token_in_place_of_its_selector_refused),
	OAT_TEST(test_trace_shows_delegates_their_own_with_audit),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "trace", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
