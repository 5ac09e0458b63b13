/* SPDX-License-Identifier: MIT */
/* What may lie in the run folder, and what is left there. */
#include "common/outage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/stamp.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/outage.h"
#include "tests/unit/population.h"

/* --- what may lie there -------------------------------------------------- */

static void
test_outage_record_that_makes_no_sense_is_none(void)
{
	uint64_t now_ns = oat_stamp_now_ns(), later_ns = now_ns + (1ULL << 62);
	char text[256];
	static const char *const nonsense[] = { "", "\n", "1", "1 2", "x 1 1 y",
		"-1 -1 -1 why", "3 2 1 backwards",
		"99999999999999999999 99999999999999999999 "
		"99999999999999999999 why",
		"18446744073709551615 18446744073709551615 "
		"18446744073709551615 why" };
	size_t i;

	outage_start_afresh();
	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		outage_write_record(nonsense[i]);
		OAT_ASSERT_THAT(outage_is_free(), "%s", nonsense[i]);
	}
	(void)snprintf(
	    text, sizeof(text), "1 1 %" PRIu64 " of the future", later_ns);
	outage_write_record(text);
	CU_ASSERT(outage_is_free());
}

static void
test_outage_record_of_another_owner_or_kind_is_none(void)
{
	char path[256];

	outage_start_afresh();
	outage_path_of("database-silent", path);
	outage_record_silence(0);
	CU_ASSERT_FALSE(outage_is_free());
	if (oat_population_is_root()) {
		CU_ASSERT_EQUAL(chown(path, 65534, 65534), 0);
		CU_ASSERT(outage_is_free());
	}
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(symlink("/dev/zero", path), 0);
	CU_ASSERT(outage_is_free());
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT(outage_is_free());
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static void
test_outage_stamp_of_the_future_does_not_end_the_next_one(void)
{
	char path[256];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = 1L << 33 } };
	int fd;

	outage_start_afresh();
	outage_path_of("database-answered", path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(futimens(fd, times), 0);
	(void)close(fd);
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_FALSE(outage_is_free());
	outage_ask_once(OAT_OK);
	CU_ASSERT(outage_is_free());
}

static void
test_outage_lock_that_is_held_for_ever_locks_nobody_out(void)
{
	char path[256];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = 1L << 33 } };
	int fd;

	outage_start_afresh();
	outage_record_silence(OUTAGE_AGO_NS);
	outage_path_of("database-probe", path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
	CU_ASSERT(outage_is_free());
	CU_ASSERT_EQUAL(futimens(fd, times), 0);
	CU_ASSERT(outage_is_free());
	(void)close(fd);
}

static void
test_outage_folder_that_cannot_be_used_locks_nobody_out(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX];

	outage_start_afresh();
	outage_record_silence(0);
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0777), 0);
	CU_ASSERT(outage_is_free());
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0755), 0);
	CU_ASSERT_EQUAL(
	    oat_outage_await("/nonexistent/run",
		oat_deadline_in_ms(OUTAGE_TIMEOUT_MS), &asking, why),
	    OAT_OK);
	oat_outage_learn("/nonexistent/run", &asking, OAT_TIMEOUT,
	    OUTAGE_TIMEOUT_MS, outage_cause);
}

static void
test_outage_cause_is_escaped_and_cut(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char text[2048], why[OAT_OUTAGE_WHY_MAX] = "";
	size_t i;

	outage_start_afresh();
	memset(text, 'x', sizeof(text));
	memcpy(text, "1 1 1 red \033[31m\n", 16);
	text[sizeof(text) - 1] = '\0';
	outage_write_record(text);
	usleep(1000);
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(
	    outage_await(OUTAGE_TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	for (i = 0; why[i] != '\0'; i++)
		OAT_ASSERT_THAT(why[i] >= ' ' && why[i] <= '~', "%s", why);
	CU_ASSERT(i < OAT_OUTAGE_WHY_MAX);
}

static void
test_outage_leaves_nothing_open_and_nothing_behind(void)
{
	int before = oat_open_descriptors(), entries = 0;
	char path[256];
	FILE *list;

	outage_start_afresh();
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_FALSE(outage_is_free());
	outage_ask_once(OAT_OK);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
	(void)snprintf(path, sizeof(path), "ls -A %s | grep -c '^[.]database'",
	    oat_population_run);
	list = popen(path, "re");
	CU_ASSERT_EQUAL(fscanf(list, "%d", &entries), 1);
	(void)pclose(list);
	CU_ASSERT_EQUAL(entries, 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_outage_record_that_makes_no_sense_is_none),
	OAT_TEST(test_outage_record_of_another_owner_or_kind_is_none),
	OAT_TEST(test_outage_stamp_of_the_future_does_not_end_the_next_one),
	OAT_TEST(test_outage_lock_that_is_held_for_ever_locks_nobody_out),
	OAT_TEST(test_outage_folder_that_cannot_be_used_locks_nobody_out),
	OAT_TEST(test_outage_cause_is_escaped_and_cut),
	OAT_TEST(test_outage_leaves_nothing_open_and_nothing_behind),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "outage",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
