/* SPDX-License-Identifier: MIT */
/* The rules of outage.c: processes that ask, and what they leave behind. */
#include "common/outage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/stamp.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define TIMEOUT_MS 1000
#define BRIEF_MS 200
#define AGO_NS (OAT_OUTAGE_BACKOFF_MS * OAT_NS_PER_MS + OAT_NS_PER_MS)

static const char cause[] = "db.lab:5432: no answer in time";

static void
path_of(const char *name, char ret_path[256])
{
	(void)snprintf(ret_path, 256, "%s/%s", oat_population_run, name);
}

/* A host on which nothing has happened yet. */
static void
start_afresh(void)
{
	static const char *const names[] = { "database-answered",
		"database-silent", "database-probe" };
	char path[256];
	size_t i;

	(void)mkdir(oat_population_run, 0755);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(names[i], path);
		(void)unlink(path);
	}
}

static void
write_record(const char *text)
{
	char path[256];
	FILE *file;

	path_of("database-silent", path);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	(void)fclose(file);
}

/* A silence that was given up so long ago. */
static void
record_silence(uint64_t ago_ns)
{
	uint64_t at_ns = oat_stamp_now_ns() - ago_ns;
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s", at_ns - 1, at_ns - 1,
	    at_ns, cause);
	write_record(text);
}

/* May somebody ask, who has so much time? */
static enum oat_status
await(uint32_t ms, struct oat_asking *asking, char *ret_why)
{
	return oat_outage_await(
	    oat_population_run, oat_deadline_in_ms(ms), asking, ret_why);
}

static void
learn(struct oat_asking *asking, enum oat_status status)
{
	oat_outage_learn(oat_population_run, asking, status, TIMEOUT_MS, cause);
}

/* Somebody with all the time of a login asks, and it becomes of it what? */
static void
ask_once(enum oat_status status)
{
	struct oat_asking asking = OAT_ASKING_NONE;

	oat_outage_ignore(oat_deadline_in_ms(TIMEOUT_MS), &asking);
	learn(&asking, status);
}

static bool
is_free(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX];
	enum oat_status status;

	status = await(BRIEF_MS, &asking, why);
	if (asking.probe != -1)
		(void)close(asking.probe);
	return status == OAT_OK;
}

/* --- the back-off -------------------------------------------------------- */

static void
test_outage_without_a_silence_everybody_asks(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX];

	start_afresh();
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &asking, why), OAT_OK);
	CU_ASSERT_EQUAL(asking.probe, -1);
	CU_ASSERT(asking.began_ns <= oat_stamp_now_ns());
	CU_ASSERT(asking.given_ms > 0 && asking.given_ms <= TIMEOUT_MS);
}

static void
test_outage_after_a_silence_nobody_asks_and_is_told_the_first_cause(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	start_afresh();
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(asking.probe, -1);
	OAT_ASSERT_THAT(strstr(why, cause) != NULL, "%s", why);
	OAT_ASSERT_THAT(
	    strstr(why, "nobody answers since 0.") != NULL, "%s", why);
}

static void
test_outage_tells_how_long_it_has_lasted_and_how_it_began(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	uint64_t now_ns = oat_stamp_now_ns();
	char text[256], why[OAT_OUTAGE_WHY_MAX] = "";

	start_afresh();
	(void)snprintf(text, sizeof(text),
	    "%" PRIu64 " %" PRIu64 " %" PRIu64 " the first",
	    now_ns - 20 * OAT_NS_PER_S, now_ns - 10 * OAT_NS_PER_S,
	    now_ns - 10 * OAT_NS_PER_S);
	write_record(text);
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	OAT_ASSERT_THAT(
	    strstr(why, "since 20.") != NULL && strstr(why, "the first"), "%s",
	    why);
}

static void
test_outage_after_the_back_off_one_asks(void)
{
	struct oat_asking one = OAT_ASKING_NONE, other = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	start_afresh();
	record_silence(AGO_NS);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &one, why), OAT_OK);
	CU_ASSERT_NOT_EQUAL(one.probe, -1);
	CU_ASSERT_EQUAL(await(BRIEF_MS, &other, why), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(other.probe, -1);
	learn(&one, OAT_TIMEOUT);
	CU_ASSERT_EQUAL(one.probe, -1);
	CU_ASSERT_FALSE(is_free());
}

