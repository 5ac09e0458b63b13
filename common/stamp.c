/* SPDX-License-Identifier: MIT */
#include "stamp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "folder.h"

uint64_t
oat_stamp_now_ns(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * OAT_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Not for writing: it may be the host's descriptor 2, where it closed that. */
int
oat_stamp_open(int folder, const char *name)
{
	return openat(folder, name,
	    O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

enum oat_status
oat_stamp_set(int fd, uint64_t at_ns)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{
		    .tv_sec = (time_t)(at_ns / OAT_NS_PER_S),
		    .tv_nsec = (long)(at_ns % OAT_NS_PER_S),
		},
	};

	return futimens(fd, times) == -1 ? OAT_SYSTEM : OAT_OK;
}

enum oat_status
oat_stamp_put(int folder, const char *name, uint64_t at_ns)
{
	enum oat_status status;
	int fd;

	fd = oat_stamp_open(folder, name);
	if (fd == -1)
		return OAT_SYSTEM;
	status = oat_stamp_set(fd, at_ns);
	oat_folder_close(fd);
	return status;
}

uint64_t
oat_stamp_read(int folder, const char *name)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    st.st_mtim.tv_sec < 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * OAT_NS_PER_S +
	       (uint64_t)st.st_mtim.tv_nsec;
}

uint64_t
oat_stamp_get(int folder, const char *name)
{
	uint64_t at_ns = oat_stamp_read(folder, name);

	return at_ns > oat_stamp_now_ns() ? 0 : at_ns;
}
