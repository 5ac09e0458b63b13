/* SPDX-License-Identifier: MIT */
/*
 * oat_sandbox_network(): each thing that it must forbid is tried, and what
 * libpq needs is used. A call that a kernel does not have at all would pass for
 * a refused one: what the filter is for, every kernel that runs this has.
 */
#include "common/sandbox.h"

#include "tests/runner.h"
#include "tests/unit/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool
filters_are_missing(void)
{
	if (oat_filters_are_here())
		return false;
	oat_skip("no filters of system calls in this kernel");
	return true;
}

/* --- calls that are not there -------------------------------------------- */

struct call {
	const char *name;
	long number;
	long arguments[6];
};

#define CALL(name, ...)             \
	{                           \
#name, SYS_##name,  \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
#define HERE AT_FDCWD
#define PATH (long)"/tmp/oat-test-sandbox"
#define OTHER (long)"/tmp/oat-test-sandbox-2"

/* With arguments that only a filter, or rights, can object to. */
static const struct call forbidden[] = {
	/* programs and processes */
	CALL(execve, (long)"/bin/true", 0, 0),
	CALL(execveat, HERE, (long)"/bin/true", 0, 0, 0),
	CALL(clone, SIGCHLD, 0, 0, 0, 0),
	CALL(clone3, 0, 0),
	CALL(unshare, CLONE_NEWUSER),
	CALL(setns, 0, 0),
	CALL(wait4, -1, 0, 0, 0),
#ifdef SYS_fork
	CALL(fork, 0),
	CALL(vfork, 0),
#endif
	/* others, and what this process is */
	CALL(kill, 0, 0),
	CALL(tkill, 1, 0),
	CALL(tgkill, 1, 1, 0),
	CALL(rt_sigqueueinfo, 1, 0, 0),
	CALL(pidfd_open, 1, 0),
	CALL(ptrace, 0, 0, 0, 0),
	CALL(process_vm_readv, 1, 0, 0, 0, 0, 0),
	CALL(process_vm_writev, 1, 0, 0, 0, 0, 0),
	CALL(kcmp, 1, 1, 0, 0, 0),
	CALL(prlimit64, 0, RLIMIT_NOFILE, 0, 0),
	CALL(setpriority, 0, 0, 0),
	CALL(sched_setaffinity, 1, 0, 0),
	CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0),
	CALL(seccomp, 0, 0, 0),
	CALL(personality, -1),
	CALL(setuid, 65534),
	CALL(setgroups, 0, 0),
	CALL(capset, 0, 0),
	CALL(umask, 0),
	CALL(chdir, (long)"/"),
	CALL(chroot, (long)"/"),
	/* files */
	CALL(mkdirat, HERE, PATH, 0700),
	CALL(mknodat, HERE, PATH, S_IFIFO | 0600, 0),
	CALL(unlinkat, HERE, PATH, 0),
	CALL(linkat, HERE, PATH, HERE, OTHER, 0),
	CALL(symlinkat, PATH, HERE, OTHER),
	CALL(renameat2, HERE, PATH, HERE, OTHER, 0),
	CALL(fchmodat, HERE, PATH, 0777),
	CALL(fchownat, HERE, PATH, 0, 0, 0),
	CALL(truncate, PATH, 0),
	CALL(ftruncate, 0, 0),
	CALL(fallocate, 0, 0, 0, 1),
	CALL(utimensat, HERE, PATH, 0, 0),
	CALL(setxattr, PATH, 0, 0, 0, 0),
	CALL(openat2, HERE, PATH, 0, 0),
	CALL(name_to_handle_at, HERE, PATH, 0, 0, 0),
	CALL(memfd_create, PATH, 0),
	CALL(inotify_init1, 0),
	CALL(fanotify_init, 0, 0),
	CALL(mount, 0, PATH, 0, 0, 0),
	CALL(umount2, PATH, 0),
	CALL(pivot_root, 0, 0),
	/* a server's sockets, and pairs */
	CALL(bind, 0, 0, 0),
	CALL(listen, 0, 0),
	CALL(accept4, 0, 0, 0, 0),
	CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, 0),
	/* the kernel's own */
	CALL(bpf, 0, 0, 0),
	CALL(perf_event_open, 0, 0, 0, 0, 0),
	CALL(userfaultfd, 0),
	CALL(io_uring_setup, 1, 0),
	CALL(io_setup, 1, 0),
	CALL(keyctl, 0, 0, 0, 0, 0),
	CALL(add_key, 0, 0, 0, 0, 0),
	CALL(request_key, 0, 0, 0, 0),
	CALL(init_module, 0, 0, 0),
	CALL(finit_module, 0, 0, 0),
	CALL(kexec_load, 0, 0, 0, 0),
	CALL(reboot, 0, 0, 0, 0),
	CALL(syslog, 0, 0, 0),
	CALL(quotactl, 0, 0, 0, 0),
	CALL(shmget, 0, 1, 0600),
	CALL(msgget, 0, 0600),
	CALL(semget, 0, 1, 0600),
	CALL(mq_open, PATH, 0, 0, 0),
	CALL(timer_create, 0, 0, 0),
	CALL(timerfd_create, 0, 0),
	CALL(eventfd2, 0, 0),
	CALL(epoll_create1, 0),
	CALL(settimeofday, 0, 0),
	CALL(sethostname, 0, 0),
	/* known calls, with what makes others of them */
	CALL(openat, HERE, (long)"/dev/null", O_WRONLY),
	CALL(openat, HERE, (long)"/dev/null", O_RDWR),
	CALL(openat, HERE, (long)"/dev/null", O_RDONLY | O_TRUNC),
	CALL(openat, HERE, PATH, O_RDONLY | O_CREAT, 0600),
	CALL(openat, HERE, (long)"/tmp", O_TMPFILE | O_RDWR, 0600),
