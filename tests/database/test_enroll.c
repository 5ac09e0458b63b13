/* SPDX-License-Identifier: MIT */
/*
 * Enrolling many hosts: passwords that never leave a host, connections that end
 * with it, keys for known_hosts.
 */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

#include <unistd.h>

#include "common/scram.h"

static PGconn *admin, *root;

static void
begin(void)
{
	oat_cluster_begin();
	admin = fixture_admin();
	root = db_connect("postgres");
}

static char *
verifier_of(const char *password)
{
	char verifier[OAT_SCRAM_MAX];

	CU_ASSERT_EQUAL_FATAL(oat_scram_verifier(password, verifier), OAT_OK);
	return db_text("%s", verifier);
}

static void
expect_stored(const char *role, const char *verifier)
{
	db_expect(root, verifier,
	    "select rolpassword from pg_authid where rolname = '%s'", role);
}

/* The connections of a role that are left; an end takes a moment. */
static const char *
connections_of(const char *role)
{
	const char *left = "";
	int tries;

	for (tries = 0; tries < 400; tries++) {
		left = db_value(root,
		    "select count(*) from pg_stat_activity "
		    "where usename = '%s'",
		    role);
		if (strcmp(left, "0") == 0)
			break;
		usleep(5000);
	}
	return left;
}

static void
expect_ended(const char *role, PGconn *conn)
{
	OAT_ASSERT_TEXT(connections_of(role), "0");
	PQclear(PQexec(conn, "select 1"));
	CU_ASSERT_EQUAL(PQstatus(conn), CONNECTION_BAD);
}

/* --- passwords ------------------------------------------------------------ */

static void
test_enroll_verifier_is_stored_as_it_is(void)
{
	char *verifier = verifier_of("a password");

	db_run(admin, "set password_encryption = 'md5'");
	db_run(admin, "select oat.enroll_host('web-1', '{}', '%s')", verifier);
	expect_stored("oat_web-1", verifier);
	db_expect(root, "0",
	    "select count(*) from oat.activity a "
	    "where a::text like '%%SCRAM%%'");
}

static void
test_enroll_verifier_that_is_not_whole_refused(void)
{
	char *whole = verifier_of("a password");
	const char *const parts[] = { db_text("%.132s", whole),
		db_text("%.60s", whole), "SCRAM-SHA-256$",
		db_text("%s=", whole), db_text("%s\n", whole),
		"SCRAM-SHA-256$4096:!$x:y" };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		db_refused(admin, OAT_BAD_NAME,
		    "select oat.enroll_host('web-1', '{}', '%s')", parts[i]);
		db_error_says("oat_web-1");
		db_error_hides("$4096");
	}
	db_expect(root, "0",
	    "select count(*) from pg_roles where rolname = 'oat_web-1'");
}

static void
test_enroll_md5_hash_or_nothing_refused_as_password(void)
{
	db_refused(admin, OAT_BAD_NAME,
	    "select oat.enroll_host('web-1', '{}', "
	    "'md5' || repeat('0', 32))");
	db_refused(
	    admin, OAT_BAD_NAME, "select oat.enroll_host('web-1', '{}', '')");
}

static void
test_enroll_again_replaces_a_rebuilt_machine(void)
{
	char *verifier = verifier_of("of the new machine");

	db_run(admin, "select oat.enroll_host('web-1', '{prod}', 'old', "
		      "'{ssh-ed25519 OLDKEY}')");
	db_connect("oat_web-1");
	db_expect(admin, "oat_web-1",
	    "select oat.enroll_host('web-1', password => '%s', "
	    "ssh_host_keys => '{ssh-ed25519 NEWKEY}')",
	    verifier);
	expect_stored("oat_web-1", verifier);
	db_expect(admin, "{prod}|{\"ssh-ed25519 NEWKEY\"}",
	    "select labels, ssh_host_keys from oat.hosts");
	OAT_ASSERT_TEXT(connections_of("oat_web-1"), "0");
}

static void
test_enroll_again_without_password_ends_no_connection(void)
{
	PGconn *host = fixture_host(admin, "web-1", "{}");

	db_run(admin, "select oat.enroll_host('web-1', '{prod}')");
	db_expect(host, "0", "select oat.host_record('[]')");
}

