/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - a change is fetched within a second, whoever makes however many
 *   - without notifications (a standby, a pooler) it is asked now and then
 *   - whatever the database does, the next try comes, and not too often
 *   - between rounds neither the lock nor a slot is held
 *   - a signal ends it between rounds, and never in one
 *   - it is never older than the program it belongs to
 */
#include "watch.h"

#include "courier.h"
#include "deadline.h"
#include "paths.h"
#include "report.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define ANSWER_MS 1000 /* what the courier has beyond the time it waits */

/* What tells one version of a file from another. */
struct version {
	ino_t inode;
	off_t size;
	struct timespec changed, modified;
};

struct watch {
	struct oat_round *round;
	int signals; /* signalfd(2) */
	bool ends;   /* a signal said so */
	bool reload; /* one said that, or a file has changed */
	struct version config, password, program;
	unsigned failures; /* in a row */
};

/* --- time and signals ---------------------------------------------------- */

/* From 0 to below `range`; 0 when there is no randomness, which is no harm. */
static uint32_t
random_ms(uint32_t range)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number % range;
}

static void
take_signal(struct watch *watch)
{
	struct signalfd_siginfo info;

	if (read(watch->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		watch->reload = true;
	else
		watch->ends = true;
}

/*
 * Wait for a descriptor (-1 for none), a signal, or that long. Is it the
 * descriptor?
 */
static bool
wait_for(struct watch *watch, int fd, struct oat_deadline deadline)
{
	struct pollfd fds[] = {
		{ .fd = watch->signals, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	int n;

	do {
		n = poll(fds, 2, oat_deadline_left_ms(deadline));
	} while (n < 0 && errno == EINTR);
	if (n > 0 && fds[0].revents != 0)
		take_signal(watch);
	return n > 0 && fds[1].revents != 0;
}

static void
pause_for(struct watch *watch, uint32_t ms)
{
	(void)wait_for(watch, -1, oat_deadline_in_ms(ms));
}

/* --- configuration ------------------------------------------------------- */

static struct version
version_of(const char *path)
{
	struct version version;
	struct stat st;

	memset(&version, 0, sizeof(version));
	if (path != NULL && stat(path, &st) == 0) {
		version.inode = st.st_ino;
		version.size = st.st_size;
		version.changed = st.st_ctim;
		version.modified = st.st_mtim;
	}
	return version;
}

static bool
has_changed(const char *path, const struct version *known)
{
	struct version now = version_of(path);

	return memcmp(&now, known, sizeof(now)) != 0;
}

/*
 * A new courier needs the password, which is forgotten as soon as the one
 * before had it: then all is read again, too.
 */
static enum oat_status
load(struct watch *watch)
{
	struct oat_round *round = watch->round;
	const struct oat_config *config = &round->setup.config;
	enum oat_status status;

	if (has_changed(OAT_PATH_CONFIG, &watch->config) ||
	    has_changed(config->password_file, &watch->password))
		watch->reload = true;
	if (watch->reload)
		oat_round_hang_up(round);
	watch->reload = false;
	if (round->courier.fd >= 0)
		return OAT_OK;
	watch->config = version_of(OAT_PATH_CONFIG);
	status = oat_round_load(round);
	watch->password = version_of(config->password_file);
	return status;
}

/* An upgrade: the child's library would be refused, for being of another. */
static bool
is_replaced(const struct watch *watch)
{
	if (!has_changed(OAT_PATH_PROGRAM, &watch->program))
		return false;
	oat_report(LOG_NOTICE, "sync",
	    OAT_PATH_PROGRAM " was replaced: the watch ends, to be started "
			     "again");
	return true;
}

/* --- rounds -------------------------------------------------------------- */

static enum oat_status
make_round(struct watch *watch)
{
	enum oat_status status;
	int lock = -1;

	status = load(watch);
	if (status == OAT_OK)
		status = oat_round_lock(watch->round, &lock);
	if (status != OAT_OK)
		return status;
	status = oat_round_run(watch->round);
	(void)close(lock);
	return status;
}

static void
back_off(struct watch *watch)
{
	uint32_t ms = OAT_WATCH_BACKOFF_MIN_MS;
	unsigned i;

	oat_round_hang_up(watch->round);
	for (i = 0; i < watch->failures && ms < OAT_WATCH_BACKOFF_MAX_MS; i++)
		ms *= 2;
	watch->failures++;
	pause_for(watch, ms + random_ms(ms));
}

/*
 * The courier waits; a signal, or a database that is lost, ends that. Was a
 * change told of?
 */
static bool
await_change(struct watch *watch, struct oat_deadline deadline)
{
	struct oat_child *courier = &watch->round->courier;
	struct oat_deadline answer = oat_deadline_in_ms(
	    (uint32_t)oat_deadline_left_ms(deadline) + ANSWER_MS);
	char error[OAT_DATABASE_ERROR_MAX];
	enum oat_status status;

	status = oat_courier_await_begin(courier, deadline, error);
	if (status == OAT_OK && !wait_for(watch, courier->fd, answer)) {
		oat_round_hang_up(watch->round);
		return false;
	}
	if (status == OAT_OK)
		status = oat_courier_await_end(
		    courier, oat_deadline_in_ms(ANSWER_MS), error);
	if (status != OAT_OK && status != OAT_NOTFOUND) {
		oat_report(LOG_WARNING, "sync", "connection lost: %s", error);
		back_off(watch);
	}
	return status == OAT_OK;
}

/* Until it is time for another round. */
static void
rest(struct watch *watch)
{
	uint32_t ms = OAT_WATCH_POLL_MIN_MS +
		      random_ms(OAT_WATCH_POLL_MAX_MS - OAT_WATCH_POLL_MIN_MS);

	if (watch->round->changed)
		ms = OAT_WATCH_FOLLOW_MS;
	if (watch->round->told) {
		if (await_change(watch, oat_deadline_in_ms(ms)))
			pause_for(watch, random_ms(OAT_WATCH_JITTER_MS));
		return;
	}
	/* A standby: by the next round there may be a primary again. */
	oat_round_hang_up(watch->round);
	pause_for(watch, ms);
}

static int
take_signals(void)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
		return -1;
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum oat_status
oat_watch_run(struct oat_round *round)
{
	struct watch watch = { .round = round, .signals = take_signals() };
	enum oat_status status = OAT_OK;

	if (watch.signals < 0) {
		oat_report(LOG_ERR, "sync", "signals: %s", strerror(errno));
		return OAT_SYSTEM;
	}
	round->listens = true;
	watch.program = version_of(OAT_PATH_PROGRAM);
	while (!watch.ends) {
		if (is_replaced(&watch)) {
			status = OAT_UNAVAILABLE;
			break;
		}
		if (make_round(&watch) != OAT_OK) {
			back_off(&watch);
			continue;
		}
		watch.failures = 0;
		rest(&watch);
	}
	(void)close(watch.signals);
	return status;
}
