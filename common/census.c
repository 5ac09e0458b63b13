/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - what runs as the identity is its own, whatever its login
 *   - root's processes are told by their login uid; where there is none, by
 *     an ancestor that is the identity's own
 *   - of root's processes only those end that are still tied to the session:
 *     by a terminal, by its setsid(2), by an ancestor. What has detached may be
 *     a service that was restarted by hand, and is counted alone
 *   - what runs as another user is counted alone, whatever its login
 *   - the process of root's that a service lets somebody in with, such as
 *     sshd's, is the service's, with what it starts: they end by themselves
 *     when the session has
 *   - this process and its children are nobody's, whoever started it
 *   - a session opened after oat.end_sessions() stays, one opened before ends
 *     whole, with what it started later
 */
#include "census.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GENERATIONS_MAX 64 /* ancestors of one process; more is no shell */
#define AUDITS_MAX 64	   /* logins of one identity to be ended at once */

/* What is known of a process, at the same place as it in the list. */
struct sighting {
	uint32_t uid; /* whose it is; 0 for nobody's */
	enum oat_claim_kind kind;
	bool old; /* opened before a termination */
};

struct look {
	const struct oat_policy *policy;
	struct oat_endings *endings;
	const struct oat_census *former; /* or NULL */
	struct oat_process *list;
	size_t list_count;
	struct sighting *sightings;
	size_t count;		     /* of processes that are somebody's */
	uint32_t audits[AUDITS_MAX]; /* logins opened before terminations */
	size_t audit_count;
};

/* --- processes ----------------------------------------------------------- */

static struct sighting *
sighting_of(const struct look *look, const struct oat_process *process)
{
	return &look->sightings[process - look->list];
}

static void
see(struct look *look, struct oat_process *process, uint32_t uid,
    enum oat_claim_kind kind)
{
	if (oat_process_look_closer(process) != OAT_OK)
		return;
	*sighting_of(look, process) = (struct sighting){ uid, kind, false };
	look->count++;
}

/*
 * Does it, root's, descend from a service of root's without anybody else
 * between, and did the login happen on the way?
 */
static bool
is_of_a_service(const struct look *look, const struct oat_process *process)
{
	const struct oat_process *parent;
	int i;

	for (i = 0; i < GENERATIONS_MAX; i++) {
		parent = oat_process_find(
		    look->list, look->list_count, process->parent);
		if (parent == NULL || parent->pid == 1 ||
		    !oat_process_is_root(process) ||
		    !oat_process_is_root(parent))
			return false;
		if (parent->login != process->login)
			return true;
		process = parent;
	}
	return false;
}

/* Our own children are not, though somebody may have started us. */
static void
see_by_login(struct look *look, struct oat_process *process)
{
	if (process->parent == getpid())
		return;
	see(look, process, process->login,
	    is_of_a_service(look, process) ? OAT_CLAIM_SERVICE
					   : OAT_CLAIM_LOGIN);
}

/* By its uids, else by its login. OAT_OK, whether it is anybody's or not. */
static enum oat_status
claim(struct look *look, struct oat_process *process)
{
	const struct {
		uint32_t uid;
		enum oat_claim_kind kind;
	} by[] = {
		{ process->real, OAT_CLAIM_OWN },
		{ process->saved, OAT_CLAIM_OWN },
		{ process->login, OAT_CLAIM_LOGIN },
	};
	enum oat_status status;
	size_t i;

	for (i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		status =
		    oat_endings_meet(look->endings, look->policy, by[i].uid);
		if (status == OAT_OK && by[i].kind == OAT_CLAIM_LOGIN)
			see_by_login(look, process);
		else if (status == OAT_OK)
			see(look, process, by[i].uid, by[i].kind);
		if (status != OAT_NOTFOUND)
			return status;
	}
	return OAT_OK;
}

/* The nearest ancestor that runs as an identity without access, or NULL. */
static const struct sighting *
own_ancestor(const struct look *look, const struct oat_process *process)
{
	const struct sighting *sighting;
	int i;

	for (i = 0; i < GENERATIONS_MAX && process->parent > 1; i++) {
		process = oat_process_find(
		    look->list, look->list_count, process->parent);
		if (process == NULL)
			return NULL;
		sighting = sighting_of(look, process);
		if (sighting->uid != 0 && sighting->kind == OAT_CLAIM_OWN)
			return sighting;
	}
	return NULL;
}

/* What was known of the same process before. */
static const struct oat_claim *
known(const struct look *look, const struct oat_process *process)
{
	const struct oat_census *former = look->former;
	size_t i;

	for (i = 0; former != NULL && i < former->count; i++)
		if (former->claims[i].process.pid == process->pid &&
		    former->claims[i].process.started == process->started)
			return &former->claims[i];
	return NULL;
}

/* A process of root's that no login uid tells of. */
static void
claim_by_descent(struct look *look, struct oat_process *process)
{
	const struct sighting *ancestor = own_ancestor(look, process);
	const struct oat_claim *claim = NULL;

	if (ancestor == NULL && look->former != NULL &&
	    oat_process_look_closer(process) == OAT_OK)
		claim = known(look, process);
	if (ancestor != NULL)
		see(look, process, ancestor->uid, OAT_CLAIM_DESCENT);
	else if (claim != NULL && claim->kind == OAT_CLAIM_DESCENT)
		see(look, process, claim->uid, OAT_CLAIM_DESCENT);
}

