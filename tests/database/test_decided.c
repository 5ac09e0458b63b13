/* SPDX-License-Identifier: MIT */
/* A row of the log says all of its login; a refusal explains itself. */
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
	db_run(admin, "set timezone = 'Asia/Kolkata'");
	db_run(web, "set timezone = 'Asia/Kolkata'");
	db_run(web, "set intervalstyle = 'iso_8601'");
}

/* `decided` of the newest login or access. */
#define DECIDED                                                     \
	"select detail -> 'decided' from oat.activity where event " \
	"in ('login', 'access') order by id desc limit 1"

/* What is changed, what then is refused, and the rows that decided it. */
static const struct {
	const char *change, *reason, *decided;
	struct fixture_attempt attempt;
} refusals[] = {
	{ "update oat.tokens set rotated_at = '2026-01-02 03:04:05+00'",
	    "wrong_secret",
	    "{\"token\": {\"selector\": \"CI\", \"rotated_at\": "
	    "\"2026-01-02T03:04:05+00:00\"}}",
	    { .selector = "CI", .proof = "wrong" } },
	{ "select 1", "bad_verifier", "{\"token\": {\"selector\": \"CI\"}}",
	    { .selector = "CI", .proof = "bad_verifier" } },
	{ "update oat.tokens set previous_selector = selector, selector = "
	  "'newsecret001', overlap_until = '2026-01-02 03:04:05+00'",
	    "retired_secret",
	    "{\"token\": {\"selector\": \"newsecret001\", \"overlap_until\": "
	    "\"2026-01-02T03:04:05+00:00\", \"previous_selector\": \"CI\"}}",
	    { .selector = "CI" } },
	{ "select 1", "wrong_identity",
	    "{\"token\": {\"login\": \"oat-acme-ci\"}}",
	    { .selector = "CI", .login = "oat-acme-cd" } },
	{ "update oat.organizations set suspended_at = "
	  "'2026-01-02 03:04:05+00'",
	    "organization_suspended",
	    "{\"organization\": {\"suspended_at\": "
	    "\"2026-01-02T03:04:05+00:00\"}}",
	    { .selector = "CI" } },
	{ "update oat.tokens set deactivated_at = '2026-01-02 03:04:05+00'",
	    "deactivated",
	    "{\"token\": {\"deactivated_at\": "
	    "\"2026-01-02T03:04:05+00:00\"}}",
	    { .selector = "CI" } },
	{ "update oat.tokens set not_before = '2126-01-02 03:04:05+00'",
	    "not_yet_valid",
	    "{\"token\": {\"not_before\": \"2126-01-02T03:04:05+00:00\"}}",
	    { .selector = "CI" } },
	{ "update oat.tokens set expires_at = '2026-01-02 03:04:05+00'",
	    "expired",
	    "{\"token\": {\"expires_at\": \"2026-01-02T03:04:05+00:00\"}}",
	    { .selector = "CI" } },
	{ "update oat.tokens set max_idle = '1 day', "
	  "created_at = '2026-01-02 03:04:05+00'",
	    "idle",
	    "{\"token\": {\"max_idle\": \"1 day\", \"created_at\": "
	    "\"2026-01-02T03:04:05+00:00\"}}",
	    { .selector = "CI" } },
	{ "update oat.tokens set uses_left = 0", "used_up",
	    "{\"token\": {\"uses_left\": 0}}", { .selector = "CI" } },
	{ "update oat.tokens set allowed_from = '{192.0.2.0/24}'",
	    "address_not_allowed",
	    "{\"token\": {\"allowed_from\": [\"192.0.2.0/24\"]}}",
	    { .selector = "CI" } },
	{ "update oat.hosts set suspended_at = '2026-01-02 03:04:05+00'",
	    "host_suspended",
	    "{\"host\": {\"suspended_at\": \"2026-01-02T03:04:05+00:00\"}}",
	    { .selector = "CI" } },
	{ "update oat.grants set host = 'web-2', expires_at = "
	  "'2126-01-02 03:04:05+00' where service = 'sshd'",
	    "service_not_granted",
	    "{\"host\": {\"labels\": []}, \"grants\": [{\"host\": \"web-1\", "
	    "\"service\": \"sudo\"}, {\"host\": \"web-2\", \"service\": "
	    "\"sshd\", \"expires_at\": \"2126-01-02T03:04:05+00:00\"}]}",
	    { .selector = "CI" } },
	{ "update oat.grants set expires_at = '2026-01-02 03:04:05+00'",
	    "host_not_granted",
	    "{\"host\": {\"labels\": []}, \"grants\": [{\"host\": \"web-1\", "
	    "\"service\": \"sshd\", \"expires_at\": "
	    "\"2026-01-02T03:04:05+00:00\"}, {\"host\": \"web-1\", "
	    "\"service\": \"sudo\", \"expires_at\": "
	    "\"2026-01-02T03:04:05+00:00\"}]}",
	    { .selector = "CI" } },
	{ "delete from oat.grants", "host_not_granted",
	    "{\"host\": {\"labels\": []}, \"grants\": []}",
	    { .selector = "CI" } },
	{ "insert into oat.allowances values ('acme', '@prod', 'sshd'), "
	  "('acme', 'web-1', 'cron')",
	    "not_allowed",
	    "{\"host\": {\"labels\": []}, \"allowances\": [{\"host\": "
	    "\"web-1\", \"service\": \"cron\"}, {\"host\": \"@prod\", "
	    "\"service\": \"sshd\"}]}",
	    { .selector = "CI" } },
	{ "update oat.tokens set deactivated_at = '2026-01-02 03:04:05+00'",
	    "deactivated",
	    "{\"token\": {\"deactivated_at\": "
	    "\"2026-01-02T03:04:05+00:00\"}}",
	    { .event = "access" } },
};

