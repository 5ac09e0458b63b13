/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - an incomplete answer or an older generation changes nothing; a complete
 *     empty one is believed
 *   - what the snapshot depends on beside the answer makes it be fetched again
 *   - a disk that is full keeps nobody's access
 */
#include "fetch.h"

#include "courier.h"
#include "crc32.h"
#include "listing.h"
#include "local.h"
#include "nscd.h"
#include "paths.h"
#include "process.h"
#include "report.h"
#include "snapshot_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#define REFUSALS_TOLD 100 /* rows; one hostile answer must not fill the log */
#define CACHE_PAUSE_MS (OAT_SNAPSHOT_BEHIND_MS + 20) /* clocks tick in 4 */

/*
 * A time that no server's clock has reached: whoever claims to know the state
 * of then is told everything. Year 9999, so that it is a time in SQL.
 */
#define NEVER_REACHED_US INT64_C(253370764800000000)

#define US_PER_S INT64_C(1000000)

/* One answer being taken in. */
struct intake {
	struct oat_fetch *fetch;
	struct oat_listing listing;
	size_t refused; /* rows */
	uint32_t flags; /* of the snapshot: see surroundings() */
};

static enum oat_status
fail(enum oat_status status, const char *what, const char *why)
{
	oat_report(LOG_ERR, "sync", "%s: %s", what, why);
	return status;
}

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

void
oat_fetch_held(int64_t *ret_generation, int64_t *ret_as_of_us)
{
	(void)held_version(0, ret_generation, ret_as_of_us);
}

/* --- taking in ----------------------------------------------------------- */

static void
refused_row(const char *name, const char *why, void *context)
{
	struct intake *intake = context;
	char *problem = intake->fetch->problem;

	if (intake->refused++ < REFUSALS_TOLD)
		oat_report(
		    LOG_WARNING, "sync", "row refused: %s: %s", name, why);
	if (problem[0] == '\0')
		(void)snprintf(problem, OAT_PROBLEM_MAX,
		    "row refused: %.64s: %.64s", name, why);
}

/*
 * Times of the server's clock as ticks of this host's: so long before the
 * answer began. Whatever either clock says, and however slow the answer was,
 * a session opened before is told as one.
 */
static enum oat_status
take_wishes(struct oat_fetch *fetch, const struct oat_listing *listing)
{
	uint64_t ticks = oat_process_ticks(), ago;
	const struct oat_wish *wish;
	int64_t ago_us;
	size_t i;

	fetch->terminations =
	    calloc(listing->wish_count + 1, sizeof(*fetch->terminations));
	if (fetch->terminations == NULL)
		return OAT_NOMEM;
	for (i = 0; i < listing->wish_count; i++) {
		wish = &listing->wishes[i];
		ago_us = wish->before_us < listing->as_of_us
			     ? listing->as_of_us - wish->before_us
			     : 0;
		ago = (uint64_t)(ago_us / US_PER_S) * ticks +
		      (uint64_t)(ago_us % US_PER_S) * ticks / US_PER_S;
		fetch->terminations[i] = (struct oat_termination){
			.uid = wish->uid,
			/* A tick more: a process begins within one. */
			.before = ago < listing->begun_at
				      ? listing->begun_at - ago + 1
				      : 0,
		};
	}
	fetch->termination_count = listing->wish_count;
	return OAT_OK;
}

static enum oat_status
build(const struct intake *intake, void **ret_image, size_t *ret_size)
{
	const struct oat_listing *listing = &intake->listing;
	struct oat_snapshot_info info = {
		.generation = (uint64_t)listing->generation,
		.as_of_us = listing->as_of_us,
		.flags = intake->flags,
	};
	const struct oat_identity *identities;
	const struct oat_group *groups;
	size_t group_count, identity_count;
	enum oat_status status;

	(void)snprintf(info.home_root, sizeof(info.home_root), "%s",
	    intake->fetch->config->home_root);
	groups = oat_identities_groups(listing->identities, &group_count);
	identities = oat_identities_all(listing->identities, &identity_count);
	status = oat_snapshot_build(&info, groups, group_count, identities,
	    identity_count, ret_image, ret_size);
	return status == OAT_OK
		   ? OAT_OK
		   : fail(status, "snapshot", oat_status_text(status));
}

/*
 * What a cache has the module answer right now may be of the version that was
 * just replaced, and would be kept for minutes: it is told twice.
 */
static void
tell_name_cache(void)
{
	if (oat_nscd_invalidate(OAT_NSCD_SOCKET,
		oat_deadline_in_ms(OAT_NSCD_BOUND_MS)) == OAT_NOTFOUND)
		return;
	oat_deadline_sleep(oat_deadline_in_ms(CACHE_PAUSE_MS));
	(void)oat_nscd_invalidate(
	    OAT_NSCD_SOCKET, oat_deadline_in_ms(OAT_NSCD_BOUND_MS));
}

