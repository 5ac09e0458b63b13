/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - events leave the spool only when the database has them
 *   - sessions end after a whole answer alone, never in an outage
 *   - the database is told that sessions have ended when they have, not before
 *   - a sync that was killed at any step is done again by the next one
 */
#include "round.h"

#include "applied.h"
#include "courier.h"
#include "courier_unit.h"
#include "delivery.h"
#include "event.h"
#include "fetch.h"
#include "lock.h"
#include "outage.h"
#include "paths.h"
#include "refresh.h"
#include "report.h"
#include "selfreport.h"
#include "sessions.h"
#include "slot.h"
#include "spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* Whoever asks for identities and publishes them; whoever does all. */
#define LOCK_IDENTITIES "sync.lock"
#define LOCK_ROUND "round.lock"

/* How often one round follows a database that changes all the time. */
#define TURNS_MAX 3

static enum oat_status
fail(enum oat_status status, const char *what, const char *why)
{
	oat_report(LOG_ERR, "sync", "%s: %s", what, why);
	return status;
}

static enum oat_status
take_lock(const struct oat_round *round, const char *name, int *ret_lock)
{
	enum oat_status status;

	status = oat_lock_take(OAT_PATH_RUN, name, round->deadline, ret_lock);
	if (status == OAT_OK)
		return OAT_OK;
	return fail(status, OAT_PATH_RUN,
	    status == OAT_TIMEOUT ? "another sync takes too long"
				  : strerror(errno));
}

/* --- outages ------------------------------------------------------------- */

/* Who tries by hand or by a timer, tries. A look-up need not wait in vain. */
static enum oat_status
may_ask(struct oat_round *round)
{
	char why[OAT_OUTAGE_WHY_MAX];

	if (!round->brief) {
		oat_outage_ignore(round->deadline, &round->asking);
		return OAT_OK;
	}
	if (oat_outage_await(
		OAT_PATH_RUN, round->deadline, &round->asking, why) == OAT_OK)
		return OAT_OK;
	return fail(OAT_UNAVAILABLE, "identities stay as they are", why);
}

/* After other questions a silence says little; an answer ends it always. */
static void
learn(struct oat_round *round, enum oat_status status, const char *error)
{
	if (status == OAT_OK || round->brief)
		oat_outage_learn(OAT_PATH_RUN, &round->asking, status,
		    round->setup.config.timeout_ms, error);
}

/* --- events -------------------------------------------------------------- */

static enum oat_status
send_spool(struct oat_round *round)
{
	char error[OAT_DELIVERY_ERROR_MAX];
	enum oat_status status;
	size_t aside = 0;

	status = oat_delivery_run(
	    OAT_PATH_SPOOL, &round->courier, round->deadline, &aside, error);
	if (aside != 0)
		oat_report(LOG_ERR, "sync",
		    "%zu of the files in " OAT_PATH_SPOOL " cannot be sent; "
		    "they are called .bad now: look at them, then remove them",
		    aside);
	if (status != OAT_OK)
		return fail(status, "events stay in the spool", error);
	return OAT_OK;
}

/* That sessions were ended is worth a line, whatever becomes of the event. */
static void
record_ending(const struct oat_ending *ending)
{
	char event_id[OAT_EVENT_ID_LENGTH + 1], json[OAT_EVENT_MAX];
	enum oat_status status;

	oat_report(LOG_NOTICE, "sync",
	    "sessions of %s ended: processes=%zu left=%zu reason=%s",
	    ending->login, ending->found - ending->left, ending->left,
	    oat_ending_reason_text(ending->reason));
	status = oat_event_id(event_id);
	if (status == OAT_OK)
		status =
		    oat_event_terminated(ending, event_id, json, sizeof(json));
	if (status == OAT_OK)
		status = oat_spool_add(OAT_PATH_SPOOL, event_id, json);
	if (status != OAT_OK)
		oat_report(LOG_ERR, "sync",
		    "event lost: " OAT_PATH_SPOOL ": %s",
		    status == OAT_SYSTEM ? strerror(errno)
					 : oat_status_text(status));
}

/* --- sessions ------------------------------------------------------------ */

/* The state of this host, as it was told and as it is. */
struct state {
	struct oat_applied told; /* what the database knows */
	struct oat_applied now;
	struct oat_endings endings; /* of now; owned */
	bool looked;		    /* now is up to date, and so are endings */
	bool asked_left;	    /* what oat.end_sessions() asked is left */
};

