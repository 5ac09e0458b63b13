/* SPDX-License-Identifier: MIT */
#include "name.h"

#include <stddef.h>
#include <string.h>

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* How many characters of [a-z0-9] the text begins with. */
static size_t
word_length(const char *text)
{
	size_t n = 0;

	while (is_letter(text[n]) || (text[n] >= '0' && text[n] <= '9'))
		n++;
	return n;
}

/* ^[a-z0-9]+(-[a-z0-9]+)*$ */
static bool
is_words(const char *text)
{
	size_t n;

	while ((n = word_length(text)) > 0) {
		if (text[n] == '\0')
			return true;
		if (text[n] != '-')
			return false;
		text += n + 1;
	}
	return false;
}

/* The length of the organization the text begins with; 0 for none. */
static size_t
organization_length(const char *text)
{
	size_t n = word_length(text);

	return is_letter(text[0]) && n >= 2 && n <= OAT_ORGANIZATION_MAX ? n
									 : 0;
}

/*
 * What follows the prefix, or NULL when the text begins otherwise. Not
 * strncmp(3): every name of the host comes by here, and most differ at once.
 */
static const char *
after(const char *text, const char *prefix)
{
	for (; *prefix != '\0'; text++, prefix++)
		if (*text != *prefix)
			return NULL;
	return text;
}

static bool
is_at_most(const char *text, size_t max)
{
	return text != NULL && strnlen(text, max + 1) <= max;
}

bool
oat_name_is_login(const char *name)
{
	const char *rest = name == NULL ? NULL : after(name, "oat-");
	size_t n;

	if (rest == NULL || !is_at_most(name, OAT_LOGIN_MAX))
		return false;
	n = organization_length(rest);
	return n > 0 && rest[n] == '-' && is_words(rest + n + 1);
}

bool
oat_name_is_group(const char *name)
{
	const char *rest;

	if (name == NULL || after(name, "oat-") == NULL ||
	    !is_at_most(name, OAT_GROUP_MAX))
		return false;
	if (strcmp(name, "oat-users") == 0 || strcmp(name, "oat-sudo") == 0)
		return true;
	rest = after(name, "oat-g-");
	if (rest != NULL)
		return is_words(rest);
	rest = after(name, "oat-");
	return oat_name_is_organization(rest) || oat_name_is_login(name);
}

bool
oat_name_is_organization(const char *name)
{
	size_t n;

	if (name == NULL)
		return false;
	n = organization_length(name);
	return n > 0 && name[n] == '\0' && strcmp(name, "sudo") != 0 &&
	       strcmp(name, "users") != 0;
}

bool
oat_name_is_token(const char *name)
{
	return is_at_most(name, OAT_TOKEN_NAME_MAX) && is_words(name);
}

bool
oat_name_split(const char *login, struct oat_name_parts *ret_parts)
{
	const char *organization;
	size_t n;

	if (!oat_name_is_login(login))
		return false;
	organization = login + strlen("oat-");
	n = organization_length(organization);
	memset(ret_parts, 0, sizeof(*ret_parts));
	memcpy(ret_parts->organization, organization, n);
	/* The login is at most 32 bytes, so this one fits, too. */
	memcpy(ret_parts->token, organization + n + 1,
	    strlen(organization + n + 1));
	return true;
}

bool
oat_id_is_ours(uint32_t id)
{
	return id >= OAT_ID_MIN && id <= OAT_ID_MAX;
}
