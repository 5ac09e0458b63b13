/* SPDX-License-Identifier: MIT */
/* revocation_status: since when access and sessions are gone, on each host. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *root, *web;
static char *known; /* what web-1 has, as arguments: "generation, as_of" */

/* Ask as a host does; answers the kind of the first row. */
static char *
ask(PGconn *host, const char *report)
{
	char *answer, *kind;

	answer = db_value(host,
	    "select kind || ' ' || id || ', ' || expires_at "
	    "from oat.host_sync(%s, '%s') where kind in ('begin', 'same')",
	    known, report);
	kind = db_text("%.*s", (int)strcspn(answer, " "), answer);
	if (strcmp(kind, "begin") == 0)
		known = db_text("%s", strchr(answer, ' ') + 1);
	return kind;
}

/* A whole sync: ask, do it, and tell so until nothing is new. */
static void
synchronize(void)
{
	int i;

	(void)ask(web, "{}");
	for (i = 0; i < 3; i++)
		if (strcmp(ask(web, "{\"applied\": true, \"left\": []}"),
			"same") == 0)
			return;
	CU_FAIL("the host does not come to an end");
}

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, NULL);
	known = db_text("0, 0");
	synchronize();
}

#define STATUS                                                           \
	"select string_agg(host || ' ' || coalesce(reason, case when "   \
	"confirmed_at <= now() then 'confirmed' end) || case when "      \
	"sessions_left > 0 then ' ' || sessions_left else '' end, ', ' " \
	"order by host) from oat.revocation_status('acme', 'ci')"

#define expect_status(expected) db_expect(admin, expected, STATUS)

static void
test_proof_of_a_revocation_is_told_step_by_step(void)
{
	expect_status("web-1 has_access");
	db_run(admin, "select oat.revoke('acme/ci')");
	expect_status("web-1 not_told");
	OAT_ASSERT_TEXT(ask(web, "{}"), "begin");
	expect_status("web-1 not_applied");
	/* Asking again says nothing of what was done. */
	OAT_ASSERT_TEXT(ask(web, "{\"left\": []}"), "same");
	expect_status("web-1 not_applied");
	ask(web, "{\"applied\": true, \"left\": [\"oat-acme-ci 3\"]}");
	expect_status("web-1 sessions_left 3");
	ask(web, "{\"applied\": true, \"left\": []}");
	expect_status("web-1 confirmed");
	db_expect(admin, "t|t|t",
	    "select r.confirmed_at = s.confirmed_at, "
	    "r.last_contact = h.seen_at, r.generation = h.known_generation "
	    "from oat.revocation_status('acme', 'ci') r, oat.host_state h, "
	    "oat.served s where s.confirmed_at is not null");
}

