/* SPDX-License-Identifier: MIT */
/*
 * All users and all groups, one after the other, ascending by number. What is
 * kept between calls is a place in a version of the snapshot; in another
 * version the walk goes on behind the number it had reached, so that a
 * snapshot published in the middle skips and repeats nobody.
 *
 * The place moves only when its entry fitted into the caller's buffer.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "answer.h"
#include "find.h"
#include "nss_oat.h"
#include "pack.h"
#include "source.h"

/*
 * glibc lets one thread at a time in here, so this waits for callers of another
 * kind, and not forever: a fork may have left it busy.
 */
#define TRIES 10000

struct place {
	uint64_t version; /* oat_snapshot.check */
	uint64_t cursor;  /* there */
	uint32_t id;	  /* of the last one; 0 before the first */
};

static struct {
	atomic_flag busy; /* guards all that follows */
	struct place users, groups;
} enumeration = { .busy = ATOMIC_FLAG_INIT };

/* What one step needs and finds. */
struct step {
	struct place place;
	bool users_only;
	struct oat_nss_found *found;
};

static bool
take_enumeration(void)
{
	int i;

	for (i = 0; i < TRIES; i++) {
		if (!atomic_flag_test_and_set_explicit(
			&enumeration.busy, memory_order_acquire))
			return true;
		(void)sched_yield();
	}
	return false;
}

static void
release_enumeration(void)
{
	atomic_flag_clear_explicit(&enumeration.busy, memory_order_release);
}

static bool
is_next(const struct step *step)
{
	const struct oat_record *record = &step->found->record;

	return record->id > step->place.id &&
	       (!step->users_only || record->kind == OAT_RECORD_IDENTITY);
}

static enum oat_status
ask_next(const struct oat_snapshot *snapshot, void *arg)
{
	struct step *step = arg;
	struct oat_record *record = &step->found->record;
	uint64_t cursor = 0;
	enum oat_status status;

	if (step->place.version == snapshot->check)
		cursor = step->place.cursor;
	do {
		status = oat_snapshot_next(snapshot, &cursor, record);
		if (status != OAT_OK)
			return status;
	} while (!is_next(step));
	oat_nss_found_set_home_root(step->found, snapshot);
	step->place.version = snapshot->check;
	step->place.cursor = cursor;
	step->place.id = record->id;
	return OAT_OK;
}

static enum nss_status
rewind_place(struct place *place)
{
	if (!take_enumeration())
		return NSS_STATUS_TRYAGAIN;
	*place = (struct place){ .id = 0 };
	release_enumeration();
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_oat_setpwent(int stayopen)
{
	(void)stayopen; /* nothing is open between calls */
	return rewind_place(&enumeration.users);
}

enum nss_status
_nss_oat_endpwent(void)
{
	return rewind_place(&enumeration.users);
}

enum nss_status
_nss_oat_setgrent(int stayopen)
{
	(void)stayopen;
	return rewind_place(&enumeration.groups);
}

enum nss_status
_nss_oat_endgrent(void)
{
	return rewind_place(&enumeration.groups);
}

enum nss_status
_nss_oat_getpwent_r(
    struct passwd *ret_passwd, char *buffer, size_t size, int *errnop)
{
	struct oat_nss_found found;
	struct step step = { .users_only = true, .found = &found };
	enum oat_status status;
	int saved = errno;

	if (!take_enumeration())
		return oat_nss_answer(OAT_TIMEOUT, saved, errnop);
	step.place = enumeration.users;
	status = oat_nss_ask(&oat_nss_source, ask_next, &step);
	if (status == OAT_OK)
		status = oat_nss_pack_passwd(&found, ret_passwd, buffer, size);
	if (status == OAT_OK)
		enumeration.users = step.place;
	release_enumeration();
	return oat_nss_answer(status, saved, errnop);
}

enum nss_status
_nss_oat_getgrent_r(
    struct group *ret_group, char *buffer, size_t size, int *errnop)
{
	struct oat_nss_found found = { .home_root = "" };
	struct step step = { .users_only = false, .found = &found };
	enum oat_status status;
	int saved = errno;

	if (!take_enumeration())
		return oat_nss_answer(OAT_TIMEOUT, saved, errnop);
	step.place = enumeration.groups;
	status = oat_nss_ask(&oat_nss_source, ask_next, &step);
	if (status == OAT_OK)
		status =
		    oat_nss_pack_group(&found.record, ret_group, buffer, size);
	if (status == OAT_OK)
		enumeration.groups = step.place;
	release_enumeration();
	return oat_nss_answer(status, saved, errnop);
}
