/* SPDX-License-Identifier: MIT */
/*
 * Who runs `oat sync`: a unit of systemd, cron, or a sync that watches. One is
 * enough, and without any a host learns of nothing until somebody logs in.
 */
#include "doctor_checks.h"

#include "capture.h"
#include "paths.h"
#include "textfile.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who was found; "" for nobody. */
struct schedule {
	char what[OAT_FINDING_SUBJECT_MAX];
	bool stopped; /* a unit that is enabled, and not active */
};

/* --- systemd ------------------------------------------------------------- */

/* oat-sync.timer, oat-watch.service, or a timer of the administrator's. */
static bool
is_ours(const char *name)
{
	size_t length = strlen(name);

	if (strcmp(name, "oat-watch.service") == 0)
		return true;
	return strncmp(name, "oat", 3) == 0 && length > strlen(".timer") &&
	       strcmp(name + length - strlen(".timer"), ".timer") == 0;
}

static bool
systemd_runs(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static void
check_active(struct schedule *schedule)
{
	const char *const argv[] = { "/usr/bin/systemctl", "is-active",
		schedule->what, NULL };
	char output[64];
	int code = 0;

	schedule->stopped =
	    oat_capture(argv, oat_deadline_in_ms(OAT_DOCTOR_PROGRAM_MS), output,
		sizeof(output), &code) == OAT_OK &&
	    code != 0;
}

static bool
is_found(const struct schedule *schedule)
{
	return schedule->what[0] != '\0' && !schedule->stopped;
}

/* Of several that are enabled, one that is active counts. */
static void
find_unit_in(const char *folder, struct schedule *schedule)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);

	while (dir != NULL && !is_found(schedule) &&
	       (entry = readdir(dir)) != NULL)
		if (is_ours(entry->d_name)) {
			(void)snprintf(schedule->what, sizeof(schedule->what),
			    "%.100s", entry->d_name);
			check_active(schedule);
		}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
find_unit(struct schedule *schedule)
{
	static const char *const folders[] = {
		"/etc/systemd/system/timers.target.wants",
		"/etc/systemd/system/multi-user.target.wants",
		"/run/systemd/system/timers.target.wants",
		"/run/systemd/system/multi-user.target.wants",
		"/usr/lib/systemd/system/timers.target.wants",
		"/usr/lib/systemd/system/multi-user.target.wants"
	};
	size_t i;

	if (!systemd_runs())
		return;
	for (i = 0;
	     i < sizeof(folders) / sizeof(folders[0]) && !is_found(schedule);
	     i++)
		find_unit_in(folders[i], schedule);
}

/* --- cron ---------------------------------------------------------------- */

/* A line that runs us, and is no comment. */
static bool
runs_sync(const char *path)
{
	char *text = NULL, *rest, *line;
	bool runs = false;

	if (oat_textfile_read(path, &text) != OAT_OK)
		return false;
	rest = text;
	while (!runs && (line = oat_textfile_line(&rest)) != NULL) {
		line += strspn(line, " \t");
		runs = *line != '#' && strstr(line, "oat sync") != NULL;
	}
	free(text);
	return runs;
}

/* As cron(8) takes them: others are left alone. */
static bool
is_cron_name(const char *name)
{
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' &&
		    *name != '-')
			return false;
	return true;
}

static void
find_cron(struct schedule *schedule)
{
	static const char *const files[] = { "/etc/crontab",
		"/var/spool/cron/crontabs/root", "/var/spool/cron/root" };
	char path[300];
	struct dirent *entry;
	DIR *dir;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (runs_sync(files[i]))
			(void)snprintf(schedule->what, sizeof(schedule->what),
			    "%s", files[i]);
	dir = opendir("/etc/cron.d");
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)snprintf(
		    path, sizeof(path), "/etc/cron.d/%s", entry->d_name);
		if (is_cron_name(entry->d_name) && runs_sync(path))
			(void)snprintf(schedule->what, sizeof(schedule->what),
			    "%.100s", path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* --- a sync that watches ------------------------------------------------- */

/* "oat sync" with "--watch", from the arguments of a process. */
static bool
is_watch(const char *pid)
{
	char path[64], arguments[256];
	size_t used, i;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	used = fread(arguments, 1, sizeof(arguments) - 1, file);
	(void)fclose(file);
	arguments[used] = '\0';
	for (i = 0; i + 1 < used; i++)
		if (arguments[i] == '\0')
			arguments[i] = ' ';
	return strstr(arguments, "oat sync ") != NULL &&
	       strstr(arguments, " --watch") != NULL;
}

static void
find_watch(struct schedule *schedule)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    is_watch(entry->d_name)) {
			(void)snprintf(schedule->what, sizeof(schedule->what),
			    "oat sync --watch (%.20s)", entry->d_name);
			break;
		}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Our services ask by a socket, which somebody may have removed. */
static bool
has_courier(const char *unit)
{
	struct stat st;

	if (strcmp(unit, "oat-sync.timer") != 0 &&
	    strcmp(unit, "oat-watch.service") != 0)
		return true;
	return stat(OAT_PATH_SOCKET, &st) == 0 && S_ISSOCK(st.st_mode);
}

void
oat_doctor_schedule(struct oat_doctor *doctor)
{
	struct schedule schedule = { .what = "" };

	find_unit(&schedule);
	if (schedule.stopped) {
		oat_found(&doctor->findings, OAT_LEVEL_WARNING, "schedule",
		    schedule.what, "enabled, and not active");
		oat_fix(&doctor->findings, OAT_FIX_SHELL, "systemctl start %s",
		    schedule.what);
		return;
	}
	if (!has_courier(schedule.what)) {
		oat_found(&doctor->findings, OAT_LEVEL_WARNING, "schedule",
		    schedule.what,
		    "no socket " OAT_PATH_SOCKET
		    ", by which its unit asks the database");
		oat_fix(&doctor->findings, OAT_FIX_SHELL, "%s",
		    "systemctl daemon-reload && systemctl restart "
		    "oat-courier.socket");
		return;
	}
	if (schedule.what[0] == '\0')
		find_cron(&schedule);
	if (schedule.what[0] == '\0')
		find_watch(&schedule);
	if (schedule.what[0] != '\0') {
		oat_found(&doctor->findings, OAT_LEVEL_OK, "schedule",
		    schedule.what, "runs oat sync");
		return;
	}
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "schedule", "oat sync",
	    "run by no timer, no crontab, and none watches");
	oat_fix(&doctor->findings, OAT_FIX_SHELL, "%s",
	    systemd_runs() ? "systemctl enable --now oat-sync.timer"
			   : "echo '* * * * * root " OAT_PATH_PROGRAM
			     " sync' >/etc/cron.d/oat");
}
