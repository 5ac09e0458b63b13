/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include "folder.h"
#include "lock.h"

#include <stdio.h>

/*
 * How long a program that found every slot taken sleeps before it looks again.
 * A login holds its slot for some 50 ms.
 */
#define RETRY_MS 5

static enum oat_status
try_all(int folder, int *ret_fd)
{
	enum oat_status status = OAT_UNAVAILABLE;
	char name[16];
	unsigned i;

	for (i = 0; i < OAT_SLOTS && status == OAT_UNAVAILABLE; i++) {
		(void)snprintf(name, sizeof(name), "slot.%u", i);
		status = oat_lock_try(folder, name, ret_fd);
	}
	return status;
}

enum oat_status
oat_slot_take(const char *folder, struct oat_deadline deadline, int *ret_fd)
{
	enum oat_status status;
	int dir;

	dir = oat_folder_open(folder, 0755);
	if (dir < 0)
		return OAT_SYSTEM;
	while ((status = try_all(dir, ret_fd)) == OAT_UNAVAILABLE) {
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
