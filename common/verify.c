/* SPDX-License-Identifier: MIT */
/*
 * The root parent behind the PAM module. Rules kept here, each a test of that
 * name:
 *   - the child with the network is forked before the request is read, so it
 *     never sees the token; the child that runs Argon2 is forked before the
 *     database's password is read, so it never sees that
 *   - who queues for a slot has no children yet
 *   - the deadline is the parent's: children are killed when it passes
 *   - "allowed" counts only with the right secret, and only for the identity
 *     that asked; everything else that comes back wrong is "undecided"
 *   - a holder is told a reason only when the secret was right
 *   - an event that could not be recorded is spooled; if that fails too, the
 *     loss is told loudly, and policy decides all the same
 */
#include "verify.h"

#include "config.h"
#include "courier.h"
#include "event.h"
#include "gather.h"
#include "notice.h"
#include "outage.h"
#include "paths.h"
#include "process.h"
#include "prover.h"
#include "request.h"
#include "setup.h"
#include "slot.h"
#include "spawn.h"
#include "spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* Until the configuration says otherwise, and for sending the answer. */
#define ANSWER_MS 1000

/* One run of the program. */
struct session {
	bool events_only; /* no child: the database is not asked */
	bool turned_away; /* it would be in vain, or too many ask */
	struct oat_setup setup;
	struct oat_account account;
	struct oat_child prover;
	struct oat_child courier;
	struct oat_deadline deadline;
	struct oat_asking asking;
	int slot; /* -1: none; held until the answer is there */
	struct oat_request request;
	char event_id[OAT_EVENT_ID_LENGTH + 1];
	char error[OAT_SETUP_ERROR_MAX];
};

static void
set_detail(struct oat_answer *answer, const char *text)
{
	oat_escape_again(answer->detail, sizeof(answer->detail), text);
}

static void
undecided(struct oat_answer *answer, const char *why)
{
	answer->verdict = OAT_UNDECIDED;
	answer->reason = OAT_REASON_UNAVAILABLE;
	answer->message[0] = '\0';
	set_detail(answer, why);
}

/* Whose token it is says the login itself. */
static void
name_parts(const char *login, struct oat_answer *answer)
{
	struct oat_name_parts parts;

	if (!oat_name_split(login, &parts))
		return;
	(void)snprintf(answer->organization, sizeof(answer->organization), "%s",
	    parts.organization);
	(void)snprintf(
	    answer->token_name, sizeof(answer->token_name), "%s", parts.token);
}

/* --- deciding ------------------------------------------------------------ */

/* What became of the first question concerns every login of this host. */
static void
learn(struct session *session, enum oat_status status, const char *error)
{
	bool answered =
	    status == OAT_OK || status == OAT_NOTFOUND || status == OAT_RANGE;

	oat_outage_learn(OAT_PATH_RUN, &session->asking,
	    answered ? OAT_OK : status, session->setup.config.timeout_ms,
	    error);
}

/*
 * The proof that oat.host_decide() is given. NULL, with an undecided answer,
 * when the secret could not be checked.
 */
static const char *
prove(struct session *session, const struct oat_token *token,
    struct oat_answer *answer)
{
	char verifier[OAT_VERIFIER_MAX], error[OAT_DATABASE_ERROR_MAX];
	enum oat_status status;
	bool right = false;

	oat_prover_prepare(&session->prover, session->deadline);
	status = oat_courier_verifier(&session->courier, token->selector,
	    session->deadline, verifier, error);
	learn(session, status, error);
	if (status == OAT_NOTFOUND)
		return "none";
	if (status == OAT_RANGE)
		return "bad_verifier";
	if (status != OAT_OK) {
		undecided(answer, error);
		return NULL;
	}
	status = oat_prover_check(
	    &session->prover, verifier, token, session->deadline, &right);
	oat_child_dismiss(&session->prover);
	explicit_bzero(verifier, sizeof(verifier));
	if (status == OAT_OK)
		return right ? "right" : "wrong";
	if (status == OAT_INVALID)
		return "bad_verifier";
	undecided(answer, status == OAT_TIMEOUT
			      ? "Argon2 did not end in time"
			      : "the Argon2 process ended or had no memory");
	return NULL;
}

/* An event that a standby could not record waits on this host. */
static void
spool_event(const char *event_id, const char *json, struct oat_answer *answer)
{
	char why[320], detail[384];
	enum oat_status status;

	if (!oat_event_is_object(json)) {
		set_detail(
		    answer, "event lost: the server's event is no object");
		return;
	}
	status = oat_spool_add(OAT_PATH_SPOOL, event_id, json);
	if (status == OAT_OK)
		return;
	(void)snprintf(detail, sizeof(detail), "event lost: %s",
	    oat_spool_explain(why, sizeof(why), OAT_PATH_SPOOL, status));
	set_detail(answer, detail);
}

/* "Allowed" must name the identity that asked, after the right secret. */
static bool
is_plausible_yes(const struct session *session,
    const struct oat_decision *decision, bool proved)
{
	char login[OAT_ROW_TEXT_MAX * 2 + 8];

	(void)snprintf(login, sizeof(login), "oat-%s-%s",
	    decision->organization, decision->token_name);
	return proved && decision->reason[0] == '\0' &&
	       strcmp(login, session->request.login) == 0;
}

