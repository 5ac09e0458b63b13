/* SPDX-License-Identifier: MIT */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_SUFFIX ".new"

static enum oat_status
write_all(int fd, const unsigned char *bytes, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, bytes, size);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return OAT_SYSTEM;
		bytes += n;
		size -= (size_t)n;
	}
	return OAT_OK;
}

/* OAT_UNAVAILABLE unless the file holds exactly these bytes. */
static enum oat_status
compare_all(int fd, const unsigned char *bytes, size_t size)
{
	unsigned char buffer[65536];
	size_t done = 0;
	ssize_t n;

	for (;;) {
		n = pread(fd, buffer, sizeof(buffer), (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return OAT_SYSTEM;
		if (n == 0)
			return done == size ? OAT_OK : OAT_UNAVAILABLE;
		if ((size_t)n > size - done ||
		    memcmp(buffer, bytes + done, (size_t)n) != 0)
			return OAT_UNAVAILABLE;
		done += (size_t)n;
	}
}

/* Only when asked: to the units of `oat sync` chown(2) is forbidden. */
static enum oat_status
give(int fd, gid_t gid)
{
	return gid == (gid_t)-1 || fchown(fd, (uid_t)-1, gid) == 0 ? OAT_OK
								   : OAT_SYSTEM;
}

/* The file under its temporary name: written, on disk, read back. */
static enum oat_status
write_temporary(
    const char *path, const void *bytes, size_t size, gid_t gid, mode_t mode)
{
	enum oat_status status = OAT_SYSTEM;
	int fd, saved;

	if (unlink(path) == -1 && errno != ENOENT)
		return OAT_SYSTEM;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	if (fd == -1)
		return OAT_SYSTEM;
	if (write_all(fd, bytes, size) != OAT_OK || give(fd, gid) != OAT_OK ||
	    fchmod(fd, mode) == -1 || fsync(fd) == -1)
		goto out;
	status = compare_all(fd, bytes, size);
out:
	saved = errno;
	(void)close(fd);
	errno = saved;
	return status;
}

/* A folder's fsync(2) makes the names in it durable. */
static enum oat_status
sync_folder(char *path)
{
	enum oat_status status;
	char *slash = strrchr(path, '/');
	int fd, saved;

	if (slash == path)
		slash[1] = '\0';
	else if (slash != NULL)
		slash[0] = '\0';
	fd = open(
	    slash == NULL ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return OAT_SYSTEM;
	status = fsync(fd) == -1 ? OAT_SYSTEM : OAT_OK;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return status;
}

enum oat_status
oat_replace_file(
    const char *path, const void *bytes, size_t size, gid_t gid, mode_t mode)
{
	char temporary[PATH_MAX];
	enum oat_status status;
	int saved, length;

	length = snprintf(
	    temporary, sizeof(temporary), "%s%s", path, TEMPORARY_SUFFIX);
	if (length < 0 || (size_t)length >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return OAT_SYSTEM;
	}
	status = write_temporary(temporary, bytes, size, gid, mode);
	if (status == OAT_OK && rename(temporary, path) == -1)
		status = OAT_SYSTEM;
	if (status != OAT_OK) {
		saved = errno;
		(void)unlink(temporary);
		errno = saved;
		return status;
	}
	return sync_folder(temporary);
}

enum oat_status
oat_replace_rename(const char *from, const char *to)
{
	char folder[PATH_MAX];

	if (strlen(to) >= sizeof(folder)) {
		errno = ENAMETOOLONG;
		return OAT_SYSTEM;
	}
	if (rename(from, to) == -1)
		return OAT_SYSTEM;
	(void)snprintf(folder, sizeof(folder), "%s", to);
	return sync_folder(folder);
}
