/* SPDX-License-Identifier: MIT */
#include "mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (8UL * 1024 * 1024) /* bytes; what is behind is not read */

/* Two texts, so that this file has no mark of its own to be found. */
static const char lead[] = "@(#)", name[] = "oat ";

static enum oat_status
find(const char *bytes, size_t size, char ret_version[OAT_MARK_VERSION_MAX])
{
	const char *at, *end = bytes + size;
	size_t length;

	for (at = bytes; (at = memmem(at, (size_t)(end - at), lead,
			      strlen(lead))) != NULL;) {
		at += strlen(lead);
		if ((size_t)(end - at) <= strlen(name) ||
		    memcmp(at, name, strlen(name)) != 0)
			continue;
		at += strlen(name);
		for (length = 0; at + length < end && at[length] > ' ' &&
				 at[length] < 0x7f;)
			length++;
		(void)snprintf(ret_version, OAT_MARK_VERSION_MAX, "%.*s",
		    length < OAT_MARK_VERSION_MAX ? (int)length
						  : OAT_MARK_VERSION_MAX - 1,
		    at);
		return OAT_OK;
	}
	return OAT_INVALID;
}

enum oat_status
oat_mark_read(const char *path, char ret_version[OAT_MARK_VERSION_MAX])
{
	enum oat_status status = OAT_NOMEM;
	size_t used = 0;
	ssize_t n = 1;
	char *bytes;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? OAT_NOTFOUND : OAT_SYSTEM;
	bytes = malloc(FILE_MAX);
	while (bytes != NULL && n > 0 && used < FILE_MAX) {
		n = read(fd, bytes + used, FILE_MAX - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (bytes != NULL)
		status = n < 0 ? OAT_SYSTEM : find(bytes, used, ret_version);
	free(bytes);
	(void)close(fd);
	return status;
}
