/* SPDX-License-Identifier: MIT */
/* `oat sync`: the command; a round (round.h) now, later, or for each change. */
#ifndef OAT_SYNC_H
#define OAT_SYNC_H

/*
 * oat sync [--courier SOCKET] [--max-age SECONDS | --after SECONDS | --watch]
 *
 * --max-age: nothing is done when a sync succeeded within that time, and the
 * spool and sessions are left alone (for the NSS module). --after: wait first,
 * and do nothing when another one is waiting already (for events of a login).
 * --watch: again and again, until a signal.
 * Returns the exit status: 0 done or nothing to do, 1 failed, 2 usage.
 */
int oat_sync_main(int argc, char *argv[]);

#endif
