/* SPDX-License-Identifier: MIT */
/*
 * At most OAT_SLOTS programs of a host ask the database or run Argon2 at once,
 * so that neither the host's memory nor the server's connections depend on how
 * many log in. The others queue within their deadline.
 */
#ifndef OAT_SLOT_H
#define OAT_SLOT_H

#include "deadline.h"
#include "status.h"

#define OAT_SLOTS 8

/*
 * Take a slot under `folder`, which is made (root, 0755) when it is missing.
 * OAT_OK, and *ret_fd holds the slot until it is closed or the process ends;
 * OAT_TIMEOUT; OAT_SYSTEM.
 */
enum oat_status
oat_slot_take(const char *folder, struct oat_deadline deadline, int *ret_fd);

#endif
