/* SPDX-License-Identifier: MIT */
#include "sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define NATIVE_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#endif

#ifdef NATIVE_ARCH

/*
 * What malloc(3), poll(2), recv(2), send(2) and clock_gettime(2) become in one
 * libc or another, and what ends a process.
 */
static const unsigned allowed[] = {
	SYS_brk,
	SYS_clock_gettime,
	SYS_exit,
	SYS_exit_group,
	SYS_futex,
	SYS_getrandom,
	SYS_madvise,
	SYS_mprotect,
	SYS_mremap,
	SYS_munmap,
	SYS_ppoll,
	SYS_read,
	SYS_restart_syscall,
	SYS_rt_sigreturn,
	SYS_write,
#ifdef SYS_mmap
	SYS_mmap,
#endif
#ifdef SYS_mmap2
	SYS_mmap2,
#endif
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_recvfrom
	SYS_recvfrom,
#endif
#ifdef SYS_sendto
	SYS_sendto,
#endif
#ifdef SYS_recv
	SYS_recv,
#endif
#ifdef SYS_send
	SYS_send,
#endif
#ifdef SYS_clock_gettime64
	SYS_clock_gettime64,
#endif
#ifdef SYS_futex_time64
	SYS_futex_time64,
#endif
#ifdef SYS_ppoll_time64
	SYS_ppoll_time64,
#endif
};

#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))
#define FIELD(name) ((unsigned)offsetof(struct seccomp_data, name))

/* seccomp(2): the architecture first, or numbers would mean another call. */
static int
install_filter(void)
{
	struct sock_filter code[ALLOWED + 6], *next = code;
	struct sock_fprog program = { .filter = code };
	size_t i;

	*next++ =
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(arch));
	*next++ = (struct sock_filter)BPF_JUMP(
	    BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	*next++ = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	*next++ =
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr));
	/* A match jumps over the other comparisons and the refusal. */
	for (i = 0; i < ALLOWED; i++)
		*next++ =
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			allowed[i], (unsigned char)(ALLOWED - i), 0);
	*next++ = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	*next++ =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)(next - code);
	/* Kernels before 5.16 would slow down all that the process computes. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0)
		return 0;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

#else

static int
install_filter(void)
{
	errno = EINVAL;
	return -1;
}

#endif

enum oat_status
oat_sandbox_enter(void)
{
	/* poll(2) of one descriptor needs a limit of one; 0-2 are taken. */
	struct rlimit one = { 1, 1 };

	if (setrlimit(RLIMIT_NOFILE, &one) != 0)
		return OAT_SYSTEM;
	/* EINVAL: a kernel without filters, or a caller that is emulated. */
	return install_filter() == 0 || errno == EINVAL || errno == ENOSYS
		   ? OAT_OK
		   : OAT_SYSTEM;
}
