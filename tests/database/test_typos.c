/* SPDX-License-Identifier: MIT */
/* Who names a host or a service that nobody has is told, and not refused. */
#include <stdio.h>
#include <stdlib.h>

#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

/* What the last statement was told: "MESSAGE|HINT", a line each. */
static char told[2048];

static void
keep_notice(void *unused, const PGresult *result)
{
	size_t used = strlen(told);

	(void)unused;
	(void)snprintf(told + used, sizeof(told) - used, "%s|%s\n",
	    PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
	    PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
}

static void
listen_to(PGconn *conn)
{
	PQsetNoticeReceiver(conn, keep_notice, NULL);
	db_run(conn, "set client_min_messages = notice");
	told[0] = '\0';
}

/* An administrator who listens; web-1 labelled prod, acme/ci without grants. */
static PGconn *
listening_admin(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	db_disconnect(fixture_host(conn, "web-1", "{prod}"));
	listen_to(conn);
	return conn;
}

static void
grant(PGconn *conn, const char *host, const char *service)
{
	told[0] = '\0';
	fixture_grant(conn, "acme", "ci", host, service);
}

#define NO_HOST(name)                       \
	"grants: no enrolled host is " name \
	"|select name, labels from oat.hosts\n"
#define NO_SERVICE(name)                                                      \
	"grants: nothing named service " name                                 \
	" before|if it was mistyped: delete from oat.grants where service = " \
	"'" name "'\n"

static void
test_typos_in_a_host_are_named(void)
{
	PGconn *conn = listening_admin();

	grant(conn, "wbe-1", "sshd");
	CU_ASSERT_STRING_EQUAL(told, NO_HOST("wbe-1"));
	grant(conn, "wbe-*", "sshd");
	CU_ASSERT_STRING_EQUAL(told, NO_HOST("wbe-*"));
	grant(conn, "@prdo", "sshd");
	CU_ASSERT_STRING_EQUAL(told, NO_HOST("@prdo"));
	db_expect(conn, "3", "select count(*) from oat.grants");
}

static void
test_typos_in_a_service_are_named_once(void)
{
	PGconn *conn = listening_admin();

	grant(conn, "web-1", "shhd");
	CU_ASSERT_STRING_EQUAL(told, NO_SERVICE("shhd"));
	grant(conn, "web-*", "shhd");
	CU_ASSERT_STRING_EQUAL(told, "");
	db_expect(conn, "2", "select count(*) from oat.grants");
}

static void
test_typos_there_are_none_in_what_exists(void)
{
	static const char *const hosts[] = { "web-1", "web-?", "*", "@prod" };
	static const char *const services[] = { "*", "sshd", "sudo", "sudo-i",
		"su", "su-l", "login", "cron", "atd", "systemd-user" };
	PGconn *conn = listening_admin();
	size_t i;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		grant(conn, hosts[i], "sshd");
		CU_ASSERT_STRING_EQUAL(told, "");
	}
	db_run(conn, "delete from oat.grants");
	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		grant(conn, "web-1", services[i]);
		CU_ASSERT_STRING_EQUAL(told, "");
	}
}

static void
test_typos_before_the_first_host_are_not_known(void)
{
	PGconn *conn = fixture_admin();

	fixture_organization(conn, "acme");
	fixture_token(conn, "acme", "ci");
	listen_to(conn);
	grant(conn, "web-1", "sshd");
	CU_ASSERT_STRING_EQUAL(told, "");
}

static void
test_typos_of_one_statement_are_one_notice(void)
{
	PGconn *conn = listening_admin();

	db_run(conn,
	    "select oat.create_token('acme', 'deploy', '%s', "
	    "array(select 'far-' || n from generate_series(1, 7) n), "
	    "'{sshd,sudo}')",
	    fixture_verifier());
	CU_ASSERT_STRING_EQUAL(
	    told, NO_HOST("far-1, far-2, far-3, far-4, far-5 and 2 more"));
}

static void
test_typos_in_an_allowance_are_named(void)
{
	PGconn *conn = listening_admin();

	db_run(conn, "insert into oat.allowances values "
		     "('acme', 'wbe-1', 'shhd')");
	CU_ASSERT_STRING_EQUAL(told,
	    "allowances: no enrolled host is wbe-1"
	    "|select name, labels from oat.hosts\n"
	    "allowances: nothing named service shhd before"
	    "|if it was mistyped: delete from oat.allowances where service = "
	    "'shhd'\n");
}

/* Who sees of the hosts those alone that the allowance covers. */
static void
test_typos_of_a_delegate_are_named(void)
{
	PGconn *conn = listening_admin(), *delegate;

	db_disconnect(fixture_host(conn, "db-1", "{}"));
	db_run(conn, "insert into oat.allowances values "
		     "('acme', 'web-*', 'sshd')");
	delegate = fixture_role(db_connect("postgres"), "bob", "oat_delegate");
	db_run(conn, "insert into oat.delegates (organization, role, may) "
		     "values ('acme', 'bob', '{admin}')");
	listen_to(delegate);
	grant(delegate, "web-1", "sshd");
	CU_ASSERT_STRING_EQUAL(told, "");
	grant(delegate, "web-2", "sshd");
	CU_ASSERT_STRING_EQUAL(told, NO_HOST("web-2"));
}

/* However many rows name a service, a few are read to know that they do. */
static void
test_typos_cost_the_same_with_many_grants(void)
{
	PGconn *root = db_connect("postgres");
	static const char *const services[] = { "sshd", "myapp", "shhd" };
	size_t i;

	db_disconnect(fixture_host(listening_admin(), "db-1", "{}"));
	fixture_force(root,
	    "insert into oat.grants (organization, token, host, service) "
	    "select 'acme', 'ci', 'h-' || i, 'myapp' "
	    "from generate_series(1, 20000) i");
	db_run(root, "analyze oat.grants");
	listen_to(root);
	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		db_run(root, "begin");
		grant(root, "web-1", services[i]);
		db_expect(root, "t",
		    "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) "
		    "< 20 from pg_stat_xact_user_tables "
		    "where schemaname = 'oat' and relname = 'grants'");
		db_run(root, "commit");
		CU_ASSERT_STRING_EQUAL(told, i < 2 ? "" : NO_SERVICE("shhd"));
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_typos_in_a_host_are_named),
	OAT_TEST(test_typos_in_a_service_are_named_once),
	OAT_TEST(test_typos_there_are_none_in_what_exists),
	OAT_TEST(test_typos_before_the_first_host_are_not_known),
	OAT_TEST(test_typos_of_one_statement_are_one_notice),
	OAT_TEST(test_typos_in_an_allowance_are_named),
	OAT_TEST(test_typos_of_a_delegate_are_named),
	OAT_TEST(test_typos_cost_the_same_with_many_grants),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "typos", oat_cluster_start, NULL, oat_cluster_begin, oat_cluster_end,
	    tests },
	CU_SUITE_INFO_NULL,
};
