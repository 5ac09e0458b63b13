/* SPDX-License-Identifier: MIT */
/*
 * One login: what this host knows of it, then the database's own explanation,
 * which is worded for hosts and says nothing about others.
 */
#include "doctor_checks.h"

#include "courier.h"
#include "local.h"
#include "paths.h"
#include "snapshot.h"

#include <stdio.h>
#include <string.h>

/* --- here ---------------------------------------------------------------- */

static bool
check_spelling(struct oat_doctor *doctor)
{
	struct oat_local *local = NULL;
	bool taken = false;

	if (!oat_name_is_login(doctor->login)) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "login",
		    doctor->login,
		    "no login of oat: it is oat-<organization>-<token>");
		oat_fix(&doctor->findings, OAT_FIX_SQL,
		    "select login from oat.token_status");
		return false;
	}
	if (oat_local_load(&oat_local_files, OAT_ID_MIN, OAT_ID_MAX, &local) ==
	    OAT_OK)
		taken = oat_local_has_name(local, doctor->login);
	oat_local_free(local);
	if (!taken)
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "login", doctor->login,
	    "a local account has this name: oat leaves it alone");
	oat_fix(&doctor->findings, OAT_FIX_WORDS,
	    "rename the local user and group");
	return false;
}

static void
check_snapshot(struct oat_doctor *doctor)
{
	struct oat_snapshot snapshot;
	struct oat_record record;
	enum oat_status status;

	if (oat_snapshot_open(OAT_PATH_IDENTITIES, &snapshot, NULL) != OAT_OK)
		return; /* told already */
	status = oat_snapshot_find_name(&snapshot, doctor->login, &record);
	oat_snapshot_close(&snapshot);
	if (status == OAT_OK && record.kind == OAT_RECORD_IDENTITY &&
	    record.active) {
		oat_found(&doctor->findings, OAT_LEVEL_OK, "login",
		    doctor->login, "known here, uid %u, shell %s", record.id,
		    record.shell);
		return;
	}
	if (status == OAT_OK) {
		oat_found(&doctor->findings, OAT_LEVEL_WARNING, "login",
		    doctor->login,
		    "known here as without access: nologin, no groups");
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "mend what is said below, then " OAT_PATH_PROGRAM " sync");
		return;
	}
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "login", doctor->login,
	    "not known here, or not yet");
	oat_fix(&doctor->findings, OAT_FIX_SHELL, OAT_PATH_PROGRAM " sync");
}

/* --- there --------------------------------------------------------------- */

static enum oat_status
tell(const struct oat_explained *row, void *context)
{
	struct oat_doctor *doctor = context;
	enum oat_level level = OAT_LEVEL_SKIPPED;
	char check[OAT_FINDING_CHECK_MAX];

	if (strcmp(row->passed, "t") == 0)
		level = OAT_LEVEL_OK;
	else if (strcmp(row->passed, "f") == 0)
		level = OAT_LEVEL_FAILURE;
	(void)snprintf(check, sizeof(check), "%.30s", row->check);
	oat_found(
	    &doctor->findings, level, check, doctor->login, "%s", row->detail);
	if (level == OAT_LEVEL_FAILURE && row->fix[0] != '\0')
		oat_fix(&doctor->findings, OAT_FIX_SQL, "%s", row->fix);
	else if (level == OAT_LEVEL_FAILURE &&
		 strcmp(row->check, "allowed") == 0)
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "mend the first of the checks above that failed");
	return OAT_OK;
}

static void
explain(struct oat_doctor *doctor)
{
	struct oat_deadline deadline =
	    oat_deadline_in_ms(doctor->setup.config.timeout_ms);
	const struct oat_orders orders = oat_setup_orders(&doctor->setup);
	char error[OAT_DATABASE_ERROR_MAX] = "no child process";
	struct oat_child child = OAT_CHILD_NONE;
	enum oat_status status;

	status = oat_courier_start(&doctor->account, &orders, &child);
	if (status == OAT_OK)
		status =
		    oat_courier_explain(&child, doctor->login, doctor->service,
			doctor->rhost, deadline, tell, doctor, error);
	oat_child_end(&child);
	if (status == OAT_OK)
		return;
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "explain",
	    doctor->login, "%s", error);
	oat_fix(&doctor->findings, OAT_FIX_WORDS,
	    "mend what is said of the servers and the schema");
}

void
oat_doctor_login(struct oat_doctor *doctor)
{
	if (doctor->login == NULL || !check_spelling(doctor))
		return;
	check_snapshot(doctor);
	if (doctor->configured)
		explain(doctor);
	else
		oat_doctor_needs_configuration(
		    doctor, "explain", doctor->login);
}
