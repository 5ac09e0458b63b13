/* SPDX-License-Identifier: MIT */
/*
 * Which of several servers to use. Rules kept here, each a test of that name:
 *   - a primary wherever it stands in the list, else the first standby
 *   - a silent server leaves time for the next one, and for asking a standby
 *   - what is said of each server is escaped, bounded, and names it
 */
#include "database.h"

#include "escape.h"

#include <stdio.h>
#include <string.h>

/* An error's shortest useful rest: ": ", a character, the mark of a cut. */
#define ERROR_REST_MIN 16

/* "; db1:5432: why", appended, escaped, cut to fit. */
static void
add_failure(char *error, const char *server, const char *why)
{
	char line[OAT_DATABASE_ERROR_MAX + OAT_CONNINFO_ERROR_MAX];
	size_t used = strlen(error);

	if (OAT_DATABASE_ERROR_MAX - used < ERROR_REST_MIN)
		return;
	(void)snprintf(line, sizeof(line), "%s%s: %s", used > 0 ? "; " : "",
	    server, why[0] != '\0' ? why : "the connection broke");
	oat_escape_sentence(error + used, OAT_DATABASE_ERROR_MAX - used, line);
}

/* An equal share of what is left, so that the others get theirs. */
static struct oat_deadline
share(struct oat_deadline deadline, size_t parts)
{
	uint32_t ms = (uint32_t)oat_deadline_left_ms(deadline);

	return oat_deadline_min(
	    deadline, oat_deadline_in_ms(ms / (uint32_t)parts));
}

enum oat_status
oat_database_open(const struct oat_conninfo *conninfo, const char *password,
    struct oat_deadline deadline, struct oat_database **ret_database,
    char *ret_error)
{
	char error[OAT_DATABASE_ERROR_MAX] = "", why[OAT_DATABASE_ERROR_MAX];
	struct oat_database *best = NULL, *found = NULL;
	size_t i, parts, servers = oat_conninfo_servers(conninfo);
	bool standby = false, found_standby = false;

	if (oat_conninfo_check_crl(conninfo, error) != OAT_OK)
		servers = 0;
	for (i = 0; i < servers && (best == NULL || standby); i++) {
		/* A standby that was found needs time to be asked, too. */
		parts = servers - i + (best != NULL ? 1 : 0);
		if (oat_database_open_server(conninfo, i, password,
			share(deadline, parts), &found, &found_standby,
			why) != OAT_OK) {
			add_failure(
			    error, oat_conninfo_server_name(conninfo, i), why);
		} else if (best == NULL || !found_standby) {
			oat_database_close(best);
			best = found;
			standby = found_standby;
		} else {
			oat_database_close(found);
		}
	}
	if (best == NULL) {
		(void)snprintf(ret_error, OAT_DATABASE_ERROR_MAX, "%s", error);
		return OAT_UNAVAILABLE;
	}
	*ret_database = best;
	return OAT_OK;
}
