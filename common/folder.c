/* SPDX-License-Identifier: MIT */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void
oat_folder_close(int folder)
{
	int saved = errno;

	(void)close(folder);
	errno = saved;
}

/* A folder is there for good when its parent has been synced. */
static int
sync_parent(int folder)
{
	int parent, result;

	parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -1;
	result = fsync(parent);
	oat_folder_close(parent);
	return result;
}

int
oat_folder_open(const char *path, mode_t mode)
{
	struct stat st;
	int fd, made;

	made = mkdir(path, mode) == 0;
	if (!made && errno != EEXIST)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* mkdir(2) obeys the umask of whoever started the program. */
	if (made && (fchmod(fd, mode) != 0 || sync_parent(fd) != 0))
		goto fail;
	if (fstat(fd, &st) != 0)
		goto fail;
	errno = EPERM;
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		goto fail;
	return fd;
fail:
	oat_folder_close(fd);
	return -1;
}
