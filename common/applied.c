/* SPDX-License-Identifier: MIT */
#include "applied.h"

#include "crc32.h"
#include "folder.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "applied"
#define TEMPORARY "applied.new" /* whoever writes has the lock of a sync */
#define TEXT_MAX 512		/* bytes of the file, the NUL included */

uint32_t
oat_applied_left(const struct oat_endings *endings)
{
	uint32_t check = 0;
	char line[64];
	size_t i;

	for (i = 0; i < endings->count; i++) {
		if (endings->list[i].left == 0)
			continue;
		(void)snprintf(line, sizeof(line),
		    "%" PRIu32 " %" PRIu32 " %zu", check, endings->list[i].uid,
		    endings->list[i].left);
		check = oat_crc32(line, strlen(line)) | 1; /* 0 is nobody */
	}
	return check;
}

bool
oat_applied_is_equal(const struct oat_applied *a, const struct oat_applied *b)
{
	return a->generation == b->generation && a->as_of_us == b->as_of_us &&
	       a->left == b->left && strcmp(a->problem, b->problem) == 0;
}

/* "generation as_of left problem\n", the last to the end of the line. */
static bool
parse(const char *text, struct oat_applied *ret_applied)
{
	struct oat_applied applied = { .left = 0 };
	const char *end = strchr(text, '\n');
	int n = 0;

	if (end == NULL || end[1] != '\0' ||
	    sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNu32 "%n",
		&applied.generation, &applied.as_of_us, &applied.left,
		&n) != 3 ||
	    text[n] != ' ' || end - text - n > OAT_PROBLEM_MAX)
		return false;
	memcpy(applied.problem, text + n + 1, (size_t)(end - text - n - 1));
	*ret_applied = applied;
	return true;
}

void
oat_applied_read(const char *folder, struct oat_applied *ret_applied)
{
	char text[TEXT_MAX];
	ssize_t n = -1;
	int dir, fd;

	memset(ret_applied, 0, sizeof(*ret_applied));
	dir = oat_folder_open(folder, 0755);
	if (dir < 0)
		return;
	fd = openat(
	    dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		oat_folder_close(fd);
	}
	oat_folder_close(dir);
	if (n < 0)
		return;
	text[n] = '\0';
	if (!parse(text, ret_applied))
		memset(ret_applied, 0, sizeof(*ret_applied));
}

static enum oat_status
write_file(int dir, const char *text)
{
	size_t size = strlen(text);
	ssize_t n;
	int fd;

	fd = openat(dir, TEMPORARY,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return OAT_SYSTEM;
	n = write(fd, text, size);
	oat_folder_close(fd);
	if (n != (ssize_t)size || renameat(dir, TEMPORARY, dir, FILE_NAME) != 0)
		return OAT_SYSTEM;
	return OAT_OK;
}

enum oat_status
oat_applied_write(const char *folder, const struct oat_applied *applied)
{
	char text[TEXT_MAX];
	enum oat_status status;
	int dir;

	(void)snprintf(text, sizeof(text),
	    "%" PRId64 " %" PRId64 " %" PRIu32 " %s\n", applied->generation,
	    applied->as_of_us, applied->left, applied->problem);
	dir = oat_folder_open(folder, 0755);
	if (dir < 0)
		return OAT_SYSTEM;
	status = write_file(dir, text);
	oat_folder_close(dir);
	return status;
}
