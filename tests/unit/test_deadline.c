/* SPDX-License-Identifier: MIT */
#include "common/deadline.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "tests/runner.h"

static volatile sig_atomic_t alarms;

static void
count_alarm(int number)
{
	(void)number;
	alarms++;
}

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
test_deadline_in_the_future_has_not_passed(void)
{
	struct oat_deadline deadline = oat_deadline_in_ms(60000);

	CU_ASSERT_FALSE(oat_deadline_passed(deadline));
	CU_ASSERT_TRUE(oat_deadline_left_ms(deadline) <= 60000);
	CU_ASSERT_TRUE(oat_deadline_left_ms(deadline) > 50000);
}

static void
test_deadline_now_has_passed(void)
{
	struct oat_deadline deadline = oat_deadline_in_ms(0);

	CU_ASSERT_TRUE(oat_deadline_passed(deadline));
	CU_ASSERT_EQUAL(oat_deadline_left_ms(deadline), 0);
	CU_ASSERT_TRUE(oat_deadline_passed((struct oat_deadline){ 0 }));
}

/* Rounded down, the last millisecond would be a busy loop around poll(2). */
static void
test_deadline_left_is_never_0_before_it_passed(void)
{
	struct oat_deadline deadline = oat_deadline_in_ms(20);
	int left;

	do {
		left = oat_deadline_left_ms(deadline);
	} while (left != 0);
	CU_ASSERT_TRUE(oat_deadline_passed(deadline));
}

static void
test_deadline_far_away_fits_poll(void)
{
	struct oat_deadline never = { UINT64_MAX };

	CU_ASSERT_EQUAL(oat_deadline_left_ms(never), INT32_MAX);
	CU_ASSERT_EQUAL(
	    oat_deadline_left_ms(oat_deadline_in_ms(UINT32_MAX)), INT32_MAX);
}

static void
test_deadline_min_is_the_earlier(void)
{
	struct oat_deadline a = { 1 }, b = { 2 };

	CU_ASSERT_EQUAL(oat_deadline_min(a, b).at_ns, 1);
	CU_ASSERT_EQUAL(oat_deadline_min(b, a).at_ns, 1);
}

static void
test_deadline_sleep_until_the_past_returns_at_once(void)
{
	oat_deadline_sleep((struct oat_deadline){ 0 });
	oat_deadline_sleep(oat_deadline_in_ms(0));
	CU_PASS("returned");
}

static void
test_deadline_sleep_lasts_through_a_storm_of_signals(void)
{
	struct sigaction action = { .sa_handler = count_alarm };
	struct itimerval storm = { { 0, 1000 }, { 0, 1000 } };
	struct itimerval calm = { { 0, 0 }, { 0, 0 } };
	uint64_t begin = now_ms();

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &storm, NULL);
	oat_deadline_sleep(oat_deadline_in_ms(50));
	setitimer(ITIMER_REAL, &calm, NULL);
	signal(SIGALRM, SIG_IGN);
	CU_ASSERT_TRUE(now_ms() - begin >= 49);
	CU_ASSERT_TRUE(alarms > 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_deadline_in_the_future_has_not_passed),
	OAT_TEST(test_deadline_now_has_passed),
	OAT_TEST(test_deadline_left_is_never_0_before_it_passed),
	OAT_TEST(test_deadline_far_away_fits_poll),
	OAT_TEST(test_deadline_min_is_the_earlier),
	OAT_TEST(test_deadline_sleep_until_the_past_returns_at_once),
	OAT_TEST(test_deadline_sleep_lasts_through_a_storm_of_signals),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "deadline", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
