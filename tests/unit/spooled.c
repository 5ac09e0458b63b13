/* SPDX-License-Identifier: MIT */
#include "tests/unit/spooled.h"

#include "tests/runner.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char spooled_parent[32], spooled_folder[64];

int
spooled_set_up(void)
{
	/* In memory: fsync(2) on a disk would leave time for few rounds. */
	strcpy(spooled_parent, access("/dev/shm", W_OK) == 0
				   ? "/dev/shm/oat-test-XXXXXX"
				   : "/tmp/oat-test-XXXXXX");
	if (mkdtemp(spooled_parent) == NULL)
		return 1;
	snprintf(
	    spooled_folder, sizeof(spooled_folder), "%s/spool", spooled_parent);
	return 0;
}

static bool
empty_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", spooled_folder);
	return system(command) == 0;
}

int
spooled_tear_down(void)
{
	return empty_folder() ? rmdir(spooled_parent) : 1;
}

void
spooled_begin(void)
{
	CU_ASSERT_TRUE_FATAL(empty_folder());
}

void
spooled_make_file(const char *name, const char *text)
{
	char path[400];
	FILE *file;

	(void)mkdir(spooled_folder, 0700);
	snprintf(path, sizeof(path), "%s/%s", spooled_folder, name);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

bool
spooled_exists(const char *name)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", spooled_folder, name);
	return lstat(path, &st) == 0;
}

size_t
spooled_count(void)
{
	size_t n = 4711;

	CU_ASSERT_EQUAL(oat_spool_count(spooled_folder, &n), OAT_OK);
	return n;
}

/* How many names of any kind are in the folder. */
size_t
spooled_count_names(void)
{
	DIR *dir = opendir(spooled_folder);
	size_t n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		(void)closedir(dir);
	return n < 2 ? 0 : n - 2;
}

/* Open it and take the first batch; what is there stays there. */
enum oat_status
spooled_open_batch(size_t max, size_t size, struct oat_spool *ret_spool,
    struct oat_batch *ret_batch, size_t *ret_aside)
{
	memset(ret_batch, 0, sizeof(*ret_batch));
	CU_ASSERT_EQUAL_FATAL(
	    oat_spool_open(spooled_folder, ret_spool), OAT_OK);
	return oat_spool_read(ret_spool, max, size, ret_batch, ret_aside);
}

/* The same, for what is in it. */
enum oat_status
spooled_read_batch(
    size_t max, size_t size, struct oat_batch *ret_batch, size_t *ret_aside)
{
	struct oat_spool spool;
	enum oat_status status;

	status = spooled_open_batch(max, size, &spool, ret_batch, ret_aside);
	oat_spool_close(&spool);
	return status;
}

void
spooled_check_batch(enum oat_status expected, const char *events, size_t aside)
{
	struct oat_batch batch;
	enum oat_status status;
	size_t put = 4711;

	status =
	    spooled_read_batch(OAT_SPOOL_BATCH_MAX, SPOOLED_SIZE, &batch, &put);
	CU_ASSERT_EQUAL(status, expected);
	CU_ASSERT_EQUAL(put, aside);
	if (status == OAT_OK && events != NULL)
		OAT_ASSERT_THAT(
		    strcmp(batch.events, events) == 0, "%s", batch.events);
	oat_batch_free(&batch);
}
