/* SPDX-License-Identifier: MIT */
/*
 * The processes of this host as /proc shows them, and the one safe way to
 * signal one of them: by a descriptor of it, once it has been recognised, so
 * that a number given to another process meanwhile hits nobody.
 */
#ifndef OAT_PROCESS_H
#define OAT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "status.h"

/* No login uid: nobody logged in, or the kernel does not keep it. */
#define OAT_PROCESS_NO_LOGIN UINT32_MAX

/* A process at one moment. Plain data. */
struct oat_process {
	pid_t pid, parent;
	uint32_t real, effective, saved, fs; /* uids */
	uint32_t login; /* uid of the login it descends from; proc(5) */
	bool zombie;	/* it has ended, and nobody took note */
	/* From here on by oat_process_look_closer(). */
	uint64_t started; /* clock ticks of CLOCK_BOOTTIME */
	pid_t session;	  /* the process that made its session; setsid(2) */
	bool terminal;	  /* has it a controlling terminal? */
	uint32_t audit;	  /* number of its login; OAT_PROCESS_NO_LOGIN */
};

/*
 * All processes that this one can see, ascending by pid; free()d by the caller.
 * One that ends meanwhile may be left out.
 * OAT_OK; OAT_NOMEM; OAT_SYSTEM with errno when /proc cannot be read.
 */
enum oat_status
oat_process_list(struct oat_process **ret_list, size_t *ret_count);

/* The one with this pid in such a list, or NULL. */
struct oat_process *
oat_process_find(struct oat_process *list, size_t count, pid_t pid);

/*
 * Fill in the other members. OAT_OK; OAT_NOTFOUND when it has gone. Nothing
 * tells here that the number is another process's by now: signal does.
 */
enum oat_status oat_process_look_closer(struct oat_process *process);

/* Are all of its uids root's? */
bool oat_process_is_root(const struct oat_process *process);

/*
 * Is it one of this uid? These are the processes that it may signal, kill(2);
 * a daemon of root that acts for it for a moment is none.
 */
bool oat_process_is_of(const struct oat_process *process, uint32_t uid);

/*
 * Send a signal to a process that was looked at more closely, if it is still
 * the same one with the same uids and login.
 * OAT_OK; OAT_NOTFOUND when it has gone or is not; OAT_UNAVAILABLE when the
 * kernel has no descriptors of processes (before 5.3); OAT_SYSTEM with errno.
 */
enum oat_status
oat_process_signal(const struct oat_process *process, int signal);

/*
 * Let this process descend from no login any more, where the kernel permits
 * that: for what a session has started, and which works for the host.
 */
void oat_process_leave_login(void);

/* Now, in the unit of `started`. */
uint64_t oat_process_now(void);

/* Ticks in a second. */
uint64_t oat_process_ticks(void);

#endif
