/* SPDX-License-Identifier: MIT */
/*
 * Rules for a row, in the order in which they are tried; each is a test of
 * tests/unit/test_identity.c:
 *
 *  - the name is one of ours by its grammar: no ':', no control character, no
 *    name of a person or a daemon;
 *  - an identity's name is made of its organization and its token;
 *  - the number is inside uid_range, and so never root's;
 *  - neither belongs to an account of this host;
 *  - the groups are numbers inside uid_range, and not of this host either.
 *
 * A shell is not refused but replaced: it decides what a login may start, and
 * a host that lacks it must still name the owner of a file.
 */
#include "identity.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 10 /* of a 32-bit number */

static enum oat_status
refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return OAT_INVALID;
}

/* What groups and identities have in common. */
static enum oat_status
check_account(const struct oat_identity_row *row, const struct oat_local *local,
    const char **ret_why)
{
	if (!oat_local_allows_id(local, row->id))
		return refuse("number outside uid_range", ret_why);
	if (oat_local_has_name(local, row->name))
		return refuse("name of a local account", ret_why);
	if (oat_local_has_id(local, (uint32_t)row->id))
		return refuse("number of a local account", ret_why);
	return OAT_OK;
}

enum oat_status
oat_group_from_row(const struct oat_identity_row *row,
    const struct oat_local *local, struct oat_group *ret_group,
    const char **ret_why)
{
	enum oat_status status;

	if (!oat_name_is_group(row->name) || oat_name_is_login(row->name))
		return refuse("not the name of a group", ret_why);
	status = check_account(row, local, ret_why);
	if (status != OAT_OK)
		return status;
	memset(ret_group, 0, sizeof(*ret_group));
	memcpy(ret_group->name, row->name, strlen(row->name));
	ret_group->gid = (uint32_t)row->id;
	return OAT_OK;
}

/* Is it "oat-<organization>-<token>"? All three are within their bounds. */
static bool
is_composed(const char *login, const char *organization, const char *token)
{
	size_t length = strlen(organization);

	login += strlen("oat-");
	return strncmp(login, organization, length) == 0 &&
	       login[length] == '-' && strcmp(login + length + 1, token) == 0;
}

/* The number at *text, which then points behind it. */
static bool
parse_number(const char **text, int64_t *ret_number)
{
	int64_t number = 0;
	int digits = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++) {
		if (++digits > DIGITS_MAX)
			return false;
		number = number * 10 + (**text - '0');
	}
	*ret_number = number;
	return digits > 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Ascending, each once. Answers how many are left. */
static size_t
sort_groups(uint32_t *groups, size_t count)
{
	size_t i, kept = 0;

	if (count == 0)
		return 0;
	qsort(groups, count, sizeof(*groups), compare_numbers);
	for (i = 1; i < count; i++)
		if (groups[i] != groups[kept])
			groups[++kept] = groups[i];
	return kept + 1;
}

static size_t
count_fields(const char *text)
{
	size_t count = 1;

	for (; *text != '\0'; text++)
		count += *text == ',';
	return count;
}

static enum oat_status
parse_groups(const char *text, const struct oat_local *local,
    struct oat_identity *identity, const char **ret_why)
{
	size_t room, count = 0;
	int64_t number;

	if (text == NULL || *text == '\0')
		return OAT_OK;
	room = count_fields(text);
	identity->groups = calloc(room, sizeof(*identity->groups));
	if (identity->groups == NULL)
		return OAT_NOMEM;
	for (;; text++) {
		if (!parse_number(&text, &number))
			return refuse("malformed list of groups", ret_why);
		if (!oat_local_allows_id(local, number) ||
		    oat_local_has_id(local, (uint32_t)number))
			return refuse("group that is not ours", ret_why);
		identity->groups[count++] = (uint32_t)number;
		if (*text == '\0')
			break;
		if (*text != ',')
			return refuse("malformed list of groups", ret_why);
	}
	identity->group_count = sort_groups(identity->groups, count);
	return OAT_OK;
}

/* The shell of the row, or nologin when this host does not list it. */
static const char *
choose_shell(const struct oat_identity_row *row, const struct oat_local *local)
{
	if (!row->active || row->shell == NULL || row->shell[0] != '/' ||
	    strnlen(row->shell, OAT_SHELL_MAX + 1) > OAT_SHELL_MAX ||
	    strpbrk(row->shell, ":\n") != NULL ||
	    !oat_local_has_shell(local, row->shell))
		return oat_local_nologin(local);
	return row->shell;
}

static enum oat_status
check_login(const struct oat_identity_row *row, const char **ret_why)
{
	if (!oat_name_is_login(row->name))
		return refuse("not the name of an identity", ret_why);
	if (!oat_name_is_organization(row->organization))
		return refuse("not the name of an organization", ret_why);
	if (!oat_name_is_token(row->token))
		return refuse("not the name of a token", ret_why);
	if (!is_composed(row->name, row->organization, row->token))
		return refuse("login of another token", ret_why);
	return OAT_OK;
}

enum oat_status
oat_identity_from_row(const struct oat_identity_row *row,
    const struct oat_local *local, struct oat_identity *ret_identity,
    const char **ret_why)
{
	struct oat_identity identity = { .uid = (uint32_t)row->id };
	enum oat_status status;
	const char *shell;

	status = check_login(row, ret_why);
	if (status == OAT_OK)
		status = check_account(row, local, ret_why);
	if (status == OAT_OK && row->active)
		status = parse_groups(row->groups, local, &identity, ret_why);
	if (status != OAT_OK) {
		oat_identity_free(&identity);
		return status;
	}
	shell = choose_shell(row, local);
	memcpy(identity.login, row->name, strlen(row->name));
	memcpy(identity.shell, shell, strlen(shell));
	identity.active = row->active;
	identity.expires_at = row->expires_at;
	*ret_identity = identity;
	return OAT_OK;
}

void
oat_identity_free(struct oat_identity *identity)
{
	if (identity == NULL)
		return;
	free(identity->groups);
	memset(identity, 0, sizeof(*identity));
}
