/* SPDX-License-Identifier: MIT */
/* Callers whose system calls fail, or are not allowed at all. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nss_oat/nss_oat.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/survey.h"
#include "tests/unit/population.h"

#define MEMBERS 20
#define ROUNDS 20

/* Systems have an old and a new call of a kind, of which libc takes one. */
#ifdef SYS_open
#define OLD_OPEN SYS_open
#else
#define OLD_OPEN SYS_openat
#endif
#ifdef SYS_newfstatat
#define STAT SYS_newfstatat
#else
#define STAT SYS_fstatat64
#endif

static bool
install(struct sock_filter *code, size_t length)
{
	struct sock_fprog program = {
		.len = (unsigned short)length,
		.filter = code,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* From now on that system call fails, with that errno. */
static bool
break_call(int number, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
		    SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(code, sizeof(code) / sizeof(code[0]));
}

/* What a test that is built with gcc's sanitizer asks when it ends. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZER_CALLS SYS_sigaltstack,
#else
#define SANITIZER_CALLS
#endif

/* Whoever calls anything but this is killed: what reading files takes. */
static bool
allow_reading_alone(void)
{
	static const int numbers[] = { OLD_OPEN, SYS_openat, SYS_read,
		SYS_pread64, SYS_close, SYS_fstat, STAT,
		SANITIZER_CALLS SYS_exit_group };
	enum { N = sizeof(numbers) / sizeof(numbers[0]) };
	struct sock_filter code[N + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
	};
	size_t i;

	for (i = 0; i < N; i++)
		code[i + 1] =
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			(uint32_t)numbers[i], (uint8_t)(N - i), 0);
	code[N + 1] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[N + 2] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return install(code, N + 3);
}

/* What a child was asked to do to itself; see the copies below. */
static struct {
	int number, error;
	bool with_copy;
} fault;

/* Enough look-ups for a private copy. */
static bool
answer_rightly(void)
{
	struct oat_survey survey;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		survey = oat_survey_take(MEMBERS);
		if (survey.wrong + survey.unavailable > 0)
			return false;
	}
	return true;
}

static bool
survive_broken_call(void)
{
	struct oat_survey survey;
	int i;

	if (fault.with_copy && !answer_rightly())
		return false;
	if (!break_call(fault.number, fault.error))
		return false;
	for (i = 0; i < ROUNDS; i++) {
		survey = oat_survey_take(MEMBERS);
		if (survey.wrong > 0)
			return false;
	}
	return true;
}

/* Nothing but right answers and UNAVAIL: so no status out of nsswitch's range.
 */
static void
case_24_system_calls_that_fail_give_right_answers_or_unavail(void)
{
	static const int numbers[] = { SYS_openat, SYS_read, SYS_pread64,
		SYS_close, SYS_fstat, STAT, SYS_mmap, SYS_munmap, SYS_mprotect,
		SYS_madvise, SYS_clock_gettime, SYS_geteuid };
	static const int errors[] = { EIO, ENOMEM, EMFILE, EACCES, ENOSYS,
		ENOENT };
	size_t i, j;

	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (j = 0; j < 2 * sizeof(errors) / sizeof(errors[0]); j++) {
			fault.number = numbers[i];
			fault.error = errors[j / 2];
			fault.with_copy = j % 2 != 0;
			OAT_ASSERT_THAT(oat_in_copy(survive_broken_call),
			    "system call %d, errno %d, copy %d", fault.number,
			    fault.error, fault.with_copy);
		}
}

/* --- seccomp ------------------------------------------------------------- */

static bool
look_up_by_reading_alone(void)
{
	return (!fault.with_copy || answer_rightly()) &&
	       allow_reading_alone() && answer_rightly();
}

/* Misses of root included, who would run a sync otherwise. */
static void
case_26_filter_of_nothing_but_read_paths_lives_and_answers(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	fault.with_copy = false;
	CU_ASSERT(oat_in_copy(look_up_by_reading_alone));
	fault.with_copy = true;
	CU_ASSERT(oat_in_copy(look_up_by_reading_alone));
}

