/* SPDX-License-Identifier: MIT */
/* One row for each change, whatever way it came, and never a secret in it. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin;

static void
begin(void)
{
	oat_cluster_begin();
	admin = fixture_admin();
}

/* Run it, and compare the events that it alone left, "event by actor". */
static void
expect_events(const char *expected, const char *sql)
{
	char *last =
	    db_value(admin, "select coalesce(max(id), 0) from oat.activity");
	char *events;

	db_run(admin, "%s", sql);
	events = db_value(admin,
	    "select coalesce(string_agg(event || coalesce(' ' || "
	    "organization, '') || coalesce('/' || token, '') || "
	    "case when event like 'host.%%' then ' on ' || host else '' end, "
	    "', ' order by event, id), '') "
	    "from oat.activity where id > %s and actor = 'alice' "
	    "and outcome is null and reason is null and event_id is not null",
	    last);
	OAT_ASSERT_THAT(strcmp(events, expected) == 0, "is: %s; not: %s; %s",
	    events, expected, sql);
	db_expect(admin, "0",
	    "select count(*) from oat.activity "
	    "where id > %s and actor <> 'alice'",
	    last);
}

static char *
insertion(const char *names)
{
	return db_text(
	    "insert into oat.tokens (organization, name, verifier) "
	    "select 'acme', n, 'sel' || substr(md5(random()::text), "
	    "1, 9) || substr('%s', 13) from unnest('{%s}'::text[]) n",
	    fixture_verifier(), names);
}

static void
test_activity_token_changes_leave_one_row_each(void)
{
	expect_events("organization.created acme",
	    "insert into oat.organizations (name, plan) "
	    "values ('acme', 'unlimited')");
	expect_events("token.created acme/ci", insertion("ci"));
	expect_events(
	    "token.created acme/a, token.created acme/b", insertion("a,b"));
	expect_events("token.updated acme/ci",
	    "update oat.tokens set description = 'x' where name = 'ci'");
	expect_events("token.deactivated acme/ci",
	    "update oat.tokens set deactivated_at = now() where name = 'ci'");
	expect_events("token.activated acme/ci",
	    "update oat.tokens set deactivated_at = null where name = 'ci'");
	expect_events("token.rotated acme/ci",
	    db_text("update oat.tokens set verifier = '%s' where name = 'ci'",
		fixture_verifier()));
	expect_events("token.rotated acme/ci",
	    db_text("select oat.rotate_token('acme', 'ci', '%s', '1 h')",
		fixture_verifier()));
	expect_events("token.deleted acme/ci",
	    "delete from oat.tokens where name = 'ci'");
}

static void
test_activity_grant_changes_leave_one_row_each(void)
{
	fixture_acme(admin, NULL);
	expect_events("grant.created acme/ci",
	    "insert into oat.grants values ('acme', 'ci', '*', 'cron')");
	expect_events("grant.updated acme/ci",
	    "update oat.grants set groups = '{a}' where service = 'cron'");
	expect_events("grant.deleted acme/ci",
	    "delete from oat.grants where service = 'cron'");
	expect_events("allowance.created acme",
	    "insert into oat.allowances values ('acme', '*', '*')");
	expect_events("allowance.updated acme",
	    "update oat.allowances set service = 'sshd'");
	expect_events("allowance.deleted acme", "delete from oat.allowances");
}

static void
test_activity_other_changes_leave_one_row_each(void)
{
	fixture_acme(admin, NULL);
	db_run(admin, "create role bob");
	expect_events("organization.updated acme",
	    "update oat.organizations set contact = 'ops@example.org'");
	expect_events(
	    "plan.created", "insert into oat.plans values ('tiny', 2)");
	expect_events("plan.updated",
	    "update oat.plans set max_tokens = 3 where name = 'tiny'");
	expect_events(
	    "plan.deleted", "delete from oat.plans where name = 'tiny'");
	expect_events(
	    "setting.updated", "update oat.settings set value = '70000-99998'");
	expect_events(
	    "host.enrolled on web-2", "select oat.enroll_host('web-2')");
	expect_events("host.updated on web-2",
	    "update oat.hosts set suspended_at = now() where name = 'web-2'");
	expect_events("host.removed on web-2",
	    "delete from oat.hosts where name = 'web-2'");
	expect_events("allowance.created acme",
	    "insert into oat.allowances values ('acme', '*', '*')");
	expect_events("delegate.created acme",
	    "insert into oat.delegates (organization, role, may) "
	    "values ('acme', 'bob', '{audit}')");
	expect_events("delegate.updated acme",
	    "update oat.delegates set may = '{rotate}'");
	expect_events("delegate.deleted acme", "delete from oat.delegates");
}