/* Whatever takes access away, the proof is the same. */
static void
test_proof_covers_every_way_to_lose_access(void)
{
	static const struct {
		const char *take, *give;
	} ways[] = {
		{ "update oat.tokens set deactivated_at = now()",
		    "update oat.tokens set deactivated_at = null" },
		{ "update oat.tokens set not_before = now() + interval '1 h'",
		    "update oat.tokens set not_before = null" },
		{ "update oat.organizations set suspended_at = now()",
		    "update oat.organizations set suspended_at = null" },
		{ "update oat.hosts set suspended_at = now()",
		    "update oat.hosts set suspended_at = null" },
		{ "update oat.grants set host = 'db'",
		    "update oat.grants set host = 'web-1'" },
		{ "update oat.grants set host = '@prod'",
		    "update oat.hosts set labels = '{prod}'" },
		{ "update oat.hosts set labels = '{test}'",
		    "update oat.grants set host = 'web-1'" },
		{ "insert into oat.allowances values ('acme', 'db', '*')",
		    "delete from oat.allowances" },
		{ "delete from oat.grants", "insert into oat.grants values "
					    "('acme', 'ci', 'web-1', 'sshd')" },
		{ "delete from oat.tokens", NULL },
		{ "delete from oat.organizations", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		db_run(admin, "%s", ways[i].take);
		OAT_ASSERT_THAT(
		    strcmp(db_value(admin, STATUS), "web-1 not_told") == 0,
		    "%s: %s", ways[i].take, db_value(admin, STATUS));
		/* A suspended host has lost its connection, and comes again. */
		web = db_connect("oat_web-1");
		synchronize();
		OAT_ASSERT_THAT(
		    strcmp(db_value(admin, STATUS), "web-1 confirmed") == 0,
		    "%s: %s", ways[i].take, db_value(admin, STATUS));
		if (ways[i].give != NULL) {
			db_run(admin, "%s", ways[i].give);
			expect_status("web-1 has_access");
			synchronize();
			expect_status("web-1 has_access");
		}
	}
}

static void
test_proof_covers_the_passing_of_time(void)
{
	fixture_force(root,
	    "update oat.tokens set created_at = now() - interval '1 day', "
	    "expires_at = now() - interval '1 ms'");
	/* It had access as of the time that the host knows. */
	known = db_text("%s - 3600000000", known);
	expect_status("web-1 not_told");
	synchronize();
	expect_status("web-1 confirmed");
}

static void
test_proof_given_once_keeps_its_time(void)
{
	char *since;

	db_run(admin, "select oat.revoke('acme/ci')");
	synchronize();
	since = db_value(admin, "select confirmed_at from "
				"oat.revocation_status('acme', 'ci')");
	synchronize();
	fixture_token(admin, "acme", "other");
	fixture_grant(admin, "acme", "other", "*", "sshd");
	synchronize();
	db_expect(admin, since,
	    "select confirmed_at from oat.revocation_status('acme', 'ci')");
}

/* Between the two the host may have let it in. */
static void
test_proof_is_void_after_access_that_the_host_did_not_hear_of(void)
{
	db_run(admin, "select oat.revoke('acme/ci')");
	synchronize();
	expect_status("web-1 confirmed");
	db_run(admin, "update oat.tokens set deactivated_at = null");
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	expect_status("web-1 not_told");
	/* As if nothing had happened since: it says what it knew. */
	db_run(web,
	    "select oat.host_sync(%s, '{\"applied\": true, \"left\": []}')",
	    known);
	expect_status("web-1 not_applied");
	known = db_text("0, 0");
	synchronize();
	expect_status("web-1 confirmed");
}

static void
test_proof_takes_the_answer_that_was_given_last(void)
{
	char *old = known;

	db_run(admin, "select oat.revoke('acme/ci')");
	ask(web, "{}");
	/* It could not publish, and still has the one before. */
	known = old;
	ask(web, "{\"applied\": true, \"left\": []}");
	expect_status("web-1 not_applied");
	/* Nor has it what nobody gave it. */
	db_run(web, "select oat.host_sync(1, 1, '{\"applied\": true, "
		    "\"left\": []}')");
	db_run(web, "select oat.host_sync(null, null, '{\"applied\": true, "
		    "\"left\": []}')");
	expect_status("web-1 not_applied");
}

/* Another server, a standby, gave an answer that still holds. */
static void
test_proof_takes_an_answer_from_elsewhere_that_still_holds(void)
{
	db_run(admin, "select oat.revoke('acme/ci')");
	db_run(web, "select oat.host_sync((select id from "
		    "oat.host_identities(0, 0) where kind = 'begin'), "
		    "(extract(epoch from now()) * 1000000)::bigint - 1, "
		    "'{\"applied\": true, \"left\": []}')");
	expect_status("web-1 confirmed");
}

static void
test_proof_of_what_is_left_is_by_login(void)
{
	fixture_token(admin, "acme", "cd");
	fixture_grant(admin, "acme", "cd", "web-1", "sshd");
	synchronize();
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	ask(web, "{}");
	ask(web, "{\"applied\": true, \"left\": [\"oat-acme-cd 2\"]}");
	expect_status("web-1 confirmed");
	db_expect(admin, "sessions_left|2",
	    "select reason, sessions_left "
	    "from oat.revocation_status('acme', 'cd')");
	/* What came to light later counts, too. */
	ask(web, "{\"applied\": true, \"left\": [\"oat-acme-ci 1\"]}");
	expect_status("web-1 sessions_left 1");
	db_expect(admin, "null|0",
	    "select reason, sessions_left "
	    "from oat.revocation_status('acme', 'cd')");
}

static void
test_proof_needs_a_report_that_makes_sense(void)
{
	static const char *const reports[] = { "{}", "{\"applied\": true}",
		"{\"applied\": \"true\", \"left\": []}",
		"{\"applied\": 1, \"left\": []}",
		"{\"applied\": false, \"left\": []}",
		"{\"applied\": true, \"left\": {}}",
		"{\"applied\": true, \"left\": null}",
		"{\"applied\": true, \"left\": \"\"}", "[]", "null", "true",
		"{\"left\": []}" };
	static const char *const odd[] = { "[1, null, {}, [], true]",
		"[\"oat-acme-ci\"]", "[\"oat-acme-ci 0\"]",
		"[\"oat-acme-ci 9999999999\"]", "[\"root 3\"]",
		"[\"oat-acme-ci 3 \"]", "[\"\"]", "[\"oat-acme-ci 3\\n4\"]" };
	size_t i;

	db_run(admin, "select oat.revoke('acme/ci')");
	ask(web, "{}");
	for (i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		ask(web, reports[i]);
		OAT_ASSERT_THAT(
		    strcmp(db_value(admin, STATUS), "web-1 not_applied") == 0,
		    "%s", reports[i]);
	}
	ask(web,
	    db_text(
		"{\"applied\": true, \"left\": [], \"more\": \"%08192d\"}", 0));
	expect_status("web-1 not_applied");
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		ask(web, db_text("{\"applied\": true, \"left\": %s}", odd[i]));
		expect_status("web-1 confirmed");
	}
}

