/* SPDX-License-Identifier: MIT */
/*
 * The manual of the schema and the schema say the same; and what a login runs
 * is never compiled first.
 */
#include "cluster.h"
#include "fixture.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>

static PGconn *root;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
}

static const char *
manual(void)
{
	static char text[1 << 18];
	FILE *file;
	size_t n;

	file = fopen("sql/oat-schema.7", "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	return text;
}

/* Every word of a column of names, comma separated, has an item of its own. */
static void
expect_items(const char *what, char *names)
{
	char *name, *rest = NULL;

	for (name = strtok_r(names, ",", &rest); name != NULL;
	     name = strtok_r(NULL, ",", &rest))
		OAT_ASSERT_THAT(
		    strstr(manual(), name) != NULL, "%s %s", what, name);
}

static void
test_manual_names_every_reason_in_order(void)
{
	char *reasons =
	    db_value(root, "select array_to_string(oat.checks(), ',')");
	const char *at = manual();
	char *name, *rest = NULL;

	at = strstr(at, ".Sh REASONS");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	for (name = strtok_r(reasons, ",", &rest); name != NULL;
	     name = strtok_r(NULL, ",", &rest)) {
		at = strstr(at, db_text(".It Li %s\n", name));
		OAT_ASSERT_THAT(at != NULL, "%s", name);
		if (at == NULL)
			return;
	}
}

static void
test_manual_names_every_column_an_administrator_writes(void)
{
	expect_items("column",
	    db_value(root,
		"select string_agg('.It Li ' || attname || ' No', ',') "
		"from pg_attribute where attnum > 0 and not attisdropped "
		"and attrelid in ('oat.plans'::regclass, "
		"'oat.organizations'::regclass, 'oat.allowances'::regclass, "
		"'oat.delegates'::regclass, 'oat.tokens'::regclass, "
		"'oat.grants'::regclass, 'oat.hosts'::regclass, "
		"'oat.activity'::regclass, 'oat.settings'::regclass)"));
}

static void
test_manual_names_every_view(void)
{
	expect_items("view",
	    db_value(root,
		"select string_agg('.It Li oat.' || relname, ',') "
		"from pg_class where relnamespace = 'oat'::regnamespace "
		"and relkind = 'v'"));
}

static void
test_manual_names_every_function_of_hosts(void)
{
	expect_items("function",
	    db_value(root,
		"select string_agg('.It Li oat.' || proname, ',') "
		"from pg_proc where pronamespace = 'oat'::regnamespace "
		"and has_function_privilege('oat_host', oid, 'execute')"));
}

static void
test_manual_names_every_sqlstate(void)
{
	expect_items("sqlstate",
	    db_value(root, "select string_agg('.It Li ' || sqlstate, ',') "
			   "from oat.errors"));
}

/*
 * Plans without sequential scans are costed so high that PostgreSQL compiled
 * them, for seconds: a login then found no identity in time.
 */
static void
test_functions_without_sequential_scans_are_never_compiled(void)
{
	db_expect(root, "",
	    "select coalesce(string_agg(proname, ','), '') from pg_proc "
	    "where pronamespace = 'oat'::regnamespace "
	    "and 'enable_seqscan=off' = any (proconfig) "
	    "and not 'jit=off' = any (proconfig)");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_manual_names_every_reason_in_order),
	OAT_TEST(test_manual_names_every_column_an_administrator_writes),
	OAT_TEST(test_manual_names_every_view),
	OAT_TEST(test_manual_names_every_function_of_hosts),
	OAT_TEST(test_manual_names_every_sqlstate),
	OAT_TEST(test_functions_without_sequential_scans_are_never_compiled),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "manual", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
