/* SPDX-License-Identifier: MIT */
#include "common/delivery.h"

#include "common/courier_child.h"
#include "common/spool.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct oat_account nobody = { 65534, 65534 };

static char parent[32], folder[64];

/* What the database has got, shared with the child that plays it. */
static volatile struct received {
	int batches, events;
	bool added; /* the event that comes while another is on its way */
} * received;

static int
set_up(void)
{
	strcpy(parent, access("/dev/shm", W_OK) == 0
			   ? "/dev/shm/oat-test-XXXXXX"
			   : "/tmp/oat-test-XXXXXX");
	if (mkdtemp(parent) == NULL)
		return 1;
	snprintf(folder, sizeof(folder), "%s/spool", parent);
	received = mmap(NULL, sizeof(*received), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return received == MAP_FAILED;
}

static bool
empty_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0;
}

static int
tear_down(void)
{
	(void)munmap((void *)received, sizeof(*received));
	return empty_folder() ? rmdir(parent) : 1;
}

static void
make_events(int n, const char *json)
{
	char id[32];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%d", i);
		CU_ASSERT_EQUAL_FATAL(oat_spool_add(folder, id, json), OAT_OK);
	}
}

static size_t
waiting(void)
{
	size_t count = 4711;

	CU_ASSERT_EQUAL(oat_spool_count(folder, &count), OAT_OK);
	return count;
}

static int
count_of(const char *text, const char *part)
{
	int count = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		count++;
	return count;
}

/*
 * A database that can take nothing in which "poison" occurs, takes "slow" when
 * the next event has been added, and is gone when it has had as many batches as
 * `context` says (0: never).
 */
static void
play_database(int fd, void *context)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	static char events[OAT_COURIER_EVENTS_MAX + 1];
	struct oat_wire in, out;
	const int *batches = context;
	uint32_t operation, left_ms;
	bool poison;

	for (;;) {
		memset(&in, 0, sizeof(in));
		memset(&out, 0, sizeof(out));
		if (oat_wire_receive(&in, fd, soon) != OAT_OK ||
		    oat_wire_get_u32(&in, &operation) != OAT_OK ||
		    oat_wire_get_u32(&in, &left_ms) != OAT_OK ||
		    oat_wire_get_text(&in, events, sizeof(events)) != OAT_OK ||
		    (*batches != 0 && received->batches == *batches))
			return;
		received->batches++;
		poison = strstr(events, "poison") != NULL;
		while (strstr(events, "slow") != NULL && !received->added)
			usleep(1000);
		if (!poison)
			received->events += count_of(events, "{");
		oat_wire_put_u32(&out, poison ? OAT_INVALID : OAT_OK);
		oat_wire_put_text(&out, "");
		oat_wire_put_u32(&out, 1);
		(void)oat_wire_send(&out, fd, soon);
		oat_wire_free(&in);
		oat_wire_free(&out);
	}
}

static void
play_silence(int fd, void *context)
{
	(void)fd;
	(void)context;
	for (;;)
		pause();
}

static enum oat_status
deliver(void (*play)(int fd, void *context), int batches, uint32_t ms,
    size_t *ret_aside, char *ret_error)
{
	struct oat_child child = OAT_CHILD_NONE;
	enum oat_status status;

	*received = (struct received){ 0 };
	ret_error[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, play, &batches, &child), OAT_OK);
	status = oat_delivery_run(
	    folder, &child, oat_deadline_in_ms(ms), ret_aside, ret_error);
	oat_child_end(&child);
	return status;
}

static void
check_delivered(int events, int batches, size_t aside)
{
	char error[OAT_DELIVERY_ERROR_MAX];
	size_t put = 4711;

	CU_ASSERT_EQUAL(
	    deliver(play_database, 0, OAT_LONG_MS, &put, error), OAT_OK);
	CU_ASSERT_EQUAL(put, aside);
	CU_ASSERT_EQUAL(received->events, events);
	CU_ASSERT_EQUAL(received->batches, batches);
	CU_ASSERT_EQUAL(waiting(), 0);
}

