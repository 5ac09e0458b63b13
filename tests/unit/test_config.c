/* SPDX-License-Identifier: MIT */
#include "common/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "tests/runner.h"

#define PATH "/etc/oat/oat.conf"
#define DATABASE "database = host=db1 dbname=oat\n"

static enum oat_status
parse(const char *text, struct oat_config *ret_config, char *ret_error)
{
	return oat_config_parse(
	    PATH, text, strlen(text), ret_config, ret_error);
}

/* The text is refused with exactly this message. */
static void
check_refused(const char *text, size_t size, const char *message)
{
	struct oat_config config = { .uid_min = 42 };
	char error[OAT_CONFIG_ERROR_MAX] = "";
	enum oat_status status;

	status = oat_config_parse(PATH, text, size, &config, error);
	OAT_ASSERT_THAT(status == OAT_INVALID, "%.*s", (int)size, text);
	OAT_ASSERT_THAT(strcmp(error, message) == 0, "\"%s\", expected \"%s\"",
	    error, message);
	OAT_ASSERT_THAT(config.uid_min == 42 && config.database == NULL,
	    "\"%.*s\" touches the result", (int)size, text);
}

static void
test_config_minimal_one_has_the_documented_defaults(void)
{
	struct oat_config config;
	char error[OAT_CONFIG_ERROR_MAX] = "";

	CU_ASSERT_EQUAL_FATAL(parse(DATABASE, &config, error), OAT_OK);
	CU_ASSERT_STRING_EQUAL(config.database, "host=db1 dbname=oat");
	CU_ASSERT_PTR_NULL(config.password_file);
	CU_ASSERT_EQUAL(config.timeout_ms, 5000);
	CU_ASSERT_EQUAL(config.fail_delay_ms, 500);
	CU_ASSERT_EQUAL(config.uid_min, 70000);
	CU_ASSERT_EQUAL(config.uid_max, 99999);
	CU_ASSERT_STRING_EQUAL(config.home_root, OAT_PATH_HOME);
	CU_ASSERT_EQUAL(config.terminate_sessions, OAT_TERMINATE_REVOKED);
	CU_ASSERT_TRUE(config.explain_denials);
	CU_ASSERT_EQUAL(config.expiry_notice_s, 14 * 86400);
	oat_config_free(&config);
}

/* Every option differs from its default. */
static void
test_config_complete_one_is_read(void)
{
	struct oat_config config;
	char error[OAT_CONFIG_ERROR_MAX] = "";

	CU_ASSERT_EQUAL_FATAL(
	    parse("# one host\n"
		  "\n"
		  "database=host=db1,db2 password=a#b'c\\d # conninfo\n"
		  "\tpassword_file \t=\t/etc/oat/password\t#\n"
		  "timeout = 100ms\n"
		  "fail_delay = 10s\n"
		  "uid_range = 65536-2147483647\n"
		  "home_root = /srv/oat\n"
		  "terminate_sessions = expired\n"
		  "explain_denials = no\n"
		  "  # the last line has no end\n"
		  "expiry_notice = 365d",
		&config, error),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(
	    config.database, "host=db1,db2 password=a#b'c\\d");
	CU_ASSERT_STRING_EQUAL(config.password_file, "/etc/oat/password");
	CU_ASSERT_EQUAL(config.timeout_ms, 100);
	CU_ASSERT_EQUAL(config.fail_delay_ms, 10000);
	CU_ASSERT_EQUAL(config.uid_min, 65536);
	CU_ASSERT_EQUAL(config.uid_max, 2147483647);
	CU_ASSERT_STRING_EQUAL(config.home_root, "/srv/oat");
	CU_ASSERT_EQUAL(config.terminate_sessions, OAT_TERMINATE_EXPIRED);
	CU_ASSERT_FALSE(config.explain_denials);
	CU_ASSERT_EQUAL(config.expiry_notice_s, 365 * 86400);
	oat_config_free(&config);
}

static void
test_config_bad_lines_are_refused_by_file_line_and_way_out(void)
{
	static const struct {
		const char *text, *message;
	} samples[] = {
		{ "", PATH ": database: not set; write database = host=... "
			   "dbname=oat user=oat_<host> sslmode=verify-full" },
		{ DATABASE "\nsecret hunter2\n",
		    PATH ":3: no \"=\"; write key = value, or # before it" },
		{ DATABASE "colour = hunter2\n",
		    PATH ":2: colour: unknown key; see oat.conf(5) for the "
			 "keys there are" },
		{ DATABASE "Timeout = 5s\n",
		    PATH ":2: no key before the \"=\"; see oat.conf(5) for "
			 "the keys there are" },
		{ DATABASE "hunter2 = 5s\n",
		    PATH ":2: no key before the \"=\"; see oat.conf(5) for "
			 "the keys there are" },
		{ DATABASE " = 5s\n",
		    PATH ":2: no key before the \"=\"; see oat.conf(5) for "
			 "the keys there are" },
		{ "timeout = 5s\n\n" DATABASE "timeout = 5s\n",
		    PATH ":4: timeout: already set in line 1; remove one" },
		{ DATABASE DATABASE,
		    PATH ":2: database: already set in line 1; remove one" },
		{ DATABASE "timeout = 5s\r\n",
		    PATH ":2: control character; remove it; lines end in a "
			 "newline alone" },
		{ DATABASE "timeout = 5s\177\n",
		    PATH ":2: control character; remove it; lines end in a "
			 "newline alone" },
	};
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		check_refused(samples[i].text, strlen(samples[i].text),
		    samples[i].message);
}

static void
test_config_nul_byte_is_refused(void)
{
	static const char text[] = DATABASE "timeout = 5s\0\nfail_delay = 0s";

	check_refused(text, sizeof(text) - 1,
	    PATH ":2: control character; remove it; lines end in a newline "
		 "alone");
}

static void
test_config_bad_values_are_refused_by_key_and_never_shown(void)
{
	static const char *const lines[] = {
		"database =",
		"database = # host=hunter2",
		"password_file = hunter2",
		"password_file =",
		"timeout = 99ms",
		"timeout = 60001ms",
		"timeout = 5",
		"timeout = hunter2",
		"timeout = 18446744073709551617ms",
		"fail_delay = 10001ms",
		"fail_delay = -1s",
		"uid_range = 65535-70000",
		"uid_range = 70000",
		"home_root = hunter2",
		"home_root = /home/../hunter2",
		"terminate_sessions = yes",
		"explain_denials = true",
		"explain_denials = Yes",
		"expiry_notice = 366d",
		"expiry_notice = 1500ms",
		"expiry_notice = never",
	};
	struct oat_config config = { 0 };
	char error[OAT_CONFIG_ERROR_MAX] = "", expected[64];
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		OAT_ASSERT_THAT(parse(lines[i], &config, error) == OAT_INVALID,
		    "%s", lines[i]);
		snprintf(expected, sizeof(expected),
		    PATH ":1: %.*s: ", (int)strcspn(lines[i], " "), lines[i]);
		OAT_ASSERT_THAT(strncmp(error, expected, strlen(expected)) == 0,
		    "%s", error);
		OAT_ASSERT_THAT(strstr(error, "; write ") != NULL, "%s", error);
		OAT_ASSERT_THAT(strstr(error, "hunter2") == NULL, "%s", error);
	}
}

