/* SPDX-License-Identifier: MIT */
/*
 * By spawn.h, which starts a program with an empty environment and keeps it on
 * a leash, but knows neither its status nor its error output: a shell in
 * between adds them. What is run is in its arguments, never in its script.
 */
#include "capture.h"

#include "spawn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELL "/bin/sh"
#define SCRIPT "exec 2>&1; \"$@\" </dev/null; printf '\\n%d' \"$?\""

/* The status, and what separates it from the rest: "\n255". */
#define STATUS_MAX 8

/* The last bytes of an output, whatever was cut of the rest. */
struct output {
	char *text;
	size_t size, used;
	size_t total; /* bytes that came */
	char tail[STATUS_MAX];
};

static void
keep(struct output *output, char byte)
{
	output->total++;
	if (output->used + 1 < output->size)
		output->text[output->used++] = byte;
	memmove(output->tail, output->tail + 1, STATUS_MAX - 1);
	output->tail[STATUS_MAX - 1] = byte;
}

/* Read to the end. OAT_OK; OAT_TIMEOUT; OAT_SYSTEM. */
static enum oat_status
read_all(int fd, struct oat_deadline deadline, struct output *output)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	char bytes[4096];
	ssize_t i, n;

	for (;;) {
		if (oat_deadline_passed(deadline))
			return OAT_TIMEOUT;
		if (poll(&poller, 1, oat_deadline_left_ms(deadline)) <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return OAT_OK;
		if (n < 0 && errno != EINTR)
			return OAT_SYSTEM;
		for (i = 0; i < n; i++)
			keep(output, bytes[i]);
	}
}

/* Take the status off the end. OAT_OK; OAT_SYSTEM when there is none. */
static enum oat_status
split(struct output *output, int *ret_exit)
{
	char tail[STATUS_MAX + 1] = "", *newline, *end;
	size_t length;
	long status;

	memcpy(tail, output->tail, STATUS_MAX);
	newline = memrchr(tail, '\n', STATUS_MAX);
	if (newline == NULL)
		return OAT_SYSTEM;
	status = strtol(newline + 1, &end, 10);
	if (end == newline + 1 || *end != '\0')
		return OAT_SYSTEM;
	length = output->total - strlen(newline);
	output->text[length < output->used ? length : output->used] = '\0';
	*ret_exit = (int)status;
	return OAT_OK;
}

enum oat_status
oat_capture(const char *const argv[], struct oat_deadline deadline,
    char *ret_text, size_t size, int *ret_exit)
{
	const char *all[OAT_CAPTURE_ARGS_MAX + 5] = { "sh", "-c", SCRIPT,
		"sh" };
	struct output output = { .text = ret_text, .size = size };
	struct oat_spawn spawn = { -1, 0 };
	enum oat_status status;
	size_t n = 0;

	for (; argv[n] != NULL; n++) {
		if (n == OAT_CAPTURE_ARGS_MAX)
			return OAT_INVALID;
		all[n + 4] = argv[n];
	}
	status = oat_spawn_start(SHELL, all, &spawn);
	if (status == OAT_OK)
		status = read_all(spawn.fd, deadline, &output);
	oat_spawn_end(&spawn);
	return status == OAT_OK ? split(&output, ret_exit) : status;
}
