/* SPDX-License-Identifier: MIT */
/*
 * The files are read line by line and taken at their worst: a line that libc
 * would not understand still blocks the name and the numbers that can be seen
 * in it. Only what could ever be ours is kept.
 */
#include "local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "name.h"

/* In this order; the last one is named even if it is not there either. */
static const char *const nologins[] = { "/usr/sbin/nologin", "/sbin/nologin",
	"/usr/bin/false", "/bin/false" };

const struct oat_local_files oat_local_files = {
	.passwd = "/etc/passwd",
	.group = "/etc/group",
	.shells = "/etc/shells",
};

struct list {
	void *items; /* of one size, owned */
	size_t count;
};

struct oat_local {
	uint32_t uid_min, uid_max;
	struct list names;  /* of char[OAT_GROUP_MAX + 1] */
	struct list ids;    /* of uint32_t */
	struct list shells; /* of char *, owned */
	const char *nologin;
};

/* Room for one more item, or NULL. Few lines of these files are kept. */
static void *
list_add(struct list *list, size_t item_size)
{
	char *items = reallocarray(list->items, list->count + 1, item_size);

	if (items == NULL)
		return NULL;
	list->items = items;
	return items + list->count++ * item_size;
}

static enum oat_status
keep_name(struct oat_local *local, const char *name)
{
	char *kept;

	if (!oat_name_is_group(name)) /* logins are such, too */
		return OAT_OK;
	kept = list_add(&local->names, OAT_GROUP_MAX + 1);
	if (kept == NULL)
		return OAT_NOMEM;
	memcpy(kept, name, strlen(name) + 1);
	return OAT_OK;
}

static enum oat_status
keep_id(struct oat_local *local, const char *text)
{
	unsigned long long value;
	uint32_t *kept;
	char *end;

	value = strtoull(text, &end, 10);
	if (end == text || value > OAT_ID_MAX ||
	    !oat_local_allows_id(local, (int64_t)value))
		return OAT_OK;
	kept = list_add(&local->ids, sizeof(*kept));
	if (kept == NULL)
		return OAT_NOMEM;
	*kept = (uint32_t)value;
	return OAT_OK;
}

/*
 * name:password:uid:gid of passwd(5), name:password:gid:members of group(5); a
 * member whose name begins with a number in the range blocks that number, too.
 */
static enum oat_status
take_account(struct oat_local *local, char *line)
{
	enum oat_status status;
	char *rest = line, *field;
	int number;

	status = keep_name(local, strsep(&rest, ":"));
	for (number = 2; status == OAT_OK && number <= 4; number++) {
		field = strsep(&rest, ":");
		if (field != NULL && number > 2)
			status = keep_id(local, field);
	}
	return status;
}

/* As getusershell(3): up to white space or a comment. */
static enum oat_status
take_shell(struct oat_local *local, char *line)
{
	char **kept, *copy;

	line += strspn(line, " \t");
	if (line[0] != '/')
		return OAT_OK;
	copy = strndup(line, strcspn(line, " \t#"));
	if (copy == NULL)
		return OAT_NOMEM;
	kept = list_add(&local->shells, sizeof(*kept));
	if (kept == NULL) {
		free(copy);
		return OAT_NOMEM;
	}
	*kept = copy;
	return OAT_OK;
}

static enum oat_status
read_lines(struct oat_local *local, const char *path,
    enum oat_status (*take)(struct oat_local *, char *))
{
	enum oat_status status = OAT_OK;
	FILE *file;
	char *line = NULL;
	size_t size = 0;
	int saved;

	file = fopen(path, "re");
	if (file == NULL)
		return OAT_SYSTEM;
	while (status == OAT_OK && getline(&line, &size, file) != -1) {
		line[strcspn(line, "\n")] = '\0';
		status = take(local, line);
	}
	if (status == OAT_OK && !feof(file))
		status = errno == ENOMEM ? OAT_NOMEM : OAT_SYSTEM;
	saved = errno;
	free(line);
	(void)fclose(file);
	errno = saved;
	return status;
}

static const char *
find_nologin(void)
{
	size_t i, last = sizeof(nologins) / sizeof(nologins[0]) - 1;

	for (i = 0; i < last; i++)
		if (access(nologins[i], X_OK) == 0)
			break;
	return nologins[i];
}

enum oat_status
oat_local_load(const struct oat_local_files *files, uint32_t uid_min,
    uint32_t uid_max, struct oat_local **ret_local)
{
	struct oat_local *local;
	char standard_shell[] = "/bin/sh";
	enum oat_status status;

	local = calloc(1, sizeof(*local));
	if (local == NULL)
		return OAT_NOMEM;
	local->uid_min = uid_min;
	local->uid_max = uid_max;
	local->nologin = find_nologin();
	status = read_lines(local, files->passwd, take_account);
	if (status != OAT_OK)
		goto out;
	status = read_lines(local, files->group, take_account);
	if (status != OAT_OK)
		goto out;
	status = read_lines(local, files->shells, take_shell);
	if (status == OAT_SYSTEM && errno == ENOENT)
		status = take_shell(local, standard_shell);
	if (status != OAT_OK)
		goto out;
	*ret_local = local;
	local = NULL;
out:
	oat_local_free(local);
	return status;
}

void
oat_local_free(struct oat_local *local)
{
	int saved = errno;
	char **shells;
	size_t i;

	if (local == NULL)
		return;
	shells = local->shells.items;
	for (i = 0; i < local->shells.count; i++)
		free(shells[i]);
	free(local->shells.items);
	free(local->names.items);
	free(local->ids.items);
	free(local);
	errno = saved;
}

bool
oat_local_allows_id(const struct oat_local *local, int64_t id)
{
	return id >= local->uid_min && id <= local->uid_max &&
	       id <= OAT_ID_MAX && oat_id_is_ours((uint32_t)id);
}

bool
oat_local_has_name(const struct oat_local *local, const char *name)
{
	const char(*names)[OAT_GROUP_MAX + 1] = local->names.items;
	size_t i;

	for (i = 0; i < local->names.count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool
oat_local_has_id(const struct oat_local *local, uint32_t id)
{
	const uint32_t *ids = local->ids.items;
	size_t i;

	for (i = 0; i < local->ids.count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

bool
oat_local_has_shell(const struct oat_local *local, const char *path)
{
	char *const *shells = local->shells.items;
	size_t i;

	for (i = 0; i < local->shells.count; i++)
		if (strcmp(shells[i], path) == 0)
			return true;
	return false;
}

const char *
oat_local_nologin(const struct oat_local *local)
{
	return local->nologin;
}
