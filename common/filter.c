/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

#define FIELD(name) ((unsigned)offsetof(struct seccomp_data, name))

/* Where the lower half of a 64-bit argument begins. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOWER 0U
#else
#define LOWER 4U
#endif

#define FRAME 5	   /* instructions around the rules */
#define RULE_MAX 6 /* instructions of one rule */

/*
 * Rules that one jump passes over, at least; a jump goes up to 255 instructions
 * far, so that a call may have some 25 rules.
 */
#define BLOCK 12

static void
put(struct sock_fprog *program, unsigned code, unsigned k, unsigned char yes,
    unsigned char no)
{
	program->filter[program->len++] =
	    (struct sock_filter){ (unsigned short)code, yes, no, k };
}

static void
load(struct sock_fprog *program, unsigned field)
{
	put(program, BPF_LD | BPF_W | BPF_ABS, field, 0, 0);
}

/* Go on when the accumulator is k, else past so many instructions. */
static void
unless(struct sock_fprog *program, unsigned k, unsigned char past)
{
	put(program, BPF_JMP | BPF_JEQ | BPF_K, k, 0, past);
}

static void
end(struct sock_fprog *program, unsigned action)
{
	put(program, BPF_RET | BPF_K, action, 0, 0);
}

/* The number of the call is in the accumulator before each rule. */
static void
put_rule(struct sock_fprog *program, const struct oat_filter_rule *rule)
{
	unsigned argument = FIELD(args) + 8 * rule->argument + LOWER;

	if (rule->mask == 0) {
		unless(program, rule->call, 1);
		end(program, SECCOMP_RET_ALLOW);
		return;
	}
	unless(program, rule->call, 5);
	load(program, argument);
	put(program, BPF_ALU | BPF_AND | BPF_K, rule->mask, 0, 0);
	unless(program, rule->value, 1);
	end(program, SECCOMP_RET_ALLOW);
	load(program, FIELD(nr));
}

/* Where the block of rules that begins at `i` ends: not amid a call's rules. */
static size_t
block_end(const struct oat_filter_rule *rules, size_t count, size_t i)
{
	size_t n = i + BLOCK < count ? i + BLOCK : count;

	while (n < count && rules[n].call == rules[n - 1].call)
		n++;
	return n;
}

/*
 * Rules in the order of their calls. A block of them is passed over as a whole:
 * the kernel runs the program for every call there is when it is installed.
 */
static void
put_rules(struct sock_fprog *program, const struct oat_filter_rule *rules,
    size_t count)
{
	struct sock_filter *guard;
	size_t i, n;

	for (i = 0; i < count; i = n) {
		n = block_end(rules, count, i);
		guard = &program->filter[program->len];
		put(program, BPF_JMP | BPF_JGT | BPF_K, rules[n - 1].call, 0,
		    0);
		for (; i < n; i++)
			put_rule(program, &rules[i]);
		guard->jt =
		    (unsigned char)(&program->filter[program->len] - guard - 1);
	}
}

/* The architecture first, or numbers would mean another call. */
static void
put_program(struct sock_fprog *program, const struct oat_filter_rule *rules,
    size_t count, int refusal)
{
	load(program, FIELD(arch));
	put(program, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	end(program, SECCOMP_RET_KILL_PROCESS);
	load(program, FIELD(nr));
	put_rules(program, rules, count);
	end(program, SECCOMP_RET_ERRNO | (unsigned)refusal);
}

/* EINVAL: a kernel without filters, or a caller that is emulated. */
static enum oat_status
apply(const struct sock_fprog *program)
{
	/* Kernels before 5.16 would slow down all that the process computes. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_SPEC_ALLOW, program) == 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0)
		return OAT_OK;
	return errno == EINVAL || errno == ENOSYS ? OAT_OK : OAT_SYSTEM;
}

static int
compare(const void *a, const void *b)
{
	const struct oat_filter_rule *x = a, *y = b;

	return (x->call > y->call) - (x->call < y->call);
}

enum oat_status
oat_filter_install(
    const struct oat_filter_rule *rules, size_t count, int refusal)
{
	struct oat_filter_rule *sorted;
	struct sock_fprog program = { .len = 0 };
	enum oat_status status = OAT_SYSTEM;

	sorted = calloc(count, sizeof(*sorted));
	program.filter =
	    calloc(FRAME + count * (RULE_MAX + 1), sizeof(program.filter[0]));
	if (sorted == NULL || program.filter == NULL)
		goto out;
	memcpy(sorted, rules, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	put_program(&program, sorted, count, refusal);
	status = apply(&program);
out:
	free(program.filter);
	free(sorted);
	return status;
}

#else

enum oat_status
oat_filter_install(
    const struct oat_filter_rule *rules, size_t count, int refusal)
{
	(void)rules;
	(void)count;
	(void)refusal;
	return OAT_OK;
}

#endif
