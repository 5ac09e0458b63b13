/* SPDX-License-Identifier: MIT */
/* From creation to deletion: when a token works, with time moved by data. */
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

static void
test_lifecycle_status_is_the_first_that_applies(void)
{
	static const struct {
		const char *sql, *status;
	} steps[] = {
		{ "select 1", "active" },
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
		    "suspended" },
	};
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fixture_force(root, "%s", steps[i].sql);
		db_expect(admin, steps[i].status,
		    "select status from oat.token_status");
	}
}

static void
test_lifecycle_status_counts_days_left(void)
{
	db_expect(admin, "null", "select days_left from oat.token_status");
	db_run(admin, "update oat.tokens set "
		      "expires_at = now() + interval '30 days 1 minute'");
	db_expect(admin, "30", "select days_left::int from oat.token_status");
	db_expect(admin, "acme|ci|oat-acme-ci|t",
	    "select organization, token, login, uid >= 70000 "
	    "from oat.token_status");
}

static void
test_lifecycle_deactivated_and_activated_again(void)
{
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	fixture_expect(web, "deactivated", .selector = ci);
	fixture_expect(web, "deactivated", .event = "access");
	db_run(admin, "update oat.tokens set deactivated_at = null");
	fixture_expect(web, "allowed", .selector = ci);
}

static void
test_lifecycle_suspended_organization_and_host_come_back(void)
{
	db_run(admin, "update oat.organizations set suspended_at = now()");
	fixture_expect(web, "organization_suspended", .selector = ci);
	db_run(admin, "update oat.organizations set suspended_at = null");
	db_run(admin, "update oat.hosts set suspended_at = now()");
	web = db_connect("oat_web-1"); /* the one before has ended */
	fixture_expect(web, "host_suspended", .selector = ci);
	db_run(admin, "update oat.hosts set suspended_at = null");
	fixture_expect(web, "allowed", .selector = ci);
}

static void
test_lifecycle_grant_expires_alone(void)
{
	fixture_force(root,
	    "update oat.grants set "
	    "expires_at = now() - interval '1 s' where service = 'sudo'");
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(
	    web, "service_not_granted", .selector = ci, .service = "sudo");
	fixture_force(root, "update oat.grants set "
			    "expires_at = now() - interval '1 s'");
	fixture_expect(web, "host_not_granted", .selector = ci);
	fixture_force(root,
	    "update oat.grants set "
	    "expires_at = now() + interval '2 h' where service = 'sudo'");
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo");
}

static void
test_lifecycle_idle_counts_from_last_success(void)
{
	fixture_force(root, "update oat.tokens set max_idle = '7 days', "
			    "created_at = now() - interval '30 days'");
	fixture_expect(web, "idle", .selector = ci);
	/* A failure is no use, a success three days ago is. */
	fixture_expect(web, "idle", .selector = ci);
	db_run(web, "select oat.host_record(jsonb_build_array("
		    "jsonb_build_object('event_id', gen_random_uuid(), 'at', "
		    "now() - interval '3 days', 'event', 'access', 'login', "
		    "'oat-acme-ci', 'service', 'cron', "
		    "'outcome', 'success')))");
	fixture_expect(web, "allowed", .selector = ci);
}

static void
test_lifecycle_idle_token_revived_by_administrator(void)
{
	fixture_force(root, "update oat.tokens set max_idle = '7 days', "
			    "created_at = now() - interval '30 days'");
	fixture_expect(web, "idle", .selector = ci);
	db_run(admin, "update oat.tokens set max_idle = null");
	fixture_expect(web, "allowed", .selector = ci);
}

