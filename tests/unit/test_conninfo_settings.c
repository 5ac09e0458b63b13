/* SPDX-License-Identifier: MIT */
/* What libpq is told. */
#include "common/conninfo.h"

#include "tests/runner.h"
#include "tests/unit/parsed.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what libpq is told ------------------------------------------------- */

static void
test_conninfo_settings_say_what_the_policy_says(void)
{
	static const struct {
		const char *text;
		bool has_password;
		const char *key, *expected;
	} cases[] = {
		{ PARSED_BASE "host=/run/db", true, "sslmode", "disable" },
		{ PARSED_BASE "host=/run/db", true, "channel_binding",
		    "disable" },
		{ PARSED_BASE "host=/run/db", true, "require_auth",
		    "scram-sha-256,none" },
		{ PARSED_BASE "host=/run/db", false, "require_auth", "none" },
		{ PARSED_BASE "host=127.0.0.1", true, "sslmode", "prefer" },
		{ PARSED_BASE "host=127.0.0.1", true, "channel_binding",
		    "disable" },
		{ PARSED_BASE "host=127.0.0.1", true, "require_auth",
		    "scram-sha-256" },
		{ PARSED_BASE PARSED_TLS "host=db1", true, "sslmode",
		    "verify-full" },
		{ PARSED_BASE PARSED_TLS "host=db1", true, "sslrootcert",
		    "/etc/oat/ca.pem" },
		{ PARSED_BASE PARSED_TLS "host=db1", true, "channel_binding",
		    "require" },
		{ PARSED_BASE PARSED_TLS "host=127.0.0.1", true,
		    "channel_binding", "require" },
		{ PARSED_BASE PARSED_TLS "host=db1", false, "channel_binding",
		    "disable" },
		{ PARSED_BASE PARSED_TLS "host=db1", true, "sslcert",
		    PARSED_NOWHERE },
		{ PARSED_BASE PARSED_TLS "host=db1", true, "sslkey",
		    PARSED_NOWHERE },
		{ PARSED_BASE PARSED_TLS "host=db1", true, "sslcrl",
		    PARSED_NOWHERE },
		{ PARSED_BASE PARSED_TLS "host=db1", true, "sslcrldir",
		    PARSED_NOWHERE },
		{ PARSED_BASE PARSED_TLS "host=db1 channel_binding=disable",
		    true, "channel_binding", "disable" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcert=/c sslkey=/k", true,
		    "channel_binding", "disable" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcert=/c sslkey=/k", true,
		    "require_auth", "none" },
		{ PARSED_BASE PARSED_TLS "host=db1 sslcert=/c sslkey=/k", true,
		    "sslcert", "/c" },
		{ PARSED_BASE PARSED_TLS "host=db1", true,
		    "ssl_min_protocol_version", "TLSv1.2" },
		{ PARSED_BASE PARSED_TLS
		    "host=db1 ssl_min_protocol_version=TLSv1.3",
		    true, "ssl_min_protocol_version", "TLSv1.3" },
		{ PARSED_BASE "host=/run/db", true, "requirepeer", NULL },
		{ PARSED_BASE "host=/run/db requirepeer=postgres", true,
		    "requirepeer", "postgres" },
		{ PARSED_BASE "host=/run/db", true, "passfile",
		    PARSED_NOWHERE },
		{ PARSED_BASE "host=/run/db", true, "gssencmode", "disable" },
		{ PARSED_BASE "host=/run/db", true, "options", NULL },
		{ PARSED_BASE "host=/run/db", true, "password", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		parsed_check_told(cases[i].text, cases[i].has_password, 0,
		    cases[i].key, cases[i].expected);
}

/*
 * libpq hands file and folder to OpenSSL together, and without a word checks
 * no list at all when the file cannot be loaded.
 */
static void
test_conninfo_crl_folder_alone_goes_with_a_file_that_loads(void)
{
	parsed_check_told(PARSED_BASE PARSED_TLS "host=db1 sslcrldir=/d", true,
	    0, "sslcrl", "/etc/oat/ca.pem");
	parsed_check_told(PARSED_BASE PARSED_TLS "host=db1 sslcrldir=/d", true,
	    0, "sslcrldir", "/d");
	parsed_check_told(PARSED_BASE PARSED_TLS
	    "host=db1 sslcrl=/l sslcrldir=/d",
	    true, 0, "sslcrl", "/l");
	parsed_check_told(PARSED_BASE PARSED_TLS "host=db1 sslcrl=/l", true, 0,
	    "sslcrldir", PARSED_NOWHERE);
}

static void
test_conninfo_password_is_sent_unless_a_certificate_speaks(void)
{
	struct oat_conninfo *conninfo =
	    parsed_check(PARSED_BASE PARSED_TLS "host=db1", true);

	CU_ASSERT_TRUE(oat_conninfo_sends_password(conninfo));
	oat_conninfo_free(conninfo);
	conninfo = parsed_check(PARSED_BASE PARSED_TLS "host=db1", false);
	CU_ASSERT_FALSE(oat_conninfo_sends_password(conninfo));
	oat_conninfo_free(conninfo);
	conninfo = parsed_check(
	    PARSED_BASE PARSED_TLS "host=db1 sslcert=/c sslkey=/k", true);
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
	struct oat_conninfo *conninfo =
	    parsed_check(PARSED_BASE PARSED_TLS "host=db1", true);

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	for (option = all; option->keyword != NULL; option++)
		OAT_ASSERT_THAT(
		    option->envvar == NULL ||
			parsed_is_one_of(emptied, option->keyword) ||
			parsed_told(conninfo, 0, option->keyword) != NULL,
		    "%s, looked up as %s", option->keyword, option->envvar);
	oat_conninfo_free(conninfo);
	PQconninfoFree(all);
}

/* "" would mean: not given, look it up. */
static void
test_conninfo_no_setting_is_empty_or_unknown_to_libpq(void)
{
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX];
	struct oat_conninfo *conninfo = parsed_check(PARSED_BASE PARSED_TLS
	    "host=db1 hostaddr=10.0.0.1 requirepeer=x",
	    true);
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
check_files(const char *options, enum oat_status expected, const char *key)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "", text[512];
	struct oat_conninfo *conninfo;
	enum oat_status status;

	snprintf(text, sizeof(text),
	    PARSED_BASE "host=db1 sslmode=verify-full %s%s",
	    strstr(options, "sslrootcert") == NULL ? "sslrootcert=/dev/null "
						   : "",
	    options);
	conninfo = parsed_check(text, false);
	status = oat_conninfo_check_files(conninfo, error);
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
	check_files(options, OAT_UNAVAILABLE, "cannot be used: No such");
	write_list("");
	check_files(options, OAT_UNAVAILABLE, "sslcrl: ");
	write_list("-----BEGIN CERTIFICATE-----\n");
	check_files(options, OAT_UNAVAILABLE, "sslcrl: ");
	write_list("Issuer: x\n-----BEGIN X509 CRL-----\n");
	check_files(options, OAT_OK, NULL);
	check_files(
	    "sslcrldir=" PARSED_NOWHERE, OAT_UNAVAILABLE, "sslcrldir: ");
	snprintf(options, sizeof(options), "sslcrldir=%s", folder);
	check_files(options, OAT_OK, NULL);
	check_files("", OAT_OK, NULL);
}

/* By whoever has to read it; the key and why are always there. */
static void
test_conninfo_file_that_cannot_be_read_is_told_with_the_reason(void)
{
	char options[128];

	check_files("sslrootcert=" PARSED_NOWHERE, OAT_UNAVAILABLE,
	    "database: sslrootcert: " PARSED_NOWHERE
	    " cannot be used: No such file or directory");
	check_files("sslcert=" PARSED_NOWHERE " sslkey=/dev/null",
	    OAT_UNAVAILABLE, "sslcert: " PARSED_NOWHERE " cannot be used: No ");
	check_files("sslcert=/dev/null sslkey=" PARSED_NOWHERE, OAT_UNAVAILABLE,
	    "sslkey: " PARSED_NOWHERE " cannot be used: No ");
	check_files("sslcert=/dev/null sslkey=/dev/null", OAT_OK, NULL);
	write_list("");
	snprintf(options, sizeof(options), "sslrootcert=%s", list);
	check_files(options, OAT_OK, NULL);
}

/* A unix socket needs none of them. */
static void
test_conninfo_files_are_not_asked_for_where_there_is_no_tls(void)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "";
	struct oat_conninfo *conninfo = parsed_check(
	    PARSED_BASE "host=/run/pg sslrootcert=" PARSED_NOWHERE, false);

	CU_ASSERT_EQUAL(oat_conninfo_check_files(conninfo, error), OAT_OK);
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
	OAT_TEST(
	    test_conninfo_file_that_cannot_be_read_is_told_with_the_reason),
	OAT_TEST(test_conninfo_files_are_not_asked_for_where_there_is_no_tls),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "conninfo: settings", NULL, NULL, NULL, NULL, settings_tests },
	{ "conninfo: revocation", set_up, tear_down, NULL, NULL, lists },
	CU_SUITE_INFO_NULL,
};