#define REFUSALS (sizeof(refusals) / sizeof(refusals[0]))

/* The selector is not known before the token is. */
static char *
with_selector(const char *text)
{
	const char *at = strstr(text, "CI");

	return at == NULL
		   ? db_text("%s", text)
		   : db_text("%.*s%s%s", (int)(at - text), text, ci, at + 2);
}

static void
expect_decided(size_t i)
{
	struct fixture_attempt attempt = refusals[i].attempt;

	if (attempt.selector != NULL)
		attempt.selector = ci;
	fixture_force(root, "%s", refusals[i].change);
	OAT_ASSERT_THAT(
	    strcmp(oat_fixture_decide(OAT_HERE, web, &attempt, "reason"),
		refusals[i].reason) == 0,
	    "%s", refusals[i].reason);
	OAT_ASSERT_THAT(strcmp(db_value(admin, DECIDED),
			    with_selector(refusals[i].decided)) == 0,
	    "%s: %s; not: %s", refusals[i].reason, db_value(admin, DECIDED),
	    with_selector(refusals[i].decided));
}

static void
test_decided_each_refusal_keeps_the_rows_that_decided(void)
{
	size_t i;

	for (i = 0; i < REFUSALS; i++) {
		expect_decided(i);
		oat_cluster_end();
		begin();
	}
}

/* Whatever was changed since. */
static void
test_decided_outlives_the_rows_that_decided(void)
{
	char *before;

	fixture_expect(
	    web, "service_not_granted", .selector = ci, .service = "cron");
	before = db_value(admin, DECIDED);
	db_run(admin, "delete from oat.organizations");
	db_run(admin, "delete from oat.hosts");
	db_expect(admin, before, DECIDED);
}

static void
test_decided_idle_tells_the_last_use(void)
{
	fixture_expect(web, "allowed", .selector = ci);
	fixture_force(root,
	    "update oat.activity set at = '2026-01-02 03:04:05+00' "
	    "where event = 'login'; update oat.tokens set max_idle = '1 h', "
	    "created_at = '2026-01-01 00:00:00+00'");
	fixture_expect(web, "idle", .selector = ci);
	db_expect(admin, "2026-01-02T03:04:05+00:00",
	    "select detail #>> '{decided,token,used_at}' from oat.activity "
	    "where reason = 'idle'");
}

static void
test_decided_success_and_unknown_tokens_pay_nothing(void)
{
	fixture_expect(web, "allowed", .selector = ci);
	fixture_expect(web, "allowed", .event = "access");
	fixture_expect(
	    web, "unknown_token", .selector = "unknown00001", .proof = "none");
	fixture_expect(
	    web, "unknown_token", .event = "access", .login = "oat-acme-no");
	db_expect(admin, "0",
	    "select count(*) from oat.activity where detail ? 'decided'");
}

