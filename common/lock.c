/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#define RETRY_MS 20 /* flock(2) can wait, but not until a deadline */

enum oat_status
oat_lock_try(int folder, const char *name, int *ret_fd)
{
	int fd;

	fd = openat(
	    folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return OAT_SYSTEM;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = fd;
		return OAT_OK;
	}
	oat_folder_close(fd);
	return errno == EWOULDBLOCK ? OAT_UNAVAILABLE : OAT_SYSTEM;
}

enum oat_status
oat_lock_take(const char *folder, const char *name,
    struct oat_deadline deadline, int *ret_fd)
{
	enum oat_status status;
	int dir;

	dir = oat_folder_open(folder, 0755);
	if (dir < 0)
		return OAT_SYSTEM;
	while ((status = oat_lock_try(dir, name, ret_fd)) == OAT_UNAVAILABLE) {
		if (oat_deadline_passed(deadline)) {
			status = OAT_TIMEOUT;
			break;
		}
		oat_deadline_sleep(
		    oat_deadline_min(deadline, oat_deadline_in_ms(RETRY_MS)));
	}
	oat_folder_close(dir);
	return status;
}
