/* SPDX-License-Identifier: MIT */
/* After anything at all, what is counted equals what is there. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <stdlib.h>

#define STEPS 300

static PGconn *root, *admin;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	admin = fixture_admin();
}

static int
below(int n)
{
	return (int)(random() % n);
}

static char *
organization(void)
{
	return db_text("org%d", below(4));
}

static char *
values(void)
{
	return db_text("('%s', 't%d', '%s')", organization(), below(16),
	    fixture_verifier());
}

/* A statement that may well be refused. */
static char *
statement(void)
{
	const char *insert =
	    "insert into oat.tokens (organization, name, verifier) values";

	switch (below(12)) {
	case 0:
		return db_text("insert into oat.organizations (name, plan) "
			       "values ('%s', '%s') on conflict do nothing",
		    organization(), below(2) ? "small" : "unlimited");
	case 1:
		return db_text("%s %s", insert, values());
	case 2:
		return db_text(
		    "%s %s on conflict do nothing", insert, values());
	case 3:
		return db_text(
		    "%s %s, %s, %s", insert, values(), values(), values());
	case 4:
		return db_text("%s %s on conflict (organization, name) do "
			       "update set selector = excluded.selector",
		    insert, values());
	case 5:
		return db_text(
		    "delete from oat.tokens where name = 't%d'", below(16));
	case 6:
		return db_text("delete from oat.tokens "
			       "where organization = '%s' and uid %% 2 = 0",
		    organization());
	case 7:
		return below(4) ? db_text("select 1")
				: db_text("delete from oat.organizations "
					  "where name = '%s'",
				      organization());
	case 8:
		return db_text("update oat.organizations set plan = '%s' "
			       "where name = '%s'",
		    below(2) ? "small" : "unlimited", organization());
	case 9:
		return db_text("update oat.plans set max_tokens = %d "
			       "where name = 'small'",
		    4 + below(8));
	case 10:
		return db_text("update oat.tokens set deactivated_at = now(), "
			       "verifier = '%s' where organization = '%s' "
			       "and name = 't%d'",
		    fixture_verifier(), organization(), below(16));
	default:
		return db_text("insert into oat.grants select organization, "
			       "name, 'web-%d', 'sshd' from oat.tokens "
			       "where name = 't%d' on conflict do nothing",
		    below(3), below(16));
	}
}

static void
copy_some(void)
{
	char *lines = db_text("%s\tt%d\t%s\n%s\tt%d\t%s\n", organization(),
	    below(16), fixture_verifier(), organization(), below(16),
	    fixture_verifier());

	(void)db_copy(root, "oat.tokens (organization, name, verifier)", lines);
}

/* One transaction of a few statements, some of them undone. */
static void
transaction(void)
{
	int i, count = 1 + below(3);

	if (below(8) == 0) {
		copy_some();
		return;
	}
	db_run(admin, "begin");
	for (i = 0; i < count; i++) {
		db_run(admin, "savepoint s");
		if (strcmp(db_try(admin, statement(), 0, NULL), OK) != 0 ||
		    below(5) == 0)
			db_run(admin, "rollback to s");
	}
	db_run(admin, below(4) ? "commit" : "rollback");
}

static void
expect_consistent(void)
{
	db_expect(root, "null",
	    "select string_agg(c.organization || ' holds ' || c.held, ', ') "
	    "from oat.token_counts c where c.held <> (select count(*) "
	    "from oat.tokens t where t.organization = c.organization) "
	    "or c.max_tokens is distinct from (select p.max_tokens from "
	    "oat.organizations o join oat.plans p on p.name = o.plan "
	    "where o.name = c.organization)");
	db_expect(root, "0",
	    "select count(*) from oat.organizations o left join "
	    "oat.token_counts c on c.organization = o.name "
	    "where c.held is null");
	/* Every number that was given is remembered, and none is skipped. */
	db_expect(root, "0|t|t",
	    "select (select count(*) from oat.tokens t where not exists "
	    "(select from oat.identities i where i.id = t.uid "
	    "and i.name = t.login)), "
	    "(select last from oat.allocator) = max(id), "
	    "count(*) = max(id) - min(id) + 1 from oat.identities");
	/* Each token's secret is there, and no other is left lying about. */
	db_expect(root, "0|0|0",
	    "select (select count(*) from oat.tokens t where not exists "
	    "(select from oat.secrets s where s.selector = t.selector and "
	    "s.organization = t.organization and s.token = t.name and "
	    "s.verifier is not null and s.adopted)), "
	    "(select count(*) from oat.secrets where not adopted), "
	    "(select count(*) from oat.secrets s where s.verifier is not null "
	    "and not exists (select from oat.tokens t where "
	    "t.organization = s.organization and t.name = s.token))");
	/* What was logged as made and not as deleted is what is there. */
	db_expect(root, "t|t",
	    "select (select count(*) from oat.tokens) = "
	    "count(*) filter (where event = 'token.created') - "
	    "count(*) filter (where event = 'token.deleted'), "
	    "(select count(*) from oat.grants) = "
	    "count(*) filter (where event = 'grant.created') - "
	    "count(*) filter (where event = 'grant.deleted') "
	    "from oat.activity");
}

static void
random_changes(unsigned seed)
{
	int i;

	srandom(seed);
	db_run(admin, "insert into oat.plans values ('small', 6)");
	for (i = 0; i < STEPS; i++)
		transaction();
	expect_consistent();
	db_expect(admin, "t",
	    "select count(*) > 20 from oat.activity "
	    "where event = 'token.created'");
}

static void
test_counters_after_random_changes_equal_counts(void)
{
	random_changes(1);
}

static void
test_counters_after_other_random_changes_equal_counts(void)
{
	random_changes(20);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_counters_after_random_changes_equal_counts),
	OAT_TEST(test_counters_after_other_random_changes_equal_counts),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "counters", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