/* A group that somebody made by hand is not a removed host. */
static void
test_enroll_group_of_hosts_never_taken(void)
{
	db_run(root, "create role \"oat_web-1\" nologin in role oat_host");
	db_refused(admin, OAT_FOREIGN_ROLE, "select oat.enroll_host('web-1')");
	db_run(root, "drop role \"oat_web-1\"");
}

/* --- a host's own password ------------------------------------------------ */

static void
test_host_password_is_changed_by_the_host_itself(void)
{
	PGconn *host = fixture_host(admin, "web-1", "{}");
	char *verifier = verifier_of("next");

	db_run(host, "select oat.host_password('%s')", verifier);
	expect_stored("oat_web-1", verifier);
	db_expect(admin,
	    "oat_web-1|web-1|{\"new\": {\"password\": \"rotated\"}}",
	    "select actor, host, detail from oat.activity "
	    "where event = 'host.updated'");
}

static void
test_host_password_in_clear_refused(void)
{
	PGconn *host = fixture_host(admin, "web-1", "{}");

	db_refused(host, OAT_BAD_NAME, "select oat.host_password('in clear')");
	db_error_hides("in clear");
	db_refused(host, OAT_BAD_NAME, "select oat.host_password(null)");
	db_expect(root, "null",
	    "select rolpassword from pg_authid where rolname = 'oat_web-1'");
}

static void
test_host_password_of_a_removed_host_stays(void)
{
	PGconn *host = fixture_host(admin, "web-1", "{}");

	db_run(admin, "revoke \"oat_web-1\" from oat_owner");
	db_run(admin, "delete from oat.hosts");
	db_refused(host, OAT_NOT_A_HOST, "select oat.host_password('%s')",
	    verifier_of("next"));
}

/* --- connections ---------------------------------------------------------- */

static void
test_suspended_host_loses_its_connections_and_is_refused(void)
{
	PGconn *host, *other = fixture_host(admin, "web-2", "{}");
	char *selector;

	host = fixture_acme(admin, &selector);
	db_run(admin, "update oat.hosts set suspended_at = now() "
		      "where name = 'web-1'");
	expect_ended("oat_web-1", host);
	db_expect(other, "0", "select oat.host_record('[]')");
	fixture_expect(
	    db_connect("oat_web-1"), "host_suspended", .selector = selector);
}

static void
test_removed_host_loses_its_connections_and_its_way_in(void)
{
	PGconn *host = fixture_host(admin, "web-1", "{}");

	db_run(admin, "delete from oat.hosts");
	expect_ended("oat_web-1", host);
	db_expect(root, "f",
	    "select rolcanlogin from pg_roles where rolname = 'oat_web-1'");
	db_run(admin, "select oat.enroll_host('web-1')");
	db_expect(db_connect("oat_web-1"), "0", "select oat.host_record('[]')");
}

static void
test_removal_that_is_rolled_back_leaves_the_way_in(void)
{
	fixture_host(admin, "web-1", "{}");
	db_run(admin, "begin");
	db_run(admin, "delete from oat.hosts");
	db_run(admin, "rollback");
	db_expect(db_connect("oat_web-1"), "0", "select oat.host_record('[]')");
}

/* Whoever wrote the role of the row: nobody else's role is touched. */
static void
test_row_with_a_foreign_role_takes_nothing_from_it(void)
{
	PGconn *bob = fixture_role(root, "bob", NULL);

	db_run(root,
	    "insert into oat.hosts (name, role) values ('web-1', 'bob'), "
	    "('web-2', 'postgres')");
	db_run(root, "delete from oat.hosts");
	db_expect(bob, "1", "select 1");
	db_expect(root, "t",
	    "select every(rolcanlogin) from pg_roles "
	    "where rolname in ('bob', 'postgres')");
}

/* Who is no superuser and did not make the role. */
static void
test_administrator_without_createrole_ends_connections(void)
{
	PGconn *bob = fixture_role(root, "bob", "oat_admin");

	fixture_host(admin, "web-1", "{}");
	db_run(bob, "update oat.hosts set suspended_at = now()");
	OAT_ASSERT_TEXT(connections_of("oat_web-1"), "0");
	db_run(bob, "delete from oat.hosts");
	db_expect(root, "t",
	    "select rolcanlogin from pg_roles where rolname = 'oat_web-1'");
}