static void
tell_endings(struct state *state)
{
	const struct oat_ending *ending;
	bool news = state->now.left != state->told.left;
	size_t i;

	state->asked_left = false;
	for (i = 0; i < state->endings.count; i++) {
		ending = &state->endings.list[i];
		if (ending->found > ending->left)
			record_ending(ending);
		else if (ending->left > 0 && !ending->spared && news)
			oat_report(LOG_WARNING, "sync",
			    "%zu processes of %s are left, reason=%s; look at "
			    "them: oat residue %s",
			    ending->left, ending->login,
			    oat_ending_reason_text(ending->reason),
			    ending->login);
		if (ending->reason == OAT_ENDING_ASKED && !ending->spared &&
		    ending->left > 0)
			state->asked_left = true;
	}
}

static enum oat_status
end_sessions(
    struct oat_round *round, const struct oat_fetch *fetch, struct state *state)
{
	struct oat_snapshot snapshot;
	struct oat_policy policy = { &snapshot, &round->setup.config,
		fetch->terminations, fetch->termination_count };
	enum oat_status status;

	oat_endings_free(&state->endings);
	status = oat_fetch_snapshot(fetch, &snapshot);
	if (status == OAT_OK) {
		state->now.generation = (int64_t)snapshot.info.generation;
		state->now.as_of_us = snapshot.info.as_of_us;
		status = oat_sessions_end(&policy, &state->endings);
		oat_snapshot_close(&snapshot);
	}
	if (status != OAT_OK)
		return fail(status, "sessions are not looked at",
		    status == OAT_NOMEM ? oat_status_text(status)
					: strerror(errno));
	state->looked = true;
	state->now.left = oat_applied_left(&state->endings);
	if (fetch->fetched == OAT_FETCHED_NEWS)
		memcpy(state->now.problem, fetch->problem,
		    sizeof(state->now.problem));
	tell_endings(state);
	return OAT_OK;
}

/* --- identities ---------------------------------------------------------- */

/* Is what is known about the snapshot that is here? */
static bool
is_of_the_held_one(const struct oat_applied *applied)
{
	int64_t generation, as_of_us;

	oat_fetch_held(&generation, &as_of_us);
	return generation != 0 && generation == applied->generation &&
	       as_of_us == applied->as_of_us;
}

static enum oat_status
fetch_with_report(
    struct oat_round *round, struct oat_fetch *fetch, const struct state *state)
{
	struct oat_selfreport report = { .problem = state->now.problem };
	bool known = is_of_the_held_one(&state->now);
	char json[OAT_COURIER_REPORT_MAX + 1];
	enum oat_status status;

	(void)oat_spool_count(OAT_PATH_SPOOL, &report.spooled);
	/* Who was left by a former sync is known when this one has looked. */
	if (known && (state->looked || state->now.left == 0))
		report.applied = &state->endings;
	/* A look-up may have fetched what asks for sessions to be ended. */
	fetch->whole = !round->brief && !known;
	if (oat_selfreport_write(&report, json, sizeof(json)) != OAT_OK)
		return fail(OAT_RANGE, "report", "too long");
	status = oat_fetch_run(fetch, json);
	learn(round, status, fetch->error);
	if (fetch->fetched == OAT_FETCHED_NEWS)
		round->changed = true;
	return status;
}

/* Look-ups wait no longer than for this. */
static enum oat_status
fetch_identities(
    struct oat_round *round, struct oat_fetch *fetch, const struct state *state)
{
	enum oat_status status;
	int lock = -1;

	if (!round->brief) {
		status = take_lock(round, LOCK_IDENTITIES, &lock);
		if (status != OAT_OK)
			return status;
	}
	round->asked_ns = oat_refresh_now_ns();
	status = fetch_with_report(round, fetch, state);
	round->served = status == OAT_OK;
	if (lock >= 0)
		(void)close(lock);
	return status;
}

/*
 * Fetch; end sessions; and if anything is new, tell so by asking again, which
 * may bring news again. *ret_done: nothing is left to be told.
 */
static enum oat_status
turn(struct oat_round *round, struct oat_fetch *fetch, struct state *state,
    bool *ret_done)
{
	bool telling = state->looked;
	enum oat_status status, ended = OAT_OK;

	status = fetch_identities(round, fetch, state);
	*ret_done = round->brief || fetch->fetched == OAT_FETCHED_NOTHING;
	if (*ret_done)
		return status;
	if (telling && fetch->fetched == OAT_FETCHED_SAME) {
		*ret_done = true;
		if (!state->asked_left &&
		    oat_applied_write(OAT_PATH_RUN, &state->now) != OAT_OK)
			oat_report(LOG_WARNING, "sync", OAT_PATH_RUN ": %s",
			    strerror(errno));
		return status;
	}
	ended = end_sessions(round, fetch, state);
	if (ended == OAT_OK)
		ended = send_spool(round);
	*ret_done = oat_applied_is_equal(&state->now, &state->told);
	return status == OAT_OK ? ended : status;
}

