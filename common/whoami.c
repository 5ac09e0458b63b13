/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here: anybody may ask, and is told of himself alone, from the
 * snapshot that everybody may read; nobody is asked, and nothing is written.
 */
#include "whoami.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "expiry.h"
#include "identity.h"
#include "paths.h"
#include "snapshot.h"
#include "value.h"

#define WARN_MAX_MS (UINT64_C(3650) * 86400 * 1000)

#define USAGE "usage: oat whoami [--json] [--warn DURATION]\n"

enum exit_code { DONE = 0, FAILED = 1, WRONG_USAGE = 2, DUE = 3 };

struct options {
	bool json;
	bool warn;
	uint32_t warn_s;
};

/* --- finding out ---------------------------------------------------------- */

/* The numbers of somebody's groups, while they are collected. */
struct gids {
	uint32_t *gid;
	size_t count, max;
};

static enum oat_status
take_gid(uint32_t gid, void *arg)
{
	struct gids *gids = arg;

	if (gids->count == gids->max)
		return OAT_RANGE;
	gids->gid[gids->count++] = gid;
	return OAT_OK;
}

static enum oat_status
name_group(const struct oat_snapshot *snapshot, uint32_t gid,
    char ret_name[OAT_GROUP_MAX + 1])
{
	struct oat_record record;
	enum oat_status status;

	status = oat_snapshot_find_id(snapshot, gid, &record);
	if (status == OAT_OK)
		memcpy(ret_name, record.name, OAT_GROUP_MAX + 1);
	else if (status == OAT_NOTFOUND) /* a number says it, too */
		(void)snprintf(ret_name, OAT_GROUP_MAX + 1, "%u", gid);
	return status == OAT_UNAVAILABLE ? status : OAT_OK;
}

static enum oat_status
find_groups(const struct oat_snapshot *snapshot,
    const struct oat_record *record, struct oat_whoami *who)
{
	struct gids gids = { .max = record->group_count };
	enum oat_status status = OAT_NOMEM;

	gids.gid = calloc(gids.max + 1, sizeof(*gids.gid));
	who->groups = calloc(gids.max + 1, sizeof(*who->groups));
	if (gids.gid == NULL || who->groups == NULL)
		goto out;
	status = oat_snapshot_groups(snapshot, record, take_gid, &gids);
	while (status == OAT_OK && who->group_count < gids.count) {
		status = name_group(snapshot, gids.gid[who->group_count],
		    who->groups[who->group_count]);
		who->group_count++;
	}
out:
	free(gids.gid);
	return status;
}

static void
find_host(struct oat_whoami *who)
{
	char name[256] = "";

	(void)gethostname(name, sizeof(name) - 1);
	(void)oat_escape(who->host, sizeof(who->host), name);
}

static enum oat_status
describe(
    const struct oat_snapshot *snapshot, uid_t uid, struct oat_whoami *ret_who)
{
	struct oat_whoami who = { .uid = uid };
	struct oat_record record;
	enum oat_status status;

	status = oat_snapshot_find_id(snapshot, uid, &record);
	if (status != OAT_OK)
		return status;
	if (record.kind != OAT_RECORD_IDENTITY ||
	    !oat_name_split(record.name, &who.parts))
		return OAT_NOTFOUND;
	(void)snprintf(who.login, sizeof(who.login), "%s", record.name);
	who.active = record.active;
	who.expires_at = record.expires_at;
	find_host(&who);
	status = find_groups(snapshot, &record, &who);
	if (status == OAT_OK)
		*ret_who = who;
	else
		oat_whoami_free(&who);
	return status;
}

enum oat_status
oat_whoami_find(const char *path, uid_t uid, struct oat_whoami *ret_who)
{
	struct oat_snapshot snapshot;
	enum oat_status status;

	if (!oat_id_is_ours(uid))
		return OAT_NOTFOUND;
	status = oat_snapshot_open(path, &snapshot, NULL);
	if (status != OAT_OK)
		return status;
	status = describe(&snapshot, uid, ret_who);
	oat_snapshot_close(&snapshot);
	return status;
}

void
oat_whoami_free(struct oat_whoami *who)
{
	free(who->groups);
	memset(who, 0, sizeof(*who));
}

bool
oat_whoami_is_due(const struct oat_whoami *who, int64_t now, uint32_t within_s)
{
	return !who->active ||
	       oat_expiry_is_due(who->expires_at, now, within_s);
}

/* --- telling -------------------------------------------------------------- */

