/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - one sync at a time on a host
 *   - an incomplete answer or an older generation changes nothing; a complete
 *     empty one is believed
 *   - events leave the spool only when the database has them
 */
#include "sync.h"

#include "courier.h"
#include "crc32.h"
#include "delivery.h"
#include "listing.h"
#include "local.h"
#include "lock.h"
#include "paths.h"
#include "refresh.h"
#include "report.h"
#include "setup.h"
#include "slot.h"
#include "snapshot.h"
#include "snapshot_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/*
 * A sync moves more than a login: so many times the configured timeout. An NSS
 * look-up that waits for it gives up on its own after two seconds.
 */
#define TIMEOUTS 4
#define SECONDS_MAX 86400
#define REFUSALS_TOLD 100 /* rows; one hostile answer must not fill the log */

struct sync {
	struct oat_setup setup;
	struct oat_child courier;
	struct oat_deadline deadline;
	uint32_t max_age_s; /* 0: not asked for */
	size_t refused;	    /* rows */
	char error[OAT_SETUP_ERROR_MAX];
};

static enum oat_status
fail(enum oat_status status, const char *what, const char *why)
{
	oat_report(LOG_ERR, "sync", "%s: %s", what, why);
	return status;
}

/* --- the spool ----------------------------------------------------------- */

/*
 * Let what belongs together come together. OAT_OK; OAT_NOTFOUND when another
 * process waits already and will send what this one came for: it holds the
 * lock only while it waits, and reads the spool afterwards.
 */
static enum oat_status
gather(uint32_t seconds)
{
	int fd = -1;

	if (oat_lock_take(OAT_PATH_RUN, "gather.lock", oat_deadline_in_ms(0),
		&fd) == OAT_TIMEOUT)
		return OAT_NOTFOUND;
	oat_deadline_sleep(oat_deadline_in_ms(seconds * 1000));
	if (fd >= 0)
		(void)close(fd);
	return OAT_OK;
}

static enum oat_status
send_spool(struct sync *sync)
{
	char error[OAT_DELIVERY_ERROR_MAX];
	enum oat_status status;
	size_t aside = 0;

	status = oat_delivery_run(
	    OAT_PATH_SPOOL, &sync->courier, sync->deadline, &aside, error);
	if (aside != 0)
		oat_report(LOG_ERR, "sync",
		    "%zu of the files in " OAT_PATH_SPOOL " cannot be sent; "
		    "they are called .bad now: look at them, then remove them",
		    aside);
	if (status != OAT_OK)
		return fail(status, "events stay in the spool", error);
	return OAT_OK;
}

/* --- identities ---------------------------------------------------------- */

static void
add_file(char *text, size_t size, const char *path)
{
	size_t used = strlen(text);
	struct stat st;

	if (stat(path, &st) == 0)
		(void)snprintf(text + used, size - used, " %llu %lld %lld.%ld",
		    (unsigned long long)st.st_ino, (long long)st.st_size,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/*
 * What else a snapshot depends on: the host's own accounts and shells, and its
 * configuration. When it changes, the whole answer is fetched and validated
 * again.
 */
static uint32_t
surroundings(const struct oat_config *config)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "%u %u %s " OAT_VERSION,
	    config->uid_min, config->uid_max, config->home_root);
	add_file(text, sizeof(text), oat_local_files.passwd);
	add_file(text, sizeof(text), oat_local_files.group);
	add_file(text, sizeof(text), oat_local_files.shells);
	return oat_crc32(text, strlen(text));
}

static void
refused_row(const char *name, const char *why, void *context)
{
	struct sync *sync = context;

	if (sync->refused++ < REFUSALS_TOLD)
		oat_report(
		    LOG_WARNING, "sync", "row refused: %s: %s", name, why);
}

