/* SPDX-License-Identifier: MIT */
/* Every object of the schema says what it is for, where \d+ looks for it. */
#include "cluster.h"
#include "fixture.h"
#include "tests/runner.h"

static PGconn *root;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
}

static void
test_comments_every_relation_and_column_has_one(void)
{
	db_expect(root, "null",
	    "select string_agg(relname, ', ') from pg_class "
	    "where relnamespace = 'oat'::regnamespace "
	    "and relkind in ('r', 'p', 'v', 'm', 'f', 'S') "
	    "and obj_description(oid, 'pg_class') is null");
	db_expect(root, "null",
	    "select string_agg(relname || '.' || attname, ', ') "
	    "from pg_class c join pg_attribute a on a.attrelid = c.oid "
	    "and attnum > 0 and not attisdropped "
	    "where relnamespace = 'oat'::regnamespace "
	    "and relkind in ('r', 'p', 'v', 'm', 'f', 'c') "
	    "and not relispartition and col_description(c.oid, attnum) is "
	    "null");
	db_expect(root, "null",
	    "select string_agg(typname, ', ') from pg_type t "
	    "left join pg_class c on c.oid = t.typrelid "
	    "where typnamespace = 'oat'::regnamespace and (relkind = 'c' "
	    "or typtype in ('d', 'e', 'r')) "
	    "and obj_description(t.oid, 'pg_type') is null");
}

static void
test_comments_every_rule_of_a_table_has_one(void)
{
	db_expect(root, "null",
	    "select string_agg(format('%%s on %%s', tgname, relname), ', ') "
	    "from pg_trigger t join pg_class c on c.oid = t.tgrelid "
	    "where relnamespace = 'oat'::regnamespace and not tgisinternal "
	    "and not relispartition "
	    "and obj_description(t.oid, 'pg_trigger') is null");
	db_expect(root, "null",
	    "select string_agg(format('%%s on %%s', polname, relname), ', ') "
	    "from pg_policy p join pg_class c on c.oid = p.polrelid "
	    "where relnamespace = 'oat'::regnamespace "
	    "and obj_description(p.oid, 'pg_policy') is null");
}

static void
test_comments_every_function_and_role_has_one(void)
{
	db_expect(root, "null",
	    "select string_agg(oid::regprocedure::text, ', ') from pg_proc "
	    "where pronamespace = 'oat'::regnamespace "
	    "and obj_description(oid, 'pg_proc') is null");
	db_expect(root, "null",
	    "select string_agg(rolname, ', ') from pg_roles "
	    "where rolname like 'oat\\_%%' "
	    "and shobj_description(oid, 'pg_authid') is null");
	db_expect(root, "f",
	    "select obj_description('oat'::regnamespace, 'pg_namespace') "
	    "is null");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_comments_every_relation_and_column_has_one),
	OAT_TEST(test_comments_every_rule_of_a_table_has_one),
	OAT_TEST(test_comments_every_function_and_role_has_one),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "comments", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
