/* SPDX-License-Identifier: MIT */
#include "identities.h"

#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

/* What must be there once: in one tree by name, in another by number. */
struct account {
	char name[OAT_GROUP_MAX + 1];
	uint32_t id;
	bool is_group; /* which an identity may be a member of */
};

struct oat_identities {
	const struct oat_local *local;
	struct oat_group *groups;
	size_t group_count, group_room;
	struct oat_identity *identities;
	size_t identity_count, identity_room;
	void *by_name, *by_id; /* tsearch(3); by_id owns the accounts */
};

static int
compare_names(const void *a, const void *b)
{
	const struct account *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct account *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static void
keep(void *account)
{
	(void)account;
}

enum oat_status
oat_identities_new(
    const struct oat_local *local, struct oat_identities **ret_set)
{
	struct oat_identities *set;

	set = calloc(1, sizeof(*set));
	if (set == NULL)
		return OAT_NOMEM;
	set->local = local;
	*ret_set = set;
	return OAT_OK;
}

void
oat_identities_free(struct oat_identities *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->identity_count; i++)
		oat_identity_free(&set->identities[i]);
	free(set->identities);
	free(set->groups);
	tdestroy(set->by_name, keep);
	tdestroy(set->by_id, free);
	free(set);
}

/* Room for one more item at the end of an array. */
static enum oat_status
make_room(void **items, size_t item_size, size_t count, size_t *room)
{
	size_t more = *room == 0 ? ROOM_FIRST : *room * 2;
	void *moved;

	if (count < *room)
		return OAT_OK;
	moved = reallocarray(*items, more, item_size);
	if (moved == NULL)
		return OAT_NOMEM;
	*items = moved;
	*room = more;
	return OAT_OK;
}

/* OAT_INVALID when the name or the number is there already. */
static enum oat_status
register_account(struct oat_identities *set, const char *name, uint32_t id,
    bool is_group, const char **ret_why)
{
	struct account *account;

	account = calloc(1, sizeof(*account));
	if (account == NULL)
		return OAT_NOMEM;
	memcpy(account->name, name, strlen(name));
	account->id = id;
	account->is_group = is_group;
	if (tfind(account, &set->by_name, compare_names) != NULL ||
	    tfind(account, &set->by_id, compare_ids) != NULL) {
		free(account);
		*ret_why = "name or number given twice";
		return OAT_INVALID;
	}
	if (tsearch(account, &set->by_id, compare_ids) == NULL) {
		free(account);
		return OAT_NOMEM;
	}
	if (tsearch(account, &set->by_name, compare_names) == NULL) {
		(void)tdelete(account, &set->by_id, compare_ids);
		free(account);
		return OAT_NOMEM;
	}
	return OAT_OK;
}

static bool
has_group(const struct oat_identities *set, uint32_t gid)
{
	const struct account wanted = { .id = gid };
	struct account *const *found;

	found = tfind(&wanted, &set->by_id, compare_ids);
	return found != NULL && (*found)->is_group;
}

static void
drop_missing_groups(
    const struct oat_identities *set, struct oat_identity *identity)
{
	size_t i, kept = 0;

	for (i = 0; i < identity->group_count; i++)
		if (has_group(set, identity->groups[i]))
			identity->groups[kept++] = identity->groups[i];
	identity->group_count = kept;
}

enum oat_status
oat_identities_add_group(struct oat_identities *set,
    const struct oat_identity_row *row, const char **ret_why)
{
	void *items = set->groups;
	struct oat_group group;
	enum oat_status status;

	status = oat_group_from_row(row, set->local, &group, ret_why);
	if (status != OAT_OK)
		return status;
	status = make_room(
	    &items, sizeof(group), set->group_count, &set->group_room);
	set->groups = items;
	if (status != OAT_OK)
		return status;
	status = register_account(set, group.name, group.gid, true, ret_why);
	if (status == OAT_OK)
		set->groups[set->group_count++] = group;
	return status;
}

enum oat_status
oat_identities_add(struct oat_identities *set,
    const struct oat_identity_row *row, const char **ret_why)
{
	void *items = set->identities;
	struct oat_identity identity;
	enum oat_status status;

	status = oat_identity_from_row(row, set->local, &identity, ret_why);
	if (status != OAT_OK)
		return status;
	status = make_room(
	    &items, sizeof(identity), set->identity_count, &set->identity_room);
	set->identities = items;
	if (status != OAT_OK)
		goto out;
	drop_missing_groups(set, &identity);
	status =
	    register_account(set, identity.login, identity.uid, false, ret_why);
	if (status != OAT_OK)
		goto out;
	set->identities[set->identity_count++] = identity;
out:
	if (status != OAT_OK)
		oat_identity_free(&identity);
	return status;
}

const struct oat_group *
oat_identities_groups(const struct oat_identities *set, size_t *ret_count)
{
	*ret_count = set->group_count;
	return set->groups;
}

const struct oat_identity *
oat_identities_all(const struct oat_identities *set, size_t *ret_count)
{
	*ret_count = set->identity_count;
	return set->identities;
}
