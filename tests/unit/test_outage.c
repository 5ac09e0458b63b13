/* SPDX-License-Identifier: MIT */
/* The rules of outage.c: processes that ask, and what they leave behind. */
#include "common/outage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/stamp.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/outage.h"
#include "tests/unit/population.h"

/* --- the back-off -------------------------------------------------------- */

static void
test_outage_without_a_silence_everybody_asks(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX];

	outage_start_afresh();
	CU_ASSERT_EQUAL(outage_await(OUTAGE_TIMEOUT_MS, &asking, why), OAT_OK);
	CU_ASSERT_EQUAL(asking.probe, -1);
	CU_ASSERT(asking.began_ns <= oat_stamp_now_ns());
	CU_ASSERT(asking.given_ms > 0 && asking.given_ms <= OUTAGE_TIMEOUT_MS);
}

static void
test_outage_after_a_silence_nobody_asks_and_is_told_the_first_cause(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	outage_start_afresh();
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(
	    outage_await(OUTAGE_TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(asking.probe, -1);
	OAT_ASSERT_THAT(strstr(why, outage_cause) != NULL, "%s", why);
	OAT_ASSERT_THAT(
	    strstr(why, "nobody answers since 0.") != NULL, "%s", why);
}

static void
test_outage_tells_how_long_it_has_lasted_and_how_it_began(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	uint64_t now_ns = oat_stamp_now_ns();
	char text[256], why[OAT_OUTAGE_WHY_MAX] = "";

	outage_start_afresh();
	(void)snprintf(text, sizeof(text),
	    "%" PRIu64 " %" PRIu64 " %" PRIu64 " the first",
	    now_ns - 20 * OAT_NS_PER_S, now_ns - 10 * OAT_NS_PER_S,
	    now_ns - 10 * OAT_NS_PER_S);
	outage_write_record(text);
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(
	    outage_await(OUTAGE_TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	OAT_ASSERT_THAT(
	    strstr(why, "since 20.") != NULL && strstr(why, "the first"), "%s",
	    why);
}

static void
test_outage_after_the_back_off_one_asks(void)
{
	struct oat_asking one = OAT_ASKING_NONE, other = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	outage_start_afresh();
	outage_record_silence(OUTAGE_AGO_NS);
	CU_ASSERT_EQUAL(outage_await(OUTAGE_TIMEOUT_MS, &one, why), OAT_OK);
	CU_ASSERT_NOT_EQUAL(one.probe, -1);
	CU_ASSERT_EQUAL(
	    outage_await(OAT_BRIEF_MS, &other, why), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(other.probe, -1);
	outage_learn(&one, OAT_TIMEOUT);
	CU_ASSERT_EQUAL(one.probe, -1);
	CU_ASSERT_FALSE(outage_is_free());
}

static void
test_outage_who_asks_may_wait_for_a_slot_and_ask_again(void)
{
	struct oat_asking one = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	outage_start_afresh();
	outage_record_silence(OUTAGE_AGO_NS);
	CU_ASSERT_EQUAL(outage_await(OUTAGE_TIMEOUT_MS, &one, why), OAT_OK);
	CU_ASSERT_EQUAL(outage_await(OUTAGE_TIMEOUT_MS, &one, why), OAT_OK);
	CU_ASSERT_NOT_EQUAL(one.probe, -1);
	outage_learn(&one, OAT_OK);
}

/* --- those who wait ------------------------------------------------------ */

/* In a process of its own: the status, and whether it came in time. */
static pid_t
start_waiting(uint32_t ms)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX];
	struct oat_deadline late;
	enum oat_status status;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	late = oat_deadline_in_ms(ms + OAT_BRIEF_MS);
	status = outage_await(ms, &asking, why);
	_exit(oat_deadline_passed(late) ? 99 : (int)status);
}

static int
end_of(pid_t pid)
{
	int status = 0;

	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* One asks; of others who come meanwhile each is told this. */
static void
check_shared(enum oat_status learned, enum oat_status told)
{
	struct oat_asking one = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";
	pid_t pids[8];
	size_t i;

	outage_start_afresh();
	outage_record_silence(OUTAGE_AGO_NS);
	CU_ASSERT_EQUAL(outage_await(OAT_LONG_MS, &one, why), OAT_OK);
	for (i = 0; i < 8; i++)
		pids[i] = start_waiting(OAT_LONG_MS);
	usleep(50000);
	outage_learn(&one, learned);
	for (i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(end_of(pids[i]), told);
}

static void
test_outage_those_who_wait_share_an_answer(void)
{
	check_shared(OAT_OK, OAT_OK);
}

static void
test_outage_those_who_wait_share_a_silence(void)
{
	check_shared(OAT_TIMEOUT, OAT_UNAVAILABLE);
}

static void
test_outage_who_waits_keeps_its_own_deadline(void)
{
	struct oat_asking one = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	outage_start_afresh();
	outage_record_silence(OUTAGE_AGO_NS);
	CU_ASSERT_EQUAL(outage_await(OAT_LONG_MS, &one, why), OAT_OK);
	CU_ASSERT_EQUAL(end_of(start_waiting(OAT_BRIEF_MS)), OAT_UNAVAILABLE);
	outage_learn(&one, OAT_OK);
}

static void
test_outage_who_was_killed_while_asking_is_replaced(void)
{
	struct oat_asking one = OAT_ASKING_NONE, other = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";
	pid_t pid;

	outage_start_afresh();
	outage_record_silence(OUTAGE_AGO_NS);
	pid = fork();
	if (pid == 0) {
		(void)outage_await(OAT_LONG_MS, &one, why);
		(void)pause();
	}
	while (outage_is_free())
		usleep(1000);
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(end_of(pid), -1);
	CU_ASSERT_EQUAL(outage_await(OUTAGE_TIMEOUT_MS, &other, why), OAT_OK);
	CU_ASSERT_NOT_EQUAL(other.probe, -1);
	outage_learn(&other, OAT_OK);
}

static void
test_outage_who_has_had_its_time_holds_up_nobody(void)
{
	struct oat_asking one = OAT_ASKING_NONE, other = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	outage_start_afresh();
	outage_record_silence(OUTAGE_AGO_NS);
	CU_ASSERT_EQUAL(outage_await(OAT_BRIEF_MS, &one, why), OAT_OK);
	CU_ASSERT_EQUAL(outage_await(OAT_LONG_MS, &other, why), OAT_OK);
	CU_ASSERT_EQUAL(other.probe, -1);
	outage_learn(&one, OAT_OK);
}

/* --- what counts --------------------------------------------------------- */

static void
test_outage_any_answer_ends_it_at_once(void)
{
	outage_start_afresh();
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_FALSE(outage_is_free());
	outage_ask_once(OAT_OK);
	CU_ASSERT(outage_is_free());
}

static void
test_outage_after_an_answer_begins_anew(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	outage_start_afresh();
	outage_record_silence(100 * OAT_NS_PER_S);
	outage_ask_once(OAT_OK);
	outage_ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(
	    outage_await(OUTAGE_TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	OAT_ASSERT_THAT(strstr(why, "since 0.") != NULL, "%s", why);
}

static void
test_outage_silence_that_began_before_an_answer_is_none(void)
{
	struct oat_asking slow = OAT_ASKING_NONE;

	outage_start_afresh();
	oat_outage_ignore(oat_deadline_in_ms(OUTAGE_TIMEOUT_MS), &slow);
	usleep(1000);
	outage_ask_once(OAT_OK);
	outage_learn(&slow, OAT_TIMEOUT);
	CU_ASSERT(outage_is_free());
}

static void
test_outage_late_silence_does_not_prolong_a_later_one(void)
{
	struct oat_asking slow = OAT_ASKING_NONE;
	char before[256] = "", after[256] = "", path[256];
	int fd;

	outage_start_afresh();
	oat_outage_ignore(oat_deadline_in_ms(OUTAGE_TIMEOUT_MS), &slow);
	usleep(1000);
	outage_ask_once(OAT_TIMEOUT);
	outage_path_of("database-silent", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT(read(fd, before, sizeof(before) - 1) > 0);
	(void)close(fd);
	outage_learn(&slow, OAT_TIMEOUT);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT(read(fd, after, sizeof(after) - 1) > 0);
	(void)close(fd);
	CU_ASSERT_STRING_EQUAL(before, after);
}

static void
test_outage_short_silence_a_refusal_and_local_errors_are_none(void)
{
	static const enum oat_status others[] = { OAT_NOMEM, OAT_INVALID,
		OAT_NOTFOUND, OAT_RANGE, OAT_UNAVAILABLE, OAT_SYSTEM };
	struct oat_asking brief = OAT_ASKING_NONE;
	size_t i;

	outage_start_afresh();
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		outage_ask_once(others[i]);
	CU_ASSERT(outage_is_free());
	oat_outage_ignore(
	    oat_deadline_in_ms(OUTAGE_TIMEOUT_MS / 2 - 10), &brief);
	outage_learn(&brief, OAT_TIMEOUT);
	CU_ASSERT(outage_is_free());
	oat_outage_ignore(
	    oat_deadline_in_ms(OUTAGE_TIMEOUT_MS / 2 + 10), &brief);
	outage_learn(&brief, OAT_TIMEOUT);
	CU_ASSERT_FALSE(outage_is_free());
}

static void
test_outage_who_tries_by_hand_is_not_held_up(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;

	outage_start_afresh();
	outage_record_silence(0);
	oat_outage_ignore(oat_deadline_in_ms(OUTAGE_TIMEOUT_MS), &asking);
	CU_ASSERT_EQUAL(asking.probe, -1);
	outage_learn(&asking, OAT_OK);
	CU_ASSERT(outage_is_free());
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_outage_without_a_silence_everybody_asks),
	OAT_TEST(
	    test_outage_after_a_silence_nobody_asks_and_is_told_the_first_cause),
	OAT_TEST(test_outage_tells_how_long_it_has_lasted_and_how_it_began),
	OAT_TEST(test_outage_after_the_back_off_one_asks),
	OAT_TEST(test_outage_who_asks_may_wait_for_a_slot_and_ask_again),
	OAT_TEST(test_outage_those_who_wait_share_an_answer),
	OAT_TEST(test_outage_those_who_wait_share_a_silence),
	OAT_TEST(test_outage_who_waits_keeps_its_own_deadline),
	OAT_TEST(test_outage_who_was_killed_while_asking_is_replaced),
	OAT_TEST(test_outage_who_has_had_its_time_holds_up_nobody),
	OAT_TEST(test_outage_any_answer_ends_it_at_once),
	OAT_TEST(test_outage_after_an_answer_begins_anew),
	OAT_TEST(test_outage_silence_that_began_before_an_answer_is_none),
	OAT_TEST(test_outage_late_silence_does_not_prolong_a_later_one),
	OAT_TEST(test_outage_short_silence_a_refusal_and_local_errors_are_none),
	OAT_TEST(test_outage_who_tries_by_hand_is_not_held_up),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "outage",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