static void
test_config_values_at_their_bounds_are_accepted(void)
{
	static const char *const lines[] = { "timeout = 100ms", "timeout = 60s",
		"timeout = 1m", "fail_delay = 0ms", "fail_delay = 10s",
		"expiry_notice = 0s", "expiry_notice = 1000ms",
		"expiry_notice = 365d", "terminate_sessions = no",
		"terminate_sessions = revoked", "explain_denials = yes" };
	struct oat_config config;
	char error[OAT_CONFIG_ERROR_MAX] = "", text[256];
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), DATABASE "%s\n", lines[i]);
		OAT_ASSERT_THAT(
		    parse(text, &config, error) == OAT_OK, "%s", error);
		oat_config_free(&config);
	}
}

static void
test_config_line_of_4096_bytes_is_read_one_longer_refused(void)
{
	const size_t at = strlen("database = ");
	struct oat_config config;
	char text[4098], error[OAT_CONFIG_ERROR_MAX] = "";

	memset(text, 'x', sizeof(text));
	memcpy(text, "database = ", at);
	CU_ASSERT_EQUAL_FATAL(
	    oat_config_parse(PATH, text, 4096, &config, error), OAT_OK);
	CU_ASSERT_EQUAL(strlen(config.database), 4096 - at);
	oat_config_free(&config);
	check_refused(
	    text, 4097, PATH ":1: line longer than 4096 bytes; shorten it");
}

static void
test_config_shortened_anywhere_neither_crashes_nor_leaks(void)
{
	static const char text[] = DATABASE "password_file = /a\n"
					    "home_root = /b # c\n"
					    "timeout = 5s\n"
					    "timeout = 5s\n";
	struct oat_config config;
	char error[OAT_CONFIG_ERROR_MAX] = "";
	size_t n;

	for (n = 0; n < sizeof(text); n++)
		if (oat_config_parse(PATH, text, n, &config, error) == OAT_OK)
			oat_config_free(&config);
	CU_PASS("the sanitizers say");
}

static void
test_config_freed_one_is_zeros_and_null_is_accepted(void)
{
	static const struct oat_config zeros;
	struct oat_config config;
	char error[OAT_CONFIG_ERROR_MAX] = "";

	CU_ASSERT_EQUAL_FATAL(parse(DATABASE, &config, error), OAT_OK);
	oat_config_free(&config);
	CU_ASSERT_EQUAL(memcmp(&config, &zeros, sizeof(config)), 0);
	oat_config_free(&config);
	oat_config_free(NULL);
}