static void
test_proof_has_a_row_for_each_place(void)
{
	PGconn *db = fixture_host(admin, "db", "{}");

	(void)fixture_host(admin, "app", "{}");
	(void)fixture_host(admin, "none", "{}");
	fixture_grant(admin, "acme", "ci", "db", "sshd");
	fixture_grant(admin, "acme", "ci", "app", "sshd");
	db_run(db, "select oat.host_sync(0, 0, '{}')");
	expect_status("app has_access, db has_access, web-1 has_access");
	db_run(admin, "select oat.revoke('acme/ci')");
	synchronize();
	expect_status("app not_told, db not_told, web-1 confirmed");
	/* What has no grant any more and never heard of it is no place. */
	db_run(admin, "delete from oat.grants");
	expect_status("db not_told, web-1 not_told");
	db_run(admin, "delete from oat.hosts where name = 'db'");
	synchronize();
	expect_status("db not_enrolled, web-1 confirmed");
	db_expect(admin, "db|null|t",
	    "select host, confirmed_at, last_contact is not null "
	    "from oat.revocation_status('acme', 'ci') limit 1");
}

static void
test_proof_of_the_unknown_refused(void)
{
	db_refused(admin, OAT_NO_SUCH_ROW,
	    "select oat.revocation_status('acme', 'none')");
	db_refused(admin, OAT_NO_SUCH_ROW,
	    "select oat.revocation_status('none', 'ci')");
	db_refused(
	    admin, OAT_NO_SUCH_ROW, "select oat.revocation_status(null, null)");
	/* A token that nobody has heard of yet is no error. */
	fixture_token(admin, "acme", "new");
	db_expect(admin, "0",
	    "select count(*) from oat.revocation_status('acme', 'new')");
}

static void
test_proof_case_58_delegates_see_their_organization_alone(void)
{
	PGconn *alice, *auditor = fixture_role(root, "auditor", "oat_auditor");

	fixture_organization(admin, "other");
	fixture_token(admin, "other", "ci");
	fixture_grant(admin, "other", "ci", "web-1", "sshd");
	db_run(admin, "insert into oat.allowances values ('acme', '*', '*')");
	alice = fixture_role(root, "helper", "oat_delegate");
	db_run(admin,
	    "insert into oat.delegates values ('acme', 'helper', '{revoke}')");
	synchronize();
	db_run(alice, "select oat.revoke('acme/ci')");
	synchronize();
	db_expect(alice, "web-1 confirmed", STATUS);
	db_refused(alice, OAT_NO_SUCH_ROW,
	    "select oat.revocation_status('other', 'ci')");
	db_expect(alice, "0",
	    "select count(*) from oat.told where organization <> 'acme'");
	db_expect(auditor, "has_access",
	    "select reason from oat.revocation_status('other', 'ci')");
	db_refused(
	    web, NO_PRIVILEGE, "select oat.revocation_status('acme', 'ci')");
	db_refused(web, NO_PRIVILEGE, "select * from oat.told");
	db_refused(alice, NO_PRIVILEGE, "select * from oat.changes");
}

/* --- which generation a change got ---------------------------------------- */

static void
test_changes_have_the_generation_of_their_transaction(void)
{
	db_run(admin, "update oat.tokens set description = 'x'");
	db_expect(root, "t",
	    "select max(c.generation) = oat.generation() from oat.changes c "
	    "where organization = 'acme' and token = 'ci'");
	db_run(admin, "begin");
	db_run(admin, "update oat.tokens set description = 'y'");
	db_run(admin, "update oat.hosts set labels = '{a}'");
	db_run(admin, "update oat.organizations set contact = 'z'");
	db_run(admin, "commit");
	db_expect(root, "3|t",
	    "select count(*), bool_and(host = 'web-1' or organization = "
	    "'acme') "
	    "from oat.changes where generation = oat.generation()");
	/* One for each thing, however often it changes. */
	db_expect(root, "t|0",
	    "select count(*) = count(distinct (organization, token, host)), "
	    "count(*) filter (where generation is null) from oat.changes");
}

static void
test_changes_are_not_made_by_logins_or_rollbacks(void)
{
	char *before;

	db_run(admin, "update oat.tokens set uses_left = 5");
	before = db_value(root, "select array_agg(c order by c) "
				"from oat.changes c");
	fixture_decide(web,
	    .selector = db_value(admin, "select selector from oat.tokens"));
	db_run(admin, "update oat.tokens set description = description");
	db_run(admin, "begin");
	db_run(admin, "update oat.tokens set description = 'x'");
	db_run(admin, "rollback");
	db_expect(root, before,
	    "select array_agg(c order by c) "
	    "from oat.changes c");
	db_expect(root, "4", "select uses_left from oat.tokens");
}

