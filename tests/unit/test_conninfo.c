/* SPDX-License-Identifier: MIT */
#include "common/conninfo.h"

#include "common/database.h"
#include "tests/runner.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOWHERE "/nonexistent/oat"
#define SECRET "sentinel4711"
#define BASE "dbname=oat user=oat_web-1 "
#define TLS "sslmode=verify-full sslrootcert=/etc/oat/ca.pem "

static struct oat_conninfo *
check(const char *text, bool has_password)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "";
	struct oat_conninfo *conninfo = NULL;
	enum oat_status status;

	status = oat_conninfo_parse(text, has_password, &conninfo, error);
	OAT_ASSERT_THAT(status == OAT_OK, "%s: %s", text, error);
	return conninfo;
}

/* What libpq is told for a key; NULL when nothing is. */
static const char *
told(const struct oat_conninfo *conninfo, size_t server, const char *key)
{
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX];
	size_t i, n = oat_conninfo_settings(conninfo, server, settings);
	const char *value = NULL;

	CU_ASSERT_TRUE(n < OAT_CONNINFO_SETTINGS_MAX);
	CU_ASSERT_PTR_NULL(settings[n].key);
	for (i = 0; i < n; i++)
		if (strcmp(settings[i].key, key) == 0)
			value = settings[i].value;
	return value;
}

static void
check_told(const char *text, bool has_password, size_t server, const char *key,
    const char *expected)
{
	struct oat_conninfo *conninfo = check(text, has_password);
	const char *value;

	if (conninfo == NULL)
		return;
	value = told(conninfo, server, key);
	if (expected == NULL)
		OAT_ASSERT_THAT(
		    value == NULL, "%s: %s is %s", text, key, value);
	else
		OAT_ASSERT_THAT(value != NULL && strcmp(value, expected) == 0,
		    "%s: %s is %s", text, key, value ? value : "(nothing)");
	oat_conninfo_free(conninfo);
}

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
		{ BASE "host=db1", "sslmode" },
		{ BASE "host=db1 sslmode=require sslrootcert=/x", "sslmode" },
		{ BASE "host=db1 sslmode=verify-ca sslrootcert=/x", "sslmode" },
		{ BASE "host=db1 sslmode=verify-full", "sslrootcert" },
		{ BASE "host=/run/db,db1", "sslmode" },
		{ BASE "host=127.0.0.1 hostaddr=10.0.0.1", "sslmode" },
		{ BASE "host=/run/db hostaddr=10.0.0.1", "sslmode" },
		{ BASE "host=127.0.0.1.example.org", "sslmode" },
		{ BASE "host=127.1", "sslmode" },
		{ BASE "host=128.0.0.1", "sslmode" },
		{ BASE "host=localhost.example.org", "sslmode" },
		{ BASE "host=::2", "sslmode" },
		{ BASE "host=db1 sslmode=verify-full sslrootcert=system",
		    "sslrootcert" },
		{ BASE TLS "host=db1 sslcert=c.pem sslkey=/k", "sslcert" },
		{ BASE TLS "host=db1 sslcert=/c sslkey=k", "sslkey" },
		{ BASE TLS "host=db1 sslcert=/c", "sslcert" },
		{ BASE TLS "host=db1 sslkey=/k", "sslcert" },
		{ BASE TLS "host=db1 sslcrl=" SECRET, "sslcrl" },
		{ BASE TLS "host=db1 sslcrldir=" SECRET, "sslcrldir" },
		{ BASE TLS "host=db1 channel_binding=prefer",
		    "channel_binding" },
		{ BASE TLS "host=db1,db2 hostaddr=10.0.0.1", "hostaddr" },
		{ BASE TLS "host=db1,db2,db3 port=1,2", "port" },
		{ BASE TLS "host=db1 port=1,2", "port" },
		{ BASE TLS "host=db1,,db3", "host" },
		{ BASE TLS "host=1,2,3,4,5,6,7,8,9", "host" },
		{ BASE "host=/run/db password=" SECRET, "password" },
		{ BASE "host=/run/db service=" SECRET, "service" },
		{ BASE "host=/run/db options=" SECRET, "options" },
		{ "dbname=" SECRET " user", "not a libpq" },
		{ "postgresql://x:" SECRET "@[", "not a libpq" },
		{ "postgresql://x:" SECRET "@db1/oat?user=x", "not a libpq" },
		{ BASE "host=/run/db host=/tmp", "not a libpq" },
		{ BASE "host='/run/" SECRET, "not a libpq" },
		{ BASE "host", "not a libpq" },
		{ BASE "=" SECRET, "not a libpq" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(cases[i].text, cases[i].key);
}

