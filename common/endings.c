/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - only who is in the snapshot, within uid_range, and has no access there
 *   - expired identities by configuration alone, nobody by
 * terminate_sessions=no
 *   - who is good, and asked to end sessions, keeps later ones
 */
#include "endings.h"

#include <stdlib.h>
#include <string.h>

struct oat_ending *
oat_endings_find(struct oat_endings *endings, uint32_t uid)
{
	size_t i;

	for (i = 0; i < endings->count; i++)
		if (endings->list[i].uid == uid)
			return &endings->list[i];
	return NULL;
}

static const struct oat_termination *
find_termination(const struct oat_policy *policy, uint32_t uid)
{
	size_t i;

	for (i = 0; i < policy->count; i++)
		if (policy->terminations[i].uid == uid)
			return &policy->terminations[i];
	return NULL;
}

/* Expired is who has an end: who was revoked is served without one. */
static bool
lacks_access(
    const struct oat_record *record, enum oat_ending_reason *ret_reason)
{
	*ret_reason = record->expires_at == OAT_NEVER ? OAT_ENDING_REVOKED
						      : OAT_ENDING_EXPIRED;
	return !record->active;
}

static bool
is_spared(const struct oat_config *config, enum oat_ending_reason reason)
{
	return config->terminate_sessions == OAT_TERMINATE_NO ||
	       (reason == OAT_ENDING_EXPIRED &&
		   config->terminate_sessions != OAT_TERMINATE_EXPIRED);
}

/* OAT_OK; OAT_NOTFOUND when the identity may have processes. */
static enum oat_status
judge(const struct oat_policy *policy, uint32_t uid,
    struct oat_ending *ret_ending)
{
	const struct oat_termination *termination;
	struct oat_ending ending = { .uid = uid, .before = UINT64_MAX };
	struct oat_record record;
	enum oat_status status;
	bool lost;

	if (uid < policy->config->uid_min || uid > policy->config->uid_max)
		return OAT_NOTFOUND;
	status = oat_snapshot_find_id(policy->snapshot, uid, &record);
	if (status != OAT_OK)
		return status;
	if (record.kind != OAT_RECORD_IDENTITY)
		return OAT_NOTFOUND;
	lost = lacks_access(&record, &ending.reason);
	ending.spared = lost && is_spared(policy->config, ending.reason);
	termination = find_termination(policy, uid);
	if (termination != NULL && (!lost || ending.spared)) {
		ending.reason = OAT_ENDING_ASKED;
		ending.before = termination->before;
		ending.spared = is_spared(policy->config, OAT_ENDING_ASKED);
	} else if (!lost)
		return OAT_NOTFOUND;
	memcpy(ending.login, record.name, strlen(record.name) + 1);
	*ret_ending = ending;
	return OAT_OK;
}

enum oat_status
oat_endings_meet(
    struct oat_endings *endings, const struct oat_policy *policy, uint32_t uid)
{
	struct oat_ending ending, *moved;
	enum oat_status status;

	if (!oat_id_is_ours(uid))
		return OAT_NOTFOUND;
	if (oat_endings_find(endings, uid) != NULL)
		return OAT_OK;
	status = judge(policy, uid, &ending);
	if (status != OAT_OK)
		return status;
	moved = reallocarray(
	    endings->list, endings->count + 1, sizeof(*endings->list));
	if (moved == NULL)
		return OAT_NOMEM;
	endings->list = moved;
	endings->list[endings->count++] = ending;
	return OAT_OK;
}

const char *
oat_ending_reason_text(enum oat_ending_reason reason)
{
	switch (reason) {
	case OAT_ENDING_REVOKED:
		return "revoked";
	case OAT_ENDING_EXPIRED:
		return "expired";
	case OAT_ENDING_ASKED:
		break;
	}
	return "end_sessions";
}

void
oat_endings_free(struct oat_endings *endings)
{
	free(endings->list);
	*endings = (struct oat_endings){ .list = NULL };
}