/*
 * What the database said, made an answer. It must make sense as a whole: the
 * child that brought it, or the server, may be anybody's. Did it?
 */
static bool
judge(const struct session *session, const struct oat_decision *decision,
    bool right, struct oat_answer *answer)
{
	bool access = session->request.phase == OAT_PHASE_ACCOUNT;
	bool proved = right || access, known, policy;
	enum oat_reason reason = OAT_REASON_NONE;

	known = oat_reason_parse(decision->reason, &reason) == OAT_OK &&
		reason != OAT_REASON_NONE;
	policy = known && oat_reason_is_policy(reason);
	if (decision->allowed && is_plausible_yes(session, decision, proved)) {
		answer->verdict = OAT_ALLOWED;
		answer->reason = OAT_REASON_NONE;
		return true;
	}
	if (decision->allowed || !known || (policy && !proved)) {
		undecided(answer, "the database's answer makes no sense");
		return false;
	}
	if (reason == OAT_REASON_UNAVAILABLE) {
		undecided(answer, "a standby cannot decide on this token");
		return true;
	}
	answer->reason = reason;
	answer->verdict = access || policy ? OAT_DENIED : OAT_REFUSED;
	if (policy && session->setup.config.explain_denials)
		oat_escape_again(answer->message, sizeof(answer->message),
		    decision->message);
	return true;
}

/* Ask for a decision, given the proof; "none" for an account check. */
static void
decide(struct session *session, const char *selector, const char *proof,
    struct oat_answer *answer)
{
	const struct oat_request *request = &session->request;
	struct oat_question question = {
		.event_id = session->event_id,
		.event = selector != NULL ? "login" : "access",
		.login = request->login,
		.service = request->service,
		.rhost = request->rhost,
		.tty = request->tty,
		.ruser = request->ruser,
		.selector = selector,
		.proof = proof,
	};
	char error[OAT_DATABASE_ERROR_MAX];
	struct oat_decision decision;
	enum oat_status status;

	status = oat_courier_decide(
	    &session->courier, &question, session->deadline, &decision, error);
	if (selector == NULL)
		learn(session, status, error);
	if (status != OAT_OK) {
		undecided(answer, error);
		return;
	}
	if (judge(session, &decision, strcmp(proof, "right") == 0, answer) &&
	    decision.event[0] != '\0')
		spool_event(session->event_id, decision.event, answer);
}

/* Authentication and account: both ask the database. */
static void
check(struct session *session, struct oat_answer *answer)
{
	const char *proof = "none";
	struct oat_token token;

	memset(&token, 0, sizeof(token));
	if (session->request.phase == OAT_PHASE_ACCOUNT)
		decide(session, NULL, proof, answer);
	else if (oat_token_parse(session->request.token, &token) != OAT_OK) {
		answer->verdict = OAT_REFUSED;
		answer->reason = OAT_REASON_MALFORMED;
	} else {
		proof = prove(session, &token, answer);
		if (proof != NULL)
			decide(session, token.selector, proof, answer);
	}
	oat_token_wipe(&token);
}

/* --- sessions ------------------------------------------------------------ */

/* Its end, if that is near; without a configuration nothing is said. */
static void
notice_expiry(const struct session *session, struct oat_answer *answer)
{
	char error[OAT_CONFIG_ERROR_MAX], notice[OAT_NOTICE_MAX];
	struct oat_config config = { 0 };

	if (oat_config_load(OAT_PATH_CONFIG, &config, error) != OAT_OK)
		return;
	(void)oat_notice_expiry(notice, OAT_PATH_IDENTITIES,
	    session->request.login, time(NULL), config.expiry_notice_s);
	oat_escape_again(answer->message, sizeof(answer->message), notice);
	oat_config_free(&config);
}

/*
 * Opening and closing only leave an event behind; a program of its own sends
 * it a second later, together with what else has come by then.
 */
static void
record_session(struct session *session, struct oat_answer *answer)
{
	static const char *const sync[] = { "oat", "sync", "--after", "1",
		NULL };
	char json[OAT_EVENT_MAX];

	answer->verdict = OAT_ALLOWED;
	answer->reason = OAT_REASON_NONE;
	if (oat_event_session(&session->request, session->event_id, json,
		sizeof(json)) != OAT_OK) {
		set_detail(answer, "event lost: longer than an event may be");
		return;
	}
	spool_event(session->event_id, json, answer);
	/*
	 * If it cannot start, the timer sends the spool. It must not be taken
	 * for something that this login has left behind, from the start.
	 */
	if (!oat_gather_is_waiting(OAT_PATH_RUN)) {
		oat_process_leave_login();
		(void)oat_spawn_detached(OAT_PATH_PROGRAM, sync);
	}
	if (session->request.phase == OAT_PHASE_OPEN)
		notice_expiry(session, answer);
}

/* --- the run ------------------------------------------------------------- */

