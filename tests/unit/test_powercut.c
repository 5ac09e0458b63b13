/* SPDX-License-Identifier: MIT */
/*
 * The power goes at each step of writing: what is found afterwards is old or
 * new, and never broken; what was promised is there.
 */
#include "common/snapshot.h"
#include "common/snapshot_write.h"
#include "common/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/population.h"
#include "tests/unit/powercut/disk.h"

#define MEMBERS 5
#define FIRST_ID "11111111-1111-4111-8111-111111111111"
#define SECOND_ID "22222222-2222-4222-8222-222222222222"
#define FIRST "{\"event_id\":\"" FIRST_ID "\",\"event\":\"session.opened\"}"
#define SECOND "{\"event_id\":\"" SECOND_ID "\",\"event\":\"session.closed\"}"

static char folder[128];

static void
make_folder(void)
{
	char command[192];

	(void)snprintf(
	    folder, sizeof(folder), "%s/disk", oat_population_folder);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	CU_ASSERT_EQUAL(system(command), 0);
	CU_ASSERT_EQUAL_FATAL(mkdir(folder, 0700), 0);
}

/* --- the snapshot -------------------------------------------------------- */

static uint64_t versions[2]; /* old, new: as version_in() */

/* Its generation, and one; 0 when there is none that can be used. */
static uint64_t
version_in(const char *where)
{
	struct oat_snapshot snapshot;
	uint64_t found = 0;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/identities", where);
	if (oat_snapshot_open(path, &snapshot, NULL) != OAT_OK)
		return 0;
	if (oat_snapshot_verify(&snapshot) == OAT_OK)
		found = snapshot.info.generation + 1;
	oat_snapshot_close(&snapshot);
	return found;
}

static bool
is_old_or_new(const char *where, bool finished)
{
	uint64_t found = version_in(where);

	return found == versions[1] || (!finished && found == versions[0]);
}

static void
publish(int version)
{
	char path[256];
	size_t size;
	void *image = oat_population_build(MEMBERS, version, &size);

	(void)snprintf(path, sizeof(path), "%s/identities", folder);
	CU_ASSERT_EQUAL(oat_snapshot_publish(path, image, size), OAT_OK);
	free(image);
	versions[version] = version_in(folder);
	CU_ASSERT_NOT_EQUAL(versions[version], 0);
}

/* How many of the states were broken. */
static size_t
cut_publishing(bool fsyncs)
{
	size_t states, broken = 0;

	make_folder();
	publish(0);
	powercut_begin(folder, fsyncs);
	publish(1);
	states = powercut_end(is_old_or_new, &broken);
	CU_ASSERT(states > 20);
	return broken;
}

static void
test_powercut_while_publishing_leaves_the_old_or_the_new_snapshot(void)
{
	if (oat_population_is_root())
		CU_ASSERT_EQUAL(cut_publishing(true), 0);
}

/* A killed predecessor's half file lies in the way. */
static void
test_powercut_after_another_one_leaves_the_old_or_the_new_snapshot(void)
{
	size_t broken = 0;
	char path[256];
	FILE *half;

	if (!oat_population_is_root())
		return;
	make_folder();
	publish(0);
	(void)snprintf(path, sizeof(path), "%s/identities.new", folder);
	half = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(half);
	fputs("half", half);
	(void)fclose(half);
	powercut_begin(folder, true);
	publish(1);
	CU_ASSERT(powercut_end(is_old_or_new, &broken) > 20);
	CU_ASSERT_EQUAL(broken, 0);
}

/* --- the spool ----------------------------------------------------------- */

/* Everything that would be sent; "aside" when something cannot be. */
static void
read_spool(const char *where, char ret_events[1024])
{
	struct oat_batch batch = { 0 };
	struct oat_spool spool;
	size_t aside = 0;

	(void)snprintf(ret_events, 1024, "[]");
	if (oat_spool_open(where, &spool) != OAT_OK) {
		(void)snprintf(ret_events, 1024, "closed");
		return;
	}
	if (oat_spool_read(
		&spool, OAT_SPOOL_BATCH_MAX, 65536, &batch, &aside) == OAT_OK)
		(void)snprintf(ret_events, 1024, "%s", batch.events);
	if (aside != 0)
		(void)snprintf(ret_events, 1024, "aside");
	oat_batch_free(&batch);
	oat_spool_close(&spool);
}

static bool
has_first_and_perhaps_second(const char *where, bool finished)
{
	char events[1024];

	read_spool(where, events);
	return strcmp(events, "[" FIRST "," SECOND "]") == 0 ||
	       (!finished && strcmp(events, "[" FIRST "]") == 0);
}

static size_t
cut_keeping(bool fsyncs)
{
	size_t states, broken = 0;

	make_folder();
	CU_ASSERT_EQUAL(oat_spool_add(folder, FIRST_ID, FIRST), OAT_OK);
	powercut_begin(folder, fsyncs);
	CU_ASSERT_EQUAL(oat_spool_add(folder, SECOND_ID, SECOND), OAT_OK);
	states = powercut_end(has_first_and_perhaps_second, &broken);
	CU_ASSERT(states > 20);
	return broken;
}

static void
test_powercut_while_keeping_an_event_leaves_it_whole_or_absent(void)
{
	CU_ASSERT_EQUAL(cut_keeping(true), 0);
}

static bool
has_whole_events(const char *where, bool finished)
{
	char events[1024];

	read_spool(where, events);
	if (strcmp(events, "[]") == 0)
		return true;
	return !finished && (strcmp(events, "[" FIRST "," SECOND "]") == 0 ||
				strcmp(events, "[" FIRST "]") == 0 ||
				strcmp(events, "[" SECOND "]") == 0);
}

/* What comes back is sent again, and counts once. */
static void
test_powercut_while_removing_events_leaves_each_whole_or_absent(void)
{
	struct oat_batch batch = { 0 };
	struct oat_spool spool;
	size_t aside, broken = 0;

	make_folder();
	CU_ASSERT_EQUAL(oat_spool_add(folder, FIRST_ID, FIRST), OAT_OK);
	CU_ASSERT_EQUAL(oat_spool_add(folder, SECOND_ID, SECOND), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(oat_spool_open(folder, &spool), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_spool_read(&spool, OAT_SPOOL_BATCH_MAX, 65536, &batch, &aside),
	    OAT_OK);
	CU_ASSERT_EQUAL(batch.count, 2);
	powercut_begin(folder, true);
	CU_ASSERT_EQUAL(oat_spool_remove(&spool, &batch), OAT_OK);
	CU_ASSERT(powercut_end(has_whole_events, &broken) > 10);
	CU_ASSERT_EQUAL(broken, 0);
	oat_batch_free(&batch);
	oat_spool_close(&spool);
}

/* A test of the test: it would see it. */
static void
test_powercut_without_fsync_is_found_out(void)
{
	CU_ASSERT(cut_keeping(false) > 0);
	if (oat_population_is_root())
		CU_ASSERT(cut_publishing(false) > 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_powercut_while_publishing_leaves_the_old_or_the_new_snapshot),
	OAT_TEST(
	    test_powercut_after_another_one_leaves_the_old_or_the_new_snapshot),
	OAT_TEST(
	    test_powercut_while_keeping_an_event_leaves_it_whole_or_absent),
	OAT_TEST(
	    test_powercut_while_removing_events_leaves_each_whole_or_absent),
	OAT_TEST(test_powercut_without_fsync_is_found_out),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "powercut",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