static void
test_delivery_sends_everything_in_batches(void)
{
	CU_ASSERT_TRUE(empty_folder());
	make_events(250, "{}");
	check_delivered(250, 3, 0);
	check_delivered(0, 0, 0);
}

static void
test_delivery_event_that_is_refused_is_put_aside_alone(void)
{
	CU_ASSERT_TRUE(empty_folder());
	make_events(3, "{}");
	make_events(1, "{poison}");
	make_events(2, "{}");
	check_delivered(5, 7, 1);
}

static void
test_delivery_goes_on_in_batches_after_one_that_was_refused(void)
{
	CU_ASSERT_TRUE(empty_folder());
	make_events(50, "{}");
	make_events(1, "{poison}");
	make_events(299, "{}");
	/* The first hundred is refused, then goes one by one. */
	check_delivered(349, 1 + 100 + 3, 1);
}

/* In a process of its own: add an event as soon as another is on its way. */
static pid_t
add_while_sending(void)
{
	pid_t pid;

	*received = (struct received){ 0 };
	pid = fork();
	if (pid != 0)
		return pid;
	while (received->batches == 0)
		usleep(1000);
	(void)oat_spool_add(folder, "late", "{}");
	received->added = true;
	_exit(0);
}

static void
test_delivery_sends_what_came_meanwhile(void)
{
	pid_t pid;

	CU_ASSERT_TRUE(empty_folder());
	make_events(1, "{slow}");
	pid = add_while_sending();
	check_delivered(2, 2, 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void
test_delivery_only_poison_is_put_aside(void)
{
	CU_ASSERT_TRUE(empty_folder());
	make_events(2, "{poison}");
	check_delivered(0, 3, 2);
}

static void
test_delivery_broken_off_leaves_the_rest(void)
{
	char error[OAT_DELIVERY_ERROR_MAX];
	size_t aside = 4711;

	CU_ASSERT_TRUE(empty_folder());
	make_events(250, "{}");
	CU_ASSERT_EQUAL(deliver(play_database, 1, OAT_LONG_MS, &aside, error),
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(aside, 0);
	CU_ASSERT_STRING_NOT_EQUAL(error, "");
	CU_ASSERT_EQUAL(waiting(), 150);
	check_delivered(150, 2, 0);
}

static void
test_delivery_without_an_answer_keeps_everything(void)
{
	char error[OAT_DELIVERY_ERROR_MAX];
	size_t aside = 4711;

	CU_ASSERT_TRUE(empty_folder());
	make_events(3, "{}");
	CU_ASSERT_EQUAL(
	    deliver(play_silence, 0, OAT_BRIEF_MS, &aside, error), OAT_TIMEOUT);
	CU_ASSERT_STRING_NOT_EQUAL(error, "");
	CU_ASSERT_EQUAL(waiting(), 3);
}

static void
test_delivery_folder_of_somebody_else_is_told(void)
{
	char error[OAT_DELIVERY_ERROR_MAX];
	size_t aside = 4711;

	CU_ASSERT_TRUE(empty_folder());
	CU_ASSERT_EQUAL(mkdir(folder, 0700), 0);
	CU_ASSERT_EQUAL(chmod(folder, 0777), 0);
	CU_ASSERT_EQUAL(
	    deliver(play_database, 0, OAT_LONG_MS, &aside, error), OAT_SYSTEM);
	OAT_ASSERT_THAT(strncmp(error, folder, strlen(folder)) == 0 &&
			    strstr(error, "not permitted") != NULL,
	    "%s", error);
	CU_ASSERT_EQUAL(received->batches, 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_delivery_sends_everything_in_batches),
	OAT_TEST(test_delivery_event_that_is_refused_is_put_aside_alone),
	OAT_TEST(test_delivery_goes_on_in_batches_after_one_that_was_refused),
	OAT_TEST(test_delivery_sends_what_came_meanwhile),
	OAT_TEST(test_delivery_only_poison_is_put_aside),
	OAT_TEST(test_delivery_broken_off_leaves_the_rest),
	OAT_TEST(test_delivery_without_an_answer_keeps_everything),
	OAT_TEST(test_delivery_folder_of_somebody_else_is_told),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "delivery", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
