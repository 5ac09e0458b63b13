/* SPDX-License-Identifier: MIT */
/*
 * What whoever starts a setuid program, as su or sudo, makes it and all that it
 * starts inherit: limits (setrlimit(2)), the scheduler's favour (nice(1),
 * sched(7), ioprio_set(2), PR_SET_TIMERSLACK), the score of the OOM killer, and
 * a cgroup of his own, which he may freeze for as long as he likes. The program
 * holds locks that other logins and every sync of the host wait for.
 */
#ifndef OAT_INHERITED_H
#define OAT_INHERITED_H

/*
 * The limits a daemon has; with a hard one that may not be raised, the highest
 * it allows. Only system calls, as between clone(2) and execve(2).
 */
void oat_inherited_reset_limits(void);

/*
 * What makes this process slower, more likely to be killed, or stoppable by
 * others than root; what favours it stays. A cgroup below one that root does
 * not own is exchanged for that of init. What the kernel does not grant, or
 * /proc and /sys do not show, stays as it is. Two descriptors are needed for
 * a moment, and only system calls are made.
 */
void oat_inherited_reset_treatment(void);

#endif
