/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - who waits reads the spool after its lock has ended
 *   - who asked and was told "nobody" is somebody who starts one: a lock held
 *     for a moment by asking makes no event wait
 */
#include "gather.h"

#include "lock.h"

#include <unistd.h>

#define LOCK "gather.lock"

enum oat_status
oat_gather_wait(const char *run, uint32_t seconds)
{
	int fd = -1;

	if (oat_lock_take(run, LOCK, oat_deadline_in_ms(0), &fd) == OAT_TIMEOUT)
		return OAT_NOTFOUND;
	oat_deadline_sleep(oat_deadline_in_ms(seconds * 1000));
	if (fd >= 0)
		(void)close(fd);
	return OAT_OK;
}

bool
oat_gather_is_waiting(const char *run)
{
	enum oat_status status;
	int fd = -1;

	status = oat_lock_take(run, LOCK, oat_deadline_in_ms(0), &fd);
	if (fd >= 0)
		(void)close(fd);
	return status == OAT_TIMEOUT;
}
