/* SPDX-License-Identifier: MIT */
#include "sandbox.h"

#include "filter.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/*
 * What malloc(3), poll(2), recv(2), send(2) and clock_gettime(2) become in one
 * libc or another, and what ends a process.
 */
static const struct oat_filter_rule computing[] = {
	{ SYS_brk, 0, 0, 0 },
	{ SYS_clock_gettime, 0, 0, 0 },
	{ SYS_exit, 0, 0, 0 },
	{ SYS_exit_group, 0, 0, 0 },
	{ SYS_futex, 0, 0, 0 },
	{ SYS_getrandom, 0, 0, 0 },
	{ SYS_madvise, 0, 0, 0 },
	{ SYS_mprotect, 0, 0, 0 },
	{ SYS_mremap, 0, 0, 0 },
	{ SYS_munmap, 0, 0, 0 },
	{ SYS_ppoll, 0, 0, 0 },
	{ SYS_read, 0, 0, 0 },
	{ SYS_restart_syscall, 0, 0, 0 },
	{ SYS_rt_sigreturn, 0, 0, 0 },
	{ SYS_write, 0, 0, 0 },
#ifdef SYS_mmap
	{ SYS_mmap, 0, 0, 0 },
#endif
#ifdef SYS_mmap2
	{ SYS_mmap2, 0, 0, 0 },
#endif
#ifdef SYS_poll
	{ SYS_poll, 0, 0, 0 },
#endif
#ifdef SYS_recvfrom
	{ SYS_recvfrom, 0, 0, 0 },
#endif
#ifdef SYS_sendto
	{ SYS_sendto, 0, 0, 0 },
#endif
#ifdef SYS_recv
	{ SYS_recv, 0, 0, 0 },
#endif
#ifdef SYS_send
	{ SYS_send, 0, 0, 0 },
#endif
#ifdef SYS_clock_gettime64
	{ SYS_clock_gettime64, 0, 0, 0 },
#endif
#ifdef SYS_futex_time64
	{ SYS_futex_time64, 0, 0, 0 },
#endif
#ifdef SYS_ppoll_time64
	{ SYS_ppoll_time64, 0, 0, 0 },
#endif
};

enum oat_status
oat_sandbox_compute(void)
{
	/* poll(2) of one descriptor needs a limit of one; 0-2 are taken. */
	struct rlimit one = { 1, 1 };

	if (setrlimit(RLIMIT_NOFILE, &one) != 0)
		return OAT_SYSTEM;
	return oat_filter_install(
	    computing, sizeof(computing) / sizeof(computing[0]), EPERM);
}
