/* SPDX-License-Identifier: MIT */
/* A new secret, while the old one still works for a while. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *root, *web;
static char *first; /* the selector that acme/ci began with */

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, &first);
}

/* Rotate acme/ci; answers the new selector. */
static char *
rotate(const char *overlap)
{
	char *verifier = fixture_verifier();

	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '%s')",
	    verifier, overlap);
	return fixture_selector(verifier);
}

#define expect_works(selector_) \
	fixture_expect(web, "allowed", .selector = selector_)
#define expect_retired(selector_) \
	fixture_expect(web, "retired_secret", .selector = selector_)

static void
test_rotation_both_secrets_work_during_overlap(void)
{
	char *second = rotate("1 h");

	expect_works(first);
	expect_works(second);
	db_expect(web, "2",
	    "select count(oat.host_verifier(s)) from unnest("
	    "'{%s,%s}'::text[]) s",
	    first, second);
	db_expect(admin, db_text("%s|%s|t", second, first),
	    "select selector, previous_selector, overlap_until "
	    "between now() + interval '59 min' and now() + interval '1 h' "
	    "from oat.token_status");
}

static void
test_rotation_old_secret_is_retired_after_overlap(void)
{
	char *second = rotate("1 h");

	fixture_force(root,
	    "update oat.tokens set overlap_until = now() - interval '1 us'");
	expect_retired(first);
	expect_works(second);
	db_expect(admin, "null|null",
	    "select overlap_until, previous_selector from oat.token_status");
}

static void
test_rotation_overlap_ends_at_the_moment_itself(void)
{
	(void)rotate("1 h");
	db_run(root, "begin");
	db_run(root, "set local session_replication_role = replica");
	db_run(root, "update oat.tokens set overlap_until = now()");
	db_run(root, "set session authorization \"oat_web-1\"");
	fixture_expect(root, "retired_secret", .selector = first);
	db_run(root, "rollback");
	db_run(root, "reset session authorization");
}

static void
test_rotation_without_overlap_retires_at_once(void)
{
	char *second = rotate("0");

	expect_retired(first);
	expect_works(second);
}

static void
test_rotation_by_plain_update_has_no_overlap(void)
{
	char *second = rotate("1 h"), *third = fixture_verifier();

	db_run(admin, "update oat.tokens set verifier = '%s'", third);
	expect_retired(first);
	expect_retired(second);
	expect_works(fixture_selector(third));
	db_expect(admin, "2|null",
	    "select count(*) filter (where event = 'token.rotated'), "
	    "max(t.overlap_until) from oat.activity, oat.tokens t");
}

static void
test_rotation_by_upsert_uses_excluded_selector(void)
{
	char *second = fixture_verifier();

	db_run(admin,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'ci', '%s') on conflict (organization, name) "
	    "do update set selector = excluded.selector",
	    second);
	expect_retired(first);
	expect_works(fixture_selector(second));
}

static void
test_rotation_keeps_login_uid_and_grants(void)
{
	const char *what = "select login, uid, created_at, (select count(*) "
			   "from oat.grants) from oat.tokens";
	char *before = db_value(admin, "%s", what);

	(void)rotate("1 h");
	db_expect(admin, before, "%s", what);
	db_expect(admin, "alice|t",
	    "select rotated_by, rotated_at > now() - interval '1 minute' "
	    "from oat.tokens");
}

static void
test_rotation_gives_the_former_lifetime_again(void)
{
	fixture_force(root,
	    "update oat.tokens set created_at = now() - interval '1920 h', "
	    "expires_at = now() + interval '240 h'");
	(void)rotate("1 h");
	db_expect(admin, "t",
	    "select expires_at - now() between interval '2159 h' "
	    "and interval '2160 h' from oat.tokens");
}

static void
test_rotation_without_expiry_stays_without(void)
{
	(void)rotate("1 h");
	db_expect(admin, "null", "select expires_at from oat.tokens");
}

static void
test_rotation_with_expiry_sets_it(void)
{
	db_run(admin,
	    "select oat.rotate_token('acme', 'ci', '%s', '1 h', "
	    "'2100-01-01 00:00:00+00')",
	    fixture_verifier());
	db_expect(admin, "4102444800",
	    "select extract(epoch from expires_at)::bigint from oat.tokens");
}

static void
test_rotation_overlap_moved_and_ended_by_update(void)
{
	(void)rotate("1 h");
	db_run(admin, "update oat.tokens set "
		      "overlap_until = now() + interval '3 h'");
	expect_works(first);
	db_run(admin, "update oat.tokens set "
		      "overlap_until = now() + interval '1 minute'");
	expect_works(first);
	db_run(admin, "update oat.tokens set overlap_until = null");
	expect_retired(first);
	db_refused(admin, OAT_BAD_OVERLAP,
	    "update oat.tokens set overlap_until = now() + interval '1 h'");
	expect_retired(first);
}

static void
test_rotation_again_before_use_keeps_the_old_secret(void)
{
	char *second = rotate("1 h"), *third = rotate("1 h");

	expect_works(first);
	expect_retired(second);
	expect_works(third);
}

static void
test_rotation_again_after_use_keeps_the_used_secret(void)
{
	char *second = rotate("1 h"), *third;

	expect_works(second);
	third = rotate("1 h");
	expect_retired(first);
	expect_works(second);
	expect_works(third);
}

