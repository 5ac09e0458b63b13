/* SPDX-License-Identifier: MIT */
/* Who may do what: a table of it, by the catalog and by trying. */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *root;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
}

/* Letters: Select, Insert, Update, Delete. What is not here is nobody's. */
struct right {
	const char *role, *may, *relations; /* each between blanks */
};

#define REPORTS                                                    \
	" token_status access usage_daily last_use uses used_on "  \
	"typed secret_history rotation_status errors host_status " \
	"secret_owners told "

static const struct right rights[] = {
	{ "oat_admin", "SIUD",
	    " plans organizations allowances delegates "
	    "tokens grants hosts settings " },
	{ "oat_admin", "S",
	    " activity activity_batches identities served host_state "
	    "migrations " REPORTS },
	{ "oat_auditor", "S",
	    " plans organizations allowances delegates "
	    "tokens grants hosts settings activity activity_batches "
	    "identities served host_state migrations " REPORTS },
	{ "oat_delegate", "SIUD", " tokens grants " },
	{ "oat_delegate", "S",
	    " plans organizations allowances delegates "
	    "hosts activity " REPORTS },
};

static const char *const group_roles[] = { "oat_admin", "oat_auditor",
	"oat_host", "oat_delegate", "public" };

#define GROUP_ROLES (sizeof(group_roles) / sizeof(group_roles[0]))

static const char *
documented(const char *role, const char *relation)
{
	const char *word = db_text(" %s ", relation);
	size_t i;

	for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (strcmp(rights[i].role, role) == 0 &&
		    strstr(rights[i].relations, word) != NULL)
			return rights[i].may;
	return "";
}

/* Names of everything in the schema of these kinds, one a line. */
static char *
relations(const char *kinds)
{
	return db_value(root,
	    "select string_agg(relname, E'\\n' order by relname) "
	    "from pg_class where relnamespace = 'oat'::regnamespace "
	    "and relkind in (%s)",
	    kinds);
}

static void
test_privileges_tables_are_as_documented(void)
{
	char *tables, *table, *next, *is;
	size_t i;

	for (i = 0; i < GROUP_ROLES; i++) {
		tables = relations("'r', 'p', 'v', 'm', 'f'");
		for (table = strtok_r(tables, "\n", &next); table != NULL;
		     table = strtok_r(NULL, "\n", &next)) {
			/* A right on any column counts; TRUNCATE never is. */
			is = db_value(root,
			    "select concat("
			    "case when has_any_column_privilege(r, c, "
			    "'select') then 'S' end, "
			    "case when has_any_column_privilege(r, c, "
			    "'insert') then 'I' end, "
			    "case when has_any_column_privilege(r, c, "
			    "'update') then 'U' end, "
			    "case when has_table_privilege(r, c, "
			    "'delete') then 'D' end, "
			    "case when has_table_privilege(r, c, "
			    "'truncate, trigger') then 'T' end) "
			    "from (select '%s'::text r, "
			    "'oat.%s'::regclass::oid c) x",
			    group_roles[i], table);
			OAT_ASSERT_THAT(
			    strcmp(is, documented(group_roles[i], table)) == 0,
			    "%s on %s: is \"%s\"", group_roles[i], table, is);
		}
	}
}

/* Is this statement, about a table of ours, permitted? */
static int
tried(PGconn *conn, const char *before, const char *table, const char *after)
{
	PGresult *result =
	    PQexec(conn, db_text("%s oat.%s %s", before, table, after));
	int permitted = PQresultStatus(result) != PGRES_FATAL_ERROR;
	char *row;

	while (PQresultStatus(result) == PGRES_COPY_OUT &&
	       PQgetCopyData(conn, &row, 0) > 0)
		PQfreemem(row);
	while (result != NULL) {
		PQclear(result);
		result = PQgetResult(conn);
	}
	return permitted;
}

static void
try_table(PGconn *conn, const char *role, const char *table)
{
	const char *may = documented(role, table);
	int select = strchr(may, 'S') != NULL;

	OAT_ASSERT_THAT(tried(conn, "select 1 from", table, "") == select,
	    "%s select %s", role, table);
	OAT_ASSERT_THAT(
	    tried(conn, "copy (table", table, ") to stdout") == select,
	    "%s copy %s", role, table);
	OAT_ASSERT_THAT(tried(conn, "delete from", table, "where false") ==
			    (strchr(may, 'D') != NULL),
	    "%s delete %s", role, table);
	OAT_ASSERT_THAT(
	    !tried(conn, "truncate", table, ""), "%s truncate %s", role, table);
}

