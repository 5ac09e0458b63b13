/* SPDX-License-Identifier: MIT */
#include "tokenfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum oat_status
oat_tokenfile_create(const char *path, int *ret_fd)
{
	int fd, first, error;

	first = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (first == -1)
		return OAT_SYSTEM;
	fd = fcntl(first, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	error = errno;
	(void)close(first);
	/* The umask may have taken the owner's own bits. */
	if (fd == -1 || fchmod(fd, 0600) == -1) {
		error = fd == -1 ? error : errno;
		(void)unlink(path);
		if (fd != -1)
			(void)close(fd);
		errno = error;
		return OAT_SYSTEM;
	}
	*ret_fd = fd;
	return OAT_OK;
}

/* The folder of a path, to be freed. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, (size_t)(slash - path) + 1);
}

/* Make the file's name as durable as its content. */
static enum oat_status
sync_folder(const char *path)
{
	enum oat_status status = OAT_SYSTEM;
	char *folder;
	int fd = -1;

	folder = folder_of(path);
	if (folder != NULL)
		fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: the file system does not know how, and need not. */
	if (fd != -1 && (fsync(fd) == 0 || errno == EINVAL))
		status = OAT_OK;
	/* A folder one may write to but not read cannot be synced. */
	if (fd == -1 && errno == EACCES)
		status = OAT_OK;
	if (fd != -1)
		(void)close(fd);
	free(folder);
	return status;
}

enum oat_status
oat_tokenfile_fill(const char *path, int fd, const char *text, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, text, size);
		if (n == -1 && errno != EINTR)
			return OAT_SYSTEM;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	if (fsync(fd) == -1)
		return OAT_SYSTEM;
	return sync_folder(path);
}
