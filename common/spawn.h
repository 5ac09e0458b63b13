/* SPDX-License-Identifier: MIT */
/*
 * Run the program `oat` from inside someone else's process.
 *
 * The host's process must not notice: no SIGCHLD reaches it, no child of ours
 * can be collected by its wait(2), its signal mask and handlers stay, nothing
 * is left open. The program starts with an empty environment, "/" as its
 * directory, default signal dispositions, an empty mask, umask 022, a session
 * of its own, the limits a daemon has, and descriptors 0 and 1 (one socket to
 * the caller) and 2 (/dev/null) alone. Started by root, it is root in every
 * way: real, effective and saved ids, no supplementary groups; and what a user
 * did to the host's priority, OOM score and cgroup is left (inherited.h).
 *
 * How: a clone(2) with exit signal 0 is invisible to the host's wait and
 * handlers; execve(2) would reset that, so the clone stays, runs the program
 * as its own child, waits for it, and dies with the calling thread (and the
 * program with it) by PR_SET_PDEATHSIG.
 */
#ifndef OAT_SPAWN_H
#define OAT_SPAWN_H

#include <sys/types.h>

#include "status.h"

/* A program that has answered may end by itself for so long. */
#define OAT_SPAWN_GRACE_MS 50

/* A running program. Plain data; -1 and 0 when none. */
struct oat_spawn {
	int fd;	   /* the socket to its descriptors 0 and 1; owned, CLOEXEC */
	pid_t pid; /* the intermediate process, not the program */
};

/*
 * Start `path` with argv (NULL-terminated, argv[0] by convention "oat").
 * OAT_OK, and *ret_spawn must be given to oat_spawn_end();
 * OAT_SYSTEM when no process or socket could be had, errno says why. That the
 * program could not be executed shows as end of file on the socket.
 */
enum oat_status oat_spawn_start(
    const char *path, const char *const argv[], struct oat_spawn *ret_spawn);

/*
 * Let the program see end of file, give it OAT_SPAWN_GRACE_MS to end, kill
 * what still runs (SIGKILL to its process group), close the socket, collect
 * the process. Resets *spawn to none, which is accepted too. Keeps errno.
 * Returns within two graces: nothing in it waits for the program's good will.
 */
void oat_spawn_end(struct oat_spawn *spawn);

/*
 * Start the program for itself: in its own session, all of 0, 1 and 2 on
 * /dev/null, a child of init, not waited for, not killed with the caller.
 * OAT_OK; OAT_SYSTEM, errno says why. That it could not be executed shows
 * nowhere.
 */
enum oat_status oat_spawn_detached(const char *path, const char *const argv[]);

#endif