/* A role from before: the change holds, and the next question is refused. */
static void
test_connection_that_cannot_be_ended_is_refused_its_next_question(void)
{
	PGconn *host;
	char *selector;

	host = fixture_acme(admin, &selector);
	db_run(admin, "revoke \"oat_web-1\" from oat_owner");
	db_run(admin, "update oat.hosts set suspended_at = now()");
	fixture_expect(host, "host_suspended", .selector = selector);
	db_run(admin, "delete from oat.hosts");
	db_refused(host, OAT_NOT_A_HOST, "select oat.host_record('[]')");
	db_run(admin, "select oat.enroll_host('web-1')");
	db_run(admin, "delete from oat.hosts");
	OAT_ASSERT_TEXT(connections_of("oat_web-1"), "0");
}

static void
test_end_connections_reaches_hosts_alone(void)
{
	PGconn *bob = fixture_role(root, "bob", "oat_admin");
	PGconn *other = fixture_role(root, "carol", NULL);

	db_expect(bob, "0|0",
	    "select oat.end_connections('carol'), "
	    "oat.end_connections('postgres')");
	db_expect(other, "1", "select 1");
	db_expect(root, "1", "select 1");
}

/* --- known_hosts ---------------------------------------------------------- */

static void
two_hosts(void)
{
	fixture_organization(admin, "acme");
	(void)fixture_token(admin, "acme", "ci");
	db_run(admin, "select oat.enroll_host('web-1', '{prod}', null, "
		      "'{ssh-ed25519 AAAAone root@web-1,ssh-rsa AAAAtwo}')");
	db_run(admin, "select oat.enroll_host('db.example.org', '{}', null, "
		      "'{ssh-ed25519 AAAAthree}')");
}

static void
test_known_hosts_are_those_with_a_grant(void)
{
	two_hosts();
	db_expect(admin, "", "select * from oat.known_hosts('acme')");
	fixture_grant(admin, "acme", "ci", "@prod", "sshd");
	db_expect(admin, "web-1 ssh-ed25519 AAAAone\nweb-1 ssh-rsa AAAAtwo",
	    "select * from oat.known_hosts('acme')");
	fixture_grant(admin, "acme", "ci", "*", "sudo");
	db_expect(admin,
	    "db.example.org ssh-ed25519 AAAAthree\n"
	    "web-1 ssh-ed25519 AAAAone\nweb-1 ssh-rsa AAAAtwo",
	    "select * from oat.known_hosts('acme')");
	db_run(admin, "insert into oat.organizations (name) values ('other')");
	db_expect(admin, "", "select * from oat.known_hosts('other')");
	db_refused(admin, OAT_NO_SUCH_ROW,
	    "select * from oat.known_hosts('mistyped')");
	db_run(admin, "update oat.grants set expires_at = now()");
	db_expect(admin, "", "select * from oat.known_hosts('acme')");
}

static void
test_known_hosts_within_a_domain_have_both_names(void)
{
	two_hosts();
	fixture_grant(admin, "acme", "ci", "*", "sshd");
	db_expect(admin,
	    "db.example.org ssh-ed25519 AAAAthree\n"
	    "web-1 ssh-ed25519 AAAAone\nweb-1 ssh-rsa AAAAtwo\n"
	    "web-1.example.org ssh-ed25519 AAAAone\n"
	    "web-1.example.org ssh-rsa AAAAtwo",
	    "select * from oat.known_hosts('acme', 'example.org')");
	db_expect(admin, "",
	    "select * from oat.known_hosts('acme', E'x y\\n* ssh-rsa AAAA')");
}

static void
test_known_hosts_stay_within_the_allowance(void)
{
	two_hosts();
	fixture_grant(admin, "acme", "ci", "*", "sshd");
	db_run(admin, "insert into oat.allowances values "
		      "('acme', 'db.example.org', '*')");
	db_expect(admin, "db.example.org ssh-ed25519 AAAAthree",
	    "select * from oat.known_hosts('acme')");
}

