/* SPDX-License-Identifier: MIT */
/*
 * Files of any bytes, and files to which something happens while they are read:
 * what callers of nsswitch get is right or UNAVAIL.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/snapshot_write.h"
#include "nss_oat/nss_oat.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/survey.h"
#include "tests/unit/population.h"

#define SMALL 9 /* members of a snapshot whose every byte is tried */
#define FEW 30	/* more than a page of them */
#define MEMBERS 200
#define REPLACEMENTS 10000
#define GARBAGE (64L << 20)
#define NOBODY 99998 /* a number of ours that nobody has */

/* Memory in the place of the folder, for this process alone. */
static bool
cover_folder(const char *options)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("test", oat_population_folder, "tmpfs", 0, options) == 0;
}

/* Disks are slow to forget a file, and here are many of them. */
static int
set_up(void)
{
	if (oat_population_set_up() != 0)
		return 1;
	(void)cover_folder(NULL);
	return 0;
}

static int
tear_down(void)
{
	(void)umount2(oat_population_folder, MNT_DETACH);
	return oat_population_tear_down();
}

/*
 * A new file of these bytes in the place of another, which lives on under
 * another name so that it is not taken for it; and the module has noticed.
 */
static void
replace(const void *bytes, size_t size)
{
	struct passwd passwd;
	char previous[128], buffer[512];
	int error;

	snprintf(
	    previous, sizeof(previous), "%s/previous", oat_population_folder);
	(void)rename(oat_population_path, previous);
	oat_population_write(bytes, size);
	(void)_nss_oat_getpwuid_r(
	    NOBODY, &passwd, buffer, sizeof(buffer), &error);
}

static void
case_28_any_byte_changed_is_right_or_unavailable(void)
{
	struct oat_survey survey;
	size_t i, size, noticed = 0;
	unsigned char *image, mask;

	if (!oat_population_is_root())
		return;
	image = oat_population_build(SMALL, 0, &size);
	for (i = 0; i < size; i++) {
		mask = (unsigned char)(1U << (i % 8));
		image[i] ^= mask;
		replace(image, size);
		survey = oat_survey_take(SMALL);
		OAT_ASSERT_THAT(
		    survey.wrong == 0, "byte %zu: %zu wrong", i, survey.wrong);
		noticed += survey.unavailable > 0;
		image[i] ^= mask;
	}
	/* All but the bytes of blocks that no question leads to. */
	OAT_ASSERT_THAT(noticed > size / 2, "%zu of %zu", noticed, size);
	free(image);
}

static void
case_28_truncated_at_any_byte_is_unavailable(void)
{
	struct oat_survey survey;
	size_t size, length;
	void *image;

	if (!oat_population_is_root())
		return;
	image = oat_population_build(SMALL, 0, &size);
	for (length = 0; length < size; length++) {
		replace(image, length);
		survey = oat_survey_take(SMALL);
		OAT_ASSERT_THAT(survey.wrong == 0 && survey.right == 0,
		    "%zu bytes: %zu wrong, %zu right", length, survey.wrong,
		    survey.right);
	}
	free(image);
}

static void
case_28_garbage_of_64_mib_is_unavailable_and_costs_no_memory(void)
{
	struct oat_survey survey;
	struct rusage before, after;
	size_t size;
	void *image;
	int i;

	if (!oat_population_is_root())
		return;
	image = oat_population_build(SMALL, 0, &size);
	replace(image, size);
	CU_ASSERT_EQUAL(truncate(oat_population_path, GARBAGE), 0);
	CU_ASSERT_EQUAL(getrusage(RUSAGE_SELF, &before), 0);
	for (i = 0; i < 10; i++) {
		survey = oat_survey_take(SMALL);
		CU_ASSERT_EQUAL(survey.wrong + survey.right, 0);
	}
	CU_ASSERT_EQUAL(getrusage(RUSAGE_SELF, &after), 0);
	CU_ASSERT(after.ru_maxrss - before.ru_maxrss < 1024);
	free(image);
}

/* --- while it is read ---------------------------------------------------- */

static atomic_bool done;

/* Truncated, grown, overwritten in place and unlinked, over and over. */
static void *
maltreat(void *arg)
{
	const char *path = oat_population_path;
	size_t size;
	unsigned char *image = oat_population_build(MEMBERS, 1, &size);
	unsigned round;

	(void)arg;
	for (round = 0; !done; round++) {
		if (truncate(path, (off_t)(round * 7919 % size)) == 0)
			done = truncate(path, (off_t)size) != 0;
		oat_population_write(image, size);
		if (round % 4 == 0)
			(void)unlink(path);
		oat_population_write(image, size);
		(void)usleep(round % 300);
	}
	free(image);
	return NULL;
}

