/* SPDX-License-Identifier: MIT */
#include "deadline.h"

#include <errno.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* CLOCK_MONOTONIC always exists on Linux, so this cannot fail. */
static uint64_t
now_ns(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

struct oat_deadline
oat_deadline_in_ms(uint32_t ms)
{
	return (struct oat_deadline){ .at_ns = now_ns() + ms * NS_PER_MS };
}

struct oat_deadline
oat_deadline_min(struct oat_deadline a, struct oat_deadline b)
{
	return a.at_ns < b.at_ns ? a : b;
}

int
oat_deadline_left_ms(struct oat_deadline deadline)
{
	uint64_t now = now_ns();
	uint64_t left_ms;

	if (deadline.at_ns <= now)
		return 0;
	/* Up, or the last millisecond would be spent polling with 0. */
	left_ms = (deadline.at_ns - now - 1) / NS_PER_MS + 1;
	return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

bool
oat_deadline_passed(struct oat_deadline deadline)
{
	return deadline.at_ns <= now_ns();
}

void
oat_deadline_sleep(struct oat_deadline deadline)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline.at_ns / NS_PER_S),
		.tv_nsec = (long)(deadline.at_ns % NS_PER_S),
	};

	/* An absolute time, so that a storm of signals does not prolong it. */
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	       EINTR)
		continue;
}