static void
test_privileges_case_53_tables_tried_one_by_one(void)
{
	char *tables, *table, *next;
	PGconn *conn;
	size_t i;

	for (i = 0; i < GROUP_ROLES - 1; i++) {
		conn = fixture_role(root, db_text("r%zu", i), group_roles[i]);
		tables = relations("'r', 'p', 'v'");
		for (table = strtok_r(tables, "\n", &next); table != NULL;
		     table = strtok_r(NULL, "\n", &next))
			try_table(conn, group_roles[i], table);
	}
}

/* What a delegate may write of a token, of a grant; the rest is refused. */
static void
test_privileges_delegates_write_these_columns_alone(void)
{
	db_expect(root,
	    "grants|expires_at groups host organization service token|"
	    "expires_at groups host organization service token\n"
	    "tokens|allowed_from contact deactivated_at description "
	    "expires_at max_idle name not_before organization shell uses_left "
	    "verifier|allowed_from contact deactivated_at description "
	    "expires_at max_idle not_before overlap_until selector "
	    "sessions_end_at shell uses_left verifier",
	    "select relname, string_agg(attname, ' ' order by attname) "
	    "filter (where has_column_privilege('oat_delegate', c.oid, "
	    "attnum, 'insert')), string_agg(attname, ' ' order by attname) "
	    "filter (where has_column_privilege('oat_delegate', c.oid, "
	    "attnum, 'update')) from pg_class c join pg_attribute a "
	    "on attrelid = c.oid and attnum > 0 and not attisdropped "
	    "where relnamespace = 'oat'::regnamespace and relkind = 'r' "
	    "and has_any_column_privilege('oat_delegate', c.oid, 'insert') "
	    "group by relname order by relname");
}

static void
test_privileges_sequences_are_nobodys(void)
{
	size_t i;

	for (i = 0; i < GROUP_ROLES; i++)
		db_expect(root, "null",
		    "select string_agg(relname, ', ') from pg_class "
		    "where relnamespace = 'oat'::regnamespace "
		    "and case when relkind = 'S' then has_sequence_privilege("
		    "'%s', oid, 'usage, update') end",
		    group_roles[i]);
}

/* Names (without arguments) that a role may execute, trigger functions not. */
static char *
executable(const char *role)
{
	return db_value(root,
	    "select coalesce(string_agg(distinct proname, ' ' "
	    "order by proname), '') from pg_proc "
	    "where pronamespace = 'oat'::regnamespace "
	    "and has_function_privilege('%s', oid, 'execute')",
	    role);
}

static void
test_privileges_public_executes_nothing(void)
{
	OAT_ASSERT_TEXT(executable("public"), "");
	db_expect(root, "null",
	    "select string_agg(typname, ', ') from pg_type "
	    "where typnamespace = 'oat'::regnamespace and typtype in "
	    "('d', 'e') and has_type_privilege('public', oid, 'usage')");
	db_expect(root, "f",
	    "select has_schema_privilege('public', 'oat', 'usage, create')");
}

static void
test_privileges_host_executes_its_functions_alone(void)
{
	OAT_ASSERT_TEXT(executable("oat_host"),
	    "host_decide host_explain host_health host_identities "
	    "host_password host_password_note host_record host_rehearse "
	    "host_sync host_verifier");
	db_expect(root, "t|f",
	    "select has_schema_privilege('oat_host', 'oat', 'usage'), "
	    "has_schema_privilege('oat_host', 'oat', 'create')");
}

/* What a policy, a view or a statement by hand asks, under its own rights. */
#define ASKING                                                                \
	" absence activity_words address_allowed allowances_in_words"         \
	" allowed_services any_covers bounded breaks_under can_ask "          \
	"changed_columns"                                                     \
	" check_selector checks covering covers_some delegate_may_change"     \
	" delegated denial_message doubt expiring explain explain_detail"     \
	" explain_facts explain_fix explain_token_fix exposed_by"             \
	" facts_of_place find_token first_failure grant_fix grants_in_words"  \
	" grants_on has_begun has_not_ended host_covers idle_since is_acting" \
	" is_administrator is_allowed is_granted is_present known_hosts"      \
	" known_to later lifetime_end login_of passes pattern_within places"  \
	" public_key reads_all refusal refuse_delegate report_facts"          \
	" reported_number reported_text reported_time revocation_status"      \
	" sealed_id secret_state sees service_covers services_allowed"        \
	" services_granted state_checks tail_month tail_usage to_address"     \
	" token_failure token_state token_words trace usage_report"           \
	" used_just_now utc who_can within_allowance"

