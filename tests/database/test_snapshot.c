/* SPDX-License-Identifier: MIT */
/* host_identities: who a host must be able to name, and when that changed. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *admin, *root, *web;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
	web = fixture_acme(admin, NULL);
}

/* Identities as "login active shell groups by name". */
static char *
identities(PGconn *host)
{
	return db_value(host,
	    "with s as materialized (select * from oat.host_identities(0, 0)) "
	    "select i.name, i.active, i.shell, coalesce((select "
	    "string_agg(g.name, ' ' order by g.name) from s g "
	    "where g.kind = 'group' and g.id::text = "
	    "any (string_to_array(i.groups, ','))), '') "
	    "from s i where i.kind = 'identity' order by i.name");
}

static char *
kinds(PGconn *host, const char *known)
{
	return db_value(host,
	    "select string_agg(distinct kind, ' ' order by kind) "
	    "from oat.host_identities(%s)",
	    known);
}

/* "generation, as_of" of what was just fetched, as arguments. */
static char *
known(PGconn *host)
{
	return db_value(host, "select id::text || ', ' || expires_at from "
			      "oat.host_identities(0, 0) where kind = 'begin'");
}

static void
test_snapshot_begins_ends_and_counts_itself(void)
{
	db_expect(web, "t|t|t|t|1|1",
	    "with s as materialized (select row_number() over () n, * "
	    "from oat.host_identities(0, 0)) select "
	    "(select kind = 'begin' and name = 'web-1' from s where n = 1), "
	    "(select kind = 'end' from s order by n desc limit 1), "
	    "(select id from s where kind = 'begin') = "
	    "(select id from s where kind = 'end'), "
	    "(select groups::bigint from s where kind = 'begin') = "
	    "(select count(*) from s where kind not in ('begin', 'end')), "
	    "(select count(*) from s where kind = 'begin'), "
	    "(select count(*) from s where kind = 'end')");
	db_expect(web, "t",
	    "select abs(expires_at - extract(epoch from now()) * 1000000) "
	    "< 60000000 from oat.host_identities(0, 0) where kind = 'begin'");
}

static void
test_snapshot_groups_come_before_identities(void)
{
	db_expect(web, "t",
	    "with s as materialized (select row_number() over () n, * "
	    "from oat.host_identities(0, 0)) select "
	    "max(n) filter (where kind = 'group') < "
	    "min(n) filter (where kind = 'identity') from s");
}

static void
test_snapshot_identity_has_all_that_a_host_shows(void)
{
	db_run(admin, "update oat.tokens set shell = '/bin/bash', "
		      "expires_at = '2100-01-01 00:00:00+00'");
	db_expect(web,
	    db_text("oat-acme-ci|%s|acme|ci|/bin/bash|t|4102444800",
		db_value(admin, "select uid from oat.tokens")),
	    "select name, id, organization, token, shell, active, expires_at "
	    "from oat.host_identities(0, 0) where kind = 'identity'");
}

static void
test_snapshot_groups_follow_grants(void)
{
	OAT_ASSERT_TEXT(identities(web),
	    "oat-acme-ci|t|/bin/sh|oat-acme oat-sudo oat-users");
	db_run(admin, "update oat.grants set groups = '{deploy,logs}' "
		      "where service = 'sshd'");
	OAT_ASSERT_TEXT(identities(web),
	    "oat-acme-ci|t|/bin/sh|oat-acme "
	    "oat-g-deploy oat-g-logs oat-sudo oat-users");
	db_run(admin,
	    "update oat.grants set groups = '{dba}' where service = 'sudo'");
	OAT_ASSERT_TEXT(identities(web),
	    "oat-acme-ci|t|/bin/sh|oat-acme "
	    "oat-g-dba oat-g-deploy oat-g-logs oat-users");
	db_run(admin, "delete from oat.grants where service = 'sudo'");
	db_run(admin, "update oat.grants set service = '*', groups = '{}'");
	OAT_ASSERT_TEXT(identities(web),
	    "oat-acme-ci|t|/bin/sh|oat-acme oat-sudo oat-users");
	db_run(admin, "update oat.grants set service = 'sudo-i'");
	OAT_ASSERT_TEXT(
	    identities(web), "oat-acme-ci|t|/bin/sh|oat-acme oat-users");
}