static void
test_outage_who_asks_may_wait_for_a_slot_and_ask_again(void)
{
	struct oat_asking one = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	start_afresh();
	record_silence(AGO_NS);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &one, why), OAT_OK);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &one, why), OAT_OK);
	CU_ASSERT_NOT_EQUAL(one.probe, -1);
	learn(&one, OAT_OK);
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
	late = oat_deadline_in_ms(ms + BRIEF_MS);
	status = await(ms, &asking, why);
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

	start_afresh();
	record_silence(AGO_NS);
	CU_ASSERT_EQUAL(await(OAT_LONG_MS, &one, why), OAT_OK);
	for (i = 0; i < 8; i++)
		pids[i] = start_waiting(OAT_LONG_MS);
	usleep(50000);
	learn(&one, learned);
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

	start_afresh();
	record_silence(AGO_NS);
	CU_ASSERT_EQUAL(await(OAT_LONG_MS, &one, why), OAT_OK);
	CU_ASSERT_EQUAL(end_of(start_waiting(BRIEF_MS)), OAT_UNAVAILABLE);
	learn(&one, OAT_OK);
}

static void
test_outage_who_was_killed_while_asking_is_replaced(void)
{
	struct oat_asking one = OAT_ASKING_NONE, other = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";
	pid_t pid;

	start_afresh();
	record_silence(AGO_NS);
	pid = fork();
	if (pid == 0) {
		(void)await(OAT_LONG_MS, &one, why);
		(void)pause();
	}
	while (is_free())
		usleep(1000);
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(end_of(pid), -1);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &other, why), OAT_OK);
	CU_ASSERT_NOT_EQUAL(other.probe, -1);
	learn(&other, OAT_OK);
}

static void
test_outage_who_has_had_its_time_holds_up_nobody(void)
{
	struct oat_asking one = OAT_ASKING_NONE, other = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	start_afresh();
	record_silence(AGO_NS);
	CU_ASSERT_EQUAL(await(BRIEF_MS, &one, why), OAT_OK);
	CU_ASSERT_EQUAL(await(OAT_LONG_MS, &other, why), OAT_OK);
	CU_ASSERT_EQUAL(other.probe, -1);
	learn(&one, OAT_OK);
}

/* --- what counts --------------------------------------------------------- */

static void
test_outage_any_answer_ends_it_at_once(void)
{
	start_afresh();
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_FALSE(is_free());
	ask_once(OAT_OK);
	CU_ASSERT(is_free());
}

static void
test_outage_after_an_answer_begins_anew(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX] = "";

	start_afresh();
	record_silence(100 * OAT_NS_PER_S);
	ask_once(OAT_OK);
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	OAT_ASSERT_THAT(strstr(why, "since 0.") != NULL, "%s", why);
}

static void
test_outage_silence_that_began_before_an_answer_is_none(void)
{
	struct oat_asking slow = OAT_ASKING_NONE;

	start_afresh();
	oat_outage_ignore(oat_deadline_in_ms(TIMEOUT_MS), &slow);
	usleep(1000);
	ask_once(OAT_OK);
	learn(&slow, OAT_TIMEOUT);
	CU_ASSERT(is_free());
}

static void
test_outage_late_silence_does_not_prolong_a_later_one(void)
{
	struct oat_asking slow = OAT_ASKING_NONE;
	char before[256] = "", after[256] = "", path[256];
	int fd;

	start_afresh();
	oat_outage_ignore(oat_deadline_in_ms(TIMEOUT_MS), &slow);
	usleep(1000);
	ask_once(OAT_TIMEOUT);
	path_of("database-silent", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT(read(fd, before, sizeof(before) - 1) > 0);
	(void)close(fd);
	learn(&slow, OAT_TIMEOUT);
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

	start_afresh();
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ask_once(others[i]);
	CU_ASSERT(is_free());
	oat_outage_ignore(oat_deadline_in_ms(TIMEOUT_MS / 2 - 10), &brief);
	learn(&brief, OAT_TIMEOUT);
	CU_ASSERT(is_free());
	oat_outage_ignore(oat_deadline_in_ms(TIMEOUT_MS / 2 + 10), &brief);
	learn(&brief, OAT_TIMEOUT);
	CU_ASSERT_FALSE(is_free());
}

static void
test_outage_who_tries_by_hand_is_not_held_up(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;

	start_afresh();
	record_silence(0);
	oat_outage_ignore(oat_deadline_in_ms(TIMEOUT_MS), &asking);
	CU_ASSERT_EQUAL(asking.probe, -1);
	learn(&asking, OAT_OK);
	CU_ASSERT(is_free());
}

/* --- what may lie there -------------------------------------------------- */

static void
test_outage_record_that_makes_no_sense_is_none(void)
{
	uint64_t now_ns = oat_stamp_now_ns(), later_ns = now_ns + (1ULL << 62);
	char text[256];
	static const char *const nonsense[] = { "", "\n", "1", "1 2", "x 1 1 y",
		"-1 -1 -1 why", "3 2 1 backwards",
		"99999999999999999999 99999999999999999999 "
		"99999999999999999999 why",
		"18446744073709551615 18446744073709551615 "
		"18446744073709551615 why" };
	size_t i;

	start_afresh();
	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		write_record(nonsense[i]);
		OAT_ASSERT_THAT(is_free(), "%s", nonsense[i]);
	}
	(void)snprintf(
	    text, sizeof(text), "1 1 %" PRIu64 " of the future", later_ns);
	write_record(text);
	CU_ASSERT(is_free());
}