/* Two hosts ask for the last use; one gets it, at every isolation level. */
static void
test_lifecycle_last_use_is_given_once(void)
{
	static const char *const levels[] = { "read committed",
		"repeatable read", "serializable" };
	PGconn *other = db_connect("oat_web-1");
	const char *sqlstate;
	size_t i;

	for (i = 0; i < 3; i++) {
		db_run(admin, "update oat.tokens set uses_left = 1");
		db_run(web, "begin isolation level %s", levels[i]);
		db_run(other, "begin isolation level %s", levels[i]);
		db_run(other, "select oat.host_verifier('%s')", ci);
		fixture_expect(web, "allowed", .selector = ci);
		db_send(other,
		    "create temp table r on commit drop as "
		    "select * from oat.host_decide(gen_random_uuid(), 'login',"
		    "'oat-acme-ci', 'sshd', '-', '-', '-', '%s', 'right')",
		    ci);
		db_await_block(root, other);
		db_run(web, "commit");
		sqlstate = db_finish(other);
		if (strcmp(sqlstate, OK) == 0)
			db_expect(other, "f|used_up",
			    "select allowed, reason from r");
		else
			OAT_ASSERT_TEXT(sqlstate, SERIALIZATION_FAILURE);
		db_run(other, "rollback");
		db_expect(admin, "0", "select uses_left from oat.tokens");
	}
}

static void
test_lifecycle_uses_of_every_service_count(void)
{
	db_run(admin, "update oat.tokens set uses_left = 3");
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "allowed", .selector = ci, .service = "sudo");
	db_expect(admin, "1", "select uses_left from oat.tokens");
	db_expect(admin, "0",
	    "select count(*) from oat.activity "
	    "where event = 'token.updated' and detail ? 'uses_left'");
}

static void
test_lifecycle_bad_limits_refused(void)
{
	static const char *const bad[] = { "uses_left = -1",
		"max_idle = '-1 day'", "max_idle = '0'",
		"expires_at = '-infinity'",
		"not_before = now(), expires_at = now() - interval '1 day'" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		db_refused(
		    admin, OAT_BAD_NAME, "update oat.tokens set %s", bad[i]);
}

static void
test_lifecycle_trigger_columns_cannot_be_set(void)
{
	static const char *const columns[] = {
		"created_at = now() + interval '1 day'",
		"created_by = 'somebody'",
		"rotated_at = now() + interval '1 day'",
		"rotated_by = 'somebody'",
	};
	char *before = db_value(root, "select created_at, created_by, "
				      "rotated_at, rotated_by from oat.tokens");
	size_t i;

	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		PQclear(PQexec(
		    admin, db_text("update oat.tokens set %s", columns[i])));
		db_expect(root, before,
		    "select created_at, created_by, "
		    "rotated_at, rotated_by from oat.tokens");
	}
	PQclear(PQexec(admin,
	    db_text(
		"insert into oat.tokens (organization, "
		"name, verifier, created_by, created_at) values ('acme', 'x', "
		"'%s', 'somebody', '2001-01-01')",
		fixture_verifier())));
	db_expect(admin, "0",
	    "select count(*) from oat.tokens "
	    "where created_by = 'somebody' or created_at < '2020-01-01'");
}

static void
test_lifecycle_lifetime_at_limit_accepted_above_refused(void)
{
	db_run(admin, "update oat.tokens set "
		      "expires_at = now() + interval '10 days'");
	db_run(admin, "update oat.organizations set max_lifetime = '90 days'");
	db_run(admin, "update oat.tokens set "
		      "expires_at = created_at + interval '90 days'");
	db_refused(admin, NULL,
	    "update oat.tokens set "
	    "expires_at = created_at + interval '90 days 1 us'");
	db_error_says("acme/ci");
	db_error_says("90 days");
	db_refused(admin, NULL, "update oat.tokens set expires_at = null");
	db_error_says("acme/ci");
}

static void
test_lifecycle_lifetime_refuses_token_without_expiry(void)
{
	db_run(admin, "update oat.tokens set "
		      "expires_at = now() + interval '10 days'");
	db_run(admin, "update oat.organizations set max_lifetime = '90 days'");
	db_refused(admin, NULL,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('acme', 'x', '%s')",
	    fixture_verifier());
	db_error_says("acme/x");
	db_error_says("expires_at");
	db_run(admin,
	    "insert into oat.tokens (organization, name, verifier, expires_at)"
	    " values ('acme', 'x', '%s', now() + interval '90 days')",
	    fixture_verifier());
	db_refused(admin, NULL,
	    "insert into oat.tokens (organization, name, verifier, expires_at)"
	    " values ('acme', 'y', '%s', now() + interval '90 days 1 us')",
	    fixture_verifier());
}