static void
test_snapshot_grants_elsewhere_give_no_group_here(void)
{
	db_run(admin, "delete from oat.grants where service = 'sudo'");
	db_run(admin, "insert into oat.grants values "
		      "('acme', 'ci', 'db', 'sudo', '{}'), "
		      "('acme', 'ci', 'db', 'sshd', '{dba}')");
	OAT_ASSERT_TEXT(
	    identities(web), "oat-acme-ci|t|/bin/sh|oat-acme oat-users");
	db_expect(web, "0",
	    "select count(*) from oat.host_identities(0, 0) "
	    "where kind = 'group' and name = 'oat-g-dba'");
}

static void
test_snapshot_expired_grant_gives_no_group(void)
{
	fixture_force(root,
	    "update oat.grants set "
	    "expires_at = now() - interval '1 s' where service = 'sudo'");
	OAT_ASSERT_TEXT(
	    identities(web), "oat-acme-ci|t|/bin/sh|oat-acme oat-users");
}

static void
test_snapshot_lost_access_keeps_name_without_rights(void)
{
	static const char *const changes[] = {
		"update oat.tokens set deactivated_at = now()",
		"update oat.organizations set suspended_at = now()",
		"delete from oat.grants",
		"delete from oat.tokens",
		"delete from oat.organizations",
	};
	char *uid = db_value(admin, "select uid from oat.tokens");
	size_t i;

	(void)identities(web);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		db_run(admin, "begin");
		db_run(admin, "%s", changes[i]);
		db_run(admin, "commit");
		db_expect(web,
		    db_text("oat-acme-ci|%s|f|/usr/sbin/nologin|", uid),
		    "select name, id, active, shell, coalesce(groups, '') "
		    "from oat.host_identities(0, 0) where kind = 'identity'");
		if (i == 0)
			db_run(admin,
			    "update oat.tokens set deactivated_at = null");
		if (i == 1)
			db_run(admin,
			    "update oat.organizations set suspended_at = null");
	}
}

static void
test_snapshot_never_served_is_not_shown(void)
{
	fixture_token(admin, "acme", "cd");
	OAT_ASSERT_TEXT(identities(web),
	    "oat-acme-ci|t|/bin/sh|oat-acme oat-sudo oat-users");
	(void)fixture_host(admin, "db", "{}");
	OAT_ASSERT_TEXT(identities(db_connect("oat_db")), "");
}

static void
test_snapshot_foreign_host_sees_nothing(void)
{
	PGconn *db = fixture_host(admin, "db", "{}");

	(void)identities(web);
	db_expect(db, "0",
	    "select count(*) from oat.host_identities(0, 0) "
	    "where kind = 'identity' or name like '%%acme%%'");
	db_refused(db, NO_PRIVILEGE, "select * from oat.tokens");
	db_refused(db, NO_PRIVILEGE, "select * from oat.served");
}

static void
test_snapshot_same_when_nothing_changed(void)
{
	char *before = known(web);

	OAT_ASSERT_TEXT(kinds(web, before), "same");
	db_expect(web, "1|t",
	    "select count(*), bool_and(id = split_part('%s', "
	    "',', 1)::bigint) from oat.host_identities(%s)",
	    before, before);
	OAT_ASSERT_TEXT(kinds(web, "0, 0"), "begin end group identity");
	/* A login changes no identity. */
	fixture_decide(web, .event = "access");
	OAT_ASSERT_TEXT(kinds(web, before), "same");
}

static void
test_snapshot_changes_raise_the_generation(void)
{
	static const char *const changes[] = {
		"update oat.tokens set shell = '/bin/bash'",
		"update oat.tokens set deactivated_at = now()",
		"update oat.tokens set deactivated_at = null",
		"update oat.tokens set expires_at = now() + interval '1 h'",
		"update oat.organizations set suspended_at = now()",
		"update oat.organizations set suspended_at = null",
		"update oat.grants set groups = '{a}' where service = 'sshd'",
		"update oat.hosts set labels = '{prod}'",
		"insert into oat.grants values ('acme', 'ci', 'web-*', 'su')",
		"insert into oat.allowances values ('acme', '*', '*')",
		"delete from oat.allowances",
		"delete from oat.grants where service = 'su'",
		"delete from oat.tokens",
		"delete from oat.organizations",
	};
	char *before;
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		before = known(web);
		db_run(admin, "%s", changes[i]);
		OAT_ASSERT_THAT(
		    strcmp(kinds(web, before), "same") != 0, "%s", changes[i]);
	}
}

static void
test_snapshot_rolled_back_change_raises_nothing(void)
{
	char *before = known(web);

	db_run(admin, "begin");
	db_run(admin, "update oat.tokens set shell = '/bin/bash'");
	db_run(admin, "rollback");
	OAT_ASSERT_TEXT(kinds(web, before), "same");
}

