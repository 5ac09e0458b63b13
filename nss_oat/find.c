/* SPDX-License-Identifier: MIT */
#include "find.h"

#include <pthread.h>
#include <string.h>

#include "caller.h"
#include "common/deadline.h"
#include "common/refresh.h"

static enum oat_status
sync_and_ask(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *, void *), void *arg,
    bool (*is_final)(enum oat_status, const void *))
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
	} while (waited == OAT_OK && !satisfied && !is_final(status, arg));
	return status;
}

enum oat_status
oat_nss_ask_or_sync(const struct oat_nss_source *source,
    enum oat_status (*ask)(const struct oat_snapshot *snapshot, void *arg),
    void *arg, bool (*is_final)(enum oat_status status, const void *arg))
{
	enum oat_status status;
	int state;

	status = oat_nss_ask(source, ask, arg);
	if (is_final(status, arg))
		return status;
	/* Cancelled, a thread would leave the program and its socket behind. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (oat_nss_caller_may_sync(source->config))
		status = sync_and_ask(source, ask, arg, is_final);
	(void)pthread_setcancelstate(state, NULL);
	return status;
}

bool
oat_nss_is_there(enum oat_status status, const void *arg)
{
	(void)arg;
	return status != OAT_UNAVAILABLE && status != OAT_NOTFOUND;
}

/* A question by name, or by number when that is NULL. */
struct question {
	const char *name;
	uint32_t id;
	struct oat_nss_found *found;
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
	if (status == OAT_OK)
		oat_nss_found_set_home_root(question->found, snapshot);
	return status;
}

/* An inactive one may be active again since the snapshot was made. */
static bool
is_final_by_name(enum oat_status status, const void *arg)
{
	const struct question *question = arg;
	const struct oat_record *record = &question->found->record;

	if (status != OAT_OK)
		return oat_nss_is_there(status, arg);
	return record->kind != OAT_RECORD_IDENTITY || record->active;
}

static bool
is_final_by_id(enum oat_status status, const void *arg)
{
	(void)arg;
	return status != OAT_UNAVAILABLE;
}

enum oat_status
oat_nss_find_name(const struct oat_nss_source *source, const char *name,
    struct oat_nss_found *ret_found)
{
	struct question question = { .name = name, .found = ret_found };

	return oat_nss_ask_or_sync(
	    source, ask_record, &question, is_final_by_name);
}

enum oat_status
oat_nss_find_id(const struct oat_nss_source *source, uint32_t id,
    struct oat_nss_found *ret_found)
{
	struct question question = { .id = id, .found = ret_found };

	return oat_nss_ask_or_sync(
	    source, ask_record, &question, is_final_by_id);
}

void
oat_nss_found_set_home_root(
    struct oat_nss_found *found, const struct oat_snapshot *snapshot)
{
	memcpy(found->home_root, snapshot->info.home_root,
	    sizeof(found->home_root));
}
