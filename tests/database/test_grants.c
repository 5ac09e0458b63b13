/* SPDX-License-Identifier: MIT */
/* What a grant covers: hosts by name, glob, label or '*', and services. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

struct host_case {
	const char *pattern, *host;
	int covered;
};

/* web-1 is labelled prod and eu, db.example.org prod, web-10 nothing. */
static const struct host_case host_cases[] = {
	{ "web-1", "web-1", 1 },
	{ "web-1", "web-10", 0 },
	{ "web-10", "web-1", 0 },
	{ "web-?", "web-1", 1 },
	{ "web-?", "web-10", 0 },
	{ "web-??", "web-10", 1 },
	{ "web-1*", "web-1", 1 },
	{ "web-1*", "web-10", 1 },
	{ "*-1", "web-1", 1 },
	{ "*-1", "web-10", 0 },
	{ "eb-1", "web-1", 0 },
	{ "*", "web-1", 1 },
	{ "*", "db.example.org", 1 },
	{ "**", "web-1", 1 },
	{ "*w*e*b*", "web-1", 1 },
	{ "db.*", "db.example.org", 1 },
	{ "db*org", "db.example.org", 1 },
	{ "db?example?org", "db.example.org", 1 },
	{ "db.example.org", "db.example.org", 1 },
	{ "db", "db.example.org", 0 },
	{ "example.org", "db.example.org", 0 },
	{ "*.example.org", "db.example.org", 1 },
	{ "*.example.or", "db.example.org", 0 },
	{ "web.1", "web-1", 0 },
	{ "@prod", "web-1", 1 },
	{ "@prod", "db.example.org", 1 },
	{ "@prod", "web-10", 0 },
	{ "@eu", "web-1", 1 },
	{ "@eu", "db.example.org", 0 },
	{ "@pro", "web-1", 0 },
	{ "@web-1", "web-1", 0 },
	{ "@none", "web-1", 0 },
	{ "prod", "web-1", 0 },
};

struct service_case {
	const char *granted, *asked;
	int covered;
};

static const struct service_case service_cases[] = {
	{ "sshd", "sshd", 1 },
	{ "sshd", "sudo", 0 },
	{ "sshd", "ssh", 0 },
	{ "sshd", "sshdx", 0 },
	{ "sshd", "SSHD", 0 },
	{ "sshd", "systemd-user", 1 },
	{ "cron", "systemd-user", 1 },
	{ "*", "sshd", 1 },
	{ "*", "sudo", 1 },
	{ "*", "anything", 1 },
	{ "*", "systemd-user", 1 },
	{ "sudo", "sudo", 1 },
	{ "sudo", "sudo-i", 1 },
	{ "sudo", "su", 0 },
	{ "sudo", "sshd", 0 },
	{ "sudo-i", "sudo-i", 1 },
	{ "sudo-i", "sudo", 0 },
	{ "su", "su", 1 },
	{ "su", "su-l", 1 },
	{ "su", "sudo", 0 },
	{ "su-l", "su-l", 1 },
	{ "su-l", "su", 0 },
	{ "systemd-user", "systemd-user", 1 },
	{ "systemd-user", "sshd", 0 },
	{ "s.hd", "sshd", 0 },
	{ "my_svc", "myxsvc", 0 },
};

static void
test_grants_host_pattern_covers_as_documented(void)
{
	PGconn *conn = fixture_admin(), *host;
	const struct host_case *c;
	char *selector;
	size_t i;

	fixture_organization(conn, "acme");
	selector = fixture_token(conn, "acme", "ci");
	(void)fixture_host(conn, "web-1", "{prod,eu}");
	(void)fixture_host(conn, "web-10", "{}");
	(void)fixture_host(conn, "db.example.org", "{prod}");
	for (i = 0; i < sizeof(host_cases) / sizeof(host_cases[0]); i++) {
		c = &host_cases[i];
		host = db_connect(db_text("oat_%s", c->host));
		db_run(conn, "delete from oat.grants");
		fixture_grant(conn, "acme", "ci", c->pattern, "sshd");
		OAT_ASSERT_THAT(
		    strcmp(fixture_decide(host, .selector = selector),
			c->covered ? "allowed" : "host_not_granted") == 0,
		    "%s on %s", c->pattern, c->host);
		OAT_ASSERT_THAT(strcmp(db_value(host,
					   "select count(oat.host_verifier"
					   "('%s'))",
					   selector),
				    c->covered ? "1" : "0") == 0,
		    "verifier for %s on %s", c->pattern, c->host);
		OAT_ASSERT_THAT(strcmp(db_value(conn,
					   "select count(*) from oat.access "
					   "where host = '%s'",
					   c->host),
				    c->covered ? "1" : "0") == 0,
		    "oat.access for %s on %s", c->pattern, c->host);
		db_disconnect(host);
	}
}

static void
test_grants_service_covers_as_documented(void)
{
	PGconn *conn = fixture_admin(), *host;
	const struct service_case *c;
	char *selector;
	size_t i;

	host = fixture_acme(conn, &selector);
	for (i = 0; i < sizeof(service_cases) / sizeof(service_cases[0]); i++) {
		c = &service_cases[i];
		db_run(conn, "delete from oat.grants");
		fixture_grant(conn, "acme", "ci", "web-1", c->granted);
		OAT_ASSERT_THAT(
		    strcmp(fixture_decide(
			       host, .selector = selector, .service = c->asked),
			c->covered ? "allowed" : "service_not_granted") == 0,
		    "%s at %s", c->granted, c->asked);
		OAT_ASSERT_THAT(
		    strcmp(fixture_decide(host, .service = c->asked),
			c->covered ? "allowed" : "service_not_granted") == 0,
		    "account: %s at %s", c->granted, c->asked);
	}
}