static void
case_28_truncated_while_being_read_is_right_or_unavailable(void)
{
	struct oat_survey survey, all = { 0 };
	uint64_t until = oat_now_ms() + 1000;
	pthread_t thread;

	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	done = false;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, maltreat, NULL), 0);
	while (oat_now_ms() < until) {
		survey = oat_survey_take(MEMBERS);
		all.right += survey.right;
		all.unavailable += survey.unavailable;
		CU_ASSERT_EQUAL(survey.wrong, 0);
	}
	done = true;
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	/* Or it proves nothing. */
	CU_ASSERT(all.right > 0);
	CU_ASSERT(all.unavailable > 0);
}

static bool
publish_on_a_full_disk(void)
{
	struct oat_survey survey;
	enum oat_status status;
	size_t size;
	void *image;

	/* There is no room for a second snapshot. */
	if (!cover_folder("size=64k"))
		return false;
	oat_population_publish(MEMBERS, 0);
	image = oat_population_build(4 * MEMBERS, 1, &size);
	errno = 0;
	status = oat_snapshot_publish(oat_population_path, image, size);
	if (status != OAT_SYSTEM || errno != ENOSPC)
		return false;
	survey = oat_survey_take(MEMBERS);
	free(image);
	return survey.wrong == 0 && survey.unavailable == 0;
}

static void
case_28_full_disk_under_a_reader_changes_nothing(void)
{
	if (!oat_population_is_root())
		return;
	CU_ASSERT(oat_in_copy(publish_on_a_full_disk));
}

/* --- long-lived processes ------------------------------------------------ */

/* Does /proc/self/maps, or a descriptor, have this file or an older one? */
static bool
is_pinned(void)
{
	char line[512], target[512], path[64];
	FILE *file = fopen("/proc/self/maps", "r");
	bool found = false;
	ssize_t n;
	int fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file) != NULL)
		found = found || strstr(line, "identities") != NULL;
	(void)fclose(file);
	for (fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			found = found || strstr(target, "identities") != NULL;
		}
	}
	return found;
}

/* Pages of address space and of memory. */
static void
measure(long ret_pages[2])
{
	FILE *file = fopen("/proc/self/statm", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(
	    fscanf(file, "%ld %ld", &ret_pages[0], &ret_pages[1]), 2);
	(void)fclose(file);
}

/* Two files that take turns in being the snapshot, each by rename(2). */
static void
take_turns(int turn)
{
	char version[128], link_path[128];

	snprintf(version, sizeof(version), "%s/version-%d",
	    oat_population_folder, turn % 2);
	snprintf(
	    link_path, sizeof(link_path), "%s/link", oat_population_folder);
	CU_ASSERT_EQUAL(link(version, link_path), 0);
	CU_ASSERT_EQUAL(rename(link_path, oat_population_path), 0);
}

static void
test_nss_process_outliving_10000_snapshots_does_not_grow_nor_pin_one(void)
{
	char version[128];
	struct oat_survey survey;
	long before[2], after[2];
	int i, descriptors;

	if (!oat_population_is_root())
		return;
	for (i = 0; i < 2; i++) {
		oat_population_publish(FEW, i);
		snprintf(version, sizeof(version), "%s/version-%d",
		    oat_population_folder, i);
		CU_ASSERT_EQUAL(rename(oat_population_path, version), 0);
	}
	descriptors = oat_open_descriptors();
	for (i = 0; i < REPLACEMENTS; i++) {
		take_turns(i);
		survey = oat_survey_take(FEW);
		CU_ASSERT_EQUAL(survey.wrong + survey.unavailable, 0);
		if (i == 100)
			measure(before);
	}
	measure(after);
	OAT_ASSERT_THAT(after[0] <= before[0] + 8 && after[1] <= before[1] + 64,
	    "%ld pages, then %ld; %ld in memory, then %ld", before[0], after[0],
	    before[1], after[1]);
	CU_ASSERT_EQUAL(oat_open_descriptors(), descriptors);
	CU_ASSERT_FALSE(is_pinned());
}

static CU_TestInfo tests[] = {
	OAT_TEST(case_28_any_byte_changed_is_right_or_unavailable),
	OAT_TEST(case_28_truncated_at_any_byte_is_unavailable),
	OAT_TEST(case_28_garbage_of_64_mib_is_unavailable_and_costs_no_memory),
	OAT_TEST(case_28_truncated_while_being_read_is_right_or_unavailable),
	OAT_TEST(case_28_full_disk_under_a_reader_changes_nothing),
	OAT_TEST(
	    test_nss_process_outliving_10000_snapshots_does_not_grow_nor_pin_one),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_damage",
	    .pInitFunc = set_up,
	    .pCleanupFunc = tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