#ifdef SYS_open
	CALL(open, (long)"/dev/null", O_WRONLY),
	CALL(open, PATH, O_RDONLY | O_CREAT, 0600),
	CALL(creat, PATH, 0600),
#endif
	CALL(socket, AF_NETLINK, SOCK_RAW, 0),
	CALL(socket, AF_PACKET, SOCK_DGRAM, 0),
	CALL(socket, AF_VSOCK, SOCK_STREAM, 0),
	CALL(socket, AF_ALG, SOCK_SEQPACKET, 0),
	CALL(fcntl, 0, F_SETOWN, 1),
	CALL(fcntl, 0, F_SETSIG, SIGKILL),
	CALL(fcntl, 0, F_SETPIPE_SZ, 1 << 20),
	CALL(ioctl, 3, FIOSETOWN, 0),
	CALL(ioctl, 0, TIOCSTI, (long)"x"),
};

static const struct call *call;

static bool
call_is_there(void)
{
	const long *a = call->arguments;

	return syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]) !=
		   -1 ||
	       errno != ENOSYS;
}

static void
test_sandbox_network_refuses_each_call_that_asking_does_not_need(void)
{
	struct oat_attempt attempt = { NULL, call_is_there };
	size_t i;

	if (filters_are_missing())
		return;
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		call = &forbidden[i];
		attempt.what = call->name;
		oat_attempt_inside(oat_enter_network, &attempt, false);
	}
}

#if defined(__x86_64__) && !defined(__ILP32__)
static bool
x32_getpid_is_there(void)
{
	return syscall(0x40000000 | SYS_getpid) != -1 || errno != ENOSYS;
}
#endif

/* Bit 30 makes the same number a call of another interface. */
static void
test_sandbox_network_knows_no_second_numbering(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	static const struct oat_attempt attempt = { "x32",
		x32_getpid_is_there };

	oat_attempt_inside(oat_enter_network, &attempt, false);
#endif
}

/* --- the same by libc's names -------------------------------------------- */

static void *
do_nothing(void *argument)
{
	return argument;
}

static bool
thread_can_be_started(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, do_nothing, NULL) == 0;
}

static bool
process_can_be_made(void)
{
	return fork() != -1;
}

static bool
shell_can_be_run(void)
{
	return system("true") == 0;
}

static bool
parent_can_be_signalled(void)
{
	return kill(getppid(), 0) == 0;
}

static bool
temporary_file_can_be_made(void)
{
	char path[] = "/tmp/oat-test-XXXXXX";

	return mkstemp(path) != -1;
}

static bool
file_can_be_written(void)
{
	return fopen("/dev/null", "w") != NULL ||
	       fopen("/dev/null", "a") != NULL ||
	       fopen("/dev/null", "r+") != NULL;
}

static void
test_sandbox_network_lets_libc_do_no_more(void)
{
	static const struct oat_attempt attempts[] = {
		{ "thread", thread_can_be_started },
		{ "fork", process_can_be_made },
		{ "system", shell_can_be_run },
		{ "kill", parent_can_be_signalled },
		{ "mkstemp", temporary_file_can_be_made },
		{ "fopen", file_can_be_written },
	};
	size_t i;

	if (filters_are_missing())
		return;
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		oat_attempt_inside(oat_enter_network, &attempts[i], false);
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_sandbox_network_refuses_each_call_that_asking_does_not_need),
	OAT_TEST(test_sandbox_network_knows_no_second_numbering),
	OAT_TEST(test_sandbox_network_lets_libc_do_no_more),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "sandbox_network", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