static void
test_known_hosts_hold_keys_and_nothing_else(void)
{
	fixture_organization(admin, "acme");
	(void)fixture_token(admin, "acme", "ci");
	fixture_grant(admin, "acme", "ci", "*", "sshd");
	db_run(admin, "select oat.enroll_host('web-1', '{}', null, array["
		      "E'ssh-ed25519 AAAA\\n* ssh-ed25519 EVIL', "
		      "'@cert-authority * ssh-ed25519 EVIL', '* ssh-rsa EVIL', "
		      "'ssh-ed25519', 'ssh-ed25519 AA!A', "
		      "'ecdsa-sha2-nistp256 BBBB==', "
		      "'sk-ssh-ed25519@openssh.com CCCC'])");
	db_expect(admin,
	    "web-1 ssh-ed25519 AAAA\nweb-1 ecdsa-sha2-nistp256 BBBB==\n"
	    "web-1 sk-ssh-ed25519@openssh.com CCCC",
	    "select * from oat.known_hosts('acme')");
}

static void
test_known_hosts_of_a_delegate_are_its_own(void)
{
	PGconn *bob = fixture_role(root, "bob", "oat_delegate");

	two_hosts();
	fixture_organization(admin, "other");
	(void)fixture_token(admin, "other", "ci");
	fixture_grant(admin, "acme", "ci", "*", "sshd");
	fixture_grant(admin, "other", "ci", "*", "sshd");
	db_run(admin, "insert into oat.allowances values "
		      "('acme', 'web-*', '*'), ('other', '*', '*')");
	db_run(admin,
	    "insert into oat.delegates values ('acme', 'bob', '{rotate}')");
	db_expect(bob, "web-1 ssh-ed25519 AAAAone\nweb-1 ssh-rsa AAAAtwo",
	    "select * from oat.known_hosts('acme')");
	db_refused(
	    bob, OAT_NO_SUCH_ROW, "select * from oat.known_hosts('other')");
}

/* Bodies of functions are read as the session says. */
static void
test_enroll_means_the_same_whatever_a_session_says_of_strings(void)
{
	db_run(admin, "set standard_conforming_strings = off");
	db_run(admin, "set escape_string_warning = off");
	db_expect(admin, "t",
	    "select oat.is_scram_verifier('SCRAM-SHA-256$1:AAAA$' || "
	    "repeat('A', 43) || '=:' || repeat('A', 43) || '=')");
	db_refused(admin, OAT_BAD_NAME,
	    "select oat.enroll_host('web-9', password => "
	    "'SCRAM-SHA-256$1:AAAA')");
	db_expect(admin, "ssh-ed25519 AAAA|null",
	    "select oat.public_key('ssh-ed25519 AAAA s'), "
	    "oat.public_key('sssh-ed25519sAAAA')");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_enroll_verifier_is_stored_as_it_is),
	OAT_TEST(test_enroll_verifier_that_is_not_whole_refused),
	OAT_TEST(test_enroll_md5_hash_or_nothing_refused_as_password),
	OAT_TEST(test_enroll_again_replaces_a_rebuilt_machine),
	OAT_TEST(test_enroll_again_without_password_ends_no_connection),
	OAT_TEST(test_enroll_group_of_hosts_never_taken),
	OAT_TEST(test_host_password_is_changed_by_the_host_itself),
	OAT_TEST(test_host_password_in_clear_refused),
	OAT_TEST(test_host_password_of_a_removed_host_stays),
	OAT_TEST(test_suspended_host_loses_its_connections_and_is_refused),
	OAT_TEST(test_removed_host_loses_its_connections_and_its_way_in),
	OAT_TEST(test_removal_that_is_rolled_back_leaves_the_way_in),
	OAT_TEST(test_row_with_a_foreign_role_takes_nothing_from_it),
	OAT_TEST(test_administrator_without_createrole_ends_connections),
	OAT_TEST(
	    test_connection_that_cannot_be_ended_is_refused_its_next_question),
	OAT_TEST(test_end_connections_reaches_hosts_alone),
	OAT_TEST(test_known_hosts_are_those_with_a_grant),
	OAT_TEST(test_known_hosts_within_a_domain_have_both_names),
	OAT_TEST(test_known_hosts_stay_within_the_allowance),
	OAT_TEST(test_known_hosts_hold_keys_and_nothing_else),
	OAT_TEST(test_known_hosts_of_a_delegate_are_its_own),
	OAT_TEST(test_enroll_means_the_same_whatever_a_session_says_of_strings),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "enroll", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
