/* SPDX-License-Identifier: MIT */
/*
 * What a sync is answered: rows, each a line of fields between tabs in the
 * order of oat_row_fields. Whatever the rows say, what is taken over is ours,
 * is nobody else's, and makes a snapshot that can be read back.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/listing.h"
#include "common/snapshot_write.h"

#define ROWS_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct oat_local *local;

/* A file in memory, by a path. */
static const char *
file_of(const char *text, char path[32])
{
	int fd = memfd_create("file", 0);

	if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	(void)snprintf(path, 32, "/proc/self/fd/%d", fd);
	return path;
}

/* Once: a host with an account that has our kind of name, another a number. */
static void
set_up(void)
{
	char passwd[32], group[32], shells[32];
	struct oat_local_files files;

	files.passwd = file_of("root:x:0:0:root:/root:/bin/sh\n"
			       "oat-acme-local:x:1000:1000::/:/bin/sh\n"
			       "number:x:70001:70001::/:/bin/sh\n",
	    passwd);
	files.group = file_of("root:x:0:\noat-g-local:x:1001:\n", group);
	files.shells = file_of("/bin/sh\n/bin/bash\n", shells);
	if (oat_local_load(&files, 70000, 99999, &local) != OAT_OK)
		abort();
}

/* False when a number is none. */
static bool
read_row(char *line, struct oat_row *ret_row)
{
	enum oat_status status = OAT_OK;
	const char *text;
	int i;

	memset(ret_row, 0, sizeof(*ret_row));
	for (i = 0; i < OAT_ROW_FIELDS && status != OAT_INVALID; i++) {
		text = strsep(&line, "\t");
		status = oat_reply_set(
		    &oat_row_fields[i], text != NULL ? text : "", ret_row);
		if (status == OAT_RANGE)
			status = oat_reply_set(
			    &oat_row_fields[i], OAT_ROW_TOO_LONG, ret_row);
	}
	return status != OAT_INVALID;
}

static void
check_printable(const char *name, const char *why, void *context)
{
	(void)context;
	for (; *name != '\0'; name++)
		if (*name <= ' ' || *name > '~')
			abort();
	if (why == NULL || why[0] == '\0')
		abort();
}

static void
check_identity(const struct oat_identity *one)
{
	size_t i;

	if (!oat_name_is_login(one->login) ||
	    !oat_local_allows_id(local, one->uid) ||
	    oat_local_has_id(local, one->uid) ||
	    oat_local_has_name(local, one->login) ||
	    (!oat_local_has_shell(local, one->shell) &&
		strcmp(one->shell, oat_local_nologin(local)) != 0) ||
	    strpbrk(one->shell, ":\n") != NULL ||
	    (!one->active && one->group_count != 0))
		abort();
	for (i = 0; i < one->group_count; i++)
		if (!oat_local_allows_id(local, one->groups[i]) ||
		    oat_local_has_id(local, one->groups[i]))
			abort();
}

static void
check_group(const struct oat_group *group)
{
	if (!oat_name_is_group(group->name) ||
	    !oat_local_allows_id(local, group->gid) ||
	    oat_local_has_id(local, group->gid) ||
	    oat_local_has_name(local, group->name))
		abort();
}

static void
check_set(const struct oat_identities *set)
{
	struct oat_snapshot_info info = { .home_root = "/var/lib/oat/home" };
	const struct oat_identity *all;
	const struct oat_group *groups;
	struct oat_snapshot snapshot;
	size_t i, count, group_count, size;
	void *image;

	all = oat_identities_all(set, &count);
	groups = oat_identities_groups(set, &group_count);
	for (i = 0; i < count; i++)
		check_identity(&all[i]);
	for (i = 0; i < group_count; i++)
		check_group(&groups[i]);
	if (oat_snapshot_build(&info, groups, group_count, all, count, &image,
		&size) != OAT_OK)
		abort();
	if (oat_snapshot_from_bytes(image, size, &snapshot) != OAT_OK ||
	    oat_snapshot_verify(&snapshot) != OAT_OK)
		abort();
	free(image);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_listing listing = { .refused = check_printable };
	struct oat_row row;
	char *text, *rest, *line;
	size_t rows = 0;

	if (local == NULL)
		set_up();
	rest = text = strndup((const char *)data, size);
	if (text == NULL ||
	    oat_identities_new(local, &listing.identities) != OAT_OK)
		abort();
	while ((line = strsep(&rest, "\n")) != NULL && rows++ < ROWS_MAX)
		if (!read_row(line, &row) ||
		    oat_listing_take(&row, &listing) != OAT_OK)
			break;
	(void)oat_listing_is_whole(&listing);
	check_set(listing.identities);
	oat_listing_free(&listing);
	oat_identities_free(listing.identities);
	free(text);
	return 0;
}
