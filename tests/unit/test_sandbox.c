/* SPDX-License-Identifier: MIT */
#include "common/sandbox.h"

#include "common/child.h"
#include "common/deadline.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct oat_account nobody = { 65534, 65534 };

/* Each answers whether it could do what it must not. */

static bool
socket_can_be_opened(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) != -1;
}

/* A limit on descriptors alone leaves the place of a closed one. */
static bool
socket_can_take_a_closed_place(void)
{
	(void)close(0);
	return socket(AF_INET, SOCK_STREAM, 0) != -1;
}

static bool
file_can_be_opened(void)
{
	(void)close(0);
	return open("/etc/passwd", O_RDONLY) != -1;
}

static bool
process_can_be_made(void)
{
	return fork() != -1;
}

static bool
program_can_be_run(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	return execv("/bin/true", argv) != -1;
}

static bool
another_process_can_be_signalled(void)
{
	return kill(1, 0) == 0 || errno != EPERM || kill(getpid(), 0) == 0;
}

static bool
limits_can_be_changed(void)
{
	return chdir("/") == 0 || umask(0) != (mode_t)-1;
}

/* And what it is there for. */
static bool
memory_and_time_are_missing(void)
{
	unsigned char *bytes = malloc(8 << 20);
	bool missing = bytes == NULL ||
		       oat_deadline_passed(oat_deadline_in_ms(OAT_LONG_MS));

	if (bytes != NULL)
		memset(bytes, 1, 8 << 20);
	free(bytes);
	return missing;
}

static void
test_sandbox_computes_and_answers_and_nothing_else(void)
{
	static const struct oat_attempt attempts[] = {
		{ "socket", socket_can_be_opened },
		{ "socket as 0", socket_can_take_a_closed_place },
		{ "file", file_can_be_opened },
		{ "fork", process_can_be_made },
		{ "program", program_can_be_run },
		{ "signal", another_process_can_be_signalled },
		{ "limits", limits_can_be_changed },
		{ "memory", memory_and_time_are_missing },
	};
	size_t i;

	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		oat_attempt_inside(oat_sandbox_compute, &attempts[i], false);
}

/* The hard limit on descriptors of another process; -1 when it is not told. */
static int
descriptor_limit(pid_t pid)
{
	char path[64], line[256];
	int limit = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Max open files %*d %d", &limit) == 1)
			break;
	if (file != NULL)
		(void)fclose(file);
	return limit;
}

static void
enter_and_wait(int fd, void *context)
{
	struct oat_wire in = { 0 };

	(void)context;
	if (oat_sandbox_compute() == OAT_OK)
		(void)oat_wire_receive(
		    &in, fd, oat_deadline_in_ms(OAT_LONG_MS));
	oat_wire_free(&in);
}

/* Where there are no filters this alone is left. */
static void
test_sandbox_allows_no_new_descriptor_by_its_limit(void)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, enter_and_wait, NULL, &child), OAT_OK);
	while (descriptor_limit(child.pid) != 1 && !oat_deadline_passed(soon))
		usleep(1000);
	CU_ASSERT_EQUAL(descriptor_limit(child.pid), 1);
	oat_child_end(&child);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_sandbox_computes_and_answers_and_nothing_else),
	OAT_TEST(test_sandbox_allows_no_new_descriptor_by_its_limit),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "sandbox", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
