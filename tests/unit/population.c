/* SPDX-License-Identifier: MIT */
#include "tests/unit/population.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/snapshot.h"
#include "common/snapshot_write.h"
#include "nss_oat/nss_oat.h"
#include "nss_oat/source.h"
#include "tests/runner.h"

const uint32_t oat_member_gids[OAT_MEMBER_GROUPS] = { 70000, 70001, 70002 };

static const struct oat_group groups[] = {
	{ .name = "oat-users", .gid = 70000 },
	{ .name = "oat-acme", .gid = 70001 },
	{ .name = "oat-g-deploy", .gid = 70002 },
};

#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

char oat_population_folder[64];
char oat_population_path[96];
char oat_population_run[96];
char oat_population_program[96];

/* In the place of the module's own, which is weak. */
const struct oat_nss_source oat_nss_source = {
	.path = oat_population_path,
	.run = oat_population_run,
	.program = oat_population_program,
	.config = oat_population_folder, /* of mode 0700 */
};

int
oat_population_set_up(void)
{
	strcpy(oat_population_folder, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(oat_population_folder) == NULL)
		return 1;
	snprintf(oat_population_path, sizeof(oat_population_path),
	    "%s/identities", oat_population_folder);
	snprintf(oat_population_run, sizeof(oat_population_run), "%s/run",
	    oat_population_folder);
	snprintf(oat_population_program, sizeof(oat_population_program),
	    "%s/oat", oat_population_folder);
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
oat_population_tear_down(void)
{
	return nftw(oat_population_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

bool
oat_population_is_root(void)
{
	if (geteuid() == 0)
		return true;
	oat_skip("snapshots are files of root");
	return false;
}

void
oat_population_load(
    const void *image, size_t size, struct oat_snapshot *ret_snapshot)
{
	oat_population_write(image, size);
	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_open(oat_population_path, ret_snapshot, NULL), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(oat_snapshot_load(ret_snapshot), OAT_OK);
}

void
oat_member_name(size_t i, char ret_name[OAT_LOGIN_MAX + 1])
{
	snprintf(ret_name, OAT_LOGIN_MAX + 1, "oat-acme-t%zu", i);
}

bool
oat_member_is_active(size_t i)
{
	return i % 7 != 6;
}

const char *
oat_member_shell(size_t i, int version)
{
	static const char *const shells[] = { "/bin/sh", "/bin/bash" };

	return oat_member_is_active(i) ? shells[version % 2]
				       : "/usr/sbin/nologin";
}

static void
make_member(size_t i, int version, struct oat_identity *ret_identity)
{
	static uint32_t gids[OAT_MEMBER_GROUPS];

	memcpy(gids, oat_member_gids, sizeof(gids));
	oat_member_name(i, ret_identity->login);
	strcpy(ret_identity->shell, oat_member_shell(i, version));
	ret_identity->uid = OAT_MEMBER_UID + (uint32_t)i;
	ret_identity->active = oat_member_is_active(i);
	ret_identity->expires_at = (int64_t)i;
	ret_identity->groups = gids;
	ret_identity->group_count =
	    ret_identity->active ? OAT_MEMBER_GROUPS : 0;
}

void *
oat_population_build(size_t count, int version, size_t *ret_size)
{
	struct oat_snapshot_info info = { .home_root = OAT_MEMBER_HOME };
	struct oat_identity *members = calloc(count + 1, sizeof(*members));
	void *image = NULL;
	size_t i;

	info.generation = (uint64_t)version;
	CU_ASSERT_PTR_NOT_NULL_FATAL(members);
	for (i = 0; i < count; i++)
		make_member(i, version, &members[i]);
	CU_ASSERT_EQUAL_FATAL(oat_snapshot_build(&info, groups, GROUP_COUNT,
				  members, count, &image, ret_size),
	    OAT_OK);
	free(members);
	return image;
}

void
oat_population_publish(size_t count, int version)
{
	size_t size;
	void *image = oat_population_build(count, version, &size);

	CU_ASSERT_EQUAL_FATAL(
	    oat_snapshot_publish(oat_population_path, image, size), OAT_OK);
	free(image);
}

void
oat_population_write(const void *bytes, size_t size)
{
	int fd = open(oat_population_path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CU_ASSERT_TRUE_FATAL(fd != -1);
	CU_ASSERT_EQUAL(fchmod(fd, 0644), 0);
	CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
	CU_ASSERT_EQUAL(close(fd), 0);
}

bool
oat_member_is(const struct oat_record *record, size_t i, int version)
{
	char name[OAT_LOGIN_MAX + 1];

	oat_member_name(i, name);
	return record->kind == OAT_RECORD_IDENTITY &&
	       strcmp(record->name, name) == 0 &&
	       record->id == OAT_MEMBER_UID + i &&
	       record->active == oat_member_is_active(i) &&
	       record->expires_at == (int64_t)i &&
	       strcmp(record->shell, oat_member_shell(i, version)) == 0 &&
	       record->group_count == (record->active ? OAT_MEMBER_GROUPS : 0);
}

/* --- questions about all of them ------------------------------------------ */

static enum oat_status
collect(uint32_t gid, void *arg)
{
	struct oat_gids *gids = arg;

	if (gids->count < OAT_MEMBER_GROUPS)
		gids->gid[gids->count] = gid;
	gids->count++;
	return OAT_OK;
}

enum oat_status
oat_population_groups_of(const struct oat_snapshot *snapshot,
    const struct oat_record *record, struct oat_gids *ret_gids)
{
	memset(ret_gids, 0, sizeof(*ret_gids));
	return oat_snapshot_groups(snapshot, record, collect, ret_gids);
}

static bool
are_member_groups(const struct oat_gids *gids, size_t i)
{
	if (!oat_member_is_active(i))
		return gids->count == 0;
	return gids->count == OAT_MEMBER_GROUPS &&
	       memcmp(gids->gid, oat_member_gids, sizeof(gids->gid)) == 0;
}

bool
oat_population_answers_truly(
    const struct oat_snapshot *snapshot, size_t count, bool *ret_all)
{
	char name[OAT_LOGIN_MAX + 1];
	struct oat_record record;
	enum oat_status status;
	struct oat_gids gids;
	bool all = true;
	size_t i;

	for (i = 0; i < count; i++) {
		oat_member_name(i, name);
		status = oat_snapshot_find_name(snapshot, name, &record);
		if (status == OAT_OK) {
			if (!oat_member_is(&record, i, 0))
				return false;
			status =
			    oat_population_groups_of(snapshot, &record, &gids);
			if (status == OAT_OK && !are_member_groups(&gids, i))
				return false;
		}
		if (status != OAT_OK && status != OAT_UNAVAILABLE)
			return false;
		all = all && status == OAT_OK;
		status = oat_snapshot_find_id(
		    snapshot, OAT_MEMBER_UID + (uint32_t)i, &record);
		if (status != OAT_OK && status != OAT_UNAVAILABLE)
			return false;
		if (status == OAT_OK && !oat_member_is(&record, i, 0))
			return false;
		all = all && status == OAT_OK;
	}
	*ret_all = all;
	return true;
}

bool
oat_population_walks_truly(const struct oat_snapshot *snapshot, size_t count)
{
	uint64_t cursor = 0;
	struct oat_record record;
	enum oat_status status;
	size_t seen = 0;

	while ((status = oat_snapshot_next(snapshot, &cursor, &record)) ==
	       OAT_OK) {
		if (seen >= OAT_MEMBER_GROUPS &&
		    !oat_member_is(&record, seen - OAT_MEMBER_GROUPS, 0))
			return false;
		seen++;
	}
	return status == OAT_UNAVAILABLE ||
	       (status == OAT_NOTFOUND && seen == count + OAT_MEMBER_GROUPS);
}

void
oat_population_forget(void)
{
	struct passwd passwd;
	char buffer[512];
	int error;

	/* Whoever misses looks whether the file is still the same. */
	oat_population_publish(1, 0);
	CU_ASSERT_EQUAL(
	    _nss_oat_getpwuid_r(99998, &passwd, buffer, sizeof(buffer), &error),
	    NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(unlink(oat_population_path), 0);
}