/* For whoever changes tokens and grants. */
#define CHANGING                                                           \
	" check_pattern create_token end_sessions holders names_in_words"  \
	" refuse_overlap refuse_verifier refuse_wait revoke rotate_token " \
	"token_named"

/* For whoever reads the whole log. */
#define AUDITING                                                        \
	" activity_line batch_header batch_lines batch_rows event_kind" \
	" header_of microseconds restore_check seal_activity verify_activity"

/* Hosts, and what comes after a restored dump. */
#define ENROLLING                                                         \
	" allowance_hint check_host_password end_connections enroll_host" \
	" is_host_role is_scram_verifier log_password make_host_role"     \
	" new_generation own_host_role recount skip_ids"

static void
expect_executable(const char *role, const char *names)
{
	OAT_ASSERT_TEXT(executable(role),
	    db_value(root,
		"select string_agg(name, ' ' order by name collate \"C\") "
		"from unnest(string_to_array(ltrim('%s'), ' ')) name",
		names));
}

/* By name, what each may; PUBLIC and hosts are above. */
static void
test_privileges_case_53_each_role_executes_these_functions_alone(void)
{
	expect_executable("oat_delegate", ASKING CHANGING);
	expect_executable("oat_auditor", ASKING AUDITING);
	expect_executable("oat_admin", ASKING CHANGING AUDITING ENROLLING);
}

static void
test_privileges_auditor_executes_what_reads(void)
{
	static const char *const managing[] = { "create_token", "rotate_token",
		"revoke", "end_sessions", "enroll_host", "host_verifier",
		"host_decide", "host_record", "host_identities", "host_sync",
		"host_rehearse", "host_explain", "host_health", "retention",
		"log_action", "roll_up", "keep_seal", "alert" };
	static const char *const reading[] = { "explain", "expiring", "who_can",
		"exposed_by", "known_to", "breaks_under", "usage_report",
		"trace", "verify_activity", "seal_activity", "batch_lines",
		"batch_header" };
	char *is = db_text(" %s ", executable("oat_auditor"));
	size_t i;

	for (i = 0; i < sizeof(managing) / sizeof(managing[0]); i++)
		OAT_ASSERT_THAT(
		    strstr(is, db_text(" %s ", managing[i])) == NULL, "%s",
		    managing[i]);
	for (i = 0; i < sizeof(reading) / sizeof(reading[0]); i++)
		OAT_ASSERT_THAT(strstr(is, db_text(" %s ", reading[i])) != NULL,
		    "%s", reading[i]);
}

