/* SPDX-License-Identifier: MIT */
/* `oat sync`: send the spool, fetch and publish the identities of this host. */
#ifndef OAT_SYNC_H
#define OAT_SYNC_H

/*
 * oat sync [--max-age SECONDS | --after SECONDS]
 *
 * --max-age: nothing is done when a sync succeeded within that time, and the
 * spool is left alone (for the NSS module). --after: wait first, and do
 * nothing when another one is waiting already (for events of a login).
 * Returns the exit status: 0 done or nothing to do, 1 failed, 2 usage.
 */
int oat_sync_main(int argc, char *argv[]);

#endif