/* A transaction that commits after our fetch must not hide behind it. */
static void
test_snapshot_change_committed_later_is_not_missed(void)
{
	PGconn *other = db_connect("alice");
	char *before;

	db_run(other, "begin");
	db_run(other, "update oat.tokens set shell = '/bin/zsh'");
	before = known(web);
	db_run(other, "commit");
	OAT_ASSERT_THAT(strcmp(kinds(web, before), "same") != 0, "%s", before);
}

static void
test_snapshot_passing_of_time_is_a_change(void)
{
	char *generation;

	(void)identities(web);
	fixture_force(root,
	    "update oat.tokens set expires_at = now() - "
	    "interval '1 minute', created_at = now() - interval '1 day'");
	generation =
	    db_value(web, "select id from "
			  "oat.host_identities(0, 0) where kind = 'begin'");
	/* As of five minutes ago it had not expired; a second ago it had. */
	OAT_ASSERT_TEXT(
	    kinds(web, db_text("%s, (extract(epoch from now() - "
			       "interval '5 minutes') * 1000000)::bigint",
			   generation)),
	    "begin end group identity");
	OAT_ASSERT_TEXT(
	    kinds(web, db_text("%s, (extract(epoch from now() - "
			       "interval '1 second') * 1000000)::bigint",
			   generation)),
	    "same");
	fixture_force(root, "update oat.tokens set expires_at = null, "
			    "not_before = now() - interval '1 minute'");
	OAT_ASSERT_TEXT(
	    kinds(web, db_text("%s, (extract(epoch from now() - "
			       "interval '5 minutes') * 1000000)::bigint",
			   generation)),
	    "begin end group identity");
	fixture_force(root,
	    "update oat.tokens set not_before = null; "
	    "update oat.grants set expires_at = now() - interval '1 minute'");
	OAT_ASSERT_TEXT(
	    kinds(web, db_text("%s, (extract(epoch from now() - "
			       "interval '5 minutes') * 1000000)::bigint",
			   generation)),
	    "begin end group identity");
}

static void
test_snapshot_case_47_ids_and_names_are_ours(void)
{
	db_run(admin, "update oat.grants set groups = '{sudo,wheel,docker}'");
	db_expect(web, "0",
	    "select count(*) from oat.host_identities(0, 0) "
	    "where kind in ('group', 'identity') and (id < 65536 "
	    "or name !~ '^oat-[a-z0-9-]+$' or name in ('oat-g-', 'oat-'))");
	db_expect(web, "t",
	    "select count(*) = count(distinct id) and "
	    "count(*) = count(distinct name) "
	    "from oat.host_identities(0, 0) where kind = 'group'");
}

/*
 * Tokens in every state, by every kind of grant, in organizations limited and
 * not: the snapshot is a shape of its own for speed, and must say what the
 * policy says, which oat.access asks.
 */
static void
make_everything(void)
{
	static const char *const states[] = { "description = ''",
		"deactivated_at = now()", "not_before = now() + '1 h'",
		"not_before = now() - interval '1 h'",
		"expires_at = now() + interval '1 h'",
		"expires_at = now() - interval '1 h', created_at = now() - "
		"interval '1 d'" };
	static const char *const grants[] = { "'web-1', 'sshd', '{}', null",
		"'web-*', 'sudo', '{}', null", "'@prod', '*', '{a,b}', null",
		"'*', 'su', '{a}', now() - interval '1 h'",
		"'w?b-1', 'cron', '{}', now() + interval '1 h'",
		"'db', 'sshd', '{c}', null", "'@other', 'sshd', '{}', null" };
	static const char *const organizations[] = { "open1", "limited1",
		"limited2", "delegated1", "stopped1" };
	size_t o, s, g;

	db_run(root, "set session_replication_role = replica");
	db_run(root, "create role helper");
	for (o = 0; o < 5; o++) {
		db_run(root, "reset session_replication_role");
		fixture_organization(admin, organizations[o]);
		for (s = 0; s < 6; s++)
			for (g = 0; g < 7; g++)
				fixture_token(admin, organizations[o],
				    db_text("s%zug%zu", s, g));
		db_run(root, "set session_replication_role = replica");
		for (s = 0; s < 6; s++)
			db_run(root,
			    "update oat.tokens set %s where organization = "
			    "'%s' and name like 's%zu%%'",
			    states[s], organizations[o], s);
		for (g = 0; g < 7; g++)
			db_run(root,
			    "insert into oat.grants (organization, token, "
			    "host, service, groups, expires_at) select "
			    "organization, name, %s from oat.tokens where "
			    "organization = '%s' and (name like '%%g%zu' or "
			    "%zu = 1 and name like '%%g3')",
			    grants[g], organizations[o], g, g);
	}
	db_run(root, "insert into oat.allowances values "
		     "('limited1', 'web-*', 'sshd'), ('limited1', '@prod', "
		     "'sudo'), ('limited2', 'db', '*'), "
		     "('delegated1', 'web-1', 'sudo')");
	db_run(root, "insert into oat.delegates values "
		     "('delegated1', 'helper', '{admin}')");
	db_run(root, "update oat.organizations set suspended_at = now() "
		     "where name = 'stopped1'");
	db_run(root, "reset session_replication_role");
	db_run(root, "update oat.hosts set labels = '{prod}'");
	db_run(root, "drop role helper");
}

