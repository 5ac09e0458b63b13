/* SPDX-License-Identifier: MIT */
#include "tests/unit/script.h"

#include "tests/process.h"
#include "tests/runner.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum oat_status
oat_script_start(const char *script, struct oat_spawn *spawn)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return oat_spawn_start("/bin/sh", argv, spawn);
}

char *
oat_script_read_all(int fd, char output[OAT_SCRIPT_OUTPUT_MAX])
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	size_t used = 0;
	ssize_t n;
	int ready;

	for (;;) {
		ready = poll(&pollfd, 1, OAT_LONG_MS);
		if (ready == -1 && errno == EINTR)
			continue;
		if (ready != 1 || used == OAT_SCRIPT_OUTPUT_MAX - 1)
			return NULL;
		n = read(fd, output + used, OAT_SCRIPT_OUTPUT_MAX - 1 - used);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	output[used] = '\0';
	return output;
}

char *
oat_script_run(const char *script, char output[OAT_SCRIPT_OUTPUT_MAX])
{
	struct oat_spawn spawn;
	char *got;

	if (oat_script_start(script, &spawn) != OAT_OK)
		return NULL;
	got = oat_script_read_all(spawn.fd, output);
	oat_spawn_end(&spawn);
	return got;
}

pid_t
oat_script_read_pid(int fd)
{
	char line[32] = "";
	size_t used = 0;

	while (used < sizeof(line) - 1 && read(fd, line + used, 1) == 1 &&
	       line[used] != '\n')
		used++;
	return (pid_t)atoi(line);
}

bool
oat_script_says(const char *script, const char *expected)
{
	char output[OAT_SCRIPT_OUTPUT_MAX];
	const char *got = oat_script_run(script, output);

	return got != NULL && strcmp(got, expected) == 0;
}

void
oat_script_assert_says(const char *script, const char *expected)
{
	char output[OAT_SCRIPT_OUTPUT_MAX];
	const char *got = oat_script_run(script, output);

	OAT_ASSERT_THAT(got != NULL && strcmp(got, expected) == 0,
	    "%s: expected '%s', got '%s'", script, expected,
	    got ? got : "(nothing)");
}
