/* SPDX-License-Identifier: MIT */
/* The rules of snapshot.h, on files that are as they should be, or are not. */
#include "common/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/snapshot_write.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define SMALL 9
#define GARBAGE (64 << 20)

/* --- sound files --------------------------------------------------------- */

static void
test_snapshot_of_any_size_finds_everybody(void)
{
	static const size_t counts[] = { 0, 1, 2, 3, 7, 8, 20, 21, 22, 100,
		5000 };
	struct oat_snapshot snapshot;
	size_t i, size;
	void *image;
	bool all;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		image = oat_population_build(counts[i], 0, &size);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
		OAT_ASSERT_THAT(
		    oat_population_answers_truly(&snapshot, counts[i], &all) &&
			all,
		    "%zu members", counts[i]);
		OAT_ASSERT_THAT(
		    oat_population_walks_truly(&snapshot, counts[i]),
		    "%zu members", counts[i]);
		OAT_ASSERT_THAT(oat_snapshot_verify(&snapshot) == OAT_OK,
		    "%zu members", counts[i]);
		CU_ASSERT_EQUAL(snapshot.info.identity_count, counts[i]);
		free(image);
	}
}

static void
test_snapshot_group_is_found_by_name_and_number(void)
{
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t size;
	void *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_name(&snapshot, "oat-acme", &record), OAT_OK);
	CU_ASSERT_EQUAL(record.kind, OAT_RECORD_GROUP);
	CU_ASSERT_EQUAL(record.id, 70001);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_id(&snapshot, 70002, &record), OAT_OK);
	CU_ASSERT_STRING_EQUAL(record.name, "oat-g-deploy");
	free(image);
}

static void
test_snapshot_missing_is_not_found(void)
{
	static const char *const names[] = { "", "oat-acme-t", "oat-acme-t10",
		"oat-acme-t999999", "root", "oat-acme-t1 ",
		"oat-acme-t00000000000000000000000000000000000000000000" };
	static const uint32_t ids[] = { 0, 1, 69999, 70003,
		OAT_MEMBER_UID + SMALL, UINT32_MAX };
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t i, size;
	void *image = oat_population_build(SMALL, 0, &size);

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		OAT_ASSERT_THAT(oat_snapshot_find_name(&snapshot, names[i],
				    &record) == OAT_NOTFOUND,
		    "\"%s\"", names[i]);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		OAT_ASSERT_THAT(oat_snapshot_find_id(
				    &snapshot, ids[i], &record) == OAT_NOTFOUND,
		    "%u", ids[i]);
	free(image);
}

static void
test_snapshot_header_tells_what_was_built(void)
{
	struct oat_snapshot snapshot;

	if (!oat_population_is_root())
		return;
	oat_population_publish(SMALL, 5);
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_open(oat_population_path, &snapshot, NULL), OAT_OK);
	CU_ASSERT_EQUAL(snapshot.info.generation, 5);
	CU_ASSERT_EQUAL(snapshot.info.group_count, OAT_MEMBER_GROUPS);
	CU_ASSERT_EQUAL(snapshot.info.identity_count, SMALL);
	CU_ASSERT_STRING_EQUAL(snapshot.info.home_root, OAT_MEMBER_HOME);
	oat_snapshot_close(&snapshot);
	oat_snapshot_close(&snapshot);
	oat_snapshot_close(NULL);
}

static void
test_snapshot_opened_and_loaded_answer_alike(void)
{
	struct oat_snapshot snapshot;
	bool all;

	if (!oat_population_is_root())
		return;
	oat_population_publish(100, 0);
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_open(oat_population_path, &snapshot, NULL), OAT_OK);
	CU_ASSERT(oat_population_answers_truly(&snapshot, 100, &all) && all);
	CU_ASSERT(oat_population_walks_truly(&snapshot, 100));
	CU_ASSERT_EQUAL(oat_snapshot_verify(&snapshot), OAT_OK);
	CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_OK);
	CU_ASSERT_EQUAL(snapshot.fd, -1);
	CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_OK);
	CU_ASSERT_EQUAL(unlink(oat_population_path), 0);
	CU_ASSERT(oat_population_answers_truly(&snapshot, 100, &all) && all);
	CU_ASSERT(oat_population_walks_truly(&snapshot, 100));
	oat_snapshot_close(&snapshot);
}

/* Each size fills the last lines of shortcuts otherwise, and some overflow. */
static void
test_snapshot_of_any_size_loaded_finds_everybody_and_nobody_else(void)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 8, 9, 12, 15, 99, 20000 };
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t i;
	bool all;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (!oat_population_is_root())
			return;
		oat_population_publish(sizes[i], 0);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_open(oat_population_path, &snapshot, NULL),
		    OAT_OK);
		CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_OK);
		OAT_ASSERT_THAT(
		    oat_population_answers_truly(&snapshot, sizes[i], &all) &&
			all &&
			oat_snapshot_find_name(&snapshot, "oat-acme-no",
			    &record) == OAT_NOTFOUND &&
			oat_snapshot_verify(&snapshot) == OAT_OK,
		    "%zu members", sizes[i]);
		oat_snapshot_close(&snapshot);
	}
}