/*
 * Leave to ask the database, and a slot. Who queued for one may have seen
 * others ask in vain meanwhile. OAT_OK; OAT_UNAVAILABLE.
 */
static enum oat_status
admit(struct session *session)
{
	enum oat_status status;

	if (oat_outage_await(OAT_PATH_RUN, session->deadline, &session->asking,
		session->error) != OAT_OK)
		return OAT_UNAVAILABLE;
	status = oat_slot_take(OAT_PATH_RUN, session->deadline, &session->slot);
	if (status != OAT_OK) {
		(void)snprintf(session->error, sizeof(session->error), "%s",
		    status == OAT_TIMEOUT
			? "too many logins at once on this host"
			: OAT_PATH_RUN ": cannot be used");
		return OAT_UNAVAILABLE;
	}
	return oat_outage_await(OAT_PATH_RUN, session->deadline,
		   &session->asking, session->error) == OAT_OK
		   ? OAT_OK
		   : OAT_UNAVAILABLE;
}

/* Each before the secret that it must not see. */
static enum oat_status
start_children(struct session *session)
{
	struct oat_orders orders;
	enum oat_status status;

	status = oat_prover_start(&session->account, &session->prover);
	if (status == OAT_OK) {
		status =
		    oat_setup_load_password(&session->setup, session->error);
		if (status != OAT_OK)
			return status;
		orders = oat_setup_orders(&session->setup);
		status = oat_courier_start(
		    &session->account, &orders, &session->courier);
	}
	if (status != OAT_OK)
		(void)snprintf(session->error, sizeof(session->error),
		    "no child process: %s", strerror(errno));
	oat_setup_forget_password(&session->setup);
	return status;
}

/*
 * All that a question needs but the request. OAT_OK, or why in session->error.
 */
static enum oat_status
prepare(struct session *session)
{
	enum oat_status status;

	if (session->events_only)
		return OAT_OK;
	status = oat_setup_account(&session->account, session->error);
	if (status == OAT_OK)
		status = oat_setup_load_options(
		    OAT_PATH_CONFIG, &session->setup, session->error);
	if (status != OAT_OK)
		return status;
	session->deadline =
	    oat_deadline_in_ms(session->setup.config.timeout_ms);
	status = admit(session);
	session->turned_away = status != OAT_OK;
	return status == OAT_OK ? start_children(session) : status;
}

/*
 * The request, once it is here; `prepared` is whether the database can be
 * asked. Events of sessions need neither database nor configuration, and are
 * kept whatever the state of those.
 */
static void
answer_request(
    struct session *session, bool prepared, struct oat_answer *answer)
{
	bool asks = session->request.phase == OAT_PHASE_AUTH ||
		    session->request.phase == OAT_PHASE_ACCOUNT;

	name_parts(session->request.login, answer);
	if (oat_event_id(session->event_id) != OAT_OK)
		set_detail(answer, "no random bytes");
	else if (!asks)
		record_session(session, answer);
	else if (session->events_only)
		set_detail(
		    answer, "a decision was asked of `oat verify events`");
	else if (prepared)
		check(session, answer);
	else if (session->turned_away)
		undecided(answer, session->error);
	else
		set_detail(answer, session->error);
}

int
oat_verify_main(int argc, char *argv[])
{
	struct session session = {
		.prover = OAT_CHILD_NONE,
		.courier = OAT_CHILD_NONE,
		.asking = OAT_ASKING_NONE,
		.slot = -1,
		.deadline = oat_deadline_in_ms(ANSWER_MS),
	};
	struct oat_answer answer = { .verdict = OAT_BROKEN,
		.reason = OAT_REASON_UNAVAILABLE };
	enum oat_status prepared, status;

	session.events_only = argc == 2 && strcmp(argv[1], "events") == 0;
	if ((argc != 1 && !session.events_only) || geteuid() != 0) {
		fprintf(stderr, "oat verify: run by the PAM module, as root\n");
		return 2;
	}
	/* It will hold a token: no core, and nobody's debugger. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prepared = prepare(&session);
	/* Who waited in vain is still to be told so. */
	if (prepared != OAT_OK)
		session.deadline = oat_deadline_in_ms(ANSWER_MS);
	status = oat_request_receive(
	    STDIN_FILENO, session.deadline, &session.request);
	if (status == OAT_OK)
		answer_request(&session, prepared == OAT_OK, &answer);
	else if (prepared != OAT_OK)
		set_detail(&answer, session.error);
	else
		set_detail(&answer, "the request makes no sense; are the "
				    "module and the program of one version?");
	/* The module waits for the end of all this: let it begin. */
	oat_child_dismiss(&session.prover);
	oat_child_dismiss(&session.courier);
	if (session.slot >= 0)
		(void)close(session.slot);
	status = oat_answer_send(
	    &answer, STDOUT_FILENO, oat_deadline_in_ms(ANSWER_MS));
	oat_request_wipe(&session.request);
	oat_child_end(&session.prover);
	oat_child_end(&session.courier);
	oat_setup_free(&session.setup);
	return status == OAT_OK ? 0 : 1;
}
