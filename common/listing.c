/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - an answer that stops early, or has rows too many or too few, is none
 *   - a complete answer without rows is believed
 *   - one refused row leaves the others alone
 *   - a row of a kind that is not known counts, and is otherwise ignored
 */
#include "listing.h"

#include "escape.h"
#include "name.h"
#include "process.h"

#include <stdlib.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)
#define COUNT_DIGITS_MAX 9 /* of rows */
#define US_DIGITS_MAX 18   /* of a time; more would not fit in 64 bits */

static struct oat_identity_row
as_identity_row(const struct oat_row *row)
{
	return (struct oat_identity_row){
		.name = row->name,
		.id = row->id,
		.organization = row->organization,
		.token = row->token_name,
		.shell = row->shell,
		.groups = row->groups,
		.active = row->active,
		.expires_at =
		    row->expires_at == 0 ? OAT_NEVER : row->expires_at,
	};
}

/* One row more between begin and end, and no more than were promised. */
static enum oat_status
count_row(struct oat_listing *listing)
{
	if (!listing->begun || listing->ended ||
	    listing->taken == listing->promised)
		return OAT_INVALID;
	listing->taken++;
	return OAT_OK;
}

static enum oat_status
add(struct oat_listing *listing, const struct oat_row *row, bool group)
{
	struct oat_identity_row identity = as_identity_row(row);
	char name[OAT_ESCAPED_MAX];
	enum oat_status status;
	const char *why = "refused";

	status = count_row(listing);
	if (status != OAT_OK)
		return status;
	status =
	    group
		? oat_identities_add_group(listing->identities, &identity, &why)
		: oat_identities_add(listing->identities, &identity, &why);
	if (status != OAT_INVALID)
		return status;
	listing->refused(
	    oat_escape(name, sizeof(name), row->name), why, listing->context);
	return OAT_OK;
}

/* "17", with at most so many digits; anything else is no count. */
static enum oat_status
read_count(const char *text, size_t digits_max, uint64_t *ret_count)
{
	uint64_t count = 0;

	if (*text == '\0' || strlen(text) > digits_max)
		return OAT_INVALID;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return OAT_INVALID;
		count = count * 10 + (uint64_t)(*text - '0');
	}
	*ret_count = count;
	return OAT_OK;
}

/*
 * Sessions to end. Whose they are is looked up by the number, in the snapshot
 * that comes of the listing; the time is in the column of the groups, or, from
 * an older database, in whole seconds.
 */
static enum oat_status
add_wish(struct oat_listing *listing, const struct oat_row *row)
{
	struct oat_wish *moved;
	uint64_t before_us;
	enum oat_status status;

	status = count_row(listing);
	if (status != OAT_OK)
		return status;
	if (row->id < OAT_ID_MIN || row->id > OAT_ID_MAX)
		return OAT_OK;
	if (listing->wish_count == listing->wish_room) {
		moved = reallocarray(listing->wishes,
		    listing->wish_room * 2 + 1, sizeof(*moved));
		if (moved == NULL)
			return OAT_NOMEM;
		listing->wishes = moved;
		listing->wish_room = listing->wish_room * 2 + 1;
	}
	if (read_count(row->groups, US_DIGITS_MAX, &before_us) != OAT_OK)
		before_us = row->expires_at > 0 &&
				    row->expires_at < INT64_MAX / US_PER_S
				? (uint64_t)(row->expires_at * US_PER_S)
				: 0;
	listing->wishes[listing->wish_count++] =
	    (struct oat_wish){ (uint32_t)row->id, (int64_t)before_us };
	return OAT_OK;
}

static enum oat_status
begin(struct oat_listing *listing, const struct oat_row *row, bool same)
{
	if (listing->begun || row->id < 0)
		return OAT_INVALID;
	listing->begun = true;
	listing->same = same;
	listing->ended = same;
	listing->generation = row->id;
	listing->as_of_us = row->expires_at;
	listing->begun_at = oat_process_now();
	return same ? OAT_OK
		    : read_count(
			  row->groups, COUNT_DIGITS_MAX, &listing->promised);
}

static enum oat_status
end(struct oat_listing *listing, const struct oat_row *row)
{
	if (!listing->begun || listing->ended || row->id != listing->generation)
		return OAT_INVALID;
	listing->ended = true;
	return OAT_OK;
}

enum oat_status
oat_listing_take(const struct oat_row *row, void *context)
{
	struct oat_listing *listing = context;

	if (strcmp(row->kind, "group") == 0)
		return add(listing, row, true);
	if (strcmp(row->kind, "identity") == 0)
		return add(listing, row, false);
	if (strcmp(row->kind, "terminate") == 0)
		return add_wish(listing, row);
	if (strcmp(row->kind, "begin") == 0)
		return begin(listing, row, false);
	if (strcmp(row->kind, "same") == 0)
		return begin(listing, row, true);
	if (strcmp(row->kind, "end") == 0)
		return end(listing, row);
	/* Databases are upgraded first and may say more than is known here. */
	return count_row(listing);
}

bool
oat_listing_is_whole(const struct oat_listing *listing)
{
	return listing->ended && listing->taken == listing->promised;
}

void
oat_listing_free(struct oat_listing *listing)
{
	free(listing->wishes);
	listing->wishes = NULL;
	listing->wish_count = listing->wish_room = 0;
}
