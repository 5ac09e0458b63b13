/* SPDX-License-Identifier: MIT */
/* A name cache that is told to forget, by caches of our own. */
#include "common/nscd.h"

#include "tests/process.h"
#include "tests/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BRIEF_MS 100
#define REQUEST_MAX 64

static char folder[32], path[64];

/* A cache in a process of its own, and what it says it heard. */
struct cache {
	pid_t pid;
	int heard;
};

static int
set_up(void)
{
	strcpy(folder, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	return 0;
}

static int
tear_down(void)
{
	(void)unlink(path);
	return rmdir(folder);
}

static int
listen_at(int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unlink(path);
	strcpy(address.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, backlog), 0);
	return fd;
}

/* Serve with `answer` until killed; every request goes to the pipe. */
static struct cache
start(void (*answer)(int fd))
{
	int listener = listen_at(8), ends[2], fd;
	struct cache cache;
	char request[REQUEST_MAX];
	ssize_t n;

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	cache.pid = fork();
	while (cache.pid == 0) {
		fd = accept(listener, NULL, NULL);
		n = read(fd, request, sizeof(request));
		if (n <= 0 || write(ends[1], request, (size_t)n) != n)
			_exit(1);
		answer(fd);
		close(fd);
	}
	close(listener);
	close(ends[1]);
	cache.heard = ends[0];
	return cache;
}

static void
stop(struct cache *cache)
{
	CU_ASSERT_EQUAL(kill(cache->pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(cache->pid, NULL, 0), cache->pid);
	close(cache->heard);
}

static enum oat_status
invalidate(uint32_t ms)
{
	return oat_nscd_invalidate(path, oat_deadline_in_ms(ms));
}

static void
acknowledge(int fd)
{
	const int32_t done = 0;

	if (write(fd, &done, sizeof(done)) == -1)
		_exit(1);
}

static void
say_nothing(int fd)
{
	(void)fd;
}

static void
hang(int fd)
{
	(void)fd;
	(void)pause();
}

/* What nscd of the GNU C Library reads, on this byte order. */
static void
assert_heard(int fd, const char *database)
{
	const int32_t head[] = { 2, 10, (int32_t)strlen(database) + 1 };
	char heard[REQUEST_MAX];
	size_t size = sizeof(head) + (size_t)head[2];

	CU_ASSERT_EQUAL_FATAL(read(fd, heard, size), (ssize_t)size);
	CU_ASSERT_EQUAL(memcmp(heard, head, sizeof(head)), 0);
	CU_ASSERT_STRING_EQUAL(heard + sizeof(head), database);
}

static void
test_nscd_is_told_to_forget_users_and_groups(void)
{
	struct cache cache = start(acknowledge);

	CU_ASSERT_EQUAL(invalidate(OAT_LONG_MS), OAT_OK);
	assert_heard(cache.heard, "passwd");
	assert_heard(cache.heard, "group");
	stop(&cache);
}

static void
test_nscd_that_closes_instead_of_answering_has_forgotten(void)
{
	struct cache cache = start(say_nothing);

	CU_ASSERT_EQUAL(invalidate(OAT_LONG_MS), OAT_OK);
	stop(&cache);
}

static void
test_nscd_that_is_not_there_is_told_apart(void)
{
	(void)unlink(path);
	CU_ASSERT_EQUAL(invalidate(BRIEF_MS), OAT_NOTFOUND);
	close(listen_at(8)); /* its socket outlives it */
	CU_ASSERT_EQUAL(invalidate(BRIEF_MS), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(oat_nscd_invalidate("/proc/self/exe/socket",
			    oat_deadline_in_ms(BRIEF_MS)),
	    OAT_NOTFOUND);
}

static void
test_nscd_that_hangs_is_not_waited_for_beyond_the_deadline(void)
{
	struct cache cache = start(hang);
	uint64_t before = oat_now_ms();

	CU_ASSERT_EQUAL(invalidate(BRIEF_MS), OAT_TIMEOUT);
	CU_ASSERT(oat_now_ms() - before < OAT_LONG_MS);
	stop(&cache);
}

static void
test_nscd_that_accepts_nobody_is_not_waited_for(void)
{
	int listener = listen_at(0);
	int i;

	/* The second request of the first, or of the second, finds it full. */
	for (i = 0; i < 2; i++)
		CU_ASSERT_NOT_EQUAL(invalidate(BRIEF_MS), OAT_OK);
	close(listener);
}

static void
test_nscd_in_whose_place_is_something_else_is_a_system_error(void)
{
	(void)unlink(path);
	CU_ASSERT_EQUAL(oat_nscd_invalidate(
			    "/a/path/of/more/than/a/hundred/bytes/which/is/"
			    "more/than/fits/into/the/address/of/a/socket/of/"
			    "the/local/host/in/any/case",
			    oat_deadline_in_ms(BRIEF_MS)),
	    OAT_SYSTEM);
	CU_ASSERT_EQUAL(errno, ENAMETOOLONG);
}

static void
test_nscd_told_often_and_gone_leaves_no_descriptor(void)
{
	struct cache cache = start(acknowledge);
	int before = oat_open_descriptors(), i;

	for (i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(invalidate(OAT_LONG_MS), OAT_OK);
	stop(&cache);
	CU_ASSERT_EQUAL(invalidate(BRIEF_MS), OAT_NOTFOUND);
	CU_ASSERT_EQUAL(oat_open_descriptors(), before - 1); /* the pipe's */
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nscd_is_told_to_forget_users_and_groups),
	OAT_TEST(test_nscd_that_closes_instead_of_answering_has_forgotten),
	OAT_TEST(test_nscd_that_is_not_there_is_told_apart),
	OAT_TEST(test_nscd_that_hangs_is_not_waited_for_beyond_the_deadline),
	OAT_TEST(test_nscd_that_accepts_nobody_is_not_waited_for),
	OAT_TEST(test_nscd_in_whose_place_is_something_else_is_a_system_error),
	OAT_TEST(test_nscd_told_often_and_gone_leaves_no_descriptor),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nscd",
	    .pInitFunc = set_up,
	    .pCleanupFunc = tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
