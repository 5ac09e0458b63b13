/* SPDX-License-Identifier: MIT */
/* host_verifier and host_decide: every reason, in order, and what it shows. */
#include "cluster.h"
#include "common/verdict.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *root, *web;
static char *ci; /* the selector of acme/ci */

/* acme/ci may use sshd and sudo on web-1; acme/cd nothing anywhere. */
static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, &ci);
}

static void
test_decide_right_secret_allowed(void)
{
	db_expect(web, "t|null|null|acme|ci|null|null",
	    "select * from oat.host_decide(gen_random_uuid(), 'login', "
	    "'oat-acme-ci', 'sshd', '10.1.2.3', 'ssh', '-', '%s', 'right')",
	    ci);
}

static void
test_decide_expiry_is_answered_in_seconds(void)
{
	db_run(admin,
	    "update oat.tokens set expires_at = now() + interval '7 days'");
	db_expect(admin,
	    db_value(web,
		"select expires_at from oat.host_decide("
		"gen_random_uuid(), 'login', 'oat-acme-ci', 'sshd', '-', '-', "
		"'-',"
		"'%s', 'right')",
		ci),
	    "select floor(extract(epoch from expires_at)) from oat.tokens");
}

static void
test_decide_unknown_selector_is_unknown_token(void)
{
	fixture_expect(
	    web, "unknown_token", .selector = "nosuchselect", .proof = "none");
	db_expect(web, "null", "select oat.host_verifier('nosuchselect')");
	db_expect(web, "null", "select oat.host_verifier('')");
	db_expect(web, "null", "select oat.host_verifier(null)");
}

static void
test_decide_proof_without_verifier_never_helps(void)
{
	fixture_expect(
	    web, "unknown_token", .selector = "nosuchselect", .proof = "right");
	db_run(admin, "delete from oat.grants");
	fixture_expect(
	    web, "host_not_granted", .selector = ci, .proof = "right");
	fixture_expect(
	    web, "host_not_granted", .selector = ci, .proof = "none");
}

static void
test_decide_wrong_proofs_are_named(void)
{
	fixture_expect(
	    web, "bad_verifier", .selector = ci, .proof = "bad_verifier");
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	OAT_ASSERT_THAT(
	    strcmp(fixture_decide(web, .selector = ci, .proof = "none"),
		"allowed") != 0,
	    "a login without a proof");
	OAT_ASSERT_THAT(
	    strcmp(fixture_decide(web, .selector = ci, .proof = "yes"),
		"allowed") != 0,
	    "a proof that does not exist");
	db_refused(web, OAT_BAD_EVENT,
	    "select oat.host_decide(gen_random_uuid(), "
	    "'enter', 'oat-acme-ci', 'sshd', '-', '-', '-', '%s', 'right')",
	    ci);
}

/* An account check must not be a way around the secret. */
static void
test_decide_login_without_selector_never_allowed(void)
{
	static const char *const proofs[] = { "right", "none", "wrong" };
	size_t i;

	for (i = 0; i < 3; i++) {
		PGresult *result;
		const char *values[] = { proofs[i] };

		result = PQexecParams(web,
		    "select allowed from oat.host_decide(gen_random_uuid(), "
		    "'login', 'oat-acme-ci', 'sshd', '-', '-', '-', null, $1)",
		    1, NULL, values, NULL, NULL, 0);
		OAT_ASSERT_THAT(PQntuples(result) == 0 ||
				    PQgetvalue(result, 0, 0)[0] == 'f',
		    "%s", proofs[i]);
		PQclear(result);
	}
}

static void
test_decide_token_of_another_is_wrong_identity(void)
{
	char *cd = fixture_token(admin, "acme", "cd");

	fixture_grant(admin, "acme", "cd", "web-1", "sshd");
	fixture_expect(web, "wrong_identity", .selector = cd);
	fixture_expect(
	    web, "wrong_identity", .selector = ci, .login = "oat-acme-cd");
	fixture_expect(
	    web, "wrong_identity", .selector = ci, .login = "oat-none-ci");
}

/*
 * Each step makes one more thing wrong, from the last rule to the first: the
 * answer is always the newest, which stands before all others.
 */
