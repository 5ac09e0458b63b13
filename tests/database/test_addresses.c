/* SPDX-License-Identifier: MIT */
/* allowed_from: where a token may be used from. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

struct address_case {
	const char *allowed_from;
	struct fixture_attempt attempt;
	int allowed;
};

/* A login without ".event" shows the token; others are account checks. */
#define LOGIN .event = "login"
#define ACCESS .event = "access"
#define SUDO .service = "sudo"

static const struct address_case cases[] = {
	/* remote logins: inside, at the edges, outside */
	{ "{10.0.0.0/8}", { LOGIN, .rhost = "10.1.2.3" }, 1 },
	{ "{10.0.0.0/8}", { LOGIN, .rhost = "10.0.0.0" }, 1 },
	{ "{10.0.0.0/8}", { LOGIN, .rhost = "10.255.255.255" }, 1 },
	{ "{10.0.0.0/8}", { LOGIN, .rhost = "11.0.0.0" }, 0 },
	{ "{10.0.0.0/8}", { LOGIN, .rhost = "9.255.255.255" }, 0 },
	{ "{192.0.2.7/32}", { LOGIN, .rhost = "192.0.2.7" }, 1 },
	{ "{192.0.2.7/32}", { LOGIN, .rhost = "192.0.2.8" }, 0 },
	{ "{192.0.2.7}", { LOGIN, .rhost = "192.0.2.7" }, 1 },
	{ "{10.0.0.0/8,192.0.2.0/24}", { LOGIN, .rhost = "192.0.2.9" }, 1 },
	{ "{0.0.0.0/0}", { LOGIN, .rhost = "203.0.113.1" }, 1 },
	{ "{0.0.0.0/0}", { LOGIN, .rhost = "2001:db8::1" }, 0 },
	{ "{2001:db8::/32}", { LOGIN, .rhost = "2001:db8::1" }, 1 },
	{ "{2001:db8::/32}", { LOGIN, .rhost = "2001:db9::1" }, 0 },
	{ "{fe80::/10}", { LOGIN, .rhost = "fe80::1%eth0" }, 1 },
	{ "{10.0.0.0/8}", { LOGIN, .rhost = "::ffff:10.1.2.3" }, 1 },
	{ "{10.0.0.0/8}", { LOGIN, .rhost = "::ffff:11.1.2.3" }, 0 },
	{ "{::/0}", { LOGIN, .rhost = "10.1.2.3" }, 0 },
	{ "{}", { LOGIN, .rhost = "10.1.2.3" }, 0 },
	/* an address that is not one */
	{ "{0.0.0.0/0,::/0}", { LOGIN, .rhost = "example.org" }, 0 },
	{ "{0.0.0.0/0,::/0}", { LOGIN, .rhost = "10.0.0.0/8" }, 0 },
	{ "{0.0.0.0/0,::/0}", { LOGIN, .rhost = "UNKNOWN" }, 0 },
	{ "{10.0.0.0/8}",
	    { LOGIN, .rhost = "example.org", .ruser = "oat-acme-ci" }, 0 },
	/* a remote address is not excused by a remote user's name */
	{ "{10.0.0.0/8}",
	    { LOGIN, .rhost = "11.0.0.1", .ruser = "oat-acme-ci" }, 0 },
	/* local logins: only from inside the identity's own session */
	{ "{10.0.0.0/8}", { LOGIN, SUDO, .rhost = "-", .ruser = "oat-acme-ci" },
	    1 },
	{ "{10.0.0.0/8}", { LOGIN, SUDO, .rhost = "-", .ruser = "-" }, 0 },
	{ "{10.0.0.0/8}", { LOGIN, SUDO, .rhost = "-", .ruser = "bob" }, 0 },
	{ "{10.0.0.0/8}", { LOGIN, SUDO, .rhost = "-", .ruser = "root" }, 0 },
	{ "{10.0.0.0/8}", { LOGIN, SUDO, .rhost = "-", .ruser = "oat-acme-cd" },
	    0 },
	/* account checks: cron has no address, a public key has one */
	{ "{10.0.0.0/8}", { ACCESS, .rhost = "-" }, 1 },
	{ "{10.0.0.0/8}", { ACCESS, .rhost = "10.1.2.3" }, 1 },
	{ "{10.0.0.0/8}", { ACCESS, .rhost = "11.1.2.3" }, 0 },
	{ "{10.0.0.0/8}", { ACCESS, .rhost = "example.org" }, 0 },
	/* anywhere */
	{ NULL, { LOGIN, .rhost = "11.0.0.1" }, 1 },
	{ NULL, { LOGIN, .rhost = "example.org" }, 1 },
	{ NULL, { LOGIN, .rhost = "-" }, 1 },
};

static void
test_addresses_restrict_as_documented(void)
{
	PGconn *admin = fixture_admin(), *web;
	struct fixture_attempt attempt;
	const struct address_case *c;
	const char *expected;
	char *ci;
	size_t i;

	web = fixture_acme(admin, &ci);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c = &cases[i];
		attempt = c->attempt;
		if (strcmp(attempt.event, "login") == 0)
			attempt.selector = ci;
		db_run(admin, "update oat.tokens set allowed_from = %s",
		    c->allowed_from ? db_text("'%s'", c->allowed_from)
				    : "null");
		expected = c->allowed ? "allowed" : "address_not_allowed";
		OAT_ASSERT_THAT(strcmp(oat_fixture_decide(
					   OAT_HERE, web, &attempt, "reason"),
				    expected) == 0,
		    "%s from %s by %s, %s: not %s",
		    c->allowed_from ? c->allowed_from : "anywhere",
		    attempt.rhost, attempt.ruser ? attempt.ruser : "-",
		    attempt.event, expected);
	}
}

static void
test_addresses_message_names_the_address(void)
{
	PGconn *admin = fixture_admin(), *web;
	char *ci;

	web = fixture_acme(admin, &ci);
	db_run(admin, "update oat.tokens set allowed_from = '{10.0.0.0/8}'");
	OAT_ASSERT_THAT(
	    strstr(fixture_message(web, .selector = ci, .rhost = "192.0.2.77"),
		"192.0.2.77") != NULL,
	    "%s", fixture_message(web, .selector = ci, .rhost = "192.0.2.77"));
}

static void
test_addresses_malformed_networks_refused(void)
{
	static const char *const bad[] = { "{NULL}", "{10.0.0.1/8}",
		"{example.org}", "{10.0.0.0/33}" };
	PGconn *admin = fixture_admin();
	size_t i;

	fixture_acme(admin, NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		db_refused(admin, NULL,
		    "update oat.tokens set allowed_from = '%s'", bad[i]);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_addresses_restrict_as_documented),
	OAT_TEST(test_addresses_message_names_the_address),
	OAT_TEST(test_addresses_malformed_networks_refused),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "addresses", oat_cluster_start, NULL, oat_cluster_begin,
	    oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