static void
test_snapshot_at_an_odd_address_is_read(void)
{
	struct oat_snapshot snapshot;
	size_t size;
	unsigned char *image = oat_population_build(SMALL, 0, &size), *odd;
	bool all;

	odd = malloc(size + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(odd);
	memcpy(odd + 1, image, size);
	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(odd + 1, size, &snapshot), OAT_OK);
	CU_ASSERT(oat_population_answers_truly(&snapshot, SMALL, &all) && all);
	CU_ASSERT_EQUAL(oat_snapshot_verify(&snapshot), OAT_OK);
	free(odd);
	free(image);
}

static void
test_snapshot_with_70000_groups_gives_all(void)
{
	static uint32_t gids[70000];
	struct oat_snapshot_info info = { .home_root = "/h" };
	struct oat_identity one = { .login = "oat-acme-ci",
		.uid = 70001,
		.active = true,
		.shell = "/bin/sh",
		.groups = gids,
		.group_count = 70000 };
	struct oat_snapshot snapshot;
	struct oat_record record;
	struct oat_gids seen;
	size_t i, size;
	void *image;

	for (i = 0; i < 70000; i++)
		gids[i] = 100000 + (uint32_t)i;
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_build(&info, NULL, 0, &one, 1, &image, &size), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_id(&snapshot, 70001, &record), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_population_groups_of(&snapshot, &record, &seen), OAT_OK);
	CU_ASSERT_EQUAL(seen.count, 70000);
	CU_ASSERT_EQUAL(oat_snapshot_verify(&snapshot), OAT_OK);
	free(image);
}

static enum oat_status
stop(uint32_t gid, void *arg)
{
	(void)gid;
	++*(int *)arg;
	return OAT_RANGE;
}

static void
test_snapshot_groups_end_when_told_to(void)
{
	struct oat_snapshot snapshot;
	struct oat_record record;
	size_t size;
	void *image = oat_population_build(1, 0, &size);
	int calls = 0;

	CU_ASSERT_EQUAL(
	    oat_snapshot_from_bytes(image, size, &snapshot), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_find_name(&snapshot, "oat-acme-t0", &record), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_snapshot_groups(&snapshot, &record, stop, &calls), OAT_RANGE);
	CU_ASSERT_EQUAL(calls, 1);
	free(image);
}

/* --- files that do not count --------------------------------------------- */

static void
assert_refused(int expected, const char *what)
{
	struct oat_snapshot snapshot;
	enum oat_status status;

	errno = 0;
	status = oat_snapshot_open(oat_population_path, &snapshot, NULL);
	OAT_ASSERT_THAT(status == OAT_UNAVAILABLE && errno == expected,
	    "%s: status %d, errno %d", what, status, errno);
	if (status == OAT_OK)
		oat_snapshot_close(&snapshot);
}

static void
test_snapshot_of_another_kind_is_unavailable(void)
{
	const char *path = oat_population_path;
	char target[128];

	if (!oat_population_is_root())
		return;
	(void)unlink(path);
	assert_refused(ENOENT, "nothing there");
	oat_population_publish(SMALL, 0);
	snprintf(target, sizeof(target), "%s.target", path);
	CU_ASSERT_EQUAL(rename(path, target), 0);
	CU_ASSERT_EQUAL(symlink(target, path), 0);
	assert_refused(ELOOP, "symbolic link");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0644), 0);
	assert_refused(EPERM, "FIFO");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	assert_refused(EPERM, "folder");
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

static void
test_snapshot_of_foreign_owner_or_writable_is_unavailable(void)
{
	struct oat_snapshot snapshot;
	const char *path = oat_population_path;

	if (!oat_population_is_root())
		return;
	oat_population_publish(SMALL, 0);
	CU_ASSERT_EQUAL(chown(path, 1, 0), 0);
	assert_refused(EPERM, "owner 1");
	CU_ASSERT_EQUAL(chown(path, 0, 1), 0);
	CU_ASSERT_EQUAL(chmod(path, 0664), 0);
	assert_refused(EPERM, "writable by the group");
	CU_ASSERT_EQUAL(chmod(path, 0646), 0);
	assert_refused(EPERM, "writable by others");
	CU_ASSERT_EQUAL(chmod(path, 0444), 0);
	CU_ASSERT_EQUAL(oat_snapshot_open(path, &snapshot, NULL), OAT_OK);
	oat_snapshot_close(&snapshot);
}