static bool
is_worth_a_look(const struct oat_process *process)
{
	return !process->zombie && process->pid > 1 && process->pid != getpid();
}

static enum oat_status
look_around(struct look *look)
{
	enum oat_status status = OAT_OK;
	struct oat_process *process;
	size_t i;

	look->sightings = calloc(look->list_count, sizeof(*look->sightings));
	if (look->sightings == NULL)
		return OAT_NOMEM;
	for (i = 0; i < look->list_count && status == OAT_OK; i++)
		if (is_worth_a_look(&look->list[i]))
			status = claim(look, &look->list[i]);
	if (status != OAT_OK || look->count == 0)
		return status;
	for (i = 0; i < look->list_count; i++) {
		process = &look->list[i];
		if (is_worth_a_look(process) && oat_process_is_root(process) &&
		    process->login == OAT_PROCESS_NO_LOGIN)
			claim_by_descent(look, process);
	}
	return OAT_OK;
}

/* --- sessions that go on ------------------------------------------------- */

static bool
is_among(const uint32_t *numbers, size_t count, uint32_t number)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static void
note_audit(struct look *look, uint32_t audit)
{
	if (audit != OAT_PROCESS_NO_LOGIN && look->audit_count < AUDITS_MAX &&
	    !is_among(look->audits, look->audit_count, audit))
		look->audits[look->audit_count++] = audit;
}

/* Of a session that was opened before the termination? */
static bool
is_old(const struct look *look, const struct oat_process *process)
{
	uint32_t uid = sighting_of(look, process)->uid;
	const struct oat_process *parent;

	if (process->started < oat_endings_find(look->endings, uid)->before ||
	    is_among(look->audits, look->audit_count, process->audit))
		return true;
	parent =
	    oat_process_find(look->list, look->list_count, process->parent);
	return parent != NULL && sighting_of(look, parent)->old;
}

/* Until nothing is found any more: what was started late is found by others. */
static void
find_old(struct look *look)
{
	struct sighting *sighting;
	bool found = true;
	size_t i;

	while (found) {
		found = false;
		for (i = 0; i < look->list_count; i++) {
			sighting = &look->sightings[i];
			if (sighting->uid == 0 || sighting->old ||
			    !is_old(look, &look->list[i]))
				continue;
			sighting->old = true;
			note_audit(look, look->list[i].audit);
			found = true;
		}
	}
}

/* Who has no access has no session that could go on: all of it is old. */
static void
drop_new_sessions(struct look *look)
{
	const struct oat_claim *claim;
	size_t i;

	for (i = 0; look->former != NULL && i < look->former->count; i++) {
		claim = &look->former->claims[i];
		if (oat_endings_find(look->endings, claim->uid)->before !=
		    UINT64_MAX)
			note_audit(look, claim->process.audit);
	}
	find_old(look);
	for (i = 0; i < look->list_count; i++)
		if (!look->sightings[i].old)
			look->sightings[i].uid = 0;
}

/* --- what ends ----------------------------------------------------------- */

/* Is a process of root's still tied to the session it came from? */
static bool
is_tied(const struct look *look, const struct oat_process *process)
{
	const struct oat_claim *claim = known(look, process);
	const struct oat_process *leader;

	if (process->terminal || (claim != NULL && claim->ends) ||
	    own_ancestor(look, process) != NULL)
		return true;
	leader =
	    oat_process_find(look->list, look->list_count, process->session);
	return leader != NULL &&
	       oat_process_is_of(leader, sighting_of(look, process)->uid);
}

static bool
must_end(const struct look *look, const struct oat_process *process)
{
	switch (sighting_of(look, process)->kind) {
	case OAT_CLAIM_OWN:
	case OAT_CLAIM_DESCENT:
		return true;
	case OAT_CLAIM_LOGIN:
		return oat_process_is_root(process) && is_tied(look, process);
	case OAT_CLAIM_SERVICE:
		break;
	}
	return false;
}

static enum oat_status
conclude(const struct look *look, struct oat_census *ret_census)
{
	struct oat_census census = { .count = 0 };
	const struct sighting *sighting;
	size_t i;

	census.claims = calloc(look->count + 1, sizeof(*census.claims));
	if (census.claims == NULL)
		return OAT_NOMEM;
	for (i = 0; i < look->list_count; i++) {
		sighting = &look->sightings[i];
		if (sighting->uid == 0)
			continue;
		census.claims[census.count++] =
		    (struct oat_claim){ look->list[i], sighting->uid,
			    sighting->kind, must_end(look, &look->list[i]) };
	}
	*ret_census = census;
	return OAT_OK;
}

enum oat_status
oat_census_take(const struct oat_policy *policy, struct oat_endings *endings,
    const struct oat_census *former, struct oat_census *ret_census)
{
	struct look look = {
		.policy = policy, .endings = endings, .former = former
	};
	enum oat_status status;

	status = oat_process_list(&look.list, &look.list_count);
	if (status == OAT_OK)
		status = look_around(&look);
	if (status == OAT_OK) {
		drop_new_sessions(&look);
		status = conclude(&look, ret_census);
	}
	free(look.sightings);
	free(look.list);
	return status;
}

void
oat_census_free(struct oat_census *census)
{
	free(census->claims);
	*census = (struct oat_census){ .claims = NULL };
}