static void
test_activity_functions_leave_the_rows_of_their_changes(void)
{
	db_run(admin, "insert into oat.organizations (name) values ('acme')");
	expect_events("grant.created acme/ci, grant.created acme/ci, "
		      "grant.created acme/ci, grant.created acme/ci, "
		      "token.created acme/ci",
	    db_text("select oat.create_token('acme', 'ci', '%s', "
		    "'{web-1,web-2}', '{sshd,sudo}')",
		fixture_verifier()));
	expect_events("token.deactivated acme/ci",
	    "select oat.revoke('acme/ci', 'laptop lost')");
	db_expect(admin, "laptop lost",
	    "select detail->>'note' from oat.activity "
	    "where event = 'token.deactivated'");
}

/* Every way of writing a row is one change of it. */
static void
test_activity_upserts_leave_one_row_each(void)
{
	char *verifier = fixture_verifier();

	fixture_acme(admin, NULL);
	expect_events("", "insert into oat.plans values ('team', 10) "
			  "on conflict do nothing");
	expect_events("plan.created",
	    "insert into oat.plans values ('tiny', 2) on conflict do nothing");
	expect_events("plan.updated",
	    "insert into oat.plans values ('tiny', 3) on conflict (name) do "
	    "update set max_tokens = excluded.max_tokens");
	expect_events("",
	    "insert into oat.plans values ('tiny', 3) on conflict (name) do "
	    "update set max_tokens = excluded.max_tokens");
	expect_events("token.rotated acme/ci",
	    db_text("insert into oat.tokens (organization, name, verifier) "
		    "values ('acme', 'ci', '%s') on conflict (organization, "
		    "name) do update set selector = excluded.selector",
		verifier));
	expect_events("grant.updated acme/ci",
	    "insert into oat.grants values ('acme', 'ci', 'web-1', 'sshd', "
	    "'{a}') on conflict on constraint grants_pk do update set groups "
	    "= excluded.groups");
	if (PQserverVersion(admin) >= 150000)
		expect_events("plan.created, plan.updated",
		    "merge into oat.plans p using (values ('tiny', 4), "
		    "('small', 5)) v (name, n) on p.name = v.name "
		    "when matched then update set max_tokens = v.n "
		    "when not matched then insert values (v.name, v.n)");
	expect_events("organization.updated acme, plan.updated",
	    "update oat.plans set name = 'boundless' where name = "
	    "'unlimited'");
	expect_events("plan.deleted, plan.deleted",
	    "with gone as (delete from oat.plans where name in ('tiny', "
	    "'business') returning 1) select count(*) from gone");
}

static void
test_activity_rolled_back_changes_leave_no_row(void)
{
	fixture_acme(admin, NULL);
	db_run(admin, "begin");
	db_run(admin, "update oat.tokens set description = 'x'");
	db_run(admin, "savepoint a");
	db_run(admin, "update oat.tokens set description = 'y'");
	db_run(admin, "rollback to a");
	db_run(admin, "commit");
	db_expect(admin, "1|x",
	    "select count(*), min(detail #>> '{new,description}') "
	    "from oat.activity where event = 'token.updated'");
}

/* What functions do that shows in no row of a table. */
static void
test_activity_of_functions_alone_leaves_one_row_each(void)
{
	expect_events("host.enrolled on web-1",
	    "select oat.enroll_host('web-1', '{}', 'first password')");
	expect_events("host.updated on web-1",
	    "select oat.enroll_host('web-1', '{}', 'second password')");
	expect_events("", "select oat.enroll_host('web-1')");
	expect_events("ids.skipped", "select oat.skip_ids(71234)");
	expect_events("snapshot.renewed", "select oat.new_generation()");
	db_expect(admin, "{\"new\": {\"password\": \"set\"}}|71234",
	    "select (select detail from oat.activity where event = "
	    "'host.updated'), (select detail #>> '{new,up_to}' "
	    "from oat.activity where event = 'ids.skipped')");
	db_expect(db_connect("postgres"), "0",
	    "select count(*) from oat.activity a "
	    "where a::text like '%%first%%' or a::text like '%%second%%'");
}

