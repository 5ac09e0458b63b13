/* SPDX-License-Identifier: MIT */
/*
 * The path of a login reads a handful of rows, and a snapshot those of its
 * host, however many there are.
 */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MANY 100000
#define GRANTS_EACH 3
#define ROWS_MAX 100	/* of any one node of a plan on the path */
#define TOKENS_HERE 100 /* of MANY, on host-1 */
#define TEN_THOUSAND 10000
#define LOGINS 50

static PGconn *root;
static char *plans; /* of what ran last */
static size_t plans_size;
static FILE *plans_stream;

static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
}

/*
 * `count` tokens of 100 organizations, three grants each: by name on one of
 * 1,000 hosts, one in a hundred by glob, the rest elsewhere by label. Triggers
 * are off, so what they would write is written here.
 */
static void
load(int count)
{
	db_run(root, "set session_replication_role = replica");
	db_run(root,
	    "insert into oat.organizations (name, plan) "
	    "select 'org' || o, 'unlimited' from generate_series(0, 99) o");
	db_run(root,
	    "insert into oat.token_counts (organization, held, max_tokens) "
	    "select 'org' || o, %d / 100, null from generate_series(0, 99) o",
	    count);
	db_run(root,
	    "insert into oat.tokens "
	    "(organization, name, login, uid, selector) "
	    "select 'org' || i %% 100, 't' || i, "
	    "'oat-org' || i %% 100 || '-t' || i, 200000 + i, "
	    "'sel' || lpad(i::text, 9, '0') from generate_series(1, %d) i",
	    count);
	db_run(root,
	    "insert into oat.secrets "
	    "(selector, organization, token, verifier, adopted) "
	    "select selector, organization, name, case uid %% 1000 when 1 "
	    "then selector || substr('%s', 13) end, true from oat.tokens",
	    fixture_verifier());
	db_run(root,
	    "insert into oat.identities (id, name, kind, organization, token) "
	    "select uid, login, 'token', organization, name from oat.tokens");
	db_run(root,
	    "insert into oat.grants (organization, token, host, service) "
	    "select organization, name, case n when 1 then "
	    "'host-' || uid %% 1000 when 2 then case uid %% 100 when 0 "
	    "then 'web-*' else 'far-' || uid %% 1000 end else '@none' end, "
	    "'sshd' from oat.tokens, generate_series(1, %d) n",
	    GRANTS_EACH);
	db_run(root, "reset session_replication_role");
	db_run(root, "select oat.enroll_host('host-1')");
	db_run(root, "analyze");
}

static void
keep_notice(void *unused, const PGresult *result)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	(void)unused;
	if (plans_stream != NULL && text != NULL &&
	    strstr(text, "plan:") != NULL)
		(void)fprintf(plans_stream, "%s\n", text);
}

/* The plans of everything within one statement, run as host-1. */
static const char *
plans_of(const char *sql)
{
	free(plans);
	plans_stream = open_memstream(&plans, &plans_size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plans_stream);
	PQsetNoticeReceiver(root, keep_notice, NULL);
	db_run(root, "set client_min_messages = notice");
	db_run(root, "set session authorization \"oat_host-1\"");
	db_run(root, "%s", sql);
	db_run(root, "reset session authorization");
	(void)fclose(plans_stream);
	plans_stream = NULL;
	return plans;
}

static bool
load_auto_explain(void)
{
	static const char *const settings[] = { "log_min_duration = 0",
		"log_nested_statements = on", "log_level = notice",
		"log_analyze = on", "log_timing = off", NULL };
	const char *const *setting;

	if (strcmp(db_try(root, "load 'auto_explain'", 0, NULL), OK) != 0)
		return false;
	for (setting = settings; *setting != NULL; setting++)
		db_run(root, "set auto_explain.%s", *setting);
	return true;
}

/* The largest number that follows a word in the plans. */
static long
largest(const char *text, const char *word)
{
	long most = 0, number;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		number = strtol(text, NULL, 10);
		if (number > most)
			most = number;
	}
	return most;
}

static void
expect_rows_at_most(const char *sql, long rows)
{
	const char *text = plans_of(sql);

	OAT_ASSERT_THAT(strstr(text, "Index") != NULL, "no plans of: %s", sql);
	OAT_ASSERT_THAT(strstr(text, "Seq Scan") == NULL, "%s: %s", sql, text);
	/* enable_seqscan = off may hide one as a scan of a whole index. */
	OAT_ASSERT_THAT(
	    largest(text, "actual rows=") <= rows, "%s: %s", sql, text);
	OAT_ASSERT_THAT(largest(text, "Rows Removed by Filter: ") <= rows,
	    "%s: %s", sql, text);
	/* A loop over two sets: as many as their product, but for matches. */
	OAT_ASSERT_THAT(largest(text, "Rows Removed by Join Filter: ") <= rows,
	    "%s: %s", sql, text);
}

static void
expect_index_scans_only(const char *sql)
{
	expect_rows_at_most(sql, ROWS_MAX);
}

/*
 * Microseconds of the fastest of many logins of host-1, each by a connection
 * of its own, as logins are: nothing of it is planned or cached before.
 */