static void
test_lifecycle_lifetime_begins_again_at_rotation(void)
{
	db_run(admin, "update oat.tokens set "
		      "expires_at = now() + interval '10 days'");
	db_run(admin, "update oat.organizations set max_lifetime = '90 days'");
	fixture_force(root, "update oat.tokens set "
			    "created_at = now() - interval '85 days'");
	db_refused(admin, NULL,
	    "update oat.tokens set "
	    "expires_at = now() + interval '20 days'");
	db_run(admin,
	    "select oat.rotate_token('acme', 'ci', '%s', '1 day', "
	    "now() + interval '90 days')",
	    fixture_verifier());
	db_expect(admin, "t",
	    "select expires_at > now() + interval '89 days' "
	    "from oat.tokens");
}

static void
test_lifecycle_breaks_under_lists_what_a_policy_would_hit(void)
{
	fixture_token(admin, "acme", "short");
	db_run(admin,
	    "update oat.tokens set "
	    "expires_at = now() + interval '30 days' where name = 'short'");
	fixture_token(admin, "acme", "long");
	db_run(admin,
	    "update oat.tokens set "
	    "expires_at = now() + interval '91 days' where name = 'long'");
	db_expect(admin, "ci\nlong",
	    "select token from "
	    "oat.breaks_under('acme', '90 days') order by token");
	db_expect(admin, "ci\nlong\nshort",
	    "select token from "
	    "oat.breaks_under('acme', '29 days') order by token");
	db_expect(admin, "ci",
	    "select token from "
	    "oat.breaks_under('acme', '92 days') order by token");
	db_expect(admin, "null",
	    "select max_lifetime "
	    "from oat.organizations");
}

static void
test_lifecycle_expiring_lists_tokens_and_grants(void)
{
	db_run(admin, "update oat.organizations set contact = 'ops@acme'");
	db_run(admin, "update oat.tokens set "
		      "expires_at = now() + interval '5 days'");
	db_run(admin,
	    "update oat.grants set "
	    "expires_at = now() + interval '3 days' where service = 'sudo'");
	db_expect(admin, "0", "select count(*) from oat.expiring('2 days')");
	db_expect(admin, "1", "select count(*) from oat.expiring('4 days')");
	db_expect(admin, "2", "select count(*) from oat.expiring('6 days')");
	db_expect(admin, "t",
	    "select bool_and(e::text like '%%ops@acme%%') "
	    "from oat.expiring('6 days') e");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_lifecycle_status_is_the_first_that_applies),
	OAT_TEST(test_lifecycle_status_counts_days_left),
	OAT_TEST(test_lifecycle_deactivated_and_activated_again),
	OAT_TEST(test_lifecycle_suspended_organization_and_host_come_back),
	OAT_TEST(test_lifecycle_grant_expires_alone),
	OAT_TEST(test_lifecycle_idle_counts_from_last_success),
	OAT_TEST(test_lifecycle_idle_token_revived_by_administrator),
	OAT_TEST(test_lifecycle_last_use_is_given_once),
	OAT_TEST(test_lifecycle_uses_of_every_service_count),
	OAT_TEST(test_lifecycle_bad_limits_refused),
	OAT_TEST(test_lifecycle_trigger_columns_cannot_be_set),
	OAT_TEST(test_lifecycle_lifetime_at_limit_accepted_above_refused),
	OAT_TEST(test_lifecycle_lifetime_refuses_token_without_expiry),
	OAT_TEST(test_lifecycle_lifetime_begins_again_at_rotation),
	OAT_TEST(test_lifecycle_breaks_under_lists_what_a_policy_would_hit),
	OAT_TEST(test_lifecycle_expiring_lists_tokens_and_grants),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "lifecycle", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
