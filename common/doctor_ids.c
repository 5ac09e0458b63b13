/* SPDX-License-Identifier: MIT */
/*
 * Numbers of other directories inside our range. Such an account is refused by
 * `oat sync` where /etc/passwd has it; where another name service does, two
 * names share a number, and with it files.
 */
#include "doctor_checks.h"

#include "capture.h"
#include "nsswitch.h"
#include "paths.h"
#include "textfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)1024 * 1024) /* bytes of one service's accounts */

/* systemd's for containers and virtual machines (systemd.io/UIDS-GIDS). */
#define SYSTEMD_CONTAINERS_MIN UINT32_C(524288)
#define SYSTEMD_CONTAINERS_MAX UINT32_C(1879048191)

struct range {
	uint64_t min, max; /* inclusive */
};

static struct range
ours(const struct oat_doctor *doctor)
{
	return (struct range){ doctor->setup.config.uid_min,
		doctor->setup.config.uid_max };
}

static bool
overlaps(struct range a, struct range b)
{
	return a.min <= b.max && b.min <= a.max;
}

static void
fix_range(struct oat_doctor *doctor)
{
	oat_fix(&doctor->findings, OAT_FIX_WORDS,
	    "give it other numbers, or move uid_range in " OAT_PATH_CONFIG
	    " and in oat.settings before identities exist");
}

/* The nth field, from 0, of "name:x:uid:gid"; false when it is no number. */
static bool
field(const char *line, size_t n, uint64_t *ret_number)
{
	char *end;

	for (; n > 0; n--) {
		line = strchr(line, ':');
		if (line++ == NULL)
			return false;
	}
	*ret_number = strtoull(line, &end, 10);
	return end != line;
}

/* --- accounts ------------------------------------------------------------ */

/*
 * The first account of a text, of passwd's or group's form, that is in our
 * range; false for none.
 */
static bool
find_account(struct range range, char *text, char *ret_name, size_t size)
{
	uint64_t id;
	char *line;

	while ((line = oat_textfile_line(&text)) != NULL) {
		if (!field(line, 2, &id) || id < range.min || id > range.max)
			continue;
		(void)snprintf(ret_name, size, "%.*s (%" PRIu64 ")",
		    (int)strcspn(line, ":"), line, id);
		return true;
	}
	return false;
}

static bool
check_accounts(struct oat_doctor *doctor, const char *path)
{
	char *text = NULL, name[96];
	bool found;

	if (oat_textfile_read(path, &text) != OAT_OK)
		return true;
	found = find_account(ours(doctor), text, name, sizeof(name));
	free(text);
	if (!found)
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "ids", path,
	    "%s is inside uid_range", name);
	fix_range(doctor);
	return false;
}

/* The accounts that another name service has, where it lists them. */
static bool
check_service(
    struct oat_doctor *doctor, const char *database, const char *service)
{
	const char *const argv[] = { "/usr/bin/getent", "-s", service, database,
		NULL };
	char *output = malloc(OUTPUT_MAX), name[96];
	bool found = false;
	int code;

	if (output != NULL &&
	    oat_capture(argv, oat_deadline_in_ms(OAT_DOCTOR_PROGRAM_MS), output,
		OUTPUT_MAX, &code) == OAT_OK)
		found = find_account(ours(doctor), output, name, sizeof(name));
	free(output);
	if (!found)
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "ids", service,
	    "its %s %s is inside uid_range",
	    strcmp(database, "passwd") == 0 ? "user" : "group", name);
	fix_range(doctor);
	return false;
}

static bool
check_services(struct oat_doctor *doctor, const char *database)
{
	struct oat_nsswitch line;
	char *text = NULL;
	bool well = true;
	size_t i;

	if (oat_textfile_read("/etc/nsswitch.conf", &text) != OAT_OK)
		return true;
	oat_nsswitch_parse(text, database, &line);
	free(text);
	for (i = 0; i < line.count; i++)
		if (strcmp(line.service[i].name, "files") != 0 &&
		    strcmp(line.service[i].name, "compat") != 0 &&
		    strcmp(line.service[i].name, "oat") != 0)
			well = check_service(
				   doctor, database, line.service[i].name) &&
			       well;
	return well;
}

/* --- ranges -------------------------------------------------------------- */