static void
test_outage_record_of_another_owner_or_kind_is_none(void)
{
	char path[256];

	start_afresh();
	path_of("database-silent", path);
	record_silence(0);
	CU_ASSERT_FALSE(is_free());
	if (oat_population_is_root()) {
		CU_ASSERT_EQUAL(chown(path, 65534, 65534), 0);
		CU_ASSERT(is_free());
	}
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(symlink("/dev/zero", path), 0);
	CU_ASSERT(is_free());
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT(is_free());
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static void
test_outage_stamp_of_the_future_does_not_end_the_next_one(void)
{
	char path[256];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = 1L << 33 } };
	int fd;

	start_afresh();
	path_of("database-answered", path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(futimens(fd, times), 0);
	(void)close(fd);
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_FALSE(is_free());
	ask_once(OAT_OK);
	CU_ASSERT(is_free());
}

static void
test_outage_lock_that_is_held_for_ever_locks_nobody_out(void)
{
	char path[256];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = 1L << 33 } };
	int fd;

	start_afresh();
	record_silence(AGO_NS);
	path_of("database-probe", path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
	CU_ASSERT(is_free());
	CU_ASSERT_EQUAL(futimens(fd, times), 0);
	CU_ASSERT(is_free());
	(void)close(fd);
}

static void
test_outage_folder_that_cannot_be_used_locks_nobody_out(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX];

	start_afresh();
	record_silence(0);
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0777), 0);
	CU_ASSERT(is_free());
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(chmod(oat_population_run, 0755), 0);
	CU_ASSERT_EQUAL(oat_outage_await("/nonexistent/run",
			    oat_deadline_in_ms(TIMEOUT_MS), &asking, why),
	    OAT_OK);
	oat_outage_learn(
	    "/nonexistent/run", &asking, OAT_TIMEOUT, TIMEOUT_MS, cause);
}

static void
test_outage_cause_is_escaped_and_cut(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char text[2048], why[OAT_OUTAGE_WHY_MAX] = "";
	size_t i;

	start_afresh();
	memset(text, 'x', sizeof(text));
	memcpy(text, "1 1 1 red \033[31m\n", 16);
	text[sizeof(text) - 1] = '\0';
	write_record(text);
	usleep(1000);
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_EQUAL(await(TIMEOUT_MS, &asking, why), OAT_UNAVAILABLE);
	for (i = 0; why[i] != '\0'; i++)
		OAT_ASSERT_THAT(why[i] >= ' ' && why[i] <= '~', "%s", why);
	CU_ASSERT(i < OAT_OUTAGE_WHY_MAX);
}

static void
test_outage_leaves_nothing_open_and_nothing_behind(void)
{
	int before = oat_open_descriptors(), entries = 0;
	char path[256];
	FILE *list;

	start_afresh();
	ask_once(OAT_TIMEOUT);
	CU_ASSERT_FALSE(is_free());
	ask_once(OAT_OK);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before);
	(void)snprintf(path, sizeof(path), "ls -A %s | grep -c '^[.]database'",
	    oat_population_run);
	list = popen(path, "re");
	CU_ASSERT_EQUAL(fscanf(list, "%d", &entries), 1);
	(void)pclose(list);
	CU_ASSERT_EQUAL(entries, 0);
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
	OAT_TEST(test_outage_record_that_makes_no_sense_is_none),
	OAT_TEST(test_outage_record_of_another_owner_or_kind_is_none),
	OAT_TEST(test_outage_stamp_of_the_future_does_not_end_the_next_one),
	OAT_TEST(test_outage_lock_that_is_held_for_ever_locks_nobody_out),
	OAT_TEST(test_outage_folder_that_cannot_be_used_locks_nobody_out),
	OAT_TEST(test_outage_cause_is_escaped_and_cut),
	OAT_TEST(test_outage_leaves_nothing_open_and_nothing_behind),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "outage",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
