/* SPDX-License-Identifier: MIT */
/*
 * Which of several servers to use. Rules kept here, each a test of that name:
 *   - a primary wherever it stands in the list, else the first standby
 *   - a silent server leaves time for the next one, and for asking a standby
 *   - while there is another, silence is waited for no longer than a second
 *   - what is said of each server is escaped, bounded, and names it
 */
#include "database.h"

#include "escape.h"

#include <stdio.h>
#include <string.h>

/* Of one server, while another can be asked. */
#define SILENCE_MS 1000

/* An error's shortest useful rest: ": ", a character, the mark of a cut. */
#define ERROR_REST_MIN 16

/* OpenSSL knows which of these it is; libpq keeps it to itself. */
static const char *
hint(const char *why)
{
	return strstr(why, "certificate verify failed") != NULL
		   ? " (of another authority, expired or revoked, or the "
		     "clock of this host is wrong)"
		   : "";
}

/* "; db1:5432: why", appended, escaped, cut to fit. */
static void
add_failure(char *error, const char *server, const char *why)
{
	char line[OAT_DATABASE_ERROR_MAX + OAT_CONNINFO_ERROR_MAX];
	size_t used = strlen(error);

	if (OAT_DATABASE_ERROR_MAX - used < ERROR_REST_MIN)
		return;
	(void)snprintf(line, sizeof(line), "%s%s: %s%s", used > 0 ? "; " : "",
	    server, why[0] != '\0' ? why : "the connection broke", hint(why));
	oat_escape_sentence(error + used, OAT_DATABASE_ERROR_MAX - used, line);
}

/*
 * An equal share of what is left, so that the others get theirs; and if there
 * are any, no more silence than a round trip of any network takes.
 */
static struct oat_patience
share(struct oat_deadline deadline, size_t parts)
{
	uint32_t ms = (uint32_t)oat_deadline_left_ms(deadline);

	return (struct oat_patience){
		.until = oat_deadline_min(
		    deadline, oat_deadline_in_ms(ms / (uint32_t)parts)),
		.silence_ms = parts > 1 ? SILENCE_MS : UINT32_MAX,
	};
}

enum oat_status
oat_database_open(const struct oat_conninfo *conninfo, const char *password,
    struct oat_deadline deadline, struct oat_database **ret_database,
    char *ret_error)
{
	char error[OAT_DATABASE_ERROR_MAX] = "", why[OAT_DATABASE_ERROR_MAX];
	struct oat_database *best = NULL, *found = NULL;
	enum oat_status status, outcome = OAT_TIMEOUT;
	size_t i, parts, servers = oat_conninfo_servers(conninfo);
	bool standby = false, found_standby = false;

	if (oat_conninfo_check_files(conninfo, error) != OAT_OK) {
		outcome = OAT_UNAVAILABLE;
		servers = 0;
	}
	for (i = 0; i < servers && (best == NULL || standby); i++) {
		/* A standby that was found needs time to be asked, too. */
		parts = servers - i + (best != NULL ? 1 : 0);
		status = oat_database_open_server(conninfo, i, password,
		    share(deadline, parts), &found, &found_standby, why);
		if (status != OAT_OK) {
			add_failure(
			    error, oat_conninfo_server_name(conninfo, i), why);
			/* One that says no is no silence. */
			outcome = status == OAT_TIMEOUT ? outcome : status;
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
		return outcome;
	}
	*ret_database = best;
	return OAT_OK;
}