static enum oat_status
publish(
    const struct sync *sync, const struct oat_listing *listing, uint32_t flags)
{
	struct oat_snapshot_info info = {
		.generation = (uint64_t)listing->generation,
		.as_of_us = listing->as_of_us,
		.flags = flags,
	};
	const struct oat_identity *identities;
	const struct oat_group *groups;
	size_t group_count, identity_count, size = 0;
	enum oat_status status;
	void *image = NULL;

	(void)snprintf(info.home_root, sizeof(info.home_root), "%s",
	    sync->setup.config.home_root);
	groups = oat_identities_groups(listing->identities, &group_count);
	identities = oat_identities_all(listing->identities, &identity_count);
	status = oat_snapshot_build(&info, groups, group_count, identities,
	    identity_count, &image, &size);
	if (status != OAT_OK)
		return fail(status, "snapshot", oat_status_text(status));
	status = oat_snapshot_publish(OAT_PATH_IDENTITIES, image, size);
	if (status != OAT_OK)
		status = fail(status, OAT_PATH_IDENTITIES,
		    status == OAT_SYSTEM ? strerror(errno)
					 : oat_status_text(status));
	free(image);
	return status;
}

/*
 * What this host has: generation 0 when there is no snapshot. Is it what would
 * be made of the same rows today?
 */
static bool
held_version(uint32_t flags, int64_t *ret_generation, int64_t *ret_as_of_us)
{
	struct oat_snapshot snapshot;
	bool current;

	*ret_generation = 0;
	*ret_as_of_us = 0;
	if (oat_snapshot_open(OAT_PATH_IDENTITIES, &snapshot, NULL) != OAT_OK)
		return false;
	current = snapshot.info.flags == flags;
	if (snapshot.info.generation <= INT64_MAX) {
		*ret_generation = (int64_t)snapshot.info.generation;
		*ret_as_of_us = snapshot.info.as_of_us;
	}
	oat_snapshot_close(&snapshot);
	return current;
}

static enum oat_status
fetch(struct sync *sync, struct oat_listing *listing)
{
	uint32_t flags = surroundings(&sync->setup.config);
	char error[OAT_DATABASE_ERROR_MAX] = "rows in no order of an answer";
	int64_t generation, as_of_us;
	enum oat_status status;
	bool current;

	current = held_version(flags, &generation, &as_of_us);
	status = oat_courier_identities(&sync->courier,
	    current ? generation : 0, current ? as_of_us : 0, sync->deadline,
	    oat_listing_take, listing, error);
	if (sync->refused > REFUSALS_TOLD)
		oat_report(LOG_WARNING, "sync", "%zu more rows refused",
		    sync->refused - REFUSALS_TOLD);
	if (status != OAT_OK)
		return fail(status, "identities stay as they are", error);
	if (!oat_listing_is_whole(listing) || (listing->same && !current))
		return fail(OAT_UNAVAILABLE, "identities stay as they are",
		    "the answer is incomplete");
	if (listing->same)
		return OAT_OK;
	if (listing->generation < generation) {
		oat_report(LOG_WARNING, "sync",
		    "identities stay as they are: the server has generation "
		    "%lld, this host %lld: a standby that lags behind, or a "
		    "database restored from a backup",
		    (long long)listing->generation, (long long)generation);
		return OAT_OK;
	}
	return publish(sync, listing, flags);
}

static enum oat_status
refresh_identities(struct sync *sync)
{
	struct oat_listing listing = { .refused = refused_row,
		.context = sync };
	const struct oat_config *config = &sync->setup.config;
	struct oat_local *local = NULL;
	enum oat_status status;

	status = oat_local_load(
	    &oat_local_files, config->uid_min, config->uid_max, &local);
	if (status != OAT_OK)
		return fail(status, "the host's own accounts", strerror(errno));
	status = oat_identities_new(local, &listing.identities);
	if (status == OAT_OK)
		status = fetch(sync, &listing);
	oat_identities_free(listing.identities);
	oat_local_free(local);
	return status;
}

/* --- the run ------------------------------------------------------------- */

static enum oat_status
start_courier(struct sync *sync)
{
	struct oat_account account;
	struct oat_orders orders = {
		.conninfo = sync->setup.conninfo,
		.password = sync->setup.password[0] != '\0'
				? sync->setup.password
				: NULL,
		.deadline = sync->deadline,
	};
	enum oat_status status;

	status = oat_setup_account(&account, sync->error);
	if (status != OAT_OK)
		return fail(status, "setup", sync->error);
	status = oat_courier_start(&account, &orders, &sync->courier);
	oat_setup_forget_password(&sync->setup);
	if (status != OAT_OK)
		return fail(status, "no child process", strerror(errno));
	return OAT_OK;
}