static void
test_decide_first_failure_in_contract_order_decides(void)
{
	static const struct {
		const char *sql, *reason;
	} steps[] = {
		{ "update oat.hosts set suspended_at = now()",
		    "host_suspended" },
		{ "update oat.tokens set allowed_from = '{192.0.2.0/24}'",
		    "address_not_allowed" },
		{ "insert into oat.allowances values ('acme', 'db', 'sshd')",
		    "not_allowed" },
		{ "delete from oat.grants where service = 'sshd'",
		    "service_not_granted" },
		{ "update oat.tokens set uses_left = 0", "used_up" },
		{ "update oat.tokens set max_idle = '1 day', "
		  "created_at = now() - interval '9 days'",
		    "idle" },
		{ "update oat.tokens set expires_at = now() - interval '1 s'",
		    "expired" },
		{ "update oat.tokens set expires_at = now() + interval '2 h', "
		  "not_before = now() + interval '1 h'",
		    "not_yet_valid" },
		{ "update oat.tokens set deactivated_at = now()",
		    "deactivated" },
		{ "update oat.organizations set suspended_at = now()",
		    "organization_suspended" },
	};
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fixture_force(root, "%s", steps[i].sql);
		OAT_ASSERT_TEXT(
		    fixture_decide(web, .selector = ci), steps[i].reason);
		OAT_ASSERT_TEXT(
		    fixture_decide(web, .event = "access"), steps[i].reason);
	}
	fixture_expect(
	    web, "wrong_identity", .selector = ci, .login = "oat-acme-x");
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong",
	    .login = "oat-acme-x");
	fixture_force(root, "delete from oat.grants");
	fixture_expect(
	    web, "host_not_granted", .selector = ci, .proof = "wrong");
}

/* Written in SQL and in C: names and order must not drift apart. */
static void
test_decide_reasons_agree_with_c(void)
{
	char *names = db_text("%s", "");
	enum oat_reason reason;

	for (reason = OAT_REASON_UNKNOWN_TOKEN;
	     reason <= OAT_REASON_HOST_SUSPENDED; reason++)
		names = db_text("%s %s", names, oat_reason_name(reason));
	db_expect(
	    root, names, "select ' ' || array_to_string(oat.checks(), ' ')");
}

static void
test_decide_policy_messages_only_for_the_holder(void)
{
	fixture_force(root, "update oat.tokens set "
			    "expires_at = '2020-11-20 09:00:00+00'");
	OAT_ASSERT_TEXT(fixture_message(web, .selector = ci),
	    "oat: acme/ci expired 2020-11-20 09:00 UTC");
	OAT_ASSERT_TEXT(
	    fixture_message(web, .selector = ci, .proof = "wrong"), "null");
	OAT_ASSERT_TEXT(
	    fixture_message(web, .selector = ci, .login = "oat-acme-x"),
	    "null");
	OAT_ASSERT_TEXT(
	    fixture_message(web, .selector = "nosuchselect", .proof = "none"),
	    "null");
}

static void
test_decide_every_policy_message_is_one_printable_line(void)
{
	static const char *const changes[] = {
		"update oat.organizations set suspended_at = now()",
		"update oat.tokens set deactivated_at = now()",
		"update oat.tokens set not_before = now() + interval '1 day'",
		"update oat.tokens set expires_at = now() - interval '1 day'",
		"update oat.tokens set max_idle = '1 day', "
		"created_at = now() - interval '2 days'",
		"update oat.tokens set uses_left = 0",
		"delete from oat.grants where service = 'sshd'",
		"insert into oat.allowances values ('acme', 'x', 'sshd')",
		"update oat.tokens set allowed_from = '{192.0.2.1/32}'",
		"update oat.hosts set suspended_at = now()",
	};
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		db_run(root, "begin");
		db_run(root, "set local session_replication_role = replica");
		db_run(root, "%s", changes[i]);
		db_run(root, "set local session_replication_role = origin");
		db_run(root, "set session authorization \"oat_web-1\"");
		db_expect(root, "f|t|t",
		    "select allowed, message ~ '^oat: acme/ci[ :]', "
		    "message ~ '^[ -~]{10,200}$' from oat.host_decide("
		    "gen_random_uuid(), 'login', 'oat-acme-ci', 'sshd', "
		    "'10.1.2.3', '-', '-', '%s', 'right')",
		    ci);
		db_run(root, "rollback");
		db_run(root, "reset session authorization");
	}
}

static void
test_decide_time_limits_at_the_moment_itself(void)
{
	/* now() stands still within a transaction: exact comparisons. */
	static const struct {
		const char *sql, *reason;
	} edges[] = {
		{ "expires_at = now()", "expired" },
		{ "expires_at = now() + interval '1 us'", "allowed" },
		{ "not_before = now()", "allowed" },
		{ "not_before = now() + interval '1 us'", "not_yet_valid" },
		{ "max_idle = '1 h', created_at = now() - interval '1 h'",
		    "idle" },
		{ "max_idle = '1 h', "
		  "created_at = now() - interval '1 h' + interval '1 us'",
		    "allowed" },
		{ "uses_left = 1", "allowed" },
		{ "uses_left = 0", "used_up" },
	};
	size_t i;

	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		db_run(root, "begin");
		db_run(root, "set local session_replication_role = replica");
		db_run(root, "update oat.tokens set %s", edges[i].sql);
		db_run(root, "set local session_replication_role = origin");
		db_run(root, "set session authorization \"oat_web-1\"");
		OAT_ASSERT_THAT(strcmp(fixture_decide(root, .selector = ci),
				    edges[i].reason) == 0,
		    "%s is not %s", edges[i].sql, edges[i].reason);
		db_run(root, "rollback");
		db_run(root, "reset session authorization");
	}
}

