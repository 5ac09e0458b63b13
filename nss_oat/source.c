/* SPDX-License-Identifier: MIT */
/*
 * The first look-ups of a process open the file, read a few hundred bytes and
 * close it. Once they have cost about as much as copying the file would have,
 * it is copied; so a process pays at most twice the least it could have paid,
 * whether it asks once or a million times.
 *
 * Rules of the copy, each a test of that name:
 *  - a hit is at most OAT_SNAPSHOT_BEHIND_MS behind the file, a miss not at all
 *  - at most one version is kept, and none longer than it takes to notice
 *  - nobody waits for the copy: whoever finds it busy reads the file
 *  - a fork in any moment leaves the child a right answer
 *  - a thread that is cancelled leaves nothing open, nor the copy busy
 *  - under a seccomp filter nothing but files is read: no copy is made, nor
 *    unmapped, since the filter may kill for mmap(2) and munmap(2)
 *  - nothing runs at exit, nor at dlclose(3): the module stays (-z nodelete),
 * so the copy does, for whoever loads the module again
 *
 * The fork is why there is no blocking lock and no pthread_atfork(3):
 * a child whose parent's thread had the copy at the fork finds it busy forever
 * and reads the file each time, which is slower and just as right. The same
 * holds for a signal handler. A child that finds it free has a copy of its own.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "common/paths.h"
#include "common/seccomp.h"

#define BYTES_A_LOOKUP 16384 /* copied in the time of a look-up in the file */
#define WAIT_LOOKUPS 1000    /* when there may be no copy */
#define TRIES 64	     /* of a lock that is held for 200 ns */

__attribute__((weak)) const struct oat_nss_source oat_nss_source = {
	.path = OAT_PATH_IDENTITIES,
	.run = OAT_PATH_RUN,
	.program = OAT_PATH_PROGRAM,
	.config = OAT_PATH_CONFIG,
};

static struct {
	atomic_flag busy; /* guards all that follows */
	bool loaded;
	struct oat_snapshot snapshot; /* in memory, if loaded */
	struct stat version;	      /* of the file it was */
	uint64_t checked_ms;	      /* when it still was */
	uint64_t lookups;	      /* since there was none */
	uint32_t wait;		      /* for so many before one is made */
} copy = { .busy = ATOMIC_FLAG_INIT };

static bool
take_copy(void)
{
	int i;

	for (i = 0; i < TRIES; i++)
		if (!atomic_flag_test_and_set_explicit(
			&copy.busy, memory_order_acquire))
			return true;
	return false;
}

static void
release_copy(void)
{
	atomic_flag_clear_explicit(&copy.busy, memory_order_release);
}

/* May memory be mapped and unmapped here? To find out costs a few look-ups. */
static bool
may_map(void)
{
	if (oat_seccomp_is_off())
		return true;
	copy.wait = WAIT_LOOKUPS;
	return false;
}

/* Under a filter that came later the last copy stays in memory, unused. */
static void
drop_copy(void)
{
	if (copy.loaded && may_map())
		oat_snapshot_close(&copy.snapshot);
	copy.loaded = false;
	copy.lookups = 0;
}

static uint64_t
now_ms(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool
is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Is the file still the version of the copy? */
static bool
is_current(const char *path)
{
	const struct stat *version = &copy.version;
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    st.st_dev != version->st_dev || st.st_ino != version->st_ino ||
	    st.st_size != version->st_size ||
	    !is_same_time(st.st_mtim, version->st_mtim) ||
	    !is_same_time(st.st_ctim, version->st_ctim))
		return false;
	copy.checked_ms = now_ms();
	return true;
}

/* Have look-ups in a file of this size cost as much as a copy of it? */
static bool
is_worth_a_copy(uint64_t size)
{
	if (copy.wait > 0) {
		copy.wait--;
		return false;
	}
	return copy.lookups++ >= size / BYTES_A_LOOKUP + 1;
}

/* Ask the file; and if by now it is worth it, make it the copy. */
static enum oat_status
ask_file(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *, void *), void *arg,
    bool may_copy)
{
	struct oat_snapshot snapshot;
	struct stat version;
	enum oat_status status;

	status = oat_snapshot_open(source->path, &snapshot, &version);
	if (status != OAT_OK)
		return status;
	if (may_copy && is_worth_a_copy(snapshot.size) && may_map() &&
	    oat_snapshot_load(&snapshot) == OAT_OK) {
		copy.snapshot = snapshot;
		copy.version = version;
		copy.checked_ms = now_ms();
		copy.loaded = true;
		return ask(&copy.snapshot, arg);
	}
	status = ask(&snapshot, arg);
	oat_snapshot_close(&snapshot);
	return status;
}

/* Ask the copy, if there is one; the file if not, or if it says otherwise. */
static enum oat_status
ask_copy(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *, void *), void *arg)
{
	enum oat_status status;

	if (copy.loaded &&
	    now_ms() - copy.checked_ms >= OAT_SNAPSHOT_BEHIND_MS &&
	    !is_current(source->path))
		drop_copy();
	if (copy.loaded) {
		status = ask(&copy.snapshot, arg);
		if (status == OAT_OK || status == OAT_RANGE ||
		    status == OAT_NOMEM)
			return status;
		if (status == OAT_NOTFOUND && is_current(source->path))
			return status;
		drop_copy(); /* old, or damaged as the file was then */
	}
	return ask_file(source, ask, arg, true);
}

enum oat_status
oat_nss_ask(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *snapshot, void *arg),
    void *arg)
{
	enum oat_status status;
	int state;

	/* open(2), read(2) and close(2) are cancellation points. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (take_copy()) {
		status = ask_copy(source, ask, arg);
		release_copy();
	} else {
		status = ask_file(source, ask, arg, false);
	}
	(void)pthread_setcancelstate(state, NULL);
	return status;
}