static bool
is_one_of(const char *const *words, const char *word)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
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
		if (is_one_of(listed, option->keyword))
			continue;
		snprintf(text, sizeof(text), BASE "host=/run/db %s=" SECRET,
		    option->keyword);
		check_refused(text, option->keyword);
		/* A misspelt key is one without a value, too. */
		snprintf(text, sizeof(text),
		    BASE "host=/run/db %s=", option->keyword);
		check_refused(text, option->keyword);
	}
	PQconninfoFree(all);
}

/* --- what is accepted --------------------------------------------------- */

static void
test_conninfo_within_the_policy_is_accepted(void)
{
	static const char *const texts[] = {
		BASE "host=/run/db",
		BASE "host=@abstract",
		BASE "host=127.0.0.1",
		BASE "host=127.255.255.254",
		BASE "host=::1",
		BASE "host=localhost",
		BASE "hostaddr=127.0.0.1",
		BASE "host=db1 hostaddr=127.0.0.1",
		BASE TLS "host=db1,db2 port=5432,",
		BASE TLS "host=db1,/run/db,127.0.0.1 port=6432",
		BASE TLS "hostaddr=10.0.0.1,10.0.0.2",
		BASE TLS "host=1,2,3,4,5,6,7,8",
		BASE TLS "host=db1 channel_binding=disable",
		BASE TLS "host=db1 channel_binding=require",
		BASE TLS "host=db1 sslcert=/c sslkey=/k sslcrl=/l sslcrldir=/d",
		"host = '/run/db' dbname= oat user =\toat_web-1",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		oat_conninfo_free(check(texts[i], true));
}

static void
test_conninfo_list_of_servers_is_taken_apart(void)
{
	struct oat_conninfo *conninfo =
	    check(BASE TLS "host=db1,/run/db,db3 hostaddr=10.0.0.1,,10.0.0.3 "
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
	CU_ASSERT_STRING_EQUAL(told(conninfo, 0, "hostaddr"), "10.0.0.1");
	CU_ASSERT_PTR_NULL(told(conninfo, 1, "hostaddr"));
	CU_ASSERT_STRING_EQUAL(told(conninfo, 2, "host"), "db3");
	CU_ASSERT_STRING_EQUAL(told(conninfo, 2, "port"), "5434");
	CU_ASSERT_STRING_EQUAL(oat_conninfo_user(conninfo), "oat_web-1");
	oat_conninfo_free(conninfo);
}

static void
test_conninfo_single_port_stands_for_every_server(void)
{
	check_told(BASE TLS "host=db1,db2 port=6432", false, 1, "port", "6432");
	check_told(BASE TLS "hostaddr=10.0.0.1", false, 0, "port", "5432");
}

static void
test_conninfo_ipv6_address_is_named_in_brackets(void)
{
	struct oat_conninfo *conninfo = check(BASE "host=::1 port=6432", false);

	CU_ASSERT_PTR_NOT_NULL_FATAL(conninfo);
	CU_ASSERT_STRING_EQUAL(
	    oat_conninfo_server_name(conninfo, 0), "[::1]:6432");
	CU_ASSERT_STRING_EQUAL(told(conninfo, 0, "host"), "::1");
	oat_conninfo_free(conninfo);
}

/* --- what libpq is told ------------------------------------------------- */

static void
test_conninfo_settings_say_what_the_policy_says(void)
{
	static const struct {
		const char *text;
		bool has_password;
		const char *key, *expected;
	} cases[] = {
		{ BASE "host=/run/db", true, "sslmode", "disable" },
		{ BASE "host=/run/db", true, "channel_binding", "disable" },
		{ BASE "host=/run/db", true, "require_auth",
		    "scram-sha-256,none" },
		{ BASE "host=/run/db", false, "require_auth", "none" },
		{ BASE "host=127.0.0.1", true, "sslmode", "prefer" },
		{ BASE "host=127.0.0.1", true, "channel_binding", "disable" },
		{ BASE "host=127.0.0.1", true, "require_auth",
		    "scram-sha-256" },
		{ BASE TLS "host=db1", true, "sslmode", "verify-full" },
		{ BASE TLS "host=db1", true, "sslrootcert", "/etc/oat/ca.pem" },
		{ BASE TLS "host=db1", true, "channel_binding", "require" },
		{ BASE TLS "host=127.0.0.1", true, "channel_binding",
		    "require" },
		{ BASE TLS "host=db1", false, "channel_binding", "disable" },
		{ BASE TLS "host=db1", true, "sslcert", NOWHERE },
		{ BASE TLS "host=db1", true, "sslkey", NOWHERE },
		{ BASE TLS "host=db1", true, "sslcrl", NOWHERE },
		{ BASE TLS "host=db1", true, "sslcrldir", NOWHERE },
		{ BASE TLS "host=db1 channel_binding=disable", true,
		    "channel_binding", "disable" },
		{ BASE TLS "host=db1 sslcert=/c sslkey=/k", true,
		    "channel_binding", "disable" },
		{ BASE TLS "host=db1 sslcert=/c sslkey=/k", true,
		    "require_auth", "none" },
		{ BASE TLS "host=db1 sslcert=/c sslkey=/k", true, "sslcert",
		    "/c" },
		{ BASE TLS "host=db1", true, "ssl_min_protocol_version",
		    "TLSv1.2" },
		{ BASE TLS "host=db1 ssl_min_protocol_version=TLSv1.3", true,
		    "ssl_min_protocol_version", "TLSv1.3" },
		{ BASE "host=/run/db", true, "requirepeer", NULL },
		{ BASE "host=/run/db requirepeer=postgres", true, "requirepeer",
		    "postgres" },
		{ BASE "host=/run/db", true, "passfile", NOWHERE },
		{ BASE "host=/run/db", true, "gssencmode", "disable" },
		{ BASE "host=/run/db", true, "options", NULL },
		{ BASE "host=/run/db", true, "password", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_told(cases[i].text, cases[i].has_password, 0,
		    cases[i].key, cases[i].expected);
}

/*
 * libpq hands file and folder to OpenSSL together, and without a word checks
 * no list at all when the file cannot be loaded.
 */
static void
test_conninfo_crl_folder_alone_goes_with_a_file_that_loads(void)
{
	check_told(BASE TLS "host=db1 sslcrldir=/d", true, 0, "sslcrl",
	    "/etc/oat/ca.pem");
	check_told(
	    BASE TLS "host=db1 sslcrldir=/d", true, 0, "sslcrldir", "/d");
	check_told(BASE TLS "host=db1 sslcrl=/l sslcrldir=/d", true, 0,
	    "sslcrl", "/l");
	check_told(
	    BASE TLS "host=db1 sslcrl=/l", true, 0, "sslcrldir", NOWHERE);
}

static void
test_conninfo_password_is_sent_unless_a_certificate_speaks(void)
{
	struct oat_conninfo *conninfo = check(BASE TLS "host=db1", true);

	CU_ASSERT_TRUE(oat_conninfo_sends_password(conninfo));
	oat_conninfo_free(conninfo);
	conninfo = check(BASE TLS "host=db1", false);
	CU_ASSERT_FALSE(oat_conninfo_sends_password(conninfo));
	oat_conninfo_free(conninfo);
	conninfo = check(BASE TLS "host=db1 sslcert=/c sslkey=/k", true);
	CU_ASSERT_FALSE(oat_conninfo_sends_password(conninfo));
	oat_conninfo_free(conninfo);
}

/*
 * An option that libpq looks up in the environment, when we do not fix it, is
 * one the program must have emptied its environment for: this short list.
 */
static void
test_conninfo_case_2_every_option_of_libpq_is_fixed_by_us(void)
{
	static const char *const emptied[] = { "service", "servicefile",
		"password", "hostaddr", "options", "requirepeer", NULL };
	PQconninfoOption *all = PQconninfoParse("", NULL), *option;
	struct oat_conninfo *conninfo = check(BASE TLS "host=db1", true);

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	for (option = all; option->keyword != NULL; option++)
		OAT_ASSERT_THAT(option->envvar == NULL ||
				    is_one_of(emptied, option->keyword) ||
				    told(conninfo, 0, option->keyword) != NULL,
		    "%s, looked up as %s", option->keyword, option->envvar);
	oat_conninfo_free(conninfo);
	PQconninfoFree(all);
}

/* "" would mean: not given, look it up. */
static void
test_conninfo_no_setting_is_empty_or_unknown_to_libpq(void)
{
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX];
	struct oat_conninfo *conninfo =
	    check(BASE TLS "host=db1 hostaddr=10.0.0.1 requirepeer=x", true);
	PQconninfoOption *all = PQconninfoParse("", NULL), *option;
	size_t i, n = oat_conninfo_settings(conninfo, 0, settings);

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	for (i = 0; i < n; i++) {
		OAT_ASSERT_THAT(
		    settings[i].value[0] != '\0', "%s", settings[i].key);
		for (option = all; option->keyword != NULL; option++)
			if (strcmp(option->keyword, settings[i].key) == 0)
				break;
		OAT_ASSERT_THAT(option->keyword != NULL || settings[i].newer,
		    "%s", settings[i].key);
	}
	oat_conninfo_free(conninfo);
	PQconninfoFree(all);
}

/* --- revocation lists --------------------------------------------------- */

static char folder[32], list[64];

static int
set_up(void)
{
	strcpy(folder, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(list, sizeof(list), "%s/crl.pem", folder);
	return 0;
}

static int
tear_down(void)
{
	(void)unlink(list);
	return rmdir(folder);
}

static void
check_crl(const char *options, enum oat_status expected, const char *key)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "", text[512];
	struct oat_conninfo *conninfo;
	enum oat_status status;

	snprintf(text, sizeof(text), BASE TLS "host=db1 %s", options);
	conninfo = check(text, false);
	status = oat_conninfo_check_crl(conninfo, error);
	OAT_ASSERT_THAT(status == expected, "%s: %s", options, error);
	if (expected != OAT_OK)
		OAT_ASSERT_THAT(strstr(error, key) != NULL, "%s", error);
	oat_conninfo_free(conninfo);
}

static void
write_list(const char *text)
{
	FILE *file = fopen(list, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static void
test_conninfo_crl_that_cannot_be_used_is_told(void)
{
	char options[128];

	snprintf(options, sizeof(options), "sslcrl=%s", list);
	(void)unlink(list);
	check_crl(options, OAT_UNAVAILABLE, "sslcrl: cannot be used: No such");
	write_list("");
	check_crl(options, OAT_UNAVAILABLE, "sslcrl: ");
	write_list("-----BEGIN CERTIFICATE-----\n");
	check_crl(options, OAT_UNAVAILABLE, "sslcrl: ");
	write_list("Issuer: x\n-----BEGIN X509 CRL-----\n");
	check_crl(options, OAT_OK, NULL);
	check_crl("sslcrldir=" NOWHERE, OAT_UNAVAILABLE, "sslcrldir: ");
	snprintf(options, sizeof(options), "sslcrldir=%s", folder);
	check_crl(options, OAT_OK, NULL);
	check_crl("", OAT_OK, NULL);
}

static void
test_conninfo_quotes_and_backslashes_are_libpqs(void)
{
	static const char text[] =
	    "host='/run/my db' dbname=o\\'a\\\\t user='it\\'s \\x'";

	check_told(text, false, 0, "host", "/run/my db");
	check_told(text, false, 0, "dbname", "o'a\\t");
	check_told(text, false, 0, "user", "it's x");
	check_told("host=/run/db dbname=oat user=me\\", false, 0, "user", "me");
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

/* To look at a certificate: nothing is checked, and nothing else changes. */
static void
test_conninfo_unchecked_settings_check_nothing(void)
{
	static const struct {
		const char *key, *value;
	} expected[] = {
		{ "sslmode", "require" },
		{ "sslrootcert", "/nonexistent/oat" },
		{ "sslcrl", "/nonexistent/oat" },
		{ "sslcrldir", "/nonexistent/oat" },
		{ "sslcert", "/nonexistent/oat" },
		{ "channel_binding", "disable" },
		{ "host", "db1" },
		{ "port", "6432" },
		{ "ssl_min_protocol_version", "TLSv1.3" },
		{ "passfile", "/nonexistent/oat" },
	};
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX];
	struct oat_conninfo *conninfo = NULL;
	char error[OAT_CONNINFO_ERROR_MAX];
	size_t i, j, n;

	CU_ASSERT_EQUAL_FATAL(
	    oat_conninfo_parse("host=db1 port=6432 dbname=oat user=u "
			       "sslmode=verify-full sslrootcert=/ca.pem "
			       "sslcrl=/crl.pem sslcert=/c.pem sslkey=/k.pem "
			       "ssl_min_protocol_version=TLSv1.3",
		true, &conninfo, error),
	    OAT_OK);
	n = oat_conninfo_unchecked(conninfo, 0, settings);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		for (j = 0; j < n; j++)
			if (strcmp(settings[j].key, expected[i].key) == 0)
				break;
		OAT_ASSERT_THAT(
		    j < n && strcmp(settings[j].value, expected[i].value) == 0,
		    "%s", expected[i].key);
	}
	CU_ASSERT_PTR_NULL(settings[n].key);
	CU_ASSERT_STRING_EQUAL(
	    oat_conninfo_value(conninfo, "sslrootcert"), "/ca.pem");
	CU_ASSERT_PTR_NULL(oat_conninfo_value(conninfo, "sslcrldir"));
	CU_ASSERT_PTR_NULL(oat_conninfo_value(conninfo, "no_such_key"));
	oat_conninfo_free(conninfo);
}

static CU_TestInfo settings_tests[] = {
	OAT_TEST(test_conninfo_settings_say_what_the_policy_says),
	OAT_TEST(test_conninfo_unchecked_settings_check_nothing),
	OAT_TEST(test_conninfo_crl_folder_alone_goes_with_a_file_that_loads),
	OAT_TEST(test_conninfo_password_is_sent_unless_a_certificate_speaks),
	OAT_TEST(test_conninfo_case_2_every_option_of_libpq_is_fixed_by_us),
	OAT_TEST(test_conninfo_no_setting_is_empty_or_unknown_to_libpq),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo lists[] = {
	OAT_TEST(test_conninfo_crl_that_cannot_be_used_is_told),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "conninfo: refused", NULL, NULL, NULL, NULL, refusals },
	{ "conninfo: accepted", NULL, NULL, NULL, NULL, acceptance },
	{ "conninfo: settings", NULL, NULL, NULL, NULL, settings_tests },
	{ "conninfo: revocation", set_up, tear_down, NULL, NULL, lists },
	CU_SUITE_INFO_NULL,
};