/* Everything that talks to the database, once the lock is held. */
static enum oat_status
run_locked(struct sync *sync)
{
	uint64_t started = oat_refresh_now_ns();
	enum oat_status status, sent = OAT_OK;
	int slot = -1;

	status = oat_slot_take(OAT_PATH_RUN, sync->deadline, &slot);
	if (status != OAT_OK)
		return fail(status, OAT_PATH_RUN, oat_status_text(status));
	status = start_courier(sync);
	/* A look-up is waiting when there is a maximum age: names first. */
	if (status == OAT_OK && sync->max_age_s == 0)
		sent = send_spool(sync);
	if (status == OAT_OK && sent != OAT_TIMEOUT)
		status = refresh_identities(sync);
	oat_child_end(&sync->courier);
	(void)close(slot);
	if (oat_refresh_record(OAT_PATH_RUN, started, status == OAT_OK) !=
	    OAT_OK)
		oat_report(
		    LOG_WARNING, "sync", OAT_PATH_RUN ": %s", strerror(errno));
	return status == OAT_OK ? sent : status;
}

/*
 * Is the last success young enough for who asked at asked_ns? A sync that was
 * under way then may have missed what the caller is looking for: once the lock
 * was waited for, only one that began later will do.
 */
static bool
young_enough(const struct sync *sync, uint64_t asked_ns, bool waited)
{
	uint64_t age_ns = sync->max_age_s * UINT64_C(1000000000);
	struct oat_refresh_times times;

	if (sync->max_age_s == 0 ||
	    oat_refresh_times(OAT_PATH_RUN, &times) != OAT_OK ||
	    times.success_ns == 0)
		return false;
	return waited ? times.success_ns >= asked_ns
		      : asked_ns - times.success_ns < age_ns;
}

static enum oat_status
run(struct sync *sync)
{
	uint64_t asked_ns = oat_refresh_now_ns();
	enum oat_status status;
	int fd = -1;

	if (young_enough(sync, asked_ns, false))
		return OAT_OK;
	status = oat_setup_load(OAT_PATH_CONFIG, &sync->setup, sync->error);
	if (status != OAT_OK) {
		oat_report(LOG_ERR, "sync", "%s", sync->error);
		return status;
	}
	sync->deadline =
	    oat_deadline_in_ms(sync->setup.config.timeout_ms * TIMEOUTS);
	status = oat_lock_take(OAT_PATH_RUN, "sync.lock", sync->deadline, &fd);
	if (status != OAT_OK)
		return fail(status, OAT_PATH_RUN "/sync.lock",
		    status == OAT_TIMEOUT ? "another sync takes too long"
					  : strerror(errno));
	if (!young_enough(sync, asked_ns, true))
		status = run_locked(sync);
	(void)close(fd);
	return status;
}

/* A whole number of seconds; 0 when it is none. */
static uint32_t
read_seconds(const char *text)
{
	unsigned long seconds;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	seconds = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || seconds > SECONDS_MAX)
		return 0;
	return (uint32_t)seconds;
}

static int
usage(void)
{
	fprintf(
	    stderr, "usage: oat sync [--max-age SECONDS | --after SECONDS]\n");
	return 2;
}

int
oat_sync_main(int argc, char *argv[])
{
	struct sync sync = { .courier = OAT_CHILD_NONE };
	enum oat_status status;
	uint32_t seconds = 0;

	if (argc == 3)
		seconds = read_seconds(argv[2]);
	if (argc != 1 && (argc != 3 || seconds == 0))
		return usage();
	if (geteuid() != 0) {
		oat_report(LOG_ERR, "sync", "run it as root");
		return 1;
	}
	if (argc == 3 && strcmp(argv[1], "--max-age") == 0)
		sync.max_age_s = seconds;
	else if (argc == 3 && strcmp(argv[1], "--after") != 0)
		return usage();
	else if (argc == 3 && gather(seconds) == OAT_NOTFOUND)
		return 0;
	status = run(&sync);
	oat_setup_free(&sync.setup);
	return status == OAT_OK ? 0 : 1;
}
