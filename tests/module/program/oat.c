/* SPDX-License-Identifier: MIT */
/*
 * Stands in the program's place: notes what it was asked in OAT_STAGE_SEEN and
 * plays what OAT_STAGE_PLAY says, lines of "key=value":
 *
 *	behave=answer | hang | exit | crash | early | garbage | partial |
 *		huge | endless | stop
 *	verdict=0..4  reason=<name>  organization=  token=  message=  detail=
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/request.h"
#include "common/wire.h"
#include "tests/module/stage.h"

#define DEADLINE_MS 10000

extern char **environ;

static char play[4096];

/* The value of a key in the play, copied; "" when it has none. */
static void
get(const char *key, char *ret_value, size_t size)
{
	size_t length = strlen(key);
	const char *line;

	ret_value[0] = '\0';
	for (line = play; *line != '\0'; line += strcspn(line, "\n") + 1) {
		if (strncmp(line, key, length) == 0 && line[length] == '=') {
			line += length + 1;
			snprintf(ret_value, size, "%.*s",
			    (int)strcspn(line, "\n"), line);
			return;
		}
		if (line[strcspn(line, "\n")] == '\0')
			return;
	}
}

static void
read_play(void)
{
	int fd = open(OAT_STAGE_PLAY, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, play, sizeof(play) - 1);

	play[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* The token itself stays out of it: tests look for it where it must not be. */
static void
note(int argc, char *argv[], const struct oat_request *request)
{
	char line[4096];
	int fd, n;

	n = snprintf(line, sizeof(line),
	    "argc=%d argv=%s environment=%s phase=%d login=%s service=%s"
	    " rhost=%s tty=%s ruser=%s pid=%u token=%s\n",
	    argc, argc > 1 ? argv[1] : "", environ[0] ? environ[0] : "empty",
	    (int)request->phase, request->login, request->service,
	    request->rhost, request->tty, request->ruser, request->caller_pid,
	    request->token[0] ? "given" : "none");
	fd = open(
	    OAT_STAGE_SEEN, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (write(fd, line, (size_t)n) < 0)
		_exit(2);
	close(fd);
}

static void
say(const char *bytes, size_t size)
{
	if (write(STDOUT_FILENO, bytes, size) < 0)
		_exit(2);
}

/* What a program that is broken does; returns for "answer" and "early". */
static void
misbehave(const char *behave)
{
	if (strcmp(behave, "exit") == 0)
		_exit(0);
	if (strcmp(behave, "crash") == 0)
		abort();
	if (strcmp(behave, "stop") == 0)
		raise(SIGSTOP);
	if (strcmp(behave, "hang") == 0)
		for (;;)
			pause();
	if (strcmp(behave, "garbage") == 0) {
		say("\x04\0\0\0yes!", 8);
		_exit(0);
	}
	if (strcmp(behave, "partial") == 0) {
		say("\xff\0\0\0\x04\0\0\0\x04", 9);
		_exit(0);
	}
	if (strcmp(behave, "huge") == 0) {
		say("\xff\xff\xff\x7f", 4);
		_exit(0);
	}
	if (strcmp(behave, "endless") == 0)
		for (;;)
			say("\x02\0\0\0oh", 6);
}

/* Put together by hand: oat_answer_send() would not send what is wrong. */
static void
answer(void)
{
	static const char *const texts[] = { "organization", "token", "message",
		"detail" };
	struct oat_wire wire = { 0 };
	enum oat_reason reason = OAT_REASON_NONE;
	char value[1024];
	size_t i;

	get("verdict", value, sizeof(value));
	oat_wire_put_u32(&wire, (uint32_t)atoi(value));
	get("reason", value, sizeof(value));
	(void)oat_reason_parse(value, &reason);
	oat_wire_put_u32(&wire, (uint32_t)reason);
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		get(texts[i], value, sizeof(value));
		oat_wire_put_text(&wire, value);
	}
	(void)oat_wire_send(
	    &wire, STDOUT_FILENO, oat_deadline_in_ms(DEADLINE_MS));
	oat_wire_free(&wire);
}

int
main(int argc, char *argv[])
{
	struct oat_request request = { 0 };
	char behave[32];

	read_play();
	get("behave", behave, sizeof(behave));
	if (strcmp(behave, "early") != 0) {
		if (oat_request_receive(STDIN_FILENO,
			oat_deadline_in_ms(DEADLINE_MS), &request) != OAT_OK)
			return 1;
		note(argc, argv, &request);
	}
	misbehave(behave);
	answer();
	return 0;
}
