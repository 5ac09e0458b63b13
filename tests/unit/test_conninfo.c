/* SPDX-License-Identifier: MIT */
/* Which options are refused, and which are taken how. */
#include "common/conninfo.h"

#include "tests/runner.h"
#include "tests/unit/parsed.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "sentinel4711"

/* --- what is refused ---------------------------------------------------- */

static void
check_refused(const char *text, const char *key)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "", start[64];
	struct oat_conninfo *conninfo = NULL;
	enum oat_status status;

	status = oat_conninfo_parse(text, true, &conninfo, error);
	OAT_ASSERT_THAT(status == OAT_INVALID, "%s", text);
	CU_ASSERT_PTR_NULL(conninfo);
	snprintf(start, sizeof(start), "database: %s", key);
	OAT_ASSERT_THAT(
	    strncmp(error, start, strlen(start)) == 0, "%s: %s", text, error);
	OAT_ASSERT_THAT(strstr(error, SECRET) == NULL, "%s", error);
	oat_conninfo_free(conninfo);
}

static void
test_conninfo_against_the_policy_is_refused_by_key(void)
{
	static const struct {
		const char *text, *key;
	} cases[] = {
		{ "", "host" },
		{ "host=/run/db user=x", "dbname" },
		{ "host=/run/db dbname=x", "user" },
		{ PARSED_BASE "host=db1", "sslmode" },
		{ PARSED_BASE "host=db1 sslmode=require sslrootcert=/x",
		    "sslmode" },
		{ PARSED_BASE "host=db1 sslmode=verify-ca sslrootcert=/x",
		    "sslmode" },
		{ PARSED_BASE "host=db1 sslmode=verify-full", "sslrootcert" },
		{ PARSED_BASE "host=/run/db,db1", "sslmode" },
		{ PARSED_BASE "host=127.0.0.1 hostaddr=10.0.0.1", "sslmode" },
		{ PARSED_BASE "host=/run/db hostaddr=10.0.0.1", "sslmode" },
		{ PARSED_BASE "host=127.0.0.1.example.org", "sslmode" },
		{ PARSED_BASE "host=127.1", "sslmode" },
		{ PARSED_BASE "host=128.0.0.1", "sslmode" },
		{ PARSED_BASE "host=localhost.example.org", "sslmode" },
		{ PARSED_BASE "host=::2", "sslmode" },
		{ PARSED_BASE "host=db1 sslmode=verify-full sslrootcert=system",
		    "sslrootcert" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcert=c.pem sslkey=/k",
		    "sslcert" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcert=/c sslkey=k",
		    "sslkey" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcert=/c", "sslcert" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslkey=/k", "sslcert" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcrl=" SECRET, "sslcrl" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcrldir=" SECRET,
		    "sslcrldir" },
		{ PARSED_BASE PARSED_TLS "host=db1 channel_binding=prefer",
		    "channel_binding" },
		{ PARSED_BASE PARSED_TLS "host=db1,db2 hostaddr=10.0.0.1",
		    "hostaddr" },
		{ PARSED_BASE PARSED_TLS "host=db1,db2,db3 port=1,2", "port" },
		{ PARSED_BASE PARSED_TLS "host=db1 port=1,2", "port" },
		{ PARSED_BASE PARSED_TLS "host=db1,,db3", "host" },
		{ PARSED_BASE PARSED_TLS "host=1,2,3,4,5,6,7,8,9", "host" },
		{ PARSED_BASE "host=/run/db password=" SECRET, "password" },
		{ PARSED_BASE "host=/run/db service=" SECRET, "service" },
		{ PARSED_BASE "host=/run/db options=" SECRET, "options" },
		{ "dbname=" SECRET " user", "not a libpq" },
		{ "postgresql://x:" SECRET "@[", "not a libpq" },
		{ "postgresql://x:" SECRET "@db1/oat?user=x", "not a libpq" },
		{ PARSED_BASE "host=/run/db host=/tmp", "not a libpq" },
		{ PARSED_BASE "host='/run/" SECRET, "not a libpq" },
		{ PARSED_BASE "host", "not a libpq" },
		{ PARSED_BASE "=" SECRET, "not a libpq" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(cases[i].text, cases[i].key);
}

static void
test_conninfo_option_outside_the_list_is_refused_by_key(void)
{
	static const char *const listed[] = { "host", "hostaddr", "port",
		"dbname", "user", "sslmode", "sslrootcert", "sslcert", "sslkey",
		"sslcrl", "sslcrldir", "ssl_min_protocol_version",
		"channel_binding", "requirepeer", NULL };
	PQconninfoOption *all = PQconninfoParse("", NULL), *option;
	char text[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	for (option = all; option->keyword != NULL; option++) {
		if (parsed_is_one_of(listed, option->keyword))
			continue;
		snprintf(text, sizeof(text),
		    PARSED_BASE "host=/run/db %s=" SECRET, option->keyword);
		check_refused(text, option->keyword);
		/* A misspelt key is one without a value, too. */
		snprintf(text, sizeof(text),
		    PARSED_BASE "host=/run/db %s=", option->keyword);
		check_refused(text, option->keyword);
	}
	PQconninfoFree(all);
}

/* --- what is accepted --------------------------------------------------- */

static void
test_conninfo_within_the_policy_is_accepted(void)
{
	static const char *const texts[] = {
		PARSED_BASE "host=/run/db",
		PARSED_BASE "host=@abstract",
		PARSED_BASE "host=127.0.0.1",
		PARSED_BASE "host=127.255.255.254",
		PARSED_BASE "host=::1",
		PARSED_BASE "host=localhost",
		PARSED_BASE "hostaddr=127.0.0.1",
		PARSED_BASE "host=db1 hostaddr=127.0.0.1",
		PARSED_BASE PARSED_TLS "host=db1,db2 port=5432,",
		PARSED_BASE PARSED_TLS "host=db1,/run/db,127.0.0.1 port=6432",
		PARSED_BASE PARSED_TLS "hostaddr=10.0.0.1,10.0.0.2",
		PARSED_BASE PARSED_TLS "host=1,2,3,4,5,6,7,8",
		PARSED_BASE PARSED_TLS "host=db1 channel_binding=disable",
		PARSED_BASE PARSED_TLS "host=db1 channel_binding=require",
		PARSED_BASE PARSED_TLS
		"host=db1 sslcert=/c sslkey=/k sslcrl=/l sslcrldir=/d",
		"host = '/run/db' dbname= oat user =\toat_web-1",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		oat_conninfo_free(parsed_check(texts[i], true));
}

static void
test_conninfo_list_of_servers_is_taken_apart(void)
{
	struct oat_conninfo *conninfo = parsed_check(PARSED_BASE PARSED_TLS
	    "host=db1,/run/db,db3 hostaddr=10.0.0.1,,10.0.0.3 "
	    "port=5432,,5434",
	    false);

	CU_ASSERT_PTR_NOT_NULL_FATAL(conninfo);
	CU_ASSERT_EQUAL(oat_conninfo_servers(conninfo), 3);
	CU_ASSERT_STRING_EQUAL(
	    oat_conninfo_server_name(conninfo, 0), "db1:5432");
	CU_ASSERT_STRING_EQUAL(
	    oat_conninfo_server_name(conninfo, 1), "/run/db:5432");
	CU_ASSERT_STRING_EQUAL(
	    oat_conninfo_server_name(conninfo, 2), "db3:5434");
	CU_ASSERT_STRING_EQUAL(
	    parsed_told(conninfo, 0, "hostaddr"), "10.0.0.1");
	CU_ASSERT_PTR_NULL(parsed_told(conninfo, 1, "hostaddr"));
	CU_ASSERT_STRING_EQUAL(parsed_told(conninfo, 2, "host"), "db3");
	CU_ASSERT_STRING_EQUAL(parsed_told(conninfo, 2, "port"), "5434");
	CU_ASSERT_STRING_EQUAL(oat_conninfo_user(conninfo), "oat_web-1");
	oat_conninfo_free(conninfo);
}

static void
test_conninfo_single_port_stands_for_every_server(void)
{
	parsed_check_told(PARSED_BASE PARSED_TLS "host=db1,db2 port=6432",
	    false, 1, "port", "6432");
	parsed_check_told(PARSED_BASE PARSED_TLS "hostaddr=10.0.0.1", false, 0,
	    "port", "5432");
}

static void
test_conninfo_ipv6_address_is_named_in_brackets(void)
{
	struct oat_conninfo *conninfo =
	    parsed_check(PARSED_BASE "host=::1 port=6432", false);

	CU_ASSERT_PTR_NOT_NULL_FATAL(conninfo);
	CU_ASSERT_STRING_EQUAL(
	    oat_conninfo_server_name(conninfo, 0), "[::1]:6432");
	CU_ASSERT_STRING_EQUAL(parsed_told(conninfo, 0, "host"), "::1");
	oat_conninfo_free(conninfo);
}

static void
test_conninfo_quotes_and_backslashes_are_libpqs(void)
{
	static const char text[] =
	    "host='/run/my db' dbname=o\\'a\\\\t user='it\\'s \\x'";

	parsed_check_told(text, false, 0, "host", "/run/my db");
	parsed_check_told(text, false, 0, "dbname", "o'a\\t");
	parsed_check_told(text, false, 0, "user", "it's x");
	parsed_check_told(
	    "host=/run/db dbname=oat user=me\\", false, 0, "user", "me");
}

static CU_TestInfo refusals[] = {
	OAT_TEST(test_conninfo_quotes_and_backslashes_are_libpqs),
	OAT_TEST(test_conninfo_against_the_policy_is_refused_by_key),
	OAT_TEST(test_conninfo_option_outside_the_list_is_refused_by_key),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo acceptance[] = {
	OAT_TEST(test_conninfo_within_the_policy_is_accepted),
	OAT_TEST(test_conninfo_list_of_servers_is_taken_apart),
	OAT_TEST(test_conninfo_single_port_stands_for_every_server),
	OAT_TEST(test_conninfo_ipv6_address_is_named_in_brackets),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "conninfo: refused", NULL, NULL, NULL, NULL, refusals },
	{ "conninfo: accepted", NULL, NULL, NULL, NULL, acceptance },
	CU_SUITE_INFO_NULL,
};
