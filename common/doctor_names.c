/* SPDX-License-Identifier: MIT */
#include "doctor_checks.h"

#include "capture.h"
#include "nscd.h"
#include "nsswitch.h"
#include "textfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NSSWITCH "/etc/nsswitch.conf"
#define OUTPUT_MAX 512

/* --- nsswitch.conf ------------------------------------------------------- */

/*
 * Takes our name off a line and puts it behind the first that is there,
 * "files" as a rule, before any action that stands behind that one.
 */
static void
fix_line(struct oat_doctor *doctor, const char *database)
{
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "sed -i -E '/^[[:space:]]*%s:/ {s/[[:space:]]+oat\\>"
	    "([[:space:]]*\\[[^]]*\\])?//g; s/:[[:space:]]*[a-z]+/& "
	    "oat/}' " NSSWITCH,
	    database);
}

/* The service before ours that lets nobody get as far; NULL for none. */
static const struct oat_nsswitch_service *
find_end(const struct oat_nsswitch *line, size_t ours)
{
	size_t i;

	for (i = 0; i < ours; i++)
		if (line->service[i].ends_search)
			return &line->service[i];
	return NULL;
}

/* Directly behind what knows this host's own accounts? */
static bool
stands_right(const struct oat_nsswitch *line, size_t ours)
{
	return ours == 1 && (strcmp(line->service[0].name, "files") == 0 ||
				strcmp(line->service[0].name, "compat") == 0);
}

static void
judge_line(struct oat_doctor *doctor, const char *check, const char *subject,
    const struct oat_nsswitch *line)
{
	struct oat_findings *findings = &doctor->findings;
	size_t ours = oat_nsswitch_find(line, "oat");
	const struct oat_nsswitch_service *end = find_end(line, ours);

	if (ours == line->count)
		oat_found(findings, OAT_LEVEL_FAILURE, check, subject,
		    "no oat: nobody knows its identities");
	else if (end != NULL)
		oat_found(findings, OAT_LEVEL_FAILURE, check, subject,
		    "oat is never asked: an action behind %s ends the search",
		    end->name);
	else if (oat_nsswitch_times(line, "oat") > 1)
		oat_found(findings, OAT_LEVEL_WARNING, check, subject,
		    "oat stands there %zu times",
		    oat_nsswitch_times(line, "oat"));
	else if (!stands_right(line, ours))
		oat_found(findings, OAT_LEVEL_WARNING, check, subject,
		    "oat stands %s%s, not directly behind files",
		    ours == 0 ? "before this host's own accounts" : "behind ",
		    ours == 0 ? "" : line->service[ours - 1].name);
	else {
		oat_found(findings, OAT_LEVEL_OK, check, subject,
		    "oat, directly behind %s", line->service[0].name);
		return;
	}
	fix_line(doctor, check + strlen("nsswitch."));
}

/* A line that must have us; `needed`: it must be there at all. */
static void
check_line(
    struct oat_doctor *doctor, const char *text, const char *check, bool needed)
{
	const char *database = check + strlen("nsswitch.");
	char subject[OAT_FINDING_SUBJECT_MAX];
	struct oat_nsswitch line;

	oat_nsswitch_parse(text, database, &line);
	(void)snprintf(subject, sizeof(subject), NSSWITCH ":%u", line.line);
	if (line.lines > 1) {
		oat_found(&doctor->findings, OAT_LEVEL_WARNING, check, subject,
		    "one of %u lines `%s:`; which one counts depends on glibc",
		    line.lines, database);
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "leave one of them in " NSSWITCH);
	} else if (line.lines == 1) {
		judge_line(doctor, check, subject, &line);
	} else if (needed) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, check, NSSWITCH,
		    "no line `%s:`", database);
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "echo '%s: files oat systemd' >>" NSSWITCH, database);
	}
}

