/* SPDX-License-Identifier: MIT */
/*
 * oat_courier_*(): the input is all that the network's child says to root, as
 * the answer to each of the questions in turn. Only what the header promises
 * comes of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/courier.h"

#define INPUT_MAX 65536 /* bytes; a socket takes them without a reader */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct oat_question question = { "id", "login", "oat-acme-ci",
	"sshd", "-", "-", "-", "3kPqrstuvwxy", "right" };

/* A child that has said this, and nothing more is heard of it. */
struct speaker {
	struct oat_child child;
	int end; /* its own; what it is asked goes nowhere */
};

static void
speak(const uint8_t *data, size_t size, struct speaker *speaker)
{
	int fds[2], room = 2 * INPUT_MAX;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		abort();
	(void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (write(fds[1], data, size) != (ssize_t)size)
		abort();
	(void)shutdown(fds[1], SHUT_WR);
	speaker->child = (struct oat_child){ -1, fds[0] };
	speaker->end = fds[1];
}

static void
hang_up(const struct speaker *speaker)
{
	(void)close(speaker->child.fd);
	(void)close(speaker->end);
}

/* Printable ASCII, and not too much of it. */
static void
check_error(enum oat_status status, const char *error)
{
	size_t i, n = strnlen(error, OAT_DATABASE_ERROR_MAX);

	if (n == OAT_DATABASE_ERROR_MAX || (status != OAT_OK && n == 0))
		abort();
	for (i = 0; i < n; i++)
		if (error[i] < ' ' || error[i] > '~')
			abort();
}

static void
check_status(enum oat_status status, enum oat_status one, enum oat_status two)
{
	if (status != OAT_OK && status != OAT_TIMEOUT &&
	    status != OAT_UNAVAILABLE && status != one && status != two)
		abort();
}

static void
ask_verifier(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char verifier[OAT_VERIFIER_MAX], error[OAT_DATABASE_ERROR_MAX] = "";
	struct speaker speaker;
	enum oat_status status;

	memset(verifier, '!', sizeof(verifier));
	speak(data, size, &speaker);
	status = oat_courier_verifier(
	    &speaker.child, "3kPqrstuvwxy", deadline, verifier, error);
	hang_up(&speaker);
	check_status(status, OAT_NOTFOUND, OAT_RANGE);
	check_error(status, error);
	if (status == OAT_OK
		? strnlen(verifier, sizeof(verifier)) == sizeof(verifier)
		: verifier[0] != '!')
		abort();
}

static void
ask_decision(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_decision decision, before;
	struct speaker speaker;
	enum oat_status status;

	memset(&before, '!', sizeof(before));
	decision = before;
	speak(data, size, &speaker);
	status = oat_courier_decide(
	    &speaker.child, &question, deadline, &decision, error);
	hang_up(&speaker);
	check_status(status, OAT_OK, OAT_OK);
	check_error(status, error);
	if (status == OAT_OK) {
		if (memchr(decision.reason, 0, sizeof(decision.reason)) ==
			NULL ||
		    memchr(decision.event, 0, sizeof(decision.event)) == NULL)
			abort();
	} else if (memcmp(&decision, &before, sizeof(before)) != 0)
		abort();
}

static void
ask_record(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct speaker speaker;
	enum oat_status status;
	uint32_t count = 4711;

	speak(data, size, &speaker);
	status =
	    oat_courier_record(&speaker.child, "[]", deadline, &count, error);
	hang_up(&speaker);
	check_status(status, OAT_INVALID, OAT_INVALID);
	check_error(status, error);
	if (status != OAT_OK && count != 4711)
		abort();
}

static enum oat_status
take(const struct oat_row *row, void *context)
{
	(void)context;
	if (memchr(row->kind, 0, sizeof(row->kind)) == NULL ||
	    memchr(row->name, 0, sizeof(row->name)) == NULL ||
	    memchr(row->groups, 0, sizeof(row->groups)) == NULL)
		abort();
	return OAT_OK;
}

static void
ask_identities(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	static const struct oat_knowledge known = { 1, 2, "{}" };
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct speaker speaker;
	enum oat_status status;

	speak(data, size, &speaker);
	status = oat_courier_identities(
	    &speaker.child, &known, deadline, take, NULL, error);
	hang_up(&speaker);
	check_status(status, OAT_OK, OAT_OK);
	check_error(status, error);
}

static void
ask_listen(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct speaker speaker;
	enum oat_status status;

	speak(data, size, &speaker);
	status = oat_courier_listen(&speaker.child, deadline, error);
	hang_up(&speaker);
	check_status(status, OAT_NOTFOUND, OAT_NOTFOUND);
	check_error(status, error);
}

static void
ask_password(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct speaker speaker;
	enum oat_status status;

	speak(data, size, &speaker);
	status = oat_courier_password(&speaker.child, "x", deadline, error);
	hang_up(&speaker);
	check_status(status, OAT_OK, OAT_OK);
	check_error(status, error);
}

static enum oat_status
take_explained(const struct oat_explained *row, void *context)
{
	(void)context;
	if (memchr(row->check, 0, sizeof(row->check)) == NULL ||
	    memchr(row->passed, 0, sizeof(row->passed)) == NULL ||
	    memchr(row->fix, 0, sizeof(row->fix)) == NULL)
		abort();
	return OAT_OK;
}

static void
ask_explanation(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct speaker speaker;
	enum oat_status status;

	speak(data, size, &speaker);
	status = oat_courier_explain(&speaker.child, "oat-acme-ci", "sshd", "",
	    deadline, take_explained, NULL, error);
	hang_up(&speaker);
	check_status(status, OAT_OK, OAT_OK);
	check_error(status, error);
}

static void
ask_probe(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_probe probe, before;
	struct speaker speaker;
	enum oat_status status;

	memset(&before, '!', sizeof(before));
	probe = before;
	speak(data, size, &speaker);
	status =
	    oat_courier_take_probe(&speaker.child, deadline, &probe, error);
	hang_up(&speaker);
	check_status(status, OAT_OK, OAT_OK);
	check_error(status, error);
	if (status == OAT_OK) {
		if (memchr(probe.refused, 0, sizeof(probe.refused)) == NULL ||
		    memchr(probe.excess_fix, 0, sizeof(probe.excess_fix)) ==
			NULL)
			abort();
	} else if (memcmp(&probe, &before, sizeof(before)) != 0)
		abort();
}

static void
ask_file(const uint8_t *data, size_t size, struct oat_deadline deadline)
{
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct speaker speaker;
	enum oat_status status;
	int64_t end = 4711;

	speak(data, size, &speaker);
	status = oat_courier_file(
	    &speaker.child, "sslrootcert", deadline, &end, error);
	hang_up(&speaker);
	check_status(status, OAT_OK, OAT_OK);
	check_error(status, error);
	if (status != OAT_OK && end != 4711)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_deadline deadline = oat_deadline_in_ms(10000);

	if (size > INPUT_MAX)
		return 0;
	ask_verifier(data, size, deadline);
	ask_decision(data, size, deadline);
	ask_record(data, size, deadline);
	ask_identities(data, size, deadline);
	ask_listen(data, size, deadline);
	ask_password(data, size, deadline);
	ask_explanation(data, size, deadline);
	ask_probe(data, size, deadline);
	ask_file(data, size, deadline);
	return 0;
}