static enum oat_status
refresh(struct oat_round *round)
{
	struct oat_fetch fetch = { .config = &round->setup.config,
		.courier = &round->courier,
		.deadline = round->deadline };
	struct state state = { .looked = false };
	enum oat_status status = OAT_OK;
	bool done = false;
	int i;

	oat_applied_read(OAT_PATH_RUN, &state.told);
	state.now = state.told;
	for (i = 0; i < TURNS_MAX && !done && status == OAT_OK; i++)
		status = turn(round, &fetch, &state, &done);
	oat_endings_free(&state.endings);
	oat_fetch_free(&fetch);
	return status;
}

/* --- the run ------------------------------------------------------------- */

/* Without the system user neither kind can run. */
static enum oat_status
start_courier(struct oat_round *round)
{
	struct oat_orders orders = oat_setup_orders(&round->setup);
	char error[OAT_SETUP_ERROR_MAX], why[OAT_DATABASE_ERROR_MAX];
	struct oat_account account;
	enum oat_status status;

	status = oat_setup_account(&account, error);
	if (status != OAT_OK)
		(void)fail(status, "setup", error);
	else if (round->socket != NULL) {
		status = oat_courier_call(round->socket, &orders,
		    round->deadline, &round->courier, why);
		if (status != OAT_OK)
			(void)fail(status, "no courier", why);
	} else {
		status = oat_courier_start(&account, &orders, &round->courier);
		if (status != OAT_OK)
			(void)fail(status, "no child process", strerror(errno));
	}
	oat_setup_forget_password(&round->setup);
	return status;
}

/* A server that does not tell, such as a standby, is asked now and then. */
static enum oat_status
listen_to(struct oat_round *round)
{
	char error[OAT_DATABASE_ERROR_MAX];
	enum oat_status status;

	status = oat_courier_listen(&round->courier, round->deadline, error);
	round->told = status == OAT_OK;
	return status == OAT_OK || status == OAT_NOTFOUND
		   ? OAT_OK
		   : fail(status, "no connection", error);
}

enum oat_status
oat_round_load(struct oat_round *round)
{
	char error[OAT_SETUP_ERROR_MAX];
	enum oat_status status;

	oat_setup_free(&round->setup);
	memset(&round->setup, 0, sizeof(round->setup));
	status = oat_setup_load(OAT_PATH_CONFIG, &round->setup, error);
	if (status != OAT_OK)
		oat_report(LOG_ERR, "sync", "%s", error);
	return status;
}

enum oat_status
oat_round_lock(struct oat_round *round, int *ret_lock)
{
	enum oat_status status;

	round->deadline = oat_deadline_in_ms(
	    round->setup.config.timeout_ms * OAT_ROUND_TIMEOUTS);
	status = may_ask(round);
	return status == OAT_OK
		   ? take_lock(round,
			 round->brief ? LOCK_IDENTITIES : LOCK_ROUND, ret_lock)
		   : status;
}

static enum oat_status
run(struct oat_round *round)
{
	enum oat_status status = OAT_OK, sent = OAT_OK;

	if (round->courier.fd < 0) {
		round->told = false;
		status = start_courier(round);
		if (status == OAT_OK && round->listens)
			status = listen_to(round);
	}
	/* A look-up is waiting when it is brief: names alone. */
	if (status == OAT_OK && !round->brief)
		sent = send_spool(round);
	if (status == OAT_OK && sent != OAT_TIMEOUT)
		status = refresh(round);
	return status == OAT_OK ? sent : status;
}

enum oat_status
oat_round_run(struct oat_round *round)
{
	enum oat_status status;
	int slot = -1;

	round->changed = false;
	round->served = false;
	status = oat_slot_take(OAT_PATH_RUN, round->deadline, &slot);
	if (status != OAT_OK)
		return fail(status, OAT_PATH_RUN, oat_status_text(status));
	status = run(round);
	(void)close(slot);
	/*
	 * Of the last question, and not before: sshd looks up the name before
	 * it closes the connection of a session that was ended, and waits for
	 * an answer that is younger than that.
	 */
	if (oat_refresh_record(OAT_PATH_RUN, round->asked_ns, round->served) !=
	    OAT_OK)
		oat_report(
		    LOG_WARNING, "sync", OAT_PATH_RUN ": %s", strerror(errno));
	return status;
}

void
oat_round_hang_up(struct oat_round *round)
{
	oat_child_end(&round->courier);
	round->told = false;
}

void
oat_round_free(struct oat_round *round)
{
	oat_round_hang_up(round);
	/* Nobody waits for what will not be asked. */
	oat_outage_learn(OAT_PATH_RUN, &round->asking, OAT_NOTFOUND, 0, "");
	oat_setup_free(&round->setup);
}
