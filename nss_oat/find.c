/* SPDX-License-Identifier: MIT */
#include "find.h"

#include <string.h>

#include "caller.h"
#include "common/deadline.h"
#include "common/refresh.h"

static enum oat_status
sync_and_ask(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *, void *), void *arg)
{
	struct oat_deadline deadline = oat_deadline_in_ms(OAT_REFRESH_BOUND_MS);
	uint64_t since_ns = oat_refresh_now_ns();
	enum oat_status status, waited;
	bool satisfied = false;

	/* Bounded: each round but the last has waited for somebody's sync. */
	do {
		waited = oat_refresh_wait(source->run, source->program,
		    since_ns, deadline, &satisfied);
		status = oat_nss_ask(source, ask, arg);
	} while (waited == OAT_OK && !satisfied &&
		 (status == OAT_NOTFOUND || status == OAT_UNAVAILABLE));
	return status;
}

enum oat_status
oat_nss_ask_or_sync(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *snapshot, void *arg),
    void *arg, bool missing_too)
{
	enum oat_status status;

	status = oat_nss_ask(source, ask, arg);
	if (status != OAT_UNAVAILABLE &&
	    (status != OAT_NOTFOUND || !missing_too))
		return status;
	if (!oat_nss_caller_may_sync())
		return status;
	return sync_and_ask(source, ask, arg);
}

/* A question by name, or by number when that is NULL. */
struct question {
	const char *name;
	uint32_t id;
	struct oat_nss_found *found;
	bool inactive_too; /* is one without access here an answer? */
};

static enum oat_status
ask_record(const struct oat_snapshot *snapshot, void *arg)
{
	const struct question *question = arg;
	struct oat_record *record = &question->found->record;
	enum oat_status status;

	if (question->name != NULL)
		status =
		    oat_snapshot_find_name(snapshot, question->name, record);
	else
		status = oat_snapshot_find_id(snapshot, question->id, record);
	if (status != OAT_OK)
		return status;
	if (record->kind == OAT_RECORD_IDENTITY && !record->active &&
	    !question->inactive_too)
		return OAT_NOTFOUND;
	oat_nss_found_set_home_root(question->found, snapshot);
	return OAT_OK;
}

enum oat_status
oat_nss_find_name(const struct oat_nss_source *source, const char *name,
    struct oat_nss_found *ret_found)
{
	struct question question = { .name = name, .found = ret_found };
	enum oat_status status;

	/* It may be active again since the snapshot was made: as if missing. */
	status = oat_nss_ask_or_sync(source, ask_record, &question, true);
	if (status != OAT_NOTFOUND)
		return status;
	question.inactive_too = true;
	return oat_nss_ask(source, ask_record, &question);
}

enum oat_status
oat_nss_find_id(const struct oat_nss_source *source, uint32_t id,
    struct oat_nss_found *ret_found)
{
	struct question question = { .id = id, .found = ret_found,
		.inactive_too = true };

	return oat_nss_ask_or_sync(source, ask_record, &question, false);
}

void
oat_nss_found_set_home_root(
    struct oat_nss_found *found, const struct oat_snapshot *snapshot)
{
	strcpy(found->home_root, snapshot->info.home_root);
}
