/* SPDX-License-Identifier: MIT */
/*
 * The power goes at each step of writing: what is found afterwards is old or
 * new, and never broken; what was promised is there.
 */
#include "common/clientkey.h"
#include "common/password.h"
#include "common/replace.h"
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

/* --- another password ---------------------------------------------------- */

#define OLD "oldoldoldoldoldoldoldoldoldoldol"
#define NEW "newnewnewnewnewnewnewnewnewnewne"

/* Both as whoever connects finds them; "" for what cannot be used. */
static void
read_passwords(const char *where, char ret_password[OAT_PASSWORD_MAX],
    char ret_next[OAT_PASSWORD_MAX])
{
	char path[256], error[OAT_PASSWORD_ERROR_MAX];

	ret_password[0] = ret_next[0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/password", where);
	(void)oat_password_load_both(path, ret_password, ret_next, error);
}

/* The role has the old one still, and nobody knows any but the new one. */
static bool
old_one_counts(const char *where, bool finished)
{
	char password[OAT_PASSWORD_MAX], next[OAT_PASSWORD_MAX];

	read_passwords(where, password, next);
	return strcmp(password, OLD) == 0 &&
	       (strcmp(next, NEW) == 0 || (!finished && next[0] == '\0'));
}

/* The role has the new one. */
static bool
new_one_counts(const char *where, bool finished)
{
	char password[OAT_PASSWORD_MAX], next[OAT_PASSWORD_MAX];

	read_passwords(where, password, next);
	return strcmp(password, NEW) == 0 ||
	       (!finished && strcmp(password, OLD) == 0 &&
		   strcmp(next, NEW) == 0);
}

/* As rotate.c does it: the role is given the next one in between. */
static size_t
cut_rotating(bool fsyncs)
{
	char path[256], next[OAT_PASSWORD_PATH_MAX];
	size_t before = 0, after = 0;

	make_folder();
	(void)snprintf(path, sizeof(path), "%s/password", folder);
	oat_password_next_path(path, next);
	CU_ASSERT_EQUAL(oat_password_store(path, OLD, getgid()), OAT_OK);
	powercut_begin(folder, fsyncs);
	CU_ASSERT_EQUAL(oat_password_store(next, NEW, getgid()), OAT_OK);
	CU_ASSERT(powercut_end(old_one_counts, &before) > 20);
	powercut_begin(folder, fsyncs);
	CU_ASSERT_EQUAL(oat_replace_rename(next, path), OAT_OK);
	CU_ASSERT(powercut_end(new_one_counts, &after) > 1);
	return before + after;
}

static void
test_powercut_while_rotating_leaves_a_password_that_counts(void)
{
	if (oat_population_is_root())
		CU_ASSERT_EQUAL(cut_rotating(true), 0);
}

/* --- enrolling ----------------------------------------------------------- */

/* In the order of enroll.c: the configuration is last. */
static const char *const enrolled[] = { "client.key", "client.csr", "password",
	"oat.conf" };

#define ENROLLED (sizeof(enrolled) / sizeof(enrolled[0]))
#define CONFIGURATION (ENROLLED - 1)

struct content {
	bool there;
	mode_t mode;
	size_t size;
	char bytes[4096];
};

static struct content written[ENROLLED];

static void
read_content(const char *where, const char *name, struct content *ret_content)
{
	struct content content = { .there = false };
	char path[256];
	struct stat st;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", where, name);
	if ((file = fopen(path, "re")) != NULL) {
		content.there = fstat(fileno(file), &st) == 0;
		content.mode = content.there ? st.st_mode : 0;
		content.size =
		    fread(content.bytes, 1, sizeof(content.bytes), file);
		(void)fclose(file);
	}
	*ret_content = content;
}

/* Absent or whole; and with a configuration all that it names. */
static bool
has_what_its_configuration_names(const char *where, bool finished)
{
	struct content found;
	bool whole = true, is_last;
	size_t i, count = 0;

	for (i = 0; i < ENROLLED; i++) {
		read_content(where, enrolled[i], &found);
		is_last = i == CONFIGURATION;
		if (found.there && is_last)
			whole = whole && count == CONFIGURATION;
		if (found.there)
			whole = whole && found.mode == written[i].mode &&
				found.size == written[i].size &&
				memcmp(found.bytes, written[i].bytes,
				    found.size) == 0;
		count += found.there;
	}
	return whole && (!finished || count == ENROLLED);
}

static const char *
in_folder(size_t i)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, enrolled[i]);
	return path;
}

static void
enroll(void)
{
	static const char conf[] = "database = host=db.lab\n";
	char error[OAT_CLIENTKEY_ERROR_MAX], key[256];
	bool made = false;

	(void)snprintf(key, sizeof(key), "%s", in_folder(0));
	CU_ASSERT_EQUAL(
	    oat_clientkey_make(key, getgid(), &made, error), OAT_OK);
	CU_ASSERT(made);
	CU_ASSERT_EQUAL(
	    oat_clientkey_request(key, "oat_web-1", in_folder(1), error),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_password_store(in_folder(2), NEW, getgid()), OAT_OK);
	CU_ASSERT_EQUAL(oat_replace_file(in_folder(CONFIGURATION), conf,
			    sizeof(conf) - 1, 0, 0600),
	    OAT_OK);
}

static size_t
cut_enrolling(void)
{
	size_t i, broken = 0;

	make_folder();
	powercut_begin(folder, true);
	enroll();
	for (i = 0; i < ENROLLED; i++)
		read_content(folder, enrolled[i], &written[i]);
	CU_ASSERT(powercut_end(has_what_its_configuration_names, &broken) > 80);
	return broken;
}

static void
test_powercut_while_enrolling_leaves_what_the_configuration_names(void)
{
	if (oat_population_is_root())
		CU_ASSERT_EQUAL(cut_enrolling(), 0);
}

/* ------------------------------------------------------------------------- */

/* A test of the test: it would see it. */
static void
test_powercut_without_fsync_is_found_out(void)
{
	CU_ASSERT(cut_keeping(false) > 0);
	if (!oat_population_is_root())
		return;
	CU_ASSERT(cut_publishing(false) > 0);
	CU_ASSERT(cut_rotating(false) > 0);
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
	OAT_TEST(test_powercut_while_rotating_leaves_a_password_that_counts),
	OAT_TEST(
	    test_powercut_while_enrolling_leaves_what_the_configuration_names),
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
