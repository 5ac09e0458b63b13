/* SPDX-License-Identifier: MIT */
/* sudoers: what a token may that was granted sudo. */
#include "doctor_checks.h"

#include "capture.h"
#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VISUDO "/usr/sbin/visudo"
#define OUTPUT_MAX 16384

static const char again[] = "printf '%%%%oat-sudo ALL=(ALL:ALL) ALL\\n' | "
			    "install -m 0440 /dev/stdin " OAT_PATH_SUDOERS;

/* As sudo wants it, or it is ignored. */
static bool
check_snippet(struct oat_doctor *doctor)
{
	static const struct oat_doctor_rules rules = {
		.type = S_IFREG, .forbidden = 022, .mode = 0440
	};
	struct stat st;

	if (lstat(OAT_PATH_SUDOERS, &st) == 0 || errno != ENOENT)
		return oat_doctor_check_file(
		    doctor, "sudoers", OAT_PATH_SUDOERS, &rules, NULL);
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "sudoers",
	    OAT_PATH_SUDOERS,
	    "not there: nothing is allowed to members of oat-sudo");
	oat_fix(&doctor->findings, OAT_FIX_SHELL, again);
	return false;
}

/* What visudo(8) says of one file: a line "/etc/sudoers.d/oat: parsed OK". */
static bool
is_parsed(const char *output)
{
	return strstr(output, OAT_PATH_SUDOERS ": parsed OK") != NULL;
}

static void
check_parsed(struct oat_doctor *doctor, const char *output, int code)
{
	if (code != 0) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sudoers",
		    VISUDO " -c", "%.*s", (int)strcspn(output, "\n"), output);
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "mend the file that it names, with visudo -f FILE");
	} else if (!is_parsed(output)) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sudoers",
		    OAT_SYSCONFDIR "/sudoers", "does not include %s",
		    OAT_PATH_SUDOERS);
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "echo '@includedir " OAT_SYSCONFDIR
		    "/sudoers.d' >>" OAT_SYSCONFDIR "/sudoers");
	} else
		oat_found(&doctor->findings, OAT_LEVEL_OK, "sudoers",
		    OAT_PATH_SUDOERS, "included, understood by sudo");
}

void
oat_doctor_sudo(struct oat_doctor *doctor)
{
	static const char *const argv[] = { VISUDO, "-c", NULL };
	char *output;
	int code = 0;

	if (access(VISUDO, F_OK) != 0) {
		oat_found(&doctor->findings, OAT_LEVEL_OK, "sudoers", VISUDO,
		    "there is no sudo here");
		return;
	}
	if (!doctor->root) {
		oat_doctor_needs_root(doctor, "sudoers", OAT_PATH_SUDOERS);
		return;
	}
	if (!check_snippet(doctor))
		return;
	output = malloc(OUTPUT_MAX);
	if (output != NULL &&
	    oat_capture(argv, oat_deadline_in_ms(OAT_DOCTOR_PROGRAM_MS), output,
		OUTPUT_MAX, &code) == OAT_OK)
		check_parsed(doctor, output, code);
	else
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sudoers",
		    VISUDO " -c", "it does not answer");
	free(output);
}
