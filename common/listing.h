/* SPDX-License-Identifier: MIT */
/*
 * The database's answer to "who exists on this host", as it is taken in: it
 * must certify itself (generation, count, end), and every row is validated.
 */
#ifndef OAT_LISTING_H
#define OAT_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "database.h"
#include "identities.h"
#include "status.h"

/* A wish of oat.end_sessions(), as the server says it. */
struct oat_wish {
	uint32_t uid;
	int64_t before_us; /* sessions opened before; the server's clock */
};

/* Zero-initialise, set the first three members, oat_listing_free() it. */
struct oat_listing {
	struct oat_identities *identities; /* borrowed */
	/* Called for each refused row; both texts are printable. */
	void (*refused)(const char *name, const char *why, void *context);
	void *context;

	bool begun, same, ended;
	int64_t generation, as_of_us; /* as the server says */
	uint64_t begun_at;	      /* here, then; as oat_process_now() */
	uint64_t promised, taken;     /* rows between begin and end */
	struct oat_wish *wishes;      /* owned */
	size_t wish_count, wish_room;
};

/*
 * Take one row; fit for oat_courier_identities().
 * OAT_OK, also for a row that was refused and reported; OAT_INVALID when the
 * rows cannot be an answer in this order; OAT_NOMEM.
 */
enum oat_status oat_listing_take(const struct oat_row *row, void *listing);

/*
 * After the last row: is it whole? "same", or begin, as many rows as were
 * promised, and the end mark of the same generation.
 */
bool oat_listing_is_whole(const struct oat_listing *listing);

/* Frees what the struct owns. */
void oat_listing_free(struct oat_listing *listing);

#endif
