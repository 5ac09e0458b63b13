/* SPDX-License-Identifier: MIT */
/*
 * Nobody has answered for the database: so that of many who want to ask it not
 * each waits its whole time, one after the other, what one has found out counts
 * for all processes of this host, under OAT_PATH_RUN.
 *
 * An outage is silence: no server could be reached, or answered in time. After
 * it was met, nobody asks for OAT_OUTAGE_BACKOFF_MS. Then one asks, and those
 * who come meanwhile wait for what becomes of that, within their own deadlines.
 * Whoever is answered ends the outage, at once, for everybody. A server that
 * says no has answered.
 *
 * Two seconds, because a server that was restarted is back in about that time,
 * and people try again no sooner; while of the five seconds of a login the host
 * then spends most on asking, and so finds out soon. Shorter would save
 * nothing: it is the silence that costs.
 *
 * What lies in the folder can delay nobody for longer than that, whatever it
 * is: a record that makes no sense, of the future or of another owner is none.
 */
#ifndef OAT_OUTAGE_H
#define OAT_OUTAGE_H

#include <stdint.h>

#include "deadline.h"
#include "status.h"

#define OAT_OUTAGE_BACKOFF_MS 2000

/* Bytes of a text that says why nobody is asked, NUL included. */
#define OAT_OUTAGE_WHY_MAX 600

/* One process that wants to ask. */
struct oat_asking {
	int probe;	   /* owned: the others wait for this one; -1 if not */
	uint64_t began_ns; /* of stamp.h */
	uint32_t given_ms; /* how long it can wait for an answer */
};

#define OAT_ASKING_NONE  \
	{                \
		-1, 0, 0 \
	}

/*
 * Now, whatever others found out: for who is asked to try by hand or by a
 * timer. To be ended with oat_outage_learn(), as what follows.
 */
void
oat_outage_ignore(struct oat_deadline deadline, struct oat_asking *ret_asking);

/*
 * May the database be asked? Waits for one who asks just now. To be called
 * again after any other wait, with the same struct. OAT_OK, also when the
 * folder cannot be used. OAT_UNAVAILABLE: not now, and ret_why
 * (OAT_OUTAGE_WHY_MAX bytes, printable) says how long nobody answered and what
 * the first met; nothing needs to be ended then.
 */
enum oat_status oat_outage_await(const char *run, struct oat_deadline deadline,
    struct oat_asking *asking, char *ret_why);

/*
 * Tell the others what became of the first question: OAT_OK when it was
 * answered; OAT_TIMEOUT when it was not, and `why` (printable) tells more;
 * anything else says nothing about the database. Nor does a silence in less
 * than half of timeout_ms, the time that asking usually has, or during which
 * somebody else was answered. Not for a later question of the same connection:
 * that one may wait for a row that somebody has locked, and who can lock a row
 * must not be able to stop everybody.
 */
void oat_outage_learn(const char *run, struct oat_asking *asking,
    enum oat_status status, uint32_t timeout_ms, const char *why);

#endif