static void
test_grants_none_means_no_access(void)
{
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	host = fixture_acme(conn, &selector);
	db_run(conn, "delete from oat.grants");
	fixture_expect(host, "host_not_granted", .selector = selector);
	fixture_expect(host, "host_not_granted", .login = "oat-acme-ci");
	db_expect(host, "null", "select oat.host_verifier('%s')", selector);
	db_expect(conn, "0", "select count(*) from oat.access");
}

static void
test_grants_union_of_rows_applies(void)
{
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	host = fixture_acme(conn, &selector);
	db_run(conn, "delete from oat.grants");
	fixture_grant(conn, "acme", "ci", "*", "cron");
	fixture_grant(conn, "acme", "ci", "web-1", "sshd");
	fixture_grant(conn, "acme", "ci", "db", "sudo");
	fixture_expect(host, "allowed", .selector = selector);
	fixture_expect(
	    host, "allowed", .selector = selector, .service = "cron");
	fixture_expect(host, "service_not_granted", .selector = selector,
	    .service = "sudo");
}

static void
test_grants_of_one_token_give_another_nothing(void)
{
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	host = fixture_acme(conn, NULL);
	selector = fixture_token(conn, "acme", "cd");
	fixture_expect(host, "host_not_granted", .login = "oat-acme-cd",
	    .selector = selector);
	fixture_organization(conn, "other");
	selector = fixture_token(conn, "other", "ci");
	fixture_expect(host, "host_not_granted", .login = "oat-other-ci",
	    .selector = selector);
}

static void
test_grants_for_unknown_token_refused(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	db_refused(conn, OAT_NO_SUCH_ROW,
	    "insert into oat.grants values ('acme', 'none', 'web-1', 'sshd')");
}

static void
test_grants_for_host_not_enrolled_yet_accepted(void)
{
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	fixture_organization(conn, "acme");
	selector = fixture_token(conn, "acme", "ci");
	fixture_grant(conn, "acme", "ci", "web-9", "sshd");
	host = fixture_host(conn, "web-9", "{}");
	fixture_expect(host, "allowed", .selector = selector);
}

static void
test_grants_follow_labels_at_once(void)
{
	PGconn *conn = fixture_admin(), *host;
	char *selector;

	host = fixture_acme(conn, &selector);
	db_run(conn, "delete from oat.grants");
	fixture_grant(conn, "acme", "ci", "@prod", "sshd");
	fixture_expect(host, "host_not_granted", .selector = selector);
	db_run(conn, "update oat.hosts set labels = '{prod}'");
	fixture_expect(host, "allowed", .selector = selector);
	db_run(conn, "update oat.hosts set labels = '{eu}'");
	fixture_expect(host, "host_not_granted", .selector = selector);
}

/* docker/roadmap#913: a deleted resource must not block later edits. */
static void
test_grants_die_with_the_host_they_name(void)
{
	PGconn *conn = fixture_admin();

	fixture_acme(conn, NULL);
	fixture_grant(conn, "acme", "ci", "web-*", "sshd");
	fixture_grant(conn, "acme", "ci", "db", "sshd");
	db_run(conn, "delete from oat.hosts where name = 'web-1'");
	db_expect(conn, "db|sshd\nweb-*|sshd",
	    "select host, service from oat.grants order by host");
	db_run(conn, "update oat.tokens set description = 'still editable'");
	db_run(conn, "delete from oat.tokens");
	db_expect(conn, "0", "select count(*) from oat.grants");
}

static void
test_grants_made_with_their_token_in_one_statement_accepted(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	db_run(conn,
	    "with made as (insert into oat.tokens "
	    "(organization, name, verifier) values ('acme', 'ci', '%s') "
	    "returning organization, name) "
	    "insert into oat.grants (organization, token, host, service) "
	    "select organization, name, 'web-1', 'sshd' from made",
	    fixture_verifier());
	db_expect(conn, "ci|web-1", "select token, host from oat.grants");
}

static void
test_grants_inserted_again_on_conflict_change_nothing(void)
{
	PGconn *conn = fixture_admin();

	fixture_acme(conn, NULL);
	db_run(conn,
	    "insert into oat.grants (organization, token, host, service) "
	    "values ('acme', 'ci', 'web-1', 'sshd') on conflict do nothing");
	db_expect(conn, "2", "select count(*) from oat.grants");
	db_expect(conn, "2",
	    "select count(*) from oat.activity where event = 'grant.created'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_grants_host_pattern_covers_as_documented),
	OAT_TEST(test_grants_service_covers_as_documented),
	OAT_TEST(test_grants_none_means_no_access),
	OAT_TEST(test_grants_union_of_rows_applies),
	OAT_TEST(test_grants_of_one_token_give_another_nothing),
	OAT_TEST(test_grants_for_unknown_token_refused),
	OAT_TEST(test_grants_for_host_not_enrolled_yet_accepted),
	OAT_TEST(test_grants_follow_labels_at_once),
	OAT_TEST(test_grants_die_with_the_host_they_name),
	OAT_TEST(test_grants_made_with_their_token_in_one_statement_accepted),
	OAT_TEST(test_grants_inserted_again_on_conflict_change_nothing),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "grants", oat_cluster_start, NULL, oat_cluster_begin, oat_cluster_end,
	    tests },
	CU_SUITE_INFO_NULL,
};