/* Who leaves a transaction open keeps nobody from revoking another token. */
static void
test_changes_of_one_organization_do_not_wait_for_each_other(void)
{
	PGconn *other = db_connect("alice");

	fixture_token(admin, "acme", "cd");
	db_run(other, "begin");
	db_run(other, "update oat.tokens set description = 'lunch' "
		      "where name = 'cd'");
	db_run(other, "insert into oat.grants values "
		      "('acme', 'cd', 'web-1', 'sshd')");
	db_run(admin, "set lock_timeout = '5s'");
	db_run(admin, "select oat.revoke('acme/ci')");
	db_run(other, "commit");
	db_expect(root, "2",
	    "select count(distinct generation) from oat.changes "
	    "where token in ('ci', 'cd')");
}

static void
test_changes_above_read_committed_are_numbered_too(void)
{
	db_run(admin, "begin isolation level serializable");
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	db_run(admin, "commit");
	db_expect(root, "t",
	    "select max(generation) = oat.generation() from oat.changes "
	    "where token = 'ci'");
	expect_status("web-1 not_told");
	synchronize();
	expect_status("web-1 confirmed");
}

/* In another cluster the numbers of transactions come again. */
static void
test_changes_are_numbered_over_those_of_another_cluster(void)
{
	db_run(root, "begin");
	db_run(root, "insert into oat.changes values "
		     "('acme', 'ci', '', pg_current_xact_id(), 1)");
	db_run(root, "update oat.tokens set deactivated_at = now()");
	db_run(root, "update oat.tokens set description = 'x'");
	db_run(root, "commit");
	db_expect(root, "t|1",
	    "select max(generation) = oat.generation(), count(*) "
	    "from oat.changes where token = 'ci'");
	expect_status("web-1 not_told");
}

/* Whoever ends the constraints early may change more. */
static void
test_changes_after_an_early_number_get_another(void)
{
	db_run(admin, "begin");
	db_run(admin, "update oat.tokens set description = 'x'");
	db_run(admin, "set constraints all immediate");
	db_run(admin, "set constraints all deferred");
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	db_run(admin, "commit");
	db_expect(root, "t|1",
	    "select max(generation) = oat.generation(), count(*) "
	    "from oat.changes where token = 'ci'");
	expect_status("web-1 not_told");
	synchronize();
	expect_status("web-1 confirmed");
}

/* A host that was suspended, or a token that expired, was no revocation. */
static void
test_lost_revocations_are_those_of_tokens(void)
{
	static const char *const terminated =
	    "select oat.host_record(jsonb_build_array(jsonb_build_object("
	    "'event_id', gen_random_uuid(), 'at', to_char(now() at time zone "
	    "'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'event', "
	    "'session.terminated', 'login', 'oat-acme-ci', 'detail', "
	    "jsonb_build_object('reason', '%s'))))";

	db_run(web, terminated, "expired");
	db_expect(root, "0", "select count(*) from oat.lost_revocations()");
	db_run(web, terminated, "revoked");
	db_expect(root, "1", "select count(*) from oat.lost_revocations()");
	db_run(admin, "update oat.hosts set suspended_at = now()");
	db_expect(root, "0", "select count(*) from oat.lost_revocations()");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_proof_of_a_revocation_is_told_step_by_step),
	OAT_TEST(test_proof_covers_every_way_to_lose_access),
	OAT_TEST(test_proof_covers_the_passing_of_time),
	OAT_TEST(test_proof_given_once_keeps_its_time),
	OAT_TEST(test_proof_is_void_after_access_that_the_host_did_not_hear_of),
	OAT_TEST(test_proof_takes_the_answer_that_was_given_last),
	OAT_TEST(test_proof_takes_an_answer_from_elsewhere_that_still_holds),
	OAT_TEST(test_proof_of_what_is_left_is_by_login),
	OAT_TEST(test_proof_needs_a_report_that_makes_sense),
	OAT_TEST(test_proof_has_a_row_for_each_place),
	OAT_TEST(test_proof_of_the_unknown_refused),
	OAT_TEST(test_proof_case_58_delegates_see_their_organization_alone),
	OAT_TEST(test_changes_have_the_generation_of_their_transaction),
	OAT_TEST(test_changes_are_not_made_by_logins_or_rollbacks),
	OAT_TEST(test_changes_of_one_organization_do_not_wait_for_each_other),
	OAT_TEST(test_changes_above_read_committed_are_numbered_too),
	OAT_TEST(test_changes_are_numbered_over_those_of_another_cluster),
	OAT_TEST(test_changes_after_an_early_number_get_another),
	OAT_TEST(test_lost_revocations_are_those_of_tokens),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "proof", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
