/* SPDX-License-Identifier: MIT */
/*
 * A role of PostgreSQL has one password, and programs of this host read it from
 * a file at any moment. Rules kept here, each a test of that name:
 *   - no login fails meanwhile
 *   - killed at any moment, the host can still connect, and a second run goes
 *     on where the first ended
 *   - the password leaves the host in no form but its SCRAM verifier
 *
 * How: the next password is put beside the present one, where every program
 * finds both and tries the second when the first fails. Who began before that
 * has the present one alone, so it stays right until the longest of them must
 * have ended. Then the role gets the next password, a new connection proves
 * that it works, and its file takes the other's place.
 */
#include "rotate.h"

#include "lock.h"
#include "paths.h"
#include "replace.h"
#include "report.h"
#include "round.h"
#include "scram.h"
#include "setup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <unistd.h>

#define COMMAND "rotate-host-password"

struct rotation {
	struct oat_setup setup;
	struct oat_account account;
	char path[OAT_PASSWORD_PATH_MAX]; /* of the next password */
	uint32_t patience_ms; /* the longest that a program of ours runs */
	char error[OAT_SETUP_ERROR_MAX];
};

static enum oat_status
fail(enum oat_status status, const char *what, const char *why)
{
	oat_report(LOG_ERR, COMMAND, "%s: %s", what, why);
	return status;
}

static enum oat_status
fail_file(enum oat_status status, const char *path)
{
	return fail(status, path,
	    status == OAT_SYSTEM ? strerror(errno)
				 : "the disk does not keep what is written");
}

/* The configuration, and whether there is a password to change at all. */
static enum oat_status
load(struct rotation *rotation)
{
	const struct oat_config *config = &rotation->setup.config;
	enum oat_status status;

	status =
	    oat_setup_load(OAT_PATH_CONFIG, &rotation->setup, rotation->error);
	if (status == OAT_OK)
		status = oat_setup_account(&rotation->account, rotation->error);
	if (status != OAT_OK)
		return fail(status, "setup", rotation->error);
	if (config->password_file == NULL ||
	    !oat_conninfo_sends_password(rotation->setup.conninfo))
		return fail(OAT_INVALID, OAT_PATH_CONFIG,
		    "this host connects without a password");
	oat_password_next_path(config->password_file, rotation->path);
	rotation->patience_ms = config->timeout_ms * OAT_ROUND_TIMEOUTS;
	return OAT_OK;
}

/* The next password, on disk; the one of a run that was cut short goes on. */
static enum oat_status
prepare(struct rotation *rotation)
{
	char *next = rotation->setup.next_password;
	enum oat_status status;

	if (next[0] != '\0')
		return OAT_OK;
	status = oat_password_make(next);
	if (status == OAT_OK)
		status = oat_password_store(
		    rotation->path, next, rotation->account.gid);
	if (status != OAT_OK)
		return fail_file(status, rotation->path);
	return OAT_OK;
}

/* Until every program that read the files before has ended. */
static void
wait_for_others(const struct rotation *rotation)
{
	if (isatty(STDERR_FILENO) == 1)
		fprintf(stderr, "oat " COMMAND ": %u s for what is under way\n",
		    (rotation->patience_ms + 999) / 1000);
	oat_deadline_sleep(oat_deadline_in_ms(rotation->patience_ms));
}

/* Does what `ask` asks succeed over a connection of its own? */
static enum oat_status
ask_apart(struct rotation *rotation, const struct oat_orders *orders,
    enum oat_status (*ask)(struct rotation *rotation, struct oat_child *courier,
	struct oat_deadline deadline))
{
	struct oat_deadline deadline =
	    oat_deadline_in_ms(rotation->patience_ms);
	struct oat_child courier = OAT_CHILD_NONE;
	enum oat_status status;

	if (oat_courier_start(&rotation->account, orders, &courier) != OAT_OK)
		return fail(OAT_SYSTEM, "no child process", strerror(errno));
	status = ask(rotation, &courier, deadline);
	oat_child_end(&courier);
	return status;
}

static enum oat_status
ask_change(struct rotation *rotation, struct oat_child *courier,
    struct oat_deadline deadline)
{
	char verifier[OAT_SCRAM_MAX];
	enum oat_status status;

	status = oat_scram_verifier(rotation->setup.next_password, verifier);
	if (status != OAT_OK)
		return fail(status, rotation->path, oat_status_text(status));
	status =
	    oat_courier_password(courier, verifier, deadline, rotation->error);
	if (status != OAT_OK)
		return fail(status,
		    "not changed, or not known to be; run this again",
		    rotation->error);
	return OAT_OK;
}

/* A delivery of no events: it connects, and is this host's. */
static enum oat_status
ask_proof(struct rotation *rotation, struct oat_child *courier,
    struct oat_deadline deadline)
{
	enum oat_status status;
	uint32_t none;

	status =
	    oat_courier_record(courier, "[]", deadline, &none, rotation->error);
	if (status != OAT_OK)
		return fail(status,
		    "changed, but a connection with the new one failed; both "
		    "are kept; run this again",
		    rotation->error);
	return OAT_OK;
}

static enum oat_status
run_locked(struct rotation *rotation)
{
	const char *path;
	struct oat_orders orders;
	enum oat_status status;

	status = load(rotation);
	if (status == OAT_OK)
		status = prepare(rotation);
	if (status != OAT_OK)
		return status;
	wait_for_others(rotation);
	orders = oat_setup_orders(&rotation->setup);
	status = ask_apart(rotation, &orders, ask_change);
	if (status != OAT_OK)
		return status;
	orders.password = orders.next_password;
	orders.next_password = NULL;
	status = ask_apart(rotation, &orders, ask_proof);
	if (status != OAT_OK)
		return status;
	path = rotation->setup.config.password_file;
	if (oat_replace_rename(rotation->path, path) != OAT_OK)
		return fail_file(OAT_SYSTEM, path);
	return OAT_OK;
}

static enum oat_status
run(struct rotation *rotation)
{
	enum oat_status status;
	int lock = -1;

	status = oat_lock_take(
	    OAT_PATH_RUN, "password.lock", oat_deadline_in_ms(0), &lock);
	if (status != OAT_OK)
		return fail(status, OAT_PATH_RUN "/password.lock",
		    status == OAT_TIMEOUT ? "another one is at it"
					  : strerror(errno));
	status = run_locked(rotation);
	(void)close(lock);
	return status;
}

int
oat_rotate_main(int argc, char *argv[])
{
	struct rotation rotation = { .patience_ms = 0 };
	enum oat_status status;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: oat " COMMAND "\n");
		return 2;
	}
	if (geteuid() != 0) {
		oat_report(LOG_ERR, COMMAND, "run it as root");
		return 1;
	}
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	status = run(&rotation);
	oat_setup_free(&rotation.setup);
	return status == OAT_OK ? 0 : 1;
}