static void
test_snapshot_says_what_the_policy_says(void)
{
	PGconn *db = fixture_host(admin, "db", "{other}");
	PGconn *hosts[] = { web, db };
	static const char *const names[] = { "web-1", "db" };
	char *served;
	size_t i;

	make_everything();
	for (i = 0; i < 2; i++) {
		served = db_value(hosts[i],
		    "select string_agg(name, ' ' order by name) "
		    "from oat.host_identities(0, 0) "
		    "where kind = 'identity' and active");
		OAT_ASSERT_TEXT(served,
		    db_value(root,
			"select string_agg(login, ' ' order by login) from "
			"(select distinct login from oat.access "
			"where host = '%s') a",
			names[i]));
		OAT_ASSERT_THAT(
		    strlen(served) > 100, "%s: %s", names[i], served);
	}
}

/* One token at a time, as reports ask, the answer is the same. */
static void
test_snapshot_of_one_token_is_that_of_all(void)
{
	(void)fixture_host(admin, "db", "{other}");
	make_everything();
	db_expect(root, "0|t",
	    "select count(*) filter (where oat.is_present(t, o, h, now()) is "
	    "distinct from coalesce(p.active, false)), count(*) > 400 "
	    "from oat.hosts h cross join oat.tokens t "
	    "join oat.organizations o on o.name = t.organization "
	    "left join lateral oat.tokens_on(h, now()) p on p.uid = t.uid");
	db_run(root, "update oat.hosts set suspended_at = now()");
	db_expect(root, "0|0",
	    "select count(*) filter (where oat.is_present(t, o, h, now())), "
	    "(select count(*) from oat.tokens_on(h, now()) p where p.active) "
	    "from oat.hosts h cross join oat.tokens t "
	    "join oat.organizations o on o.name = t.organization "
	    "where h.name = 'web-1' group by h");
}

static void
test_snapshot_sessions_to_end_carry_their_exact_time(void)
{
	db_run(admin, "select oat.end_sessions('acme', 'ci')");
	db_expect(web, "t|t",
	    "select groups::bigint between (expires_at - 1) * 1000000 and "
	    "expires_at * 1000000, abs(groups::bigint - "
	    "extract(epoch from now()) * 1000000) < 60000000 "
	    "from oat.host_identities(0, 0) where kind = 'terminate'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_snapshot_says_what_the_policy_says),
	OAT_TEST(test_snapshot_of_one_token_is_that_of_all),
	OAT_TEST(test_snapshot_sessions_to_end_carry_their_exact_time),
	OAT_TEST(test_snapshot_begins_ends_and_counts_itself),
	OAT_TEST(test_snapshot_groups_come_before_identities),
	OAT_TEST(test_snapshot_identity_has_all_that_a_host_shows),
	OAT_TEST(test_snapshot_groups_follow_grants),
	OAT_TEST(test_snapshot_grants_elsewhere_give_no_group_here),
	OAT_TEST(test_snapshot_expired_grant_gives_no_group),
	OAT_TEST(test_snapshot_lost_access_keeps_name_without_rights),
	OAT_TEST(test_snapshot_never_served_is_not_shown),
	OAT_TEST(test_snapshot_foreign_host_sees_nothing),
	OAT_TEST(test_snapshot_same_when_nothing_changed),
	OAT_TEST(test_snapshot_changes_raise_the_generation),
	OAT_TEST(test_snapshot_rolled_back_change_raises_nothing),
	OAT_TEST(test_snapshot_change_committed_later_is_not_missed),
	OAT_TEST(test_snapshot_passing_of_time_is_a_change),
	OAT_TEST(test_snapshot_case_47_ids_and_names_are_ours),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "snapshot", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