/* COPY FROM needs a role above row-level security: PostgreSQL's own rule. */
static void
test_activity_copy_leaves_one_row_each(void)
{
	PGconn *root = db_connect("postgres");

	db_run(admin, "insert into oat.organizations (name) values ('acme')");
	OAT_ASSERT_TEXT(
	    db_copy(root, "oat.tokens (organization, name, verifier)",
		db_text("acme\ta\t%s\nacme\tb\t%s\n", fixture_verifier(),
		    fixture_verifier())),
	    OK);
	OAT_ASSERT_TEXT(
	    db_copy(root, "oat.grants (organization, token, host, service)",
		"acme\ta\t*\tsshd\nacme\tb\t*\tsshd\n"),
	    OK);
	db_expect(admin, "grant.created|2\ntoken.created|2",
	    "select event, count(*) from oat.activity "
	    "where event ~ 'token|grant' group by event order by event");
}

static void
test_activity_cascades_leave_one_row_each(void)
{
	fixture_acme(admin, NULL);
	fixture_token(admin, "acme", "cd");
	db_run(admin, "insert into oat.allowances values ('acme', '*', '*')");
	expect_events("grant.deleted acme/ci, grant.deleted acme/ci, "
		      "host.removed on web-1",
	    "delete from oat.hosts");
	fixture_grant(admin, "acme", "ci", "web-*", "sshd");
	expect_events("allowance.deleted acme, grant.deleted acme/ci, "
		      "organization.deleted acme, token.deleted acme/cd, "
		      "token.deleted acme/ci",
	    "delete from oat.organizations");
}

static void
test_activity_changes_of_nothing_leave_no_row(void)
{
	fixture_acme(admin, NULL);
	expect_events("", "update oat.tokens set description = description");
	expect_events("", "update oat.tokens set verifier = null");
	expect_events("", "update oat.grants set groups = groups");
	expect_events("", "update oat.hosts set labels = labels");
	expect_events("", "update oat.organizations set plan = plan");
	expect_events("", "delete from oat.tokens where name = 'none'");
	expect_events(
	    "", db_text("%s on conflict do nothing", insertion("ci")));
	expect_events("",
	    "insert into oat.grants values "
	    "('acme', 'ci', 'web-1', 'sshd') on conflict do nothing");
	expect_events("", "begin; delete from oat.tokens; rollback");
}

static void
test_activity_detail_tells_what_changed(void)
{
	fixture_acme(admin, NULL);
	db_run(admin, "update oat.tokens set description = 'newtext', "
		      "allowed_from = '{10.0.0.0/8}'");
	db_expect(admin, "t|t",
	    "select detail::text like '%%newtext%%', "
	    "detail::text like '%%10.0.0.0/8%%' from oat.activity "
	    "where event = 'token.updated'");
	db_run(admin, "update oat.grants set groups = '{deploy}' "
		      "where service = 'sshd'");
	db_expect(admin, "web-1|sshd|t",
	    "select host, service, detail::text like '%%deploy%%' "
	    "from oat.activity where event = 'grant.updated'");
}

static void
test_activity_note_setting_lands_in_the_log(void)
{
	fixture_acme(admin, NULL);
	db_run(admin, "begin");
	db_run(admin, "set local oat.note = 'ticket 4711'");
	db_run(admin, "update oat.tokens set deactivated_at = now()");
	db_run(admin, "commit");
	db_run(admin, "update oat.tokens set deactivated_at = null");
	db_expect(admin, "token.deactivated|ticket 4711\ntoken.activated|null",
	    "select event, detail->>'note' from oat.activity "
	    "where event ~ 'activated' order by id");
}

