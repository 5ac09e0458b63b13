/* SPDX-License-Identifier: MIT */
/*
 * The supplementary groups of a user. nsswitch asks this of every module for
 * every user, root included: names that are not ours leave at the first line.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "answer.h"
#include "common/name.h"
#include "find.h"
#include "nss_oat.h"
#include "source.h"

/* The caller's list, and what was in it before. */
struct list {
	const char *user;
	gid_t primary;
	long int *start, *size;
	gid_t **groupsp;
	long int limit;
	long int before;
};

static bool
is_there(const struct list *list, gid_t gid)
{
	long int i;

	if (gid == list->primary)
		return true;
	/* Ours are distinct: only what others found can be the same. */
	for (i = 0; i < list->before; i++)
		if ((*list->groupsp)[i] == gid)
			return true;
	return false;
}

static enum oat_status
grow(const struct list *list)
{
	long int size = *list->size;
	gid_t *groups;

	if (size > LONG_MAX / (2 * (long int)sizeof(*groups)))
		return OAT_NOMEM;
	size = size > 0 ? size * 2 : 16;
	if (list->limit > 0 && size > list->limit)
		size = list->limit;
	groups = reallocarray(*list->groupsp, (size_t)size, sizeof(*groups));
	if (groups == NULL)
		return OAT_NOMEM;
	*list->groupsp = groups;
	*list->size = size;
	return OAT_OK;
}

/* Beyond the limit they are read on, since the list's check is at its end. */
static enum oat_status
take(uint32_t gid, void *arg)
{
	const struct list *list = arg;
	enum oat_status status;

	if ((list->limit > 0 && *list->start >= list->limit) ||
	    is_there(list, gid))
		return OAT_OK;
	if (*list->start >= *list->size) {
		status = grow(list);
		if (status != OAT_OK)
			return status;
	}
	(*list->groupsp)[(*list->start)++] = gid;
	return OAT_OK;
}

static enum oat_status
ask_groups(const struct oat_snapshot *snapshot, void *arg)
{
	const struct list *list = arg;
	struct oat_record record;
	enum oat_status status;

	*list->start = list->before;
	status = oat_snapshot_find_name(snapshot, list->user, &record);
	if (status == OAT_OK)
		status = oat_snapshot_groups(snapshot, &record, take, arg);
	if (status != OAT_OK)
		*list->start = list->before;
	return status;
}

enum nss_status
_nss_oat_initgroups_dyn(const char *user, gid_t group, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop)
{
	struct list list = {
		.user = user,
		.primary = group,
		.start = start,
		.size = size,
		.groupsp = groupsp,
		.limit = limit,
		.before = *start,
	};
	enum oat_status status;
	int saved = errno;

	if (!oat_name_is_login(user))
		return oat_nss_not_ours(errnop);
	status = oat_nss_ask_or_sync(
	    &oat_nss_source, ask_groups, &list, oat_nss_is_there);
	return oat_nss_answer(status, saved, errnop);
}