/* A copy made before the filter came, and a file that was replaced since. */
static bool
outlive_the_file(void)
{
	char next[128];

	strcpy(next, oat_population_path);
	strcat(next, ".next");
	return answer_rightly() && rename(next, oat_population_path) == 0 &&
	       allow_reading_alone() && answer_rightly();
}

static void
case_26_filter_that_comes_after_the_copy_does_not_kill_for_the_next_file(void)
{
	char next[128];

	if (!oat_population_is_root())
		return;
	strcpy(next, oat_population_path);
	strcat(next, ".next");
	oat_population_publish(MEMBERS, 1);
	CU_ASSERT_EQUAL(rename(oat_population_path, next), 0);
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT(oat_in_copy(outlive_the_file));
}

/* exit(3) runs the module's destructor, which must not unmap then. */
static bool
exit_under_a_filter(void)
{
	if (!answer_rightly() || !allow_reading_alone())
		return false;
	exit(0);
}

static void
case_26_exit_under_a_filter_is_an_exit(void)
{
	if (!oat_population_is_root())
		return;
#ifdef __SANITIZE_ADDRESS__
	oat_skip("the sanitizer looks for leaks then, with threads");
	return;
#endif
	oat_population_publish(MEMBERS, 0);
	/* So that exit(3) has nothing to write that is ours. */
	(void)fflush(NULL);
	CU_ASSERT(oat_in_copy(exit_under_a_filter));
}

/* --- limits and descriptors ---------------------------------------------- */

static bool
look_up_without_standard_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		(void)close(fd);
	if (!answer_rightly())
		return false;
	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return false;
	return true;
}

static void
case_9_nss_without_descriptors_0_to_2_answers_and_leaves_them_closed(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT(oat_in_copy(look_up_without_standard_descriptors));
}

/* A table that is full, before the first look-up and after many. */
static bool
look_up_with_a_full_table(void)
{
	const struct rlimit none = { 3, 3 };
	struct oat_survey survey;

	if (fault.with_copy && !answer_rightly())
		return false;
	if (setrlimit(RLIMIT_NOFILE, &none) != 0 || open("/", O_RDONLY) != -1)
		return false;
	survey = oat_survey_take(MEMBERS);
	return survey.wrong == 0 &&
	       (fault.with_copy ? survey.right > 0 : survey.right == 0);
}

static void
case_9_nss_with_a_full_descriptor_table_is_unavail_and_hits_go_on(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_forget();
	oat_population_publish(MEMBERS, 0);
	fault.with_copy = false;
	CU_ASSERT(oat_in_copy(look_up_with_a_full_table));
	fault.with_copy = true;
	CU_ASSERT(oat_in_copy(look_up_with_a_full_table));
}

static bool
look_up_at_the_lowest_limits(void)
{
	static const int limits[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK,
		RLIMIT_FSIZE, RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_CORE };
	struct rlimit none = { 0, 0 };
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (setrlimit((__rlimit_resource_t)limits[i], &none) != 0)
			return false;
	return answer_rightly();
}

static void
case_9_nss_at_the_lowest_limits_answers(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_forget();
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT(oat_in_copy(look_up_at_the_lowest_limits));
}

static CU_TestInfo tests[] = {
	OAT_TEST(case_24_system_calls_that_fail_give_right_answers_or_unavail),
	OAT_TEST(case_26_filter_of_nothing_but_read_paths_lives_and_answers),
	OAT_TEST(
	    case_26_filter_that_comes_after_the_copy_does_not_kill_for_the_next_file),
	OAT_TEST(case_26_exit_under_a_filter_is_an_exit),
	OAT_TEST(
	    case_9_nss_without_descriptors_0_to_2_answers_and_leaves_them_closed),
	OAT_TEST(
	    case_9_nss_with_a_full_descriptor_table_is_unavail_and_hits_go_on),
	OAT_TEST(case_9_nss_at_the_lowest_limits_answers),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_faults",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