static void
test_snapshot_of_garbage_is_unavailable(void)
{
	unsigned char *garbage = malloc(GARBAGE);
	size_t i;

	if (!oat_population_is_root()) {
		free(garbage);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(garbage);
	for (i = 0; i < GARBAGE; i++)
		garbage[i] = (unsigned char)(i * 2654435761U >> 13);
	oat_population_write(garbage, GARBAGE);
	assert_refused(EBADMSG, "garbage");
	memset(garbage, 0, GARBAGE);
	oat_population_write(garbage, GARBAGE);
	assert_refused(EBADMSG, "zeros");
	oat_population_write("", 0);
	assert_refused(EBADMSG, "empty");
	free(garbage);
}

static void
test_snapshot_truncated_at_each_byte_is_unavailable(void)
{
	struct oat_snapshot snapshot;
	size_t size, length;
	void *image = oat_population_build(SMALL, 0, &size);

	for (length = 0; length < size; length++)
		OAT_ASSERT_THAT(oat_snapshot_from_bytes(image, length,
				    &snapshot) == OAT_UNAVAILABLE,
		    "%zu of %zu bytes", length, size);
	free(image);
}

static void
test_snapshot_with_bytes_after_it_is_unavailable(void)
{
	struct oat_snapshot snapshot;
	size_t size;
	void *image = oat_population_build(SMALL, 0, &size);

	image = realloc(image, size + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	((char *)image)[size] = 0;
	CU_ASSERT_EQUAL(oat_snapshot_from_bytes(image, size + 1, &snapshot),
	    OAT_UNAVAILABLE);
	free(image);
}

static void
test_snapshot_truncated_while_open_is_right_or_unavailable(void)
{
	struct oat_snapshot snapshot;
	size_t size, length;
	void *image = oat_population_build(SMALL, 0, &size);
	bool all;

	if (!oat_population_is_root()) {
		free(image);
		return;
	}
	for (length = 0; length < size; length += 61) {
		oat_population_write(image, size);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_open(oat_population_path, &snapshot, NULL),
		    OAT_OK);
		CU_ASSERT_EQUAL(
		    truncate(oat_population_path, (off_t)length), 0);
		OAT_ASSERT_THAT(
		    oat_population_answers_truly(&snapshot, SMALL, &all),
		    "%zu bytes left", length);
		OAT_ASSERT_THAT(
		    oat_snapshot_load(&snapshot) == OAT_UNAVAILABLE &&
			snapshot.fd != -1,
		    "%zu bytes left", length);
		oat_snapshot_close(&snapshot);
	}
	free(image);
}

static void
test_snapshot_overwritten_while_open_is_never_mixed(void)
{
	struct oat_snapshot snapshot;
	size_t size, other_size;
	void *image = oat_population_build(SMALL, 0, &size);
	void *other = oat_population_build(SMALL, 2, &other_size);
	bool all;

	CU_ASSERT_EQUAL(size, other_size);
	if (oat_population_is_root()) {
		oat_population_write(image, size);
		CU_ASSERT_EQUAL_FATAL(
		    oat_snapshot_open(oat_population_path, &snapshot, NULL),
		    OAT_OK);
		oat_population_write(other, size);
		CU_ASSERT(
		    oat_population_answers_truly(&snapshot, SMALL, &all) &&
		    !all);
		CU_ASSERT_EQUAL(oat_snapshot_load(&snapshot), OAT_UNAVAILABLE);
		oat_snapshot_close(&snapshot);
	}
	free(image);
	free(other);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_snapshot_of_any_size_finds_everybody),
	OAT_TEST(test_snapshot_group_is_found_by_name_and_number),
	OAT_TEST(test_snapshot_missing_is_not_found),
	OAT_TEST(test_snapshot_header_tells_what_was_built),
	OAT_TEST(test_snapshot_opened_and_loaded_answer_alike),
	OAT_TEST(
	    test_snapshot_of_any_size_loaded_finds_everybody_and_nobody_else),
	OAT_TEST(test_snapshot_at_an_odd_address_is_read),
	OAT_TEST(test_snapshot_with_70000_groups_gives_all),
	OAT_TEST(test_snapshot_groups_end_when_told_to),
	OAT_TEST(test_snapshot_of_another_kind_is_unavailable),
	OAT_TEST(test_snapshot_of_foreign_owner_or_writable_is_unavailable),
	OAT_TEST(test_snapshot_of_garbage_is_unavailable),
	OAT_TEST(test_snapshot_truncated_at_each_byte_is_unavailable),
	OAT_TEST(test_snapshot_with_bytes_after_it_is_unavailable),
	OAT_TEST(test_snapshot_truncated_while_open_is_right_or_unavailable),
	OAT_TEST(test_snapshot_overwritten_while_open_is_never_mixed),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "snapshot",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