static void
test_config_loaded_from_a_file_of_root_alone(void)
{
	char path[] = "/tmp/oat-test-config-XXXXXX";
	struct oat_config config;
	char error[OAT_CONFIG_ERROR_MAX] = "", expected[64];
	int fd;

	if (geteuid() != 0) {
		oat_skip("only root has files of root");
		return;
	}
	fd = mkstemp(path);
	CU_ASSERT_TRUE_FATAL(fd != -1);
	CU_ASSERT_EQUAL(
	    write(fd, DATABASE, strlen(DATABASE)), (ssize_t)strlen(DATABASE));
	CU_ASSERT_EQUAL(oat_config_load(path, &config, error), OAT_OK);
	CU_ASSERT_STRING_EQUAL(config.database, "host=db1 dbname=oat");
	oat_config_free(&config);
	CU_ASSERT_EQUAL(fchmod(fd, 0640), 0);
	CU_ASSERT_EQUAL(oat_config_load(path, &config, error), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(fchmod(fd, 0600), 0);
	CU_ASSERT_EQUAL(write(fd, "x\n", 2), 2);
	CU_ASSERT_EQUAL(oat_config_load(path, &config, error), OAT_INVALID);
	snprintf(expected, sizeof(expected), "%s:2: no \"=\"", path);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, expected));
	close(fd);
	unlink(path);
}

/* "line: text; " of each fault. */
static void
collect(const char *error, unsigned line, void *context)
{
	char *told = context;
	size_t used = strlen(told);

	(void)snprintf(told + used, 2048 - used, "%u: %s\n", line, error);
}

static void
test_config_examined_tells_every_fault_and_goes_on(void)
{
	static const struct {
		const char *text, *lines; /* "2 5": the lines that are told */
	} samples[] = {
		{ DATABASE, "" },
		{ DATABASE "colour = red\ntimeout = 5s\n", "2" },
		{ "x\n" DATABASE "timeout = soon\ntimeout = 5s\nhome_root=.\n",
		    "1 3 4 5" },
		{ "timeout = 5s\n", "0" },
		{ "database =\n", "1" },
		{ "colour = red\n", "1 0" },
		{ "\x01\n" DATABASE DATABASE, "1 3" },
	};
	char path[] = "/tmp/oat-test-config-XXXXXX", told[2048], lines[64];
	const struct oat_config_faults faults = { collect, told };
	char error[OAT_CONFIG_ERROR_MAX], *at;
	struct oat_config config = { .uid_min = 42 };
	enum oat_status status;
	FILE *file;
	size_t i;

	if (geteuid() != 0) {
		oat_skip("only root has files of root");
		return;
	}
	CU_ASSERT_TRUE_FATAL(mkstemp(path) >= 0);
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		file = fopen(path, "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(file);
		(void)fputs(samples[i].text, file);
		fclose(file);
		told[0] = lines[0] = '\0';
		status = oat_config_examine(path, &faults, &config, error);
		for (at = told; *at != '\0'; at = strchr(at, '\n') + 1)
			(void)snprintf(lines + strlen(lines),
			    sizeof(lines) - strlen(lines), "%s%u",
			    at == told ? "" : " ",
			    (unsigned)strtoul(at, NULL, 10));
		OAT_ASSERT_THAT(strcmp(lines, samples[i].lines) == 0 &&
				    (status == OAT_OK) == (lines[0] == '\0') &&
				    strstr(told, "soon") == NULL,
		    "%s: %d: %s", samples[i].text, (int)status, told);
		OAT_ASSERT_THAT(status == OAT_OK || config.uid_min == 42,
		    "%s touches the result", samples[i].text);
		if (status == OAT_OK) {
			oat_config_free(&config);
			config.uid_min = 42;
		}
	}
	unlink(path);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_config_minimal_one_has_the_documented_defaults),
	OAT_TEST(test_config_complete_one_is_read),
	OAT_TEST(test_config_bad_lines_are_refused_by_file_line_and_way_out),
	OAT_TEST(test_config_nul_byte_is_refused),
	OAT_TEST(test_config_bad_values_are_refused_by_key_and_never_shown),
	OAT_TEST(test_config_values_at_their_bounds_are_accepted),
	OAT_TEST(test_config_line_of_4096_bytes_is_read_one_longer_refused),
	OAT_TEST(test_config_shortened_anywhere_neither_crashes_nor_leaks),
	OAT_TEST(test_config_freed_one_is_zeros_and_null_is_accepted),
	OAT_TEST(test_config_loaded_from_a_file_of_root_alone),
	OAT_TEST(test_config_examined_tells_every_fault_and_goes_on),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "config", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
