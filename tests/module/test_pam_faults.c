/* SPDX-License-Identifier: MIT */
/*
 * case 33: every call that can fail does, one after the other. This program's
 * malloc, open, read and so on stand before libc's, for libpam, for the module
 * and for the copy of this process that starts the program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

/* A phase that asks the program makes at least so many. */
#if defined(__SANITIZE_ADDRESS__) /* it has an allocator of its own */
#define CALLS_MIN 8
#else
#define CALLS_MIN 20
#endif

#define EXPORT __attribute__((visibility("default")))

static int calls;   /* that could have failed since armed */
static int failing; /* the one that does; 0 for none */

/* Is it this call's turn? Then errno is set. */
static bool
fails(int error)
{
	if (failing == 0 || ++calls != failing)
		return false;
	errno = error;
	return true;
}

/* libc's own function of this name. */
#define REAL(name) ((__typeof__(&name))real(#name))

static void *
real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

#if !defined(__SANITIZE_ADDRESS__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

EXPORT void *
malloc(size_t size)
{
	return fails(ENOMEM) ? NULL : __libc_malloc(size);
}

EXPORT void *
calloc(size_t count, size_t size)
{
	return fails(ENOMEM) ? NULL : __libc_calloc(count, size);
}

EXPORT void *
realloc(void *old, size_t size)
{
	return fails(ENOMEM) ? NULL : __libc_realloc(old, size);
}
#endif

EXPORT int
socketpair(int domain, int type, int protocol, int ends[2])
{
	return fails(EMFILE) ? -1
			     : REAL(socketpair)(domain, type, protocol, ends);
}

EXPORT long
syscall(long number, ...)
{
	long a[6];
	va_list ap;
	size_t i;

	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return fails(EAGAIN)
		   ? -1
		   : REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

EXPORT int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return fails(EMFILE) ? -1 : REAL(open)(path, flags, mode);
}

EXPORT int
fstat(int fd, struct stat *ret_status)
{
	return fails(EIO) ? -1 : REAL(fstat)(fd, ret_status);
}

EXPORT ssize_t
read(int fd, void *ret_data, size_t size)
{
	return fails(EIO) ? -1 : REAL(read)(fd, ret_data, size);
}

/* What _FORTIFY_SOURCE makes of it. */
EXPORT ssize_t __read_chk(int fd, void *ret_data, size_t size, size_t room);

ssize_t
__read_chk(int fd, void *ret_data, size_t size, size_t room)
{
	(void)room;
	return read(fd, ret_data, size);
}

EXPORT int
poll(struct pollfd *pollfds, nfds_t count, int timeout_ms)
{
	return fails(ENOMEM) ? -1 : REAL(poll)(pollfds, count, timeout_ms);
}

EXPORT ssize_t
send(int fd, const void *data, size_t size, int flags)
{
	return fails(ENOBUFS) ? -1 : REAL(send)(fd, data, size, flags);
}

EXPORT ssize_t
recv(int fd, void *ret_data, size_t size, int flags)
{
	return fails(ECONNRESET) ? -1 : REAL(recv)(fd, ret_data, size, flags);
}

EXPORT int
dup2(int from, int to)
{
	return fails(EBADF) ? -1 : REAL(dup2)(from, to);
}

/* Failures here are refusals, and nobody wants to wait for each of them. */
EXPORT int
clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
    struct timespec *ret_left)
{
	(void)clock;
	(void)flags;
	(void)until;
	(void)ret_left;
	return 0;
}

/* --- the tests ---------------------------------------------------------- */

/* One phase, with the call of this number failing; was there one? */
static bool
run_failing(int number, enum oat_call_name name, int *ret_code)
{
	struct oat_application application;
	int descriptors;

	oat_application_start(
	    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	descriptors = oat_open_descriptors();
	calls = 0;
	failing = number;
	*ret_code = oat_application_call(&application, name, 0);
	failing = 0;
	OAT_ASSERT_THAT(oat_open_descriptors() == descriptors,
	    "phase %d, call %d", (int)name, number);
	OAT_ASSERT_THAT(
	    oat_is_childless(), "phase %d, call %d", (int)name, number);
	oat_application_end(&application);
	return calls >= number;
}

/* Every call in turn; how many there are. */
static int
fail_each(enum oat_call_name name, bool may_succeed)
{
	int number, code;

	for (number = 1; run_failing(number, name, &code); number++) {
		OAT_ASSERT_THAT(code != OAT_STAGE_IGNORED, "phase %d, call %d",
		    (int)name, number);
		OAT_ASSERT_THAT(may_succeed || code != PAM_SUCCESS,
		    "phase %d, call %d", (int)name, number);
	}
	return number - 1;
}

static void
test_pam_case_33_failing_call_is_never_success_for_a_refused_token(void)
{
	if (!oat_stage_set())
		return;
	oat_stage_play("behave=answer\nverdict=2\nreason=wrong_secret\n");
	CU_ASSERT(fail_each(OAT_AUTHENTICATE, false) >= CALLS_MIN);
	CU_ASSERT(fail_each(OAT_ACCOUNT, false) >= CALLS_MIN);
}

static void
test_pam_case_33_failing_call_is_never_ignore_for_ours(void)
{
	if (!oat_stage_set())
		return;
	CU_ASSERT(fail_each(OAT_AUTHENTICATE, true) >= CALLS_MIN);
	CU_ASSERT(fail_each(OAT_ACCOUNT, true) >= CALLS_MIN);
	CU_ASSERT(fail_each(OAT_OPEN, true) >= CALLS_MIN);
	CU_ASSERT(fail_each(OAT_CLOSE, true) >= CALLS_MIN);
	CU_ASSERT(fail_each(OAT_SETCRED, true) >= 2);
}

/* Nothing that fails makes a malformed token reach the program. */
static void
test_pam_case_33_failing_call_starts_no_process_for_a_malformed_token(void)
{
	struct oat_application application;
	int number, code;

	if (!oat_stage_set())
		return;
	for (number = 1;; number++) {
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", "malformed");
		calls = 0;
		failing = number;
		code = oat_application_call(&application, OAT_AUTHENTICATE, 0);
		failing = 0;
		CU_ASSERT(code != PAM_SUCCESS && code != OAT_STAGE_IGNORED);
		oat_application_end(&application);
		if (calls < number)
			break;
	}
	CU_ASSERT(oat_stage_asked() == 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_pam_case_33_failing_call_is_never_success_for_a_refused_token),
	OAT_TEST(test_pam_case_33_failing_call_is_never_ignore_for_ours),
	OAT_TEST(
	    test_pam_case_33_failing_call_starts_no_process_for_a_malformed_token),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_faults", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
