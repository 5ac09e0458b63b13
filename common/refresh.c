/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *  - no more than one sync a period, and one a back-off after a failure
 *  - of many that wait, one runs it and all look again
 *  - a sync that began before the question does not answer it
 *  - nobody waits past the deadline, or at all when waiting cannot help
 *  - what a host that died left undone is taken up by another
 *  - a host that was stopped stops nobody else
 */
#include "refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "spawn.h"
#include "stamp.h"

#define LOCK_POLL_MS 10
#define LOCK_STALE_MS 500 /* beyond the bound of who has it */
#define ANSWER_POLL_MS 50

/* Under OAT_PATH_RUN. The first is also the lock of the module's attempts. */
#define FILE_ATTEMPT "sync-attempted"
#define FILE_SUCCESS "sync-succeeded"
#define FILE_FAILURE "sync-failed"

uint64_t
oat_refresh_now_ns(void)
{
	return oat_stamp_now_ns();
}

/* The folder, made if need be. -1, with errno, if it is not ours alone. */
static int
open_folder(const char *run)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;
	int fd;

	fd = open(run, flags);
	if (fd == -1 && errno == ENOENT) {
		/* mkdir(2) obeys the umask of whoever the host is. */
		if (mkdir(run, 0755) == 0)
			(void)chmod(run, 0755);
		else if (errno != EEXIST) /* another look-up was quicker */
			return -1;
		fd = open(run, flags);
	}
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		goto fail;
	errno = EPERM;
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		goto fail;
	return fd;
fail:
	oat_folder_close(fd);
	return -1;
}

static struct oat_refresh_times
get_times(int folder)
{
	return (struct oat_refresh_times){
		.attempt_ns = oat_stamp_get(folder, FILE_ATTEMPT),
		.success_ns = oat_stamp_get(folder, FILE_SUCCESS),
		.failure_ns = oat_stamp_get(folder, FILE_FAILURE),
	};
}

enum oat_status
oat_refresh_record(const char *run, uint64_t started_ns, bool success)
{
	enum oat_status status;
	int folder;

	folder = open_folder(run);
	if (folder == -1)
		return OAT_SYSTEM;
	if (success)
		status = oat_stamp_put(folder, FILE_SUCCESS, started_ns);
	else
		status =
		    oat_stamp_put(folder, FILE_FAILURE, oat_stamp_now_ns());
	oat_folder_close(folder);
	return status;
}

enum oat_status
oat_refresh_times(const char *run, struct oat_refresh_times *ret_times)
{
	int folder;

	folder = open(run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder == -1 && errno != ENOENT)
		return OAT_SYSTEM;
	if (folder == -1) {
		*ret_times = (struct oat_refresh_times){ .attempt_ns = 0 };
		return OAT_OK;
	}
	*ret_times = get_times(folder);
	oat_folder_close(folder);
	return OAT_OK;
}

/* --- one attempt --------------------------------------------------------- */

/* Wait until the program has ended: the socket's other end is closed then. */
static void
wait_for_end(int fd, struct oat_deadline deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = 0 };
	int ready;

	do {
		ready = poll(&pollfd, 1, oat_deadline_left_ms(deadline));
	} while (ready == -1 && errno == EINTR);
}

/*
 * *ret_satisfied: it began after since_ns, or failed. It may also find that one
 * has just been done by the timer, and do nothing: then neither is so.
 */
static enum oat_status
run_sync(int folder, int lock, const char *program, uint64_t since_ns,
    struct oat_deadline deadline, bool *ret_satisfied)
{
	static const char *const argv[] = { "oat", "sync", "--max-age", "1",
		NULL };
	uint64_t started_ns = oat_stamp_now_ns(), success_ns;
	struct oat_spawn spawn;
	enum oat_status status;
	bool failed;

	/* What cannot be limited must not be started. */
	status = oat_stamp_set(lock, started_ns);
	if (status == OAT_OK)
		status = oat_spawn_start(program, argv, &spawn);
	if (status != OAT_OK)
		return status;
	wait_for_end(spawn.fd, deadline);
	oat_spawn_end(&spawn);
	success_ns = oat_stamp_get(folder, FILE_SUCCESS);
	failed =
	    success_ns + OAT_REFRESH_PERIOD_MS * OAT_NS_PER_MS < started_ns;
	if (failed) /* it cannot tell so itself when it was killed */
		(void)oat_stamp_put(folder, FILE_FAILURE, oat_stamp_now_ns());
	*ret_satisfied = failed || success_ns >= since_ns;
	return OAT_OK;
}

/* When may the next one begin? */
static uint64_t
next_start_ns(const struct oat_refresh_times *times)
{
	uint64_t last_ns, next_ns = 0, resume_ns;

	last_ns = times->attempt_ns > times->success_ns ? times->attempt_ns
							: times->success_ns;
	if (last_ns != 0)
		next_ns = last_ns + OAT_REFRESH_PERIOD_MS * OAT_NS_PER_MS;
	if (times->failure_ns > times->success_ns) {
		resume_ns =
		    times->failure_ns + OAT_REFRESH_BACKOFF_MS * OAT_NS_PER_MS;
		if (resume_ns > next_ns)
			next_ns = resume_ns;
	}
	return next_ns;
}

