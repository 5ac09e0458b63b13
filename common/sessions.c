/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - what is not asked to end is not signalled: census.h says what is
 *   - an identity's own processes are signalled all at once, by a child that
 *     has become it and so cannot reach anybody else's; no fork(2) escapes
 *   - every other one by itself, recognised first
 *   - what ignores SIGTERM, or is stopped, ends by SIGKILL
 *   - whoever kills the child only makes more work
 */
#include "sessions.h"

#include "census.h"
#include "child.h"
#include "deadline.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_AGAIN_MS 20
#define STRIKE_MS 200 /* for the child, which needs a millisecond */
#define STRIKES_MAX 3 /* tries of it, when it is killed or stopped */

/* Whose processes get which signal. */
struct strike {
	uint32_t uid;
	int signal;
};

/* The child, as the identity: signal all that it may, itself excepted. */
static void
strike_all(int fd, void *context)
{
	const struct strike *strike = context;

	/* As root it would be the end of the host. */
	if (getuid() != strike->uid || geteuid() != strike->uid ||
	    strike->uid == 0)
		return;
	/* Of its own session SIGCONT would reach other users, too: kill(2). */
	if (setsid() == -1)
		return;
	(void)kill(-1, strike->signal);
	if (strike->signal == SIGTERM) /* who is stopped cannot end */
		(void)kill(-1, SIGCONT);
	(void)!write(fd, "", 1);
}

/* Did a child get through? The identity may kill or stop it before. */
static bool
strike_as(uint32_t uid, int signal)
{
	const struct oat_account account = { uid, uid };
	struct strike strike = { uid, signal };
	struct oat_child child = OAT_CHILD_NONE;
	struct pollfd done = { .events = POLLIN };
	bool told = false;
	char byte;
	int i;

	for (i = 0; i < STRIKES_MAX && !told; i++) {
		if (oat_child_start(&account, 0, strike_all, &strike, &child) !=
		    OAT_OK)
			return false;
		done.fd = child.fd;
		told = poll(&done, 1, STRIKE_MS) == 1 &&
		       read(child.fd, &byte, 1) == 1;
		oat_child_end(&child);
	}
	return told;
}

static void
strike_one(const struct oat_claim *claim, int signal)
{
	(void)oat_process_signal(&claim->process, signal);
	if (signal == SIGTERM)
		(void)oat_process_signal(&claim->process, SIGCONT);
}

/* Everything that ends of an identity, before anything of another. */
static void
strike(const struct oat_census *census, const struct oat_ending *ending,
    int signal)
{
	const struct oat_claim *claim;
	bool own = false;
	size_t i;

	for (i = 0; i < census->count && !own; i++)
		own = census->claims[i].uid == ending->uid &&
		      census->claims[i].kind == OAT_CLAIM_OWN;
	/* Of an identity that stays good, later sessions go on. */
	own = own && ending->before == UINT64_MAX &&
	      strike_as(ending->uid, signal);
	for (i = 0; i < census->count; i++) {
		claim = &census->claims[i];
		if (claim->uid == ending->uid && claim->ends &&
		    !(own && claim->kind == OAT_CLAIM_OWN))
			strike_one(claim, signal);
	}
}

static void
strike_each(const struct oat_census *census, const struct oat_endings *endings,
    int signal)
{
	size_t i;

	for (i = 0; i < endings->count; i++)
		if (!endings->list[i].spared)
			strike(census, &endings->list[i], signal);
}

/* What there is to wait for. */
struct rest {
	bool ends;     /* something that is to end */
	bool services; /* something that ends by itself */
};

/* Count what is there of each. */
static struct rest
count(const struct oat_census *census, struct oat_endings *endings)
{
	const struct oat_claim *claim;
	struct oat_ending *ending;
	struct rest rest = { false, false };
	size_t i;

	for (i = 0; i < endings->count; i++)
		endings->list[i].left = 0;
	for (i = 0; i < census->count; i++) {
		claim = &census->claims[i];
		ending = oat_endings_find(endings, claim->uid);
		if (claim->kind == OAT_CLAIM_SERVICE) {
			rest.services = true;
			continue;
		}
		if (++ending->left > ending->found)
			ending->found = ending->left;
		rest.ends = rest.ends || (claim->ends && !ending->spared);
	}
	return rest;
}

/* Look again, knowing what was there. */
static enum oat_status
retake(const struct oat_policy *policy, struct oat_endings *endings,
    struct oat_census *census)
{
	struct oat_census next;
	enum oat_status status;

	status = oat_census_take(policy, endings, census, &next);
	if (status != OAT_OK)
		return status;
	oat_census_free(census);
	*census = next;
	return OAT_OK;
}

/*
 * SIGTERM went out. Until what is to end is gone, or the time is up: SIGKILL
 * when it is time for that, also for what has come since. Services get the
 * first part of the time to close the connection.
 */
static enum oat_status
see_to_it(const struct oat_policy *policy, struct oat_endings *endings,
    struct oat_census *census)
{
	struct oat_deadline grace = oat_deadline_in_ms(OAT_SESSIONS_GRACE_MS);
	struct oat_deadline end =
	    oat_deadline_in_ms(OAT_SESSIONS_GRACE_MS + OAT_SESSIONS_SETTLE_MS);
	enum oat_status status = OAT_OK;
	struct rest rest = { true, false };

	while (status == OAT_OK &&
	       ((rest.ends && !oat_deadline_passed(end)) ||
		   (rest.services && !oat_deadline_passed(grace)))) {
		if (oat_deadline_passed(grace))
			strike_each(census, endings, SIGKILL);
		oat_deadline_sleep(oat_deadline_in_ms(LOOK_AGAIN_MS));
		status = retake(policy, endings, census);
		rest = count(census, endings);
	}
	return status;
}

static int
compare_uids(const void *a, const void *b)
{
	const struct oat_ending *left = a, *right = b;

	return (left->uid > right->uid) - (left->uid < right->uid);
}

enum oat_status
oat_sessions_end(
    const struct oat_policy *policy, struct oat_endings *ret_endings)
{
	struct oat_endings endings = { .count = 0 };
	struct oat_census census = { .count = 0 };
	enum oat_status status;

	status = oat_census_take(policy, &endings, NULL, &census);
	if (status == OAT_OK && count(&census, &endings).ends) {
		strike_each(&census, &endings, SIGTERM);
		status = see_to_it(policy, &endings, &census);
	}
	oat_census_free(&census);
	if (status != OAT_OK) {
		oat_endings_free(&endings);
		return status;
	}
	if (endings.count > 0)
		qsort(endings.list, endings.count, sizeof(*endings.list),
		    compare_uids);
	*ret_endings = endings;
	return OAT_OK;
}
