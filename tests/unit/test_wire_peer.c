/* SPDX-License-Identifier: MIT */
/* Peers that are silent, slow, stalled or gone. */
#include "common/wire.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/wired.h"

#define SOON_MS 50

static volatile sig_atomic_t signals;

static void
count_signal(int number)
{
	(void)number;
	signals++;
}

static void
test_wire_silent_peer_is_a_timeout_at_the_deadline(void)
{
	struct oat_deadline soon;
	struct oat_wire in = { 0 };
	int fds[2], i;

	for (i = 0; i < 2; i++) {
		i == 0 ? wired_make_socket(fds) : wired_make_pipe(fds);
		soon = oat_deadline_in_ms(SOON_MS);
		CU_ASSERT_EQUAL(
		    oat_wire_receive(&in, fds[0], soon), OAT_TIMEOUT);
		CU_ASSERT_TRUE(oat_deadline_passed(soon));
		oat_wire_free(&in);
		wired_close_both(fds);
	}
}

/* One byte at a time does not buy more time. */
static void
test_wire_trickling_peer_is_a_timeout_at_the_deadline(void)
{
	static const uint32_t message[256] = { 1000 };
	struct oat_deadline soon = oat_deadline_in_ms(SOON_MS);
	struct oat_wire in = { 0 };
	int fds[2];
	pid_t pid;

	wired_make_socket(fds);
	pid = wired_trickle(fds, message, 100, 5000);
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], soon), OAT_TIMEOUT);
	CU_ASSERT_TRUE(oat_deadline_passed(soon));
	wired_finish(pid);
	oat_wire_free(&in);
	wired_close_both(fds);
}

/* Blocking descriptors, full: the wait must be ours, not the kernel's. */
static void
test_wire_reader_that_stalls_is_a_timeout_at_the_deadline(void)
{
	static unsigned char bytes[60000];
	struct oat_deadline soon;
	struct oat_wire out = { 0 };
	enum oat_status status = OAT_OK;
	int fds[2], i, sent;

	oat_wire_put_bytes(&out, bytes, sizeof(bytes));
	for (i = 0; i < 2; i++) {
		i == 0 ? wired_make_socket(fds) : wired_make_pipe(fds);
		for (sent = 0; sent < 100; sent++) {
			soon = oat_deadline_in_ms(SOON_MS);
			status = oat_wire_send(&out, fds[1], soon);
			if (status != OAT_OK)
				break;
		}
		CU_ASSERT_EQUAL(status, OAT_TIMEOUT);
		CU_ASSERT_TRUE(oat_deadline_passed(soon));
		wired_close_both(fds);
	}
	oat_wire_free(&out);
}

static void
test_wire_peer_that_is_gone_is_unavailable_without_a_signal(void)
{
	struct sigaction action = { .sa_handler = count_signal }, before;
	struct oat_wire out = { 0 };
	int fds[2];

	sigaction(SIGPIPE, &action, &before);
	signals = 0;
	oat_wire_put_u32(&out, 1);
	wired_make_socket(fds);
	close(fds[0]);
	CU_ASSERT_EQUAL(
	    oat_wire_send(&out, fds[1], wired_ample()), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(signals, 0);
	close(fds[1]);
	wired_make_pipe(fds);
	close(fds[0]);
	CU_ASSERT_EQUAL(
	    oat_wire_send(&out, fds[1], wired_ample()), OAT_UNAVAILABLE);
	close(fds[1]);
	sigaction(SIGPIPE, &before, NULL);
	oat_wire_free(&out);
}

static void
test_wire_peer_that_leaves_our_bytes_unread_is_unavailable(void)
{
	struct oat_wire out = { 0 }, in = { 0 };
	int fds[2];

	wired_make_socket(fds);
	oat_wire_put_u32(&out, 1);
	CU_ASSERT_EQUAL(oat_wire_send(&out, fds[1], wired_ample()), OAT_OK);
	close(fds[0]);
	CU_ASSERT_EQUAL(
	    oat_wire_receive(&in, fds[1], wired_ample()), OAT_UNAVAILABLE);
	close(fds[1]);
	oat_wire_free(&out);
	oat_wire_free(&in);
}

static void
test_wire_bad_descriptor_is_a_system_error(void)
{
	struct oat_wire wire = { 0 };
	int fds[2];

	wired_make_pipe(fds);
	wired_close_both(fds);
	errno = 0;
	CU_ASSERT_EQUAL(
	    oat_wire_receive(&wire, fds[0], wired_ample()), OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, EBADF);
	oat_wire_free(&wire);
	errno = 0;
	CU_ASSERT_EQUAL(
	    oat_wire_send(&wire, fds[1], wired_ample()), OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, EBADF);
	oat_wire_free(&wire);
}

static void
test_wire_storm_of_signals_changes_nothing(void)
{
	static const uint32_t message[] = { 12, 8, 0x61616161, 0x62626262 };
	struct sigaction action = { .sa_handler = count_signal };
	struct itimerval storm = { { 0, 300 }, { 0, 300 } };
	struct itimerval calm = { { 0, 0 }, { 0, 0 } };
	struct oat_deadline soon;
	struct oat_wire in = { 0 };
	int fds[2];
	pid_t pid;

	wired_make_socket(fds);
	pid = wired_trickle(fds, message, sizeof(message), 2000);
	signals = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &storm, NULL);
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], wired_ample()), OAT_OK);
	oat_wire_free(&in);
	soon = oat_deadline_in_ms(SOON_MS);
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], soon), OAT_TIMEOUT);
	setitimer(ITIMER_REAL, &calm, NULL);
	signal(SIGALRM, SIG_IGN);
	CU_ASSERT_TRUE(signals > 0);
	wired_finish(pid);
	oat_wire_free(&in);
	wired_close_both(fds);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_wire_silent_peer_is_a_timeout_at_the_deadline),
	OAT_TEST(test_wire_trickling_peer_is_a_timeout_at_the_deadline),
	OAT_TEST(test_wire_reader_that_stalls_is_a_timeout_at_the_deadline),
	OAT_TEST(test_wire_peer_that_is_gone_is_unavailable_without_a_signal),
	OAT_TEST(test_wire_peer_that_leaves_our_bytes_unread_is_unavailable),
	OAT_TEST(test_wire_bad_descriptor_is_a_system_error),
	OAT_TEST(test_wire_storm_of_signals_changes_nothing),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "wire", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
