/* SPDX-License-Identifier: MIT */
#include "doctor_checks.h"

#include "mark.h"
#include "paths.h"

#include <errno.h>
#include <string.h>

/* The pieces of one build; each carries its version. */
static const struct {
	const char *check, *path;
	mode_t mode;
} pieces[] = {
	{ "program", OAT_PATH_PROGRAM, 0755 },
	{ "courier", OAT_PATH_COURIER, 0644 },
	{ "pam_module", OAT_PATH_PAM_MODULE, 0644 },
	{ "nss_module", OAT_PATH_NSS_MODULE, 0644 },
};

static const char install_again[] =
    "install oat again: make install, or apt-get install --reinstall oat";

/* True when it is of this version. */
static bool
check_version(struct oat_doctor *doctor, const char *check, const char *path)
{
	char version[OAT_MARK_VERSION_MAX] = "";
	enum oat_status status = oat_mark_read(path, version);

	if (status == OAT_OK && strcmp(version, OAT_VERSION) == 0) {
		oat_found(&doctor->findings, OAT_LEVEL_OK, check, path,
		    "version %s", version);
		return true;
	}
	if (status == OAT_OK)
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, check, path,
		    "version %s, this program is " OAT_VERSION, version);
	else
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, check, path,
		    "%s",
		    status == OAT_SYSTEM ? strerror(errno)
					 : "nothing that oat made");
	oat_fix(&doctor->findings, OAT_FIX_WORDS, "%s", install_again);
	return false;
}

void
oat_doctor_install(struct oat_doctor *doctor)
{
	struct oat_doctor_rules rules = { .type = S_IFREG, .forbidden = 022 };
	bool well;
	size_t i;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		rules.mode = pieces[i].mode;
		well = oat_doctor_check_file(
		    doctor, pieces[i].check, pieces[i].path, &rules, NULL);
		if (!well && doctor->findings.last.fix_kind == OAT_FIX_NONE)
			oat_fix(&doctor->findings, OAT_FIX_WORDS, "%s",
			    install_again);
		well = well &&
		       check_version(doctor, pieces[i].check, pieces[i].path);
		if (strcmp(pieces[i].check, "pam_module") == 0)
			doctor->no_module = !well;
	}
}