/* The module has no shadow entries, and must not be asked for any. */
static void
check_shadow(struct oat_doctor *doctor, const char *text, const char *check)
{
	const char *database = check + strlen("nsswitch.");
	char subject[OAT_FINDING_SUBJECT_MAX];
	struct oat_nsswitch line;

	oat_nsswitch_parse(text, database, &line);
	if (oat_nsswitch_times(&line, "oat") == 0)
		return;
	(void)snprintf(subject, sizeof(subject), NSSWITCH ":%u", line.line);
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, check, subject,
	    "oat has no %s entries", database);
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "sed -i -E '/^[[:space:]]*%s:/ s/[[:space:]]+oat\\>//g' " NSSWITCH,
	    database);
}

void
oat_doctor_nsswitch(struct oat_doctor *doctor, const char *text)
{
	check_line(doctor, text, "nsswitch.passwd", true);
	check_line(doctor, text, "nsswitch.group", true);
	/* Where there is such a line, glibc asks it for a user's groups. */
	check_line(doctor, text, "nsswitch.initgroups", false);
	check_shadow(doctor, text, "nsswitch.shadow");
	check_shadow(doctor, text, "nsswitch.gshadow");
}

static void
check_nsswitch(struct oat_doctor *doctor)
{
	char *text = NULL;

	if (oat_textfile_read(NSSWITCH, &text) == OAT_OK) {
		oat_doctor_nsswitch(doctor, text);
		free(text);
		return;
	}
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "nsswitch.passwd",
	    NSSWITCH, "cannot be read");
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "printf '%%s: files oat systemd\\n' passwd group >>" NSSWITCH
	    " && chmod 0644 " NSSWITCH);
}

/* --- what comes of it ---------------------------------------------------- */

/* Does the host's libc know an identity that the snapshot has? */
static void
check_resolution(struct oat_doctor *doctor)
{
	const struct oat_doctor_user *user = &doctor->user;
	const char *const argv[] = { "/usr/bin/getent", "passwd", user->login,
		NULL };
	char output[OUTPUT_MAX], wanted[64];
	int code = 0;

	if (!user->exists)
		return;
	(void)snprintf(
	    wanted, sizeof(wanted), "%s:*:%u:", user->login, user->uid);
	if (oat_capture(argv, oat_deadline_in_ms(OAT_DOCTOR_PROGRAM_MS), output,
		sizeof(output), &code) != OAT_OK)
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "names",
		    user->login, "getent passwd does not answer");
	else if (strncmp(output, wanted, strlen(wanted)) == 0) {
		oat_found(&doctor->findings, OAT_LEVEL_OK, "names", user->login,
		    "resolves to uid %u", user->uid);
		return;
	} else if (code == 127)
		oat_found(&doctor->findings, OAT_LEVEL_SKIPPED, "names",
		    user->login, "no /usr/bin/getent to look it up with");
	else
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "names",
		    user->login, "is in the snapshot, with uid %u, and %s",
		    user->uid,
		    output[0] == '\0' ? "not found by getent passwd"
				      : "another by getent passwd");
	oat_fix(&doctor->findings, OAT_FIX_WORDS,
	    "mend what is said of nsswitch and nss_module; then ldconfig");
}

/*
 * Neither is in the way: a sync tells the one to forget, and sssd keeps its own
 * names alone, but gives out numbers, too.
 */
static void
check_caches(struct oat_doctor *doctor)
{
	static const char sssd[] = "/var/lib/sss/pipes/nss";

	if (access(OAT_NSCD_SOCKET, F_OK) == 0)
		oat_found(&doctor->findings, OAT_LEVEL_OK, "cache",
		    OAT_NSCD_SOCKET,
		    "nscd or unscd runs here, too: told to forget by each sync "
		    "that changes something");
	if (access(sssd, F_OK) == 0)
		oat_found(&doctor->findings, OAT_LEVEL_OK, "cache", sssd,
		    "sssd runs here, too: keep its ldap_idmap_range away from "
		    "uid_range");
}

void
oat_doctor_names(struct oat_doctor *doctor)
{
	check_nsswitch(doctor);
	check_caches(doctor);
	check_resolution(doctor);
}
