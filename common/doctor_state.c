/* SPDX-License-Identifier: MIT */
#include "doctor_checks.h"

#include "doctor_clock.h"
#include "paths.h"
#include "refresh.h"
#include "snapshot.h"
#include "spool.h"
#include "spool_survey.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)
#define US_PER_S INT64_C(1000000)

/* --- the folders --------------------------------------------------------- */

/* Below this no snapshot of many identities fits, nor a few events. */
#define ROOM_BYTES_MIN (UINT64_C(64) * 1024)

/* Can something be written there? */
static bool
check_room(struct oat_doctor *doctor, const char *path)
{
	const char *why, *fix;
	struct statvfs fs;

	if (statvfs(path, &fs) != 0)
		return true;
	if ((fs.f_flag & ST_RDONLY) != 0) {
		why = "read-only: nothing new is known, or kept";
		fix = "look into dmesg, then: mount -o remount,rw";
	} else if ((uint64_t)fs.f_bfree * fs.f_frsize < ROOM_BYTES_MIN) {
		why = "full: nothing new is known, or kept";
		fix = "make room on its disk: df";
	} else if (fs.f_files > 0 && fs.f_ffree == 0) {
		why = "without inodes: nothing new is known, or kept";
		fix = "remove files from its disk: df -i";
	} else
		return true;
	oat_found(
	    &doctor->findings, OAT_LEVEL_FAILURE, "state", path, "%s", why);
	oat_fix(&doctor->findings, OAT_FIX_WORDS, "%s %s", fix, path);
	return false;
}

static void
check_folders(struct oat_doctor *doctor)
{
	static const struct {
		const char *path;
		mode_t forbidden, mode;
	} folders[] = {
		{ OAT_PATH_STATE, 022, 0755 },
		{ OAT_PATH_SPOOL, 077, 0700 },
		{ OAT_PATH_RUN, 022, 0755 },
	};
	struct oat_doctor_rules rules = { .type = S_IFDIR, .no_link = true };
	bool well = true;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		rules.forbidden = folders[i].forbidden;
		rules.mode = folders[i].mode;
		/* Those below are made when they are needed. */
		if (i > 0 && lstat(folders[i].path, &st) != 0)
			continue;
		well = oat_doctor_check_file(
			   doctor, "state", folders[i].path, &rules, NULL) &&
		       well;
		well = check_room(doctor, folders[i].path) && well;
	}
	if (well)
		oat_found(&doctor->findings, OAT_LEVEL_OK, "state",
		    OAT_PATH_STATE, "root's, as its folders");
	else if (doctor->findings.last.fix_kind == OAT_FIX_NONE)
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "install -d -m 0755 " OAT_PATH_STATE);
}

/* Where homes are made, by root, in a root's folder. */
static void
check_home(struct oat_doctor *doctor)
{
	static const struct oat_doctor_rules rules = {
		.type = S_IFDIR, .forbidden = 022, .mode = 0755
	};
	const char *path = doctor->setup.config.home_root;
	char word[OAT_FINDING_FIX_MAX / 2];

	if (path == NULL ||
	    oat_doctor_check_file(doctor, "home_root", path, &rules, NULL) ||
	    doctor->findings.last.fix_kind != OAT_FIX_NONE)
		return;
	if (oat_fix_quote(word, sizeof(word), path)[0] != '\0')
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "install -d -m 0755 %s", word);
}

/* --- the snapshot -------------------------------------------------------- */

static const char sync_again[] = OAT_PATH_PROGRAM " sync";

static void
refuse_snapshot(struct oat_doctor *doctor, const char *why, const char *fix)
{
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "snapshot",
	    OAT_PATH_IDENTITIES, "%s", why);
	oat_fix(&doctor->findings, OAT_FIX_SHELL, "%s", fix);
}

static const char *
explain_errno(void)
{
	switch (errno) {
	case EBADMSG:
		return "damaged: names of oat do not resolve";
	case EPERM:
		return "not root's alone, or no regular file: not believed";
	default:
		return strerror(errno);
	}
}

/* Every byte, of what is there now. */
static bool
check_bytes(struct oat_doctor *doctor, struct oat_snapshot_info *ret_info)
{
	static const char again[] =
	    "rm -rf " OAT_PATH_IDENTITIES " && " OAT_PATH_PROGRAM " sync";
	struct oat_snapshot snapshot;
	enum oat_status status;

	if (oat_snapshot_open(OAT_PATH_IDENTITIES, &snapshot, NULL) != OAT_OK) {
		refuse_snapshot(doctor, explain_errno(),
		    errno == ENOENT ? sync_again : again);
		return false;
	}
	*ret_info = snapshot.info;
	status = oat_snapshot_verify(&snapshot);
	oat_snapshot_close(&snapshot);
	if (status == OAT_OK)
		return true;
	refuse_snapshot(doctor, explain_errno(), again);
	return false;
}

