/* SPDX-License-Identifier: MIT */
#include "doctor.h"

#include "doctor_checks.h"
#include "escape.h"
#include "paths.h"
#include "snapshot.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* The whole path, in the order in which a login takes it. */
static void (*const checks[])(struct oat_doctor *doctor) = {
	oat_doctor_files,
	oat_doctor_install,
	oat_doctor_names,
	oat_doctor_stacks,
	oat_doctor_sshd,
	oat_doctor_sudo,
	oat_doctor_database,
	oat_doctor_state,
	oat_doctor_schedule,
	oat_doctor_ids,
	oat_doctor_login,
};

/* --- whom to ask about --------------------------------------------------- */

/* What collects the groups of an identity. */
struct groups {
	const struct oat_snapshot *snapshot;
	struct oat_doctor_user *user;
};

static enum oat_status
take_group(uint32_t gid, void *context)
{
	const struct groups *groups = context;
	struct oat_doctor_user *user = groups->user;
	struct oat_record record;

	if (user->group_count < OAT_DOCTOR_GROUPS_MAX &&
	    oat_snapshot_find_id(groups->snapshot, gid, &record) == OAT_OK)
		memcpy(user->groups[user->group_count++], record.name,
		    sizeof(record.name));
	return OAT_OK;
}

static void
take_user(const struct oat_snapshot *snapshot, const struct oat_record *record,
    struct oat_doctor_user *user)
{
	struct groups groups = { snapshot, user };

	(void)snprintf(user->login, sizeof(user->login), "%.*s", OAT_LOGIN_MAX,
	    record->name);
	user->uid = record->id;
	user->exists = true;
	user->group_count = 0;
	memcpy(user->groups[user->group_count++], record->name,
	    sizeof(record->name));
	(void)oat_snapshot_groups(snapshot, record, take_group, &groups);
}

static bool
is_somebody(const struct oat_record *record)
{
	return record->kind == OAT_RECORD_IDENTITY && record->active;
}

/*
 * The login that is asked about; or else any that is let in here; or else one
 * that is spelled like them, since some of sshd's settings go by the name.
 */
static void
choose_user(struct oat_doctor *doctor)
{
	struct oat_doctor_user *user = &doctor->user;
	struct oat_snapshot snapshot;
	struct oat_record record;
	uint64_t cursor = 0;
	bool found = false;

	(void)snprintf(user->login, sizeof(user->login), "%s",
	    doctor->login != NULL && oat_name_is_login(doctor->login)
		? doctor->login
		: "oat-acme-ci");
	(void)snprintf(user->groups[0], sizeof(user->groups[0]), "oat-users");
	user->group_count = 1;
	if (oat_snapshot_open(OAT_PATH_IDENTITIES, &snapshot, NULL) != OAT_OK)
		return;
	if (doctor->login != NULL)
		found = oat_snapshot_find_name(
			    &snapshot, user->login, &record) == OAT_OK &&
			is_somebody(&record);
	while (doctor->login == NULL && !found &&
	       oat_snapshot_next(&snapshot, &cursor, &record) == OAT_OK)
		found = is_somebody(&record);
	if (found)
		take_user(&snapshot, &record, user);
	oat_snapshot_close(&snapshot);
}

/* --- the command --------------------------------------------------------- */

static int
usage(void)
{
	fprintf(stderr, "usage: oat doctor [--json | --quiet] [--login NAME "
			"[--service SERVICE] [--rhost ADDRESS]]\n");
	return EX_USAGE;
}

/* False for what is not understood. */
static bool
read_options(int argc, char *argv[], struct oat_doctor *doctor)
{
	const struct {
		const char *name;
		const char **value;
	} options[] = {
		{ "--login", &doctor->login },
		{ "--service", &doctor->service },
		{ "--rhost", &doctor->rhost },
	};
	size_t length;
	size_t i, n = sizeof(options) / sizeof(options[0]);
	int at;

	for (at = 1; at < argc; at++) {
		for (i = 0; i < n; i++)
			if (strcmp(argv[at], options[i].name) == 0)
				break;
		length = i < n && at + 1 < argc ? strlen(argv[at + 1]) : 0;
		if (length > 0 && length < OAT_ESCAPED_MAX)
			*options[i].value = argv[++at];
		else if (strcmp(argv[at], "--json") == 0)
			doctor->findings.json = true;
		else if (strcmp(argv[at], "--quiet") == 0)
			doctor->findings.quiet = true;
		else
			return false;
	}
	if (doctor->login == NULL && (doctor->service || doctor->rhost))
		return false;
	return !doctor->findings.json || !doctor->findings.quiet;
}

int
oat_doctor_main(int argc, char *argv[])
{
	struct oat_doctor doctor = { .findings.to = stdout };
	int status;
	size_t i;

	if (!read_options(argc, argv, &doctor))
		return usage();
	if (doctor.service == NULL)
		doctor.service = "sshd";
	if (doctor.rhost == NULL)
		doctor.rhost = "-";
	doctor.root = geteuid() == 0;
	choose_user(&doctor);
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&doctor);
	oat_setup_free(&doctor.setup);
	status = oat_findings_end(&doctor.findings);
	return fflush(stdout) == 0 ? status : EX_IOERR;
}