static void
test_activity_actor_is_the_session_user(void)
{
	PGconn *bob = fixture_role(db_connect("postgres"), "bob", "oat_admin");

	fixture_organization(bob, "acme");
	db_run(bob, "set role oat_admin");
	db_run(bob, "update oat.organizations set contact = 'x'");
	db_expect(admin, "bob\nbob",
	    "select actor from oat.activity where organization = 'acme' "
	    "order by id");
	db_expect(admin, "bob", "select created_by from oat.organizations");
}

static void
test_activity_case_43_never_holds_a_verifier(void)
{
	fixture_acme(admin, NULL);
	db_run(
	    admin, "update oat.tokens set verifier = '%s'", fixture_verifier());
	db_run(admin, "select oat.rotate_token('acme', 'ci', '%s', '1 h')",
	    fixture_verifier());
	db_run(admin,
	    "select oat.create_token('acme', 'x', '%s', '{*}', "
	    "'{*}')",
	    fixture_verifier());
	db_refused(admin, NULL,
	    "select oat.create_token('acme', 'x', '%s', '{*}', '{*}')",
	    fixture_verifier());
	db_run(admin, "delete from oat.organizations");
	db_expect(db_connect("postgres"), "0",
	    "select count(*) from oat.activity a "
	    "where a::text like '%%argon2%%' or a::text like '%%m=7168%%'");
}

static void
test_activity_case_56_append_only_for_everyone_who_manages(void)
{
	static const char *const statements[] = {
		"update oat.activity set actor = 'somebody'",
		"delete from oat.activity",
		"truncate oat.activity",
		"truncate oat.organizations cascade",
		"alter table oat.activity disable trigger all",
		"set session_replication_role = replica",
		"drop table oat.activity",
		"set role oat_owner",
	};
	PGconn *auditor;
	size_t i;

	auditor =
	    fixture_role(db_connect("postgres"), "auditor", "oat_auditor");
	fixture_acme(admin, NULL);
	for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		db_refused(admin, NO_PRIVILEGE, "%s", statements[i]);
		db_refused(auditor, NO_PRIVILEGE, "%s", statements[i]);
	}
	db_refused(admin, NO_PRIVILEGE,
	    "insert into oat.activity (actor, event) values ('x', 'login')");
	db_refused(auditor, NO_PRIVILEGE,
	    "insert into oat.activity (actor, event) values ('x', 'login')");
}

/* Even the owner, and a superuser by accident, run into a trigger. */
static void
test_activity_case_56_owner_runs_into_a_trigger(void)
{
	PGconn *root = db_connect("postgres");

	fixture_acme(admin, NULL);
	db_refused(root, OAT_APPEND_ONLY,
	    "update oat.activity set actor = 'somebody'");
	db_refused(root, OAT_APPEND_ONLY, "delete from oat.activity");
	db_refused(root, OAT_APPEND_ONLY, "truncate oat.activity");
	db_run(root, "set role oat_owner");
	db_refused(root, OAT_APPEND_ONLY,
	    "update oat.activity set actor = 'somebody'");
	db_refused(root, OAT_APPEND_ONLY, "delete from oat.activity");
	db_refused(root, OAT_APPEND_ONLY, "truncate oat.activity");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_activity_token_changes_leave_one_row_each),
	OAT_TEST(test_activity_grant_changes_leave_one_row_each),
	OAT_TEST(test_activity_other_changes_leave_one_row_each),
	OAT_TEST(test_activity_functions_leave_the_rows_of_their_changes),
	OAT_TEST(test_activity_upserts_leave_one_row_each),
	OAT_TEST(test_activity_rolled_back_changes_leave_no_row),
	OAT_TEST(test_activity_of_functions_alone_leaves_one_row_each),
	OAT_TEST(test_activity_copy_leaves_one_row_each),
	OAT_TEST(test_activity_cascades_leave_one_row_each),
	OAT_TEST(test_activity_changes_of_nothing_leave_no_row),
	OAT_TEST(test_activity_detail_tells_what_changed),
	OAT_TEST(test_activity_note_setting_lands_in_the_log),
	OAT_TEST(test_activity_actor_is_the_session_user),
	OAT_TEST(test_activity_case_43_never_holds_a_verifier),
	OAT_TEST(test_activity_case_56_append_only_for_everyone_who_manages),
	OAT_TEST(test_activity_case_56_owner_runs_into_a_trigger),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "activity", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