static void
tell_generation(struct oat_doctor *doctor, const struct oat_snapshot_info *info)
{
	bool ahead = doctor->generation > 0 &&
		     info->generation > (uint64_t)doctor->generation;

	oat_found(&doctor->findings, ahead ? OAT_LEVEL_WARNING : OAT_LEVEL_OK,
	    "snapshot", OAT_PATH_IDENTITIES,
	    "generation %" PRIu64 ", %u identities, %u groups, every byte "
	    "checked%s",
	    info->generation, info->identity_count, info->group_count,
	    ahead ? "; newer than the database: restored, or a standby behind"
		  : "");
	if (ahead)
		oat_fix(&doctor->findings, OAT_FIX_SQL,
		    "select * from oat.restore_check()");
}

/*
 * An answer that changes nothing leaves the file as it is, so its date says
 * nothing; when a sync last succeeded does, since the last boot.
 */
static void
check_sync(struct oat_doctor *doctor, const struct oat_snapshot_info *info)
{
	struct oat_refresh_times times = { 0 };
	int64_t age_s = (int64_t)time(NULL) - info->as_of_us / US_PER_S;
	char span[OAT_DOCTOR_SPAN_MAX];
	enum oat_level level;

	(void)oat_refresh_times(OAT_PATH_RUN, &times);
	if (times.success_ns != 0)
		age_s = (int64_t)((oat_refresh_now_ns() - times.success_ns) /
				  NS_PER_S);
	level = oat_doctor_sync_level(age_s);
	oat_doctor_span(span, age_s < 0 ? 0 : age_s);
	if (level == OAT_LEVEL_OK && times.failure_ns > times.success_ns)
		level = OAT_LEVEL_WARNING;
	oat_found(&doctor->findings, level, "sync", OAT_PATH_RUN,
	    "succeeded %s ago%s", span,
	    times.failure_ns > times.success_ns ? ", and failed since" : "");
	if (level != OAT_LEVEL_OK)
		oat_fix(&doctor->findings, OAT_FIX_SHELL, "%s", sync_again);
}

/* --- the spool ----------------------------------------------------------- */

static void
check_waiting(struct oat_doctor *doctor, const struct oat_spool_survey *survey)
{
	int64_t age_s =
	    survey->oldest == 0 ? 0 : (int64_t)time(NULL) - survey->oldest;
	enum oat_level level = oat_doctor_sync_level(age_s);
	char span[OAT_DOCTOR_SPAN_MAX];

	if (survey->waiting >= OAT_SPOOL_EVENTS_MAX)
		level = OAT_LEVEL_FAILURE;
	if (survey->waiting == 0)
		oat_found(&doctor->findings, OAT_LEVEL_OK, "spool",
		    OAT_PATH_SPOOL, "nothing waits");
	else
		oat_found(&doctor->findings, level, "spool", OAT_PATH_SPOOL,
		    "%zu events wait%s, the oldest for %s", survey->waiting,
		    survey->waiting >= OAT_SPOOL_EVENTS_MAX
			? ", and new ones are lost"
			: "",
		    oat_doctor_span(span, age_s < 0 ? 0 : age_s));
	if (level != OAT_LEVEL_OK)
		oat_fix(&doctor->findings, OAT_FIX_SHELL, "%s", sync_again);
}

static void
check_spool(struct oat_doctor *doctor)
{
	struct oat_spool_survey survey = { 0 };
	enum oat_status status;

	status = oat_spool_survey(OAT_PATH_SPOOL, &survey);
	if (status == OAT_SYSTEM) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "spool",
		    OAT_PATH_SPOOL, "%s", strerror(errno));
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "rm -f " OAT_PATH_SPOOL
		    " && install -d -m 0700 " OAT_PATH_SPOOL);
		return;
	}
	check_waiting(doctor, &survey);
	if (survey.aside == 0)
		return;
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "spool.bad",
	    OAT_PATH_SPOOL, "%zu files were put aside, no events",
	    survey.aside);
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "head " OAT_PATH_SPOOL "/*.bad; rm " OAT_PATH_SPOOL "/*.bad");
}

void
oat_doctor_state(struct oat_doctor *doctor)
{
	struct oat_snapshot_info info;

	check_folders(doctor);
	check_home(doctor);
	if (check_bytes(doctor, &info)) {
		tell_generation(doctor, &info);
		check_sync(doctor, &info);
	}
	if (doctor->root)
		check_spool(doctor);
	else
		oat_doctor_needs_root(doctor, "spool", OAT_PATH_SPOOL);
}