static void
test_decided_many_grants_are_bounded(void)
{
	db_run(admin, "insert into oat.grants (organization, token, host, "
		      "service) select 'acme', 'ci', repeat('h', 50) || i, "
		      "repeat('s', 60) || i from generate_series(1, 500) i");
	fixture_expect(
	    web, "service_not_granted", .selector = ci, .service = "cron");
	/* Those that cover the host are first. */
	db_expect(admin, "40|sshd|t",
	    "select jsonb_array_length(detail #> '{decided,grants}'), "
	    "detail #>> '{decided,grants,0,service}', "
	    "length(detail::text) < 10000 from oat.activity "
	    "where reason = 'service_not_granted'");
}

static void
test_decided_rows_that_are_too_long_are_cut(void)
{
	db_run(admin, "update oat.tokens set allowed_from = array(select "
		      "('192.0.' || i / 250 || '.' || i %% 250)::cidr from "
		      "generate_series(1, 2000) i)");
	fixture_expect(web, "address_not_allowed", .selector = ci);
	db_expect(admin, "{\"cut\": true}", DECIDED);
}

static void
test_decided_case_43_tells_no_verifier(void)
{
	size_t i;

	for (i = 0; i < REFUSALS; i++) {
		expect_decided(i);
		db_expect(root, "0",
		    "select count(*) from oat.activity a "
		    "where a::text like '%%argon2%%'");
		oat_cluster_end();
		begin();
	}
}

static void
test_decided_login_row_says_which_secret(void)
{
	char *old = ci, *verifier = fixture_verifier();

	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '1 h')",
	    verifier);
	fixture_expect(web, "allowed", .selector = old, .tty = "ssh");
	fixture_expect(web, "allowed", .selector = fixture_selector(verifier),
	    .service = "sudo", .tty = "/dev/pts/3", .ruser = "oat-acme-ci",
	    .rhost = "-");
	db_run(admin, "update oat.tokens set overlap_until = null");
	fixture_expect(web, "retired_secret", .selector = old);
	db_expect(admin,
	    db_text("sshd|%s|overlapping|ssh|null\n"
		    "sudo|%s|current|/dev/pts/3|oat-acme-ci\n"
		    "sshd|%s|retired|null|null",
		old, fixture_selector(verifier), old),
	    "select service, detail->>'selector', detail->>'secret', "
	    "detail->>'tty', detail->>'ruser' from oat.activity "
	    "where event = 'login' order by id");
}

/* Every attempt is one row: these are what hosts may ask. */
static void
test_decided_each_attempt_leaves_exactly_one_row(void)
{
	static const struct fixture_attempt attempts[] = {
		{ .selector = "CI" },
		{ .selector = "CI", .proof = "wrong" },
		{ .selector = "CI", .proof = "bad_verifier" },
		{ .selector = "CI", .proof = "none" },
		{ .selector = "CI", .login = "oat-acme-cd" },
		{ .selector = "CI", .service = "cron" },
		{ .selector = "CI", .service = "sudo", .rhost = "-" },
		{ .event = "access" },
		{ .event = "access", .service = "su" },
		{ .event = "access", .login = "root" },
	};
	size_t i;

	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		struct fixture_attempt attempt = attempts[i];

		if (attempt.selector != NULL)
			attempt.selector = ci;
		oat_fixture_decide(OAT_HERE, web, &attempt, "reason");
		db_expect(admin, db_text("%zu", i + 1),
		    "select count(*) from oat.activity "
		    "where event in ('login', 'access')");
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_decided_each_refusal_keeps_the_rows_that_decided),
	OAT_TEST(test_decided_outlives_the_rows_that_decided),
	OAT_TEST(test_decided_idle_tells_the_last_use),
	OAT_TEST(test_decided_success_and_unknown_tokens_pay_nothing),
	OAT_TEST(test_decided_many_grants_are_bounded),
	OAT_TEST(test_decided_rows_that_are_too_long_are_cut),
	OAT_TEST(test_decided_case_43_tells_no_verifier),
	OAT_TEST(test_decided_login_row_says_which_secret),
	OAT_TEST(test_decided_each_attempt_leaves_exactly_one_row),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "decided", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
