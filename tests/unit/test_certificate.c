/* SPDX-License-Identifier: MIT */
/* When certificates end, and whether the child can read its files. */
#include "common/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/started.h"

#define DAY_S INT64_C(86400)

static char folder[64];

static int
set_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/oat-test-XXXXXX");
	return mkdtemp(folder) == NULL || chmod(folder, 0755) != 0;
}

static int
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	(void)started_tear_down();
	return system(command);
}

static void
make(const char *command)
{
	char text[512];

	snprintf(text, sizeof(text), "cd %s && { %s; } 2>/dev/null", folder,
	    command);
	OAT_ASSERT_THAT(system(text) == 0, "%s", command);
}

#define SELF_SIGNED                                                \
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:" \
	"P-256 -nodes -subj /CN=x -keyout key.pem "

static void
test_certificate_file_ends_with_its_last(void)
{
	int64_t end = 0, now = (int64_t)time(NULL);
	char path[96];

	make(SELF_SIGNED "-days 3 -out a.pem");
	make(SELF_SIGNED "-days 30 -out b.pem");
	make("cat b.pem a.pem >both.pem; cp key.pem none.pem; : >empty.pem");
	snprintf(path, sizeof(path), "%s/both.pem", folder);
	CU_ASSERT_EQUAL(oat_certificate_file_end(path, &end), OAT_OK);
	OAT_ASSERT_THAT(end > now + 29 * DAY_S && end <= now + 31 * DAY_S,
	    "%lld", (long long)end);
	end = 4711;
	snprintf(path, sizeof(path), "%s/none.pem", folder);
	CU_ASSERT_EQUAL(oat_certificate_file_end(path, &end), OAT_INVALID);
	snprintf(path, sizeof(path), "%s/empty.pem", folder);
	CU_ASSERT_EQUAL(oat_certificate_file_end(path, &end), OAT_INVALID);
	snprintf(path, sizeof(path), "%s/missing.pem", folder);
	CU_ASSERT_EQUAL(oat_certificate_file_end(path, &end), OAT_SYSTEM);
	CU_ASSERT_EQUAL(end, 4711);
}

/* The child is nobody: what it cannot read, _oat cannot either. */
static void
test_certificate_file_is_read_by_who_needs_it(void)
{
	static const struct {
		const char *mode, *key, *why;
	} samples[] = {
		{ "chmod 0644 a.pem", "sslrootcert", NULL },
		{ "chmod 0600 a.pem", "sslrootcert", "Permission denied" },
		{ "chmod 0644 a.pem; chmod 0644 key.pem", "sslkey", NULL },
		{ "chmod 0600 key.pem", "sslkey", "Permission denied" },
		{ "chmod 0644 key.pem a.pem", "sslcert",
		    "no certificate in PEM form" },
		{ "true", "sslcrl", "did not say why" },
	};
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	char error[OAT_DATABASE_ERROR_MAX], settings[256];
	struct oat_child child;
	enum oat_status status;
	int64_t end;
	size_t i;

	if (geteuid() != 0) {
		oat_skip("not root");
		return;
	}
	make(SELF_SIGNED "-days 3 -out a.pem");
	snprintf(settings, sizeof(settings),
	    "sslrootcert=%s/a.pem sslcert=%s/key.pem sslkey=%s/key.pem", folder,
	    folder, folder);
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		make(samples[i].mode);
		child = started_for(1, settings, NULL);
		error[0] = '\0';
		status =
		    oat_courier_file(&child, samples[i].key, soon, &end, error);
		oat_child_end(&child);
		OAT_ASSERT_THAT(samples[i].why == NULL
				    ? status == OAT_OK
				    : status == OAT_UNAVAILABLE &&
					  strstr(error, samples[i].why) != NULL,
		    "%s: %d: %s", samples[i].mode, (int)status, error);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_certificate_file_ends_with_its_last),
	OAT_TEST(test_certificate_file_is_read_by_who_needs_it),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "certificate", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