/* Of subuid(5): name:first:count. */
static bool
check_subordinates(struct oat_doctor *doctor, const char *path)
{
	char *text = NULL, *rest, *line;
	uint64_t first, count;
	bool well = true;

	if (oat_textfile_read(path, &text) != OAT_OK)
		return true;
	rest = text;
	while (well && (line = oat_textfile_line(&rest)) != NULL) {
		if (!field(line, 1, &first) || !field(line, 2, &count) ||
		    count == 0 || first > UINT32_MAX || count > UINT32_MAX ||
		    !overlaps(ours(doctor),
			(struct range){ first, first + count - 1 }))
			continue;
		well = false;
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "ids", path,
		    "%.*s has %" PRIu64 "-%" PRIu64 ", inside uid_range",
		    (int)strcspn(line, ":"), line, first, first + count - 1);
		fix_range(doctor);
	}
	free(text);
	return well;
}

/* The value of a key of login.defs(5), or another when it is not there. */
static uint64_t
defined(const char *text, const char *key, uint64_t otherwise)
{
	size_t length = strlen(key), line;

	for (; *text != '\0'; text += line + (text[line] == '\n')) {
		line = strcspn(text, "\n");
		if (strncmp(text, key, length) == 0 &&
		    (text[length] == ' ' || text[length] == '\t'))
			return strtoull(text + length, NULL, 10);
	}
	return otherwise;
}

/* What useradd(8) gives to new accounts: below ours, or above. */
static void
tell_defaults(struct oat_doctor *doctor, const char *min_key,
    const char *max_key, struct range range)
{
	bool above = range.max > ours(doctor).max;
	const char *key = above ? min_key : max_key;

	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "ids",
	    "/etc/login.defs",
	    "useradd gives out %s %" PRIu64 " to %s %" PRIu64
	    ", inside uid_range",
	    min_key, range.min, max_key, range.max);
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "sed -i -E 's/^[[:space:]]*%s[[:space:]].*/%s %" PRIu64
	    "/' /etc/login.defs",
	    key, key, above ? ours(doctor).max + 1 : ours(doctor).min - 1);
}

static bool
check_defaults(struct oat_doctor *doctor)
{
	static const struct {
		const char *min_key, *max_key;
		struct range otherwise;
	} keys[] = {
		{ "UID_MIN", "UID_MAX", { 1000, 60000 } },
		{ "GID_MIN", "GID_MAX", { 1000, 60000 } },
		{ "SUB_UID_MIN", "SUB_UID_MAX", { 100000, 600100000 } },
		{ "SUB_GID_MIN", "SUB_GID_MAX", { 100000, 600100000 } },
	};
	struct range range;
	char *text = NULL;
	bool well = true;
	size_t i;

	if (oat_textfile_read("/etc/login.defs", &text) != OAT_OK)
		return true;
	for (i = 0; well && i < sizeof(keys) / sizeof(keys[0]); i++) {
		range.min =
		    defined(text, keys[i].min_key, keys[i].otherwise.min);
		range.max =
		    defined(text, keys[i].max_key, keys[i].otherwise.max);
		well = !overlaps(ours(doctor), range);
		if (!well)
			tell_defaults(
			    doctor, keys[i].min_key, keys[i].max_key, range);
	}
	free(text);
	return well;
}

static bool
check_containers(struct oat_doctor *doctor)
{
	struct range containers = { SYSTEMD_CONTAINERS_MIN,
		SYSTEMD_CONTAINERS_MAX };

	if (!overlaps(ours(doctor), containers))
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "ids", OAT_PATH_CONFIG,
	    "uid_range reaches into %" PRIu32 "-%" PRIu32
	    ", which systemd gives to containers",
	    SYSTEMD_CONTAINERS_MIN, SYSTEMD_CONTAINERS_MAX);
	fix_range(doctor);
	return false;
}

void
oat_doctor_ids(struct oat_doctor *doctor)
{
	bool well;

	if (doctor->setup.config.uid_max == 0) {
		oat_doctor_needs_configuration(doctor, "ids", "uid_range");
		return;
	}
	well = check_accounts(doctor, "/etc/passwd");
	well = check_accounts(doctor, "/etc/group") && well;
	well = check_subordinates(doctor, "/etc/subuid") && well;
	well = check_subordinates(doctor, "/etc/subgid") && well;
	well = check_defaults(doctor) && well;
	well = check_containers(doctor) && well;
	well = check_services(doctor, "passwd") && well;
	well = check_services(doctor, "group") && well;
	if (well)
		oat_found(&doctor->findings, OAT_LEVEL_OK, "ids", "uid_range",
		    "%" PRIu64 "-%" PRIu64 " is nobody else's",
		    ours(doctor).min, ours(doctor).max);
}