/* The news count even when they cannot be published. */
static enum oat_status
publish(const struct intake *intake)
{
	struct oat_fetch *fetch = intake->fetch;
	enum oat_status status;
	void *image = NULL;
	size_t size = 0;

	status = build(intake, &image, &size);
	if (status == OAT_OK)
		status = take_wishes(fetch, &intake->listing);
	if (status != OAT_OK) {
		free(image);
		return status;
	}
	fetch->fetched = OAT_FETCHED_NEWS;
	status = oat_snapshot_publish(OAT_PATH_IDENTITIES, image, size);
	if (status == OAT_OK) {
		free(image);
		tell_name_cache();
		return OAT_OK;
	}
	fetch->image = image;
	fetch->image_size = size;
	return fail(status, OAT_PATH_IDENTITIES,
	    status == OAT_SYSTEM ? strerror(errno) : oat_status_text(status));
}

/* --- the answer ---------------------------------------------------------- */

static enum oat_status
ask(struct intake *intake, const char *report, int64_t *ret_generation,
    bool *ret_current)
{
	struct oat_fetch *fetch = intake->fetch;
	struct oat_knowledge known = { .report = report };
	enum oat_status status;

	*ret_current =
	    held_version(intake->flags, &known.generation, &known.as_of_us);
	*ret_generation = known.generation;
	(void)snprintf(fetch->error, sizeof(fetch->error), "%s",
	    "rows in no order of an answer");
	if (fetch->whole || !*ret_current) {
		known.as_of_us = NEVER_REACHED_US;
		*ret_current = false;
	}
	status = oat_courier_identities(fetch->courier, &known, fetch->deadline,
	    oat_listing_take, &intake->listing, fetch->error);
	if (intake->refused > REFUSALS_TOLD)
		oat_report(LOG_WARNING, "sync", "%zu more rows refused",
		    intake->refused - REFUSALS_TOLD);
	if (status != OAT_OK)
		return fail(
		    status, "identities stay as they are", fetch->error);
	fetch->error[0] = '\0';
	return OAT_OK;
}

static enum oat_status
take(struct intake *intake, const char *report)
{
	const struct oat_listing *listing = &intake->listing;
	enum oat_status status;
	int64_t generation;
	bool current;

	status = ask(intake, report, &generation, &current);
	if (status != OAT_OK)
		return status;
	if (!oat_listing_is_whole(listing) || (listing->same && !current))
		return fail(OAT_UNAVAILABLE, "identities stay as they are",
		    "the answer is incomplete");
	if (listing->same) {
		intake->fetch->fetched = OAT_FETCHED_SAME;
		return OAT_OK;
	}
	if (listing->generation < generation) {
		oat_report(LOG_WARNING, "sync",
		    "identities stay as they are: the server has generation "
		    "%lld, this host %lld: a standby that lags behind, or a "
		    "database restored from a backup",
		    (long long)listing->generation, (long long)generation);
		return OAT_OK;
	}
	return publish(intake);
}

enum oat_status
oat_fetch_run(struct oat_fetch *fetch, const char *report)
{
	const struct oat_config *config = fetch->config;
	struct intake intake = { .fetch = fetch,
		.flags = surroundings(config),
		.listing = { .refused = refused_row } };
	struct oat_local *local = NULL;
	enum oat_status status;

	oat_fetch_free(fetch);
	intake.listing.context = &intake;
	status = oat_local_load(
	    &oat_local_files, config->uid_min, config->uid_max, &local);
	if (status != OAT_OK)
		return fail(status, "the host's own accounts", strerror(errno));
	status = oat_identities_new(local, &intake.listing.identities);
	if (status == OAT_OK)
		status = take(&intake, report);
	oat_identities_free(intake.listing.identities);
	oat_listing_free(&intake.listing);
	oat_local_free(local);
	return status;
}

enum oat_status
oat_fetch_snapshot(
    const struct oat_fetch *fetch, struct oat_snapshot *ret_snapshot)
{
	struct oat_snapshot snapshot;
	enum oat_status status;

	if (fetch->image != NULL)
		return oat_snapshot_from_bytes(
		    fetch->image, fetch->image_size, ret_snapshot);
	status = oat_snapshot_open(OAT_PATH_IDENTITIES, &snapshot, NULL);
	if (status != OAT_OK)
		return status;
	status = oat_snapshot_load(&snapshot);
	if (status != OAT_OK) {
		oat_snapshot_close(&snapshot);
		return status;
	}
	*ret_snapshot = snapshot;
	return OAT_OK;
}

void
oat_fetch_free(struct oat_fetch *fetch)
{
	fetch->fetched = OAT_FETCHED_NOTHING;
	free(fetch->terminations);
	fetch->terminations = NULL;
	fetch->termination_count = 0;
	fetch->problem[0] = '\0';
	fetch->error[0] = '\0';
	free(fetch->image);
	fetch->image = NULL;
	fetch->image_size = 0;
}
