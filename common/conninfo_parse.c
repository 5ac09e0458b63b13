/* SPDX-License-Identifier: MIT */
/*
 * A connection string taken apart by libpq's rules for key=value pairs ("33.1.1
 * Connection Strings" of its manual): blanks around "=" and between pairs,
 * values bare up to a blank or in single quotes, a backslash before any
 * character that is meant as itself. URIs are not accepted. By hand, so that
 * root loads neither libpq nor what it brings along.
 */
#include "conninfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_MAX 32 /* more than there are keys to write */
#define BLANKS " \t\n\r\f\v"

/* Both walk: `text` through the input, `to` through the copy. */
struct cursor {
	const char *text;
	char *to;
};

static void
skip_blanks(struct cursor *cursor)
{
	cursor->text += strspn(cursor->text, BLANKS);
}

/* A keyword of libpq; NULL when there is none here. */
static const char *
take_key(struct cursor *cursor)
{
	const char *key = cursor->to;
	size_t length;

	length = strspn(cursor->text, "abcdefghijklmnopqrstuvwxyz_");
	if (length == 0)
		return NULL;
	memcpy(cursor->to, cursor->text, length);
	cursor->to[length] = '\0';
	cursor->to += length + 1;
	cursor->text += length;
	skip_blanks(cursor);
	if (*cursor->text != '=')
		return NULL;
	cursor->text++;
	skip_blanks(cursor);
	return key;
}

/* Its value, unescaped; NULL when a quote is not closed. */
static const char *
take_value(struct cursor *cursor)
{
	const char *value = cursor->to;
	bool quoted = *cursor->text == '\'';
	const char *ends = quoted ? "'" : BLANKS;

	if (quoted)
		cursor->text++;
	while (*cursor->text != '\0' && strchr(ends, *cursor->text) == NULL) {
		if (*cursor->text == '\\')
			cursor->text++;
		if (*cursor->text != '\0') /* a backslash at the end is none */
			*cursor->to++ = *cursor->text++;
	}
	*cursor->to++ = '\0';
	if (quoted && *cursor->text++ != '\'')
		return NULL;
	return value;
}

static bool
is_repeated(const struct oat_setting *settings, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(settings[i].key, settings[count].key) == 0)
			return true;
	return false;
}

/* Fills the table, its end included; false when it is no such string. */
static bool
take_apart(struct cursor *cursor, struct oat_setting *ret_settings)
{
	size_t n;

	for (n = 0; n < SETTINGS_MAX; n++) {
		skip_blanks(cursor);
		ret_settings[n] = (struct oat_setting){ NULL, NULL, false };
		if (*cursor->text == '\0')
			return true;
		ret_settings[n].key = take_key(cursor);
		if (ret_settings[n].key == NULL || is_repeated(ret_settings, n))
			return false;
		ret_settings[n].value = take_value(cursor);
		if (ret_settings[n].value == NULL)
			return false;
	}
	return false;
}

enum oat_status
oat_conninfo_parse(const char *text, bool has_password,
    struct oat_conninfo **ret_conninfo, char *ret_error)
{
	struct oat_setting settings[SETTINGS_MAX];
	enum oat_status status = OAT_INVALID;
	struct cursor cursor = { .text = text };
	size_t size = strlen(text) + 2; /* each blank or "=" becomes a NUL */
	char *copy;

	copy = malloc(size);
	if (copy == NULL)
		return OAT_NOMEM;
	cursor.to = copy;
	if (take_apart(&cursor, settings))
		status = oat_conninfo_check(
		    settings, has_password, ret_conninfo, ret_error);
	else
		(void)snprintf(ret_error, OAT_CONNINFO_ERROR_MAX,
		    "database: not a libpq connection string; write key=value "
		    "pairs of the options in oat.conf(5), each once");
	explicit_bzero(copy, size);
	free(copy);
	return status;
}