/* Nobody else could cover his tracks. */
static void
test_privileges_log_is_changed_by_its_owner_alone(void)
{
	static const char *const changing[] = { "retention", "log_action",
		"roll_up", "keep_seal", "seal_range", "note_dropped",
		"replace_month", "delete_month", "forget_usage", "alert" };
	size_t i, r;

	for (r = 0; r < GROUP_ROLES; r++)
		for (i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
			OAT_ASSERT_THAT(
			    strstr(db_text(" %s ", executable(group_roles[r])),
				db_text(" %s ", changing[i])) == NULL,
			    "%s: %s", group_roles[r], changing[i]);
	for (r = 0; r < GROUP_ROLES; r++)
		OAT_ASSERT_THAT(
		    (strstr(executable(group_roles[r]), "seal_activity") !=
			NULL) ==
			(strcmp(group_roles[r], "oat_admin") == 0 ||
			    strcmp(group_roles[r], "oat_auditor") == 0),
		    "%s", group_roles[r]);
}

static void
test_privileges_nobody_manages_through_a_host_function(void)
{
	size_t i;

	for (i = 0; i < GROUP_ROLES; i++)
		if (strcmp(group_roles[i], "oat_host") != 0)
			OAT_ASSERT_THAT(strstr(executable(group_roles[i]),
					    "host_") == NULL ||
					    strstr(executable(group_roles[i]),
						"host_verifier") == NULL,
			    "%s", group_roles[i]);
}

/* "" would let a temporary type shadow pg_catalog's: pg_temp comes last. */
static void
test_privileges_definers_pin_their_search_path(void)
{
	db_expect(root, "null",
	    "select string_agg(oid::regprocedure::text, ', ') from pg_proc "
	    "where pronamespace = 'oat'::regnamespace and prosecdef "
	    "and not coalesce('search_path=pg_catalog, pg_temp' "
	    "= any (proconfig) or 'search_path=\"\"' = any (proconfig), "
	    "false)");
}

static void
test_privileges_everything_belongs_to_oat_owner(void)
{
	db_expect(root, "null",
	    "select string_agg(x, ', ') from (select relname::text x "
	    "from pg_class where relnamespace = 'oat'::regnamespace "
	    "and relowner <> 'oat_owner'::regrole union all "
	    "select proname from pg_proc "
	    "where pronamespace = 'oat'::regnamespace "
	    "and proowner <> 'oat_owner'::regrole union all "
	    "select nspname from pg_namespace where nspname = 'oat' "
	    "and nspowner <> 'oat_owner'::regrole) y");
	db_expect(root, "f|f|f|f|f",
	    "select rolcanlogin, rolsuper, rolcreaterole, rolbypassrls, "
	    "rolreplication from pg_roles where rolname = 'oat_owner'");
	db_expect(root, "0",
	    "select count(*) from pg_auth_members "
	    "where roleid = 'oat_owner'::regrole");
}

static void
test_privileges_row_security_is_forced_everywhere(void)
{
	/* Rows without an organization: nothing in them to tell apart. */
	db_expect(root, "null",
	    "select string_agg(c.relname, ', ') from pg_class c "
	    "join pg_attribute a on a.attrelid = c.oid "
	    "and a.attname = 'organization' "
	    "where c.relnamespace = 'oat'::regnamespace "
	    "and c.relkind in ('r', 'p') "
	    "and not (c.relrowsecurity and c.relforcerowsecurity)");
}

/* Partitions are activity's, and so are their columns and triggers. */
static void
test_privileges_case_54_new_function_is_nobodys(void)
{
	db_run(root, "set role oat_owner");
	db_run(root, "create function oat.fresh() returns int language sql "
		     "as 'select 1'");
	db_run(root, "reset role");
	db_expect(root, "f",
	    "select has_function_privilege('public', 'oat.fresh()', "
	    "'execute')");
}

static void
test_privileges_case_53_ways_out_of_the_database_refused(void)
{
	static const char *const statements[] = {
		"select pg_read_file('/etc/passwd')",
		"select pg_ls_dir('/')",
		"select lo_import('/etc/passwd')",
		"copy (select 1) to program 'true'",
		"copy oat.plans from '/etc/passwd'",
		"create schema mine",
		"create role mine",
		"create database mine",
		"create table oat.mine (n int)",
		"create function oat.mine() returns int language sql "
		"as 'select 1'",
		"set role oat_owner",
		"set role postgres",
		"set session authorization postgres",
		"alter role oat_host login",
		"alter table oat.tokens disable row level security",
		"create extension dblink",
		"select * from pg_authid",
		"alter system set fsync = on",
	};
	PGconn *conn;
	size_t i, r;

	for (r = 0; r < GROUP_ROLES - 1; r++) {
		conn = fixture_role(root, db_text("r%zu", r), group_roles[r]);
		for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
			OAT_ASSERT_THAT(
			    strcmp(db_try(conn, statements[i], 0, NULL),
				NO_PRIVILEGE) == 0,
			    "%s: %s", group_roles[r], statements[i]);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_privileges_tables_are_as_documented),
	OAT_TEST(test_privileges_case_53_tables_tried_one_by_one),
	OAT_TEST(test_privileges_delegates_write_these_columns_alone),
	OAT_TEST(test_privileges_sequences_are_nobodys),
	OAT_TEST(test_privileges_public_executes_nothing),
	OAT_TEST(test_privileges_host_executes_its_functions_alone),
	OAT_TEST(
	    test_privileges_case_53_each_role_executes_these_functions_alone),
	OAT_TEST(test_privileges_auditor_executes_what_reads),
	OAT_TEST(test_privileges_log_is_changed_by_its_owner_alone),
	OAT_TEST(test_privileges_nobody_manages_through_a_host_function),
	OAT_TEST(test_privileges_definers_pin_their_search_path),
	OAT_TEST(test_privileges_everything_belongs_to_oat_owner),
	OAT_TEST(test_privileges_row_security_is_forced_everywhere),
	OAT_TEST(test_privileges_case_54_new_function_is_nobodys),
	OAT_TEST(test_privileges_case_53_ways_out_of_the_database_refused),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "privileges", oat_cluster_start, NULL, begin, oat_cluster_end,
	    tests },
	CU_SUITE_INFO_NULL,
};