/* Has one that began after since_ns ended? */
static bool
is_answered(const struct oat_refresh_times *times, uint64_t since_ns)
{
	return times->success_ns >= since_ns ||
	       (times->attempt_ns >= since_ns &&
		   times->failure_ns >= times->attempt_ns);
}

/*
 * With the lock: run it, or say when that may be.
 * As oat_refresh_wait(); and OAT_RANGE with *ret_next_ns: not before then.
 */
static enum oat_status
attempt(int folder, int lock, const char *program, uint64_t since_ns,
    struct oat_deadline deadline, bool *ret_satisfied, uint64_t *ret_next_ns)
{
	struct oat_refresh_times times = get_times(folder);
	uint64_t next_ns = next_start_ns(&times);

	if (is_answered(&times, since_ns)) {
		*ret_satisfied = true;
		return OAT_OK;
	}
	if (next_ns > oat_stamp_now_ns()) {
		*ret_next_ns = next_ns;
		return OAT_RANGE;
	}
	return run_sync(
	    folder, lock, program, since_ns, deadline, ret_satisfied);
}

/* --- waiting ------------------------------------------------------------- */

/*
 * Its holder may be stopped: a user may do that to the su or sudo that he runs.
 * Whoever holds it and lives has stamped it a moment ago.
 */
static bool
is_stale(int folder, struct oat_deadline patience)
{
	uint64_t attempt_ns = oat_stamp_get(folder, FILE_ATTEMPT);
	const uint64_t most_ns =
	    (OAT_REFRESH_BOUND_MS + LOCK_STALE_MS) * OAT_NS_PER_MS;

	return oat_deadline_passed(patience) &&
	       attempt_ns + most_ns < oat_stamp_now_ns();
}

/*
 * Take the lock; flock(2) cannot be bounded but by a signal, and signals are
 * the host's. One that is stale is done without: the times limit, too, and the
 * program has a lock of its own. *ret_waited: somebody else's attempt ended
 * meanwhile.
 */
static enum oat_status
take_lock(int folder, int lock, struct oat_deadline deadline, bool *ret_waited)
{
	struct oat_deadline patience = oat_deadline_in_ms(LOCK_STALE_MS);
	bool waited = false;

	while (flock(lock, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return OAT_SYSTEM;
		if (is_stale(folder, patience)) {
			waited = false;
			break;
		}
		if (oat_deadline_passed(deadline))
			return OAT_TIMEOUT;
		oat_deadline_sleep(oat_deadline_min(
		    deadline, oat_deadline_in_ms(LOCK_POLL_MS)));
		waited = true;
	}
	*ret_waited = waited;
	return OAT_OK;
}

/*
 * Sleep until then, or until a sync that others ran has answered, as one that
 * ended sessions: sshd is in here before it closes their connections.
 * OAT_UNAVAILABLE, at once, when that is too late.
 */
static enum oat_status
wait_until(
    int folder, uint64_t at_ns, uint64_t since_ns, struct oat_deadline deadline)
{
	struct oat_refresh_times times;
	struct oat_deadline end;
	uint64_t now_ns = oat_stamp_now_ns();
	uint64_t ms;

	if (at_ns <= now_ns)
		return OAT_OK;
	ms = (at_ns - now_ns) / OAT_NS_PER_MS + 1;
	if (ms >= (uint64_t)oat_deadline_left_ms(deadline))
		return OAT_UNAVAILABLE;
	end = oat_deadline_in_ms((uint32_t)ms);
	do {
		oat_deadline_sleep(
		    oat_deadline_min(end, oat_deadline_in_ms(ANSWER_POLL_MS)));
		times = get_times(folder);
	} while (!is_answered(&times, since_ns) && !oat_deadline_passed(end));
	return OAT_OK;
}

static enum oat_status
wait_with(int folder, int lock, const char *program, uint64_t since_ns,
    struct oat_deadline deadline, bool *ret_satisfied)
{
	enum oat_status status;
	uint64_t next_ns = 0;
	bool waited;

	for (;;) {
		status = take_lock(folder, lock, deadline, &waited);
		if (status != OAT_OK)
			return status;
		status = attempt(folder, lock, program, since_ns, deadline,
		    ret_satisfied, &next_ns);
		/* Not by close(2) alone: a fork of the host has it, too. */
		(void)flock(lock, LOCK_UN);
		if (status != OAT_RANGE)
			return status;
		if (waited) {
			*ret_satisfied = false;
			return OAT_OK;
		}
		status = wait_until(folder, next_ns, since_ns, deadline);
		if (status != OAT_OK)
			return status;
	}
}

enum oat_status
oat_refresh_wait(const char *run, const char *program, uint64_t since_ns,
    struct oat_deadline deadline, bool *ret_satisfied)
{
	enum oat_status status = OAT_SYSTEM;
	bool satisfied = false;
	int folder = -1, lock = -1;

	/* Not in a chroot or a container that has the module alone. */
	if (faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) == -1)
		return OAT_SYSTEM;
	folder = open_folder(run);
	if (folder == -1)
		goto out;
	lock = oat_stamp_open(folder, FILE_ATTEMPT);
	if (lock == -1)
		goto out;
	status =
	    wait_with(folder, lock, program, since_ns, deadline, &satisfied);
	if (status == OAT_OK)
		*ret_satisfied = satisfied;
out:
	if (lock != -1)
		oat_folder_close(lock);
	if (folder != -1)
		oat_folder_close(folder);
	return status;
}