static double
login_us(void)
{
	char *selector = db_value(root,
	    "select selector from oat.tokens where uid %% 1000 = 1 limit 1");
	char *login = db_value(root,
	    "select login from oat.tokens where selector = '%s'", selector);
	struct timespec start, end;
	double us, best = 1e9;
	PGconn *host;
	int i;

	for (i = 0; i < LOGINS; i++) {
		clock_gettime(CLOCK_MONOTONIC, &start);
		host = db_connect("oat_host-1");
		db_run(host, "select oat.host_verifier('%s')", selector);
		fixture_decide(host, .selector = selector, .login = login);
		db_disconnect(host);
		clock_gettime(CLOCK_MONOTONIC, &end);
		us = (double)(end.tv_sec - start.tv_sec) * 1e6 +
		     (double)(end.tv_nsec - start.tv_nsec) / 1e3;
		if (us < best)
			best = us;
	}
	return best;
}

/* Never a promise about time here: the ratio is for the reader. */
static void
test_speed_login_reads_by_index_among_100000_tokens(void)
{
	double few, many;
	char *selector;

	load(100);
	few = login_us();
	oat_cluster_end();
	begin();
	load(MANY);
	many = login_us();
	printf("# login: %.0f us with 100 tokens, %.0f us with %d: %.2f x\n",
	    few, many, MANY, many / few);
	if (!load_auto_explain()) {
		oat_skip("PostgreSQL's auto_explain is not installed");
		return;
	}
	selector = db_value(root,
	    "select selector from oat.tokens where uid %% 1000 = 1 limit 1");
	expect_index_scans_only(
	    db_text("select oat.host_verifier('%s')", selector));
	expect_index_scans_only("select oat.host_verifier('nosuchselect')");
	expect_index_scans_only(
	    db_text("select oat.host_decide(gen_random_uuid(), 'login', "
		    "'oat-org1-t1', 'sshd', '10.1.2.3', '-', '-', '%s', "
		    "'right')",
		selector));
	expect_index_scans_only(
	    "select oat.host_decide(gen_random_uuid(), 'login', "
	    "'oat-org1-t1', 'sshd', '-', '-', '-', 'nosuchselect', 'none')");
	expect_index_scans_only(
	    "select oat.host_decide(gen_random_uuid(), 'access', "
	    "'oat-org1-t1', 'sshd', '10.1.2.3', '-', '-', null, 'none')");
}

/* The partitions of the log that a login has locked, when it is planned. */
static void
expect_few_partitions(const struct fixture_attempt *attempt)
{
	PGconn *host = db_connect("oat_web-1");

	db_run(host, "begin");
	oat_fixture_decide(OAT_HERE, host, attempt, "reason");
	OAT_ASSERT_THAT(atoi(db_value(root,
			    "select count(*) from pg_locks l join pg_inherits "
			    "i on i.inhrelid = l.relation and i.inhparent = "
			    "'oat.activity'::regclass where l.pid = %d",
			    PQbackendPID(host))) <= 2,
	    "%s", attempt->selector ? attempt->selector : "access");
	db_disconnect(host);
}

/* Three years of months: what a login costs does not grow with them. */
static void
test_speed_login_plans_with_the_newest_partitions_only(void)
{
	char *ci, *cd;

	(void)fixture_acme(root, &ci);
	cd = fixture_token(root, "acme", "cd");
	fixture_grant(root, "acme", "cd", "web-1", "sshd");
	db_run(root, "update oat.tokens set max_idle = '1 year', "
		     "uses_left = 0 where name = 'cd'");
	db_run(root, "select oat.make_month((date_trunc('month', now() at "
		     "time zone 'UTC') - make_interval(months => m))::date) "
		     "from generate_series(1, 36) m");
	db_run(root, "select oat.seal_activity()");
	expect_few_partitions(&(struct fixture_attempt){ .selector = ci });
	expect_few_partitions(
	    &(struct fixture_attempt){ .selector = ci, .proof = "wrong" });
	expect_few_partitions(&(struct fixture_attempt){
	    .selector = cd, .login = "oat-acme-cd" });
	expect_few_partitions(&(struct fixture_attempt){
	    .event = "access", .login = "oat-acme-cd" });
	expect_few_partitions(&(struct fixture_attempt){
	    .selector = "unknown00001", .proof = "none" });
}

static void
test_speed_snapshot_of_a_small_host_reads_its_rows_alone(void)
{
	load(MANY);
	if (!load_auto_explain()) {
		oat_skip("PostgreSQL's auto_explain is not installed");
		return;
	}
	/* For each token of the host its groups and grants. */
	expect_rows_at_most(
	    "select count(*) from oat.host_sync(0, 0, '{}')", 4 * TOKENS_HERE);
	db_expect(root, "100",
	    "select count(*) from oat.served s "
	    "join oat.identities i using (id) where i.kind = 'token'");
}

/* Also before anybody has run ANALYZE, when each table is taken for small. */
static void
test_speed_snapshot_of_ten_thousand_loops_over_no_two_sets(void)
{
	static const char *const sync =
	    "select count(*) from oat.host_sync(0, 0, '{}')";

	load(TEN_THOUSAND);
	fixture_force(root,
	    "update oat.grants set host = 'host-1' where host like 'host-%%'");
	if (!load_auto_explain()) {
		oat_skip("PostgreSQL's auto_explain is not installed");
		return;
	}
	expect_rows_at_most(sync, 4 * TEN_THOUSAND);
	expect_rows_at_most(sync, 4 * TEN_THOUSAND);
	db_run(root, "analyze");
	expect_rows_at_most(sync, 4 * TEN_THOUSAND);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_speed_login_reads_by_index_among_100000_tokens),
	OAT_TEST(test_speed_login_plans_with_the_newest_partitions_only),
	OAT_TEST(test_speed_snapshot_of_a_small_host_reads_its_rows_alone),
	OAT_TEST(test_speed_snapshot_of_ten_thousand_loops_over_no_two_sets),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "speed", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
