/* SPDX-License-Identifier: MIT */
/*
 * Events of one login come in pairs and triples: of those who would each send
 * them, one waits for the rest, and sends all over one connection.
 */
#ifndef OAT_GATHER_H
#define OAT_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

/*
 * Wait so long for more to come, under the folder `run` (OAT_PATH_RUN, made
 * when it is missing). OAT_OK: now send; also when waiting together cannot be
 * arranged. OAT_NOTFOUND, at once: another process waits, and will read the
 * spool after this moment.
 */
enum oat_status oat_gather_wait(const char *run, uint32_t seconds);

/*
 * Does anybody wait? For who has just put an event into the spool: if so, it
 * will be sent. If not, or when that cannot be told, it is theirs to start a
 * process that waits; two that ask at the same moment may both be told so.
 */
bool oat_gather_is_waiting(const char *run);

#endif