static void
test_rotation_of_unknown_token_refused(void)
{
	db_refused(admin, OAT_NO_SUCH_ROW,
	    "select oat.rotate_token('acme', 'none', '%s', '1 h')",
	    fixture_verifier());
	db_error_says("acme/none");
}

static void
test_rotation_with_negative_overlap_refused(void)
{
	db_refused(admin, OAT_BAD_OVERLAP,
	    "select oat.rotate_token('acme', 'ci', '%s', '-1 s')",
	    fixture_verifier());
	expect_works(first);
}

static void
test_rotation_back_to_a_retired_secret_refused(void)
{
	char *verifier = db_value(web, "select oat.host_verifier('%s')", first);

	(void)rotate("0");
	db_refused(admin, OAT_SELECTOR_TAKEN,
	    "update oat.tokens set verifier = '%s'", verifier);
	db_refused(admin, OAT_SELECTOR_TAKEN,
	    "select oat.rotate_token('acme', 'ci', '%s', '1 h')", verifier);
	db_refused(admin, OAT_SELECTOR_TAKEN,
	    "update oat.tokens set selector = '%s'", first);
	expect_retired(first);
}

static void
test_rotation_with_malformed_verifier_changes_nothing(void)
{
	db_refused(admin, OAT_BAD_VERIFIER,
	    "select oat.rotate_token('acme', 'ci', '', '1 h')");
	db_error_says("did oat mint run?");
	db_refused(admin, OAT_BAD_VERIFIER,
	    "select oat.rotate_token('acme', 'ci', null, '1 h')");
	expect_works(first);
	db_expect(admin, "null", "select rotated_at from oat.tokens");
}

static char *
safe(void)
{
	return db_value(admin,
	    "select bool_and(safe_to_end) from oat.rotation_status "
	    "where organization = 'acme' and token = 'ci'");
}

static void
test_rotation_status_says_when_overlap_is_safe_to_end(void)
{
	PGconn *db = fixture_host(admin, "db", "{}");
	char *second;

	fixture_grant(admin, "acme", "ci", "db", "sshd");
	expect_works(first);
	fixture_expect(db, "allowed", .selector = first);
	db_expect(admin, "0", "select count(*) from oat.rotation_status");
	second = rotate("1 h");
	OAT_ASSERT_TEXT(safe(), "f");
	expect_works(second);
	OAT_ASSERT_TEXT(safe(), "f");
	fixture_expect(
	    db, "wrong_secret", .selector = second, .proof = "wrong");
	OAT_ASSERT_TEXT(safe(), "f");
	fixture_expect(db, "allowed", .selector = second);
	OAT_ASSERT_TEXT(safe(), "t");
	db_run(admin, "update oat.tokens set overlap_until = null");
	db_expect(admin, "0", "select count(*) from oat.rotation_status");
}

static void
test_rotation_status_names_hosts_of_the_old_secret(void)
{
	expect_works(first);
	(void)rotate("1 h");
	db_expect(admin, "t",
	    "select bool_or(r::text like '%%web-1%%') "
	    "from oat.rotation_status r");
}

static void
test_rotation_retired_secret_used_raises_an_alert(void)
{
	PGnotify *notify;

	db_run(admin, "listen oat_alert");
	(void)rotate("0");
	fixture_expect(
	    web, "retired_secret", .selector = first, .rhost = "192.0.2.66");
	db_run(admin, "select 1");
	notify = PQnotifies(admin);
	CU_ASSERT_PTR_NOT_NULL(notify);
	PQfreemem(notify);
	db_expect(admin, "web-1|192.0.2.66|acme|ci",
	    "select host, rhost, organization, token from oat.activity "
	    "where reason = 'retired_secret'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_rotation_both_secrets_work_during_overlap),
	OAT_TEST(test_rotation_old_secret_is_retired_after_overlap),
	OAT_TEST(test_rotation_overlap_ends_at_the_moment_itself),
	OAT_TEST(test_rotation_without_overlap_retires_at_once),
	OAT_TEST(test_rotation_by_plain_update_has_no_overlap),
	OAT_TEST(test_rotation_by_upsert_uses_excluded_selector),
	OAT_TEST(test_rotation_keeps_login_uid_and_grants),
	OAT_TEST(test_rotation_gives_the_former_lifetime_again),
	OAT_TEST(test_rotation_without_expiry_stays_without),
	OAT_TEST(test_rotation_with_expiry_sets_it),
	OAT_TEST(test_rotation_overlap_moved_and_ended_by_update),
	OAT_TEST(test_rotation_again_before_use_keeps_the_old_secret),
	OAT_TEST(test_rotation_again_after_use_keeps_the_used_secret),
	OAT_TEST(test_rotation_of_unknown_token_refused),
	OAT_TEST(test_rotation_with_negative_overlap_refused),
	OAT_TEST(test_rotation_back_to_a_retired_secret_refused),
	OAT_TEST(test_rotation_with_malformed_verifier_changes_nothing),
	OAT_TEST(test_rotation_status_says_when_overlap_is_safe_to_end),
	OAT_TEST(test_rotation_status_names_hosts_of_the_old_secret),
	OAT_TEST(test_rotation_retired_secret_used_raises_an_alert),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "rotation", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