static void
test_decide_access_of_unknown_login_refused(void)
{
	OAT_ASSERT_THAT(strcmp(fixture_decide(web, .login = "oat-acme-none"),
			    "allowed") != 0,
	    "unknown login");
	OAT_ASSERT_THAT(
	    strcmp(fixture_decide(web, .login = "root"), "allowed") != 0,
	    "root");
	OAT_ASSERT_THAT(
	    strcmp(fixture_decide(web, .login = ""), "allowed") != 0,
	    "empty login");
}

static void
test_decide_case_50_revoked_rotated_elsewhere_refused(void)
{
	PGconn *db = fixture_host(admin, "db", "{}");

	fixture_expect(db, "host_not_granted", .selector = ci);
	db_run(
	    admin, "update oat.tokens set verifier = '%s'", fixture_verifier());
	fixture_expect(web, "retired_secret", .selector = ci);
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	fixture_expect(web, "retired_secret", .selector = ci);
	fixture_expect(web, "deactivated", .event = "access");
	db_run(admin, "delete from oat.tokens");
	fixture_expect(web, "unknown_token", .selector = ci, .proof = "none");
	fixture_expect(db, "unknown_token", .selector = ci, .proof = "none");
}

/* sshd and su ask again, without a secret, right after the login. */
static void
test_decide_last_use_covers_the_account_check_of_its_login(void)
{
	db_run(admin, "update oat.tokens set uses_left = 1");
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "allowed", .event = "access");
	db_run(admin, "select oat.seal_activity()");
	fixture_expect(web, "allowed", .event = "access");
	fixture_force(root, "update oat.activity set at = at - "
			    "interval '61 s' where event = 'login'");
	fixture_expect(web, "used_up", .event = "access");
	fixture_force(root, "update oat.activity set at = at + "
			    "interval '61 s' where event = 'login'");
	fixture_expect(web, "allowed", .event = "access");
	/* It arrived long ago, and says it happens now: a host's clock. */
	fixture_force(root, "update oat.activity set recorded_at = "
			    "recorded_at - interval '11 minutes' "
			    "where event = 'login'");
	fixture_expect(web, "used_up", .event = "access");
}

static void
test_decide_uses_left_counts_successful_logins_only(void)
{
	db_run(admin, "update oat.tokens set uses_left = 2");
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	fixture_expect(web, "allowed", .event = "access");
	fixture_expect(
	    web, "service_not_granted", .selector = ci, .service = "cron");
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo");
	db_expect(admin, "0", "select uses_left from oat.tokens");
	fixture_expect(web, "used_up", .selector = ci);
	/* The session that is open goes on: no use is left for a new one. */
	db_expect(admin, "used_up", "select status from oat.token_status");
}

static void
test_decide_foreign_session_may_not_ask(void)
{
	PGconn *bob = fixture_role(root, "bob", "oat_host");
	PGconn *eve = fixture_role(root, "eve", "oat_admin");

	db_refused(eve, NO_PRIVILEGE, "select oat.host_verifier('%s')", ci);
	db_expect(bob, "null", "select oat.host_verifier('%s')", ci);
	db_run(bob, "set role oat_host");
	db_expect(bob, "null", "select oat.host_verifier('%s')", ci);
	/* The superuser may pretend by SET ROLE, yet is no host by that. */
	db_run(root, "set role \"oat_web-1\"");
	db_expect(root, "null", "select oat.host_verifier('%s')", ci);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_decide_right_secret_allowed),
	OAT_TEST(test_decide_expiry_is_answered_in_seconds),
	OAT_TEST(test_decide_unknown_selector_is_unknown_token),
	OAT_TEST(test_decide_proof_without_verifier_never_helps),
	OAT_TEST(test_decide_wrong_proofs_are_named),
	OAT_TEST(test_decide_login_without_selector_never_allowed),
	OAT_TEST(test_decide_token_of_another_is_wrong_identity),
	OAT_TEST(test_decide_first_failure_in_contract_order_decides),
	OAT_TEST(test_decide_reasons_agree_with_c),
	OAT_TEST(test_decide_policy_messages_only_for_the_holder),
	OAT_TEST(test_decide_every_policy_message_is_one_printable_line),
	OAT_TEST(test_decide_time_limits_at_the_moment_itself),
	OAT_TEST(test_decide_access_of_unknown_login_refused),
	OAT_TEST(test_decide_case_50_revoked_rotated_elsewhere_refused),
	OAT_TEST(test_decide_last_use_covers_the_account_check_of_its_login),
	OAT_TEST(test_decide_uses_left_counts_successful_logins_only),
	OAT_TEST(test_decide_foreign_session_may_not_ask),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "decide", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
