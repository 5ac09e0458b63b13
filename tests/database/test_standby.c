/* SPDX-License-Identifier: MIT */
/* case_60: a standby lets people in; what it could not write arrives later. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#define EVENT_ID "00000000-0000-4000-8000-000000000001"
#define REFUSAL_ID "00000000-0000-4000-8000-000000000002"

/*
 * One test, for the cluster itself changes sides: primary, then standby, then
 * promoted. Connections do not outlive a change.
 */
static void
expect_standby_behaviour(const char *ci, const char *cd, const char *far,
    char **ret_event, char **ret_refusal)
{
	PGconn *web = db_connect("oat_web-1");
	char *call = db_text("oat.host_decide('" EVENT_ID "', 'login', "
			     "'oat-acme-ci', 'sshd', '10.1.2.3', 'ssh', '-', "
			     "'%s', 'right')",
	    ci);

	db_expect(web, "t", "select pg_is_in_recovery()");
	db_expect(web, "1", "select count(oat.host_verifier('%s'))", ci);
	*ret_event = db_value(web, "select event from %s", call);
	*ret_refusal = db_value(web,
	    "select event from oat.host_decide('" REFUSAL_ID "', 'login', "
	    "'oat-acme-ci', 'cron', '10.1.2.3', 'ssh', '-', '%s', 'right')",
	    ci);
	/* Only what concerns this host. */
	OAT_ASSERT_THAT(strstr(*ret_refusal, "web-1") != NULL &&
			    strstr(*ret_refusal, "far-away") == NULL,
	    "%s", *ret_refusal);
	/* An event has to fit into the host's spool: OAT_EVENT_MAX. */
	db_expect(web, "address_not_allowed|t",
	    "select reason, length(event::text) between 200 and 3000 "
	    "from oat.host_decide('" REFUSAL_ID "', 'login', 'oat-acme-far', "
	    "'sshd', '10.1.2.3', 'ssh', '-', '%s', 'right')",
	    far);
	db_expect(web, "t|null|acme|ci",
	    "select allowed, reason, organization, token from %s", call);
	fixture_expect(
	    web, "unavailable", .selector = cd, .login = "oat-acme-cd");
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong");
	fixture_expect(web, "allowed", .event = "access");
	db_expect(web, "1",
	    "select count(*) from oat.host_identities(0, 0) "
	    "where kind = 'identity' and name = 'oat-acme-ci' and active");
	db_expect(web, "1",
	    "select count(*) from oat.host_sync(0, 0, '{\"spooled\": 1}') "
	    "where kind = 'begin'");
	db_run(web, "select oat.host_rehearse('%s')", ci);
	db_expect(web, "web-1", "select host from oat.host_health()");
	db_expect(web, "t",
	    "select passed from oat.host_explain('oat-acme-ci', 'sshd', '-') "
	    "where check_name = 'allowed'");
	db_refused(web, NULL, "select oat.host_record('[]'::jsonb || '%s')",
	    *ret_event);
}

static void
test_standby_case_60_decides_and_its_events_arrive_once(void)
{
	PGconn *root = db_connect("postgres"), *web;
	char *ci, *cd, *far, *event, *refusal;

	fixture_acme(root, &ci);
	fixture_grant(root, "acme", "ci", "far-away", "sshd");
	cd = fixture_token(root, "acme", "cd");
	fixture_grant(root, "acme", "cd", "web-1", "sshd");
	db_run(root, "update oat.tokens set uses_left = 3 where name = 'cd'");
	far = fixture_token(root, "acme", "far");
	fixture_grant(root, "acme", "far", "web-1", "sshd");
	db_run(root, "update oat.tokens set allowed_from = array(select "
		     "('192.0.2.' || i)::cidr from generate_series(1, 250) i) "
		     "where name = 'far'");
	CU_ASSERT_EQUAL_FATAL(oat_cluster_become_standby(), 0);
	expect_standby_behaviour(ci, cd, far, &event, &refusal);

	root = db_connect("postgres");
	db_run(root, "select pg_promote()");
	web = db_connect("oat_web-1");
	db_expect(
	    web, "1", "select oat.host_record('[]'::jsonb || '%s')", event);
	db_expect(
	    web, "0", "select oat.host_record('[]'::jsonb || '%s')", event);
	db_expect(root,
	    db_text(
		"acme|ci|oat-acme-ci|login|web-1|sshd|10.1.2.3|success|%s", ci),
	    "select organization, token, actor, event, host, service, rhost, "
	    "outcome, detail->>'selector' from oat.activity "
	    "where event_id = '" EVENT_ID "'");
	db_expect(web, "1",
	    "select oat.host_record(jsonb_build_array('%s'::jsonb))", refusal);
	db_expect(root,
	    "cron|service_not_granted|current|true|[{\"host\": \"web-1\", "
	    "\"service\": \"sshd\"}, {\"host\": \"web-1\", "
	    "\"service\": \"sudo\"}]",
	    "select service, reason, detail->>'secret', detail->>'standby', "
	    "detail #> '{decided,grants}' from oat.activity "
	    "where event_id = '" REFUSAL_ID "'");
	db_expect(
	    root, "3", "select uses_left from oat.tokens where name = 'cd'");
	fixture_expect(web, "allowed", .selector = cd, .login = "oat-acme-cd");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_standby_case_60_decides_and_its_events_arrive_once),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "standby", oat_cluster_start, NULL, oat_cluster_begin,
	    oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