/* Of access that was taken away the snapshot does not tell the end. */
static void
print_expiry(const struct oat_whoami *who, int64_t now)
{
	char date[OAT_EXPIRY_TEXT_MAX], distance[OAT_EXPIRY_TEXT_MAX];
	int64_t at = who->expires_at;

	if (at == OAT_NEVER)
		printf("expires %s\n", who->active ? "never" : "unknown");
	else
		printf("%s %s, %s\n", at > now ? "expires" : "expired",
		    oat_expiry_date(date, at),
		    oat_expiry_distance(distance, at, now));
}

void
oat_whoami_print(const struct oat_whoami *who, int64_t now)
{
	size_t i;

	printf("organization %s\ntoken %s\nlogin %s\nuid %u\naccess %s\n",
	    who->parts.organization, who->parts.token, who->login, who->uid,
	    who->active ? "yes" : "no");
	print_expiry(who, now);
	printf("groups");
	for (i = 0; i < who->group_count; i++)
		printf(" %s", who->groups[i]);
	printf("\nhost %s\n", who->host);
}

static void
print_json_expiry(int64_t at, int64_t now)
{
	char date[OAT_EXPIRY_TEXT_MAX];

	if (at == OAT_NEVER)
		printf("\"expires_at\":null,\"seconds_left\":null");
	else
		printf("\"expires_at\":\"%s\",\"seconds_left\":%lld",
		    oat_expiry_timestamp(date, at),
		    at > now ? (long long)(at - now) : 0);
}

/* All but the host's name have a grammar that needs no quoting. */
void
oat_whoami_print_json(const struct oat_whoami *who, int64_t now)
{
	char host[2 * OAT_ESCAPED_MAX];
	size_t i;

	printf("{\"organization\":\"%s\",\"token\":\"%s\",\"login\":\"%s\","
	       "\"uid\":%u,\"access\":%s,",
	    who->parts.organization, who->parts.token, who->login, who->uid,
	    who->active ? "true" : "false");
	print_json_expiry(who->expires_at, now);
	printf(",\"groups\":[");
	for (i = 0; i < who->group_count; i++)
		printf("%s\"%s\"", i == 0 ? "" : ",", who->groups[i]);
	printf("],\"host\":\"%s\"}\n", oat_escape_json(host, who->host));
}

/* --- the command ---------------------------------------------------------- */

static enum exit_code
wrong_usage(const char *what)
{
	fprintf(stderr, "oat whoami: %s\n" USAGE, what);
	return WRONG_USAGE;
}

static bool
parse_warn(const char *text, uint32_t *ret_s)
{
	uint64_t ms;

	if (oat_value_duration(text, 0, WARN_MAX_MS, &ms) != OAT_OK ||
	    ms % 1000 != 0)
		return false;
	*ret_s = (uint32_t)(ms / 1000);
	return true;
}

static enum exit_code
parse_options(int argc, char *argv[], struct options *options)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "warn", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'j')
			options->json = true;
		else if (option != 'w')
			return wrong_usage(
			    "unknown option, or no value for it");
		else if (!parse_warn(optarg, &options->warn_s))
			return wrong_usage("--warn takes a duration of whole "
					   "seconds up to 3650d, such as 14d");
		else
			options->warn = true;
	}
	if (optind < argc)
		return wrong_usage("takes no arguments beside its options");
	return DONE;
}

static enum exit_code
complain(enum oat_status status)
{
	if (status == OAT_NOTFOUND)
		fprintf(stderr,
		    "oat whoami: uid %u is no identity of oat on this host; "
		    "run it as one, and not through sudo\n",
		    (unsigned)getuid());
	else if (status == OAT_UNAVAILABLE)
		fprintf(stderr,
		    "oat whoami: " OAT_PATH_IDENTITIES ": %s; `oat sync`, as "
		    "root, makes it\n",
		    strerror(errno));
	else
		fprintf(stderr, "oat whoami: %s\n", oat_status_text(status));
	return FAILED;
}

int
oat_whoami_main(int argc, char *argv[])
{
	struct options options = { .json = false };
	int64_t now = time(NULL);
	struct oat_whoami who;
	enum oat_status status;
	enum exit_code code;

	code = parse_options(argc, argv, &options);
	if (code != DONE)
		return code;
	status = oat_whoami_find(OAT_PATH_IDENTITIES, getuid(), &who);
	if (status != OAT_OK)
		return complain(status);
	if (options.json)
		oat_whoami_print_json(&who, now);
	else
		oat_whoami_print(&who, now);
	if (options.warn && oat_whoami_is_due(&who, now, options.warn_s))
		code = DUE;
	oat_whoami_free(&who);
	if (ferror(stdout) || fflush(stdout) != 0) {
		fprintf(stderr, "oat whoami: standard output: %s\n",
		    strerror(errno));
		return FAILED;
	}
	return code;
}
