/* SPDX-License-Identifier: MIT */
#include "nsswitch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\f\v"

/* Is the text of `length` bytes this word, in any case? */
static bool
is_word(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/*
 * Does one action, "NOTFOUND=return" or "!SUCCESS=return", say what is done
 * when nobody was found? *ret_ends is then whether that ends the search.
 */
static void
take_action(const char *action, size_t length, bool *ret_ends)
{
	bool negated = *action == '!';
	const char *status = action + negated;
	const char *equals = memchr(action, '=', length);

	if (equals == NULL)
		return;
	if (is_word(status, (size_t)(equals - status), "NOTFOUND") == negated)
		return;
	*ret_ends = is_word(
	    equals + 1, length - (size_t)(equals + 1 - action), "return");
}

/* The actions up to "]"; returns what follows. */
static const char *
take_actions(const char *text, struct oat_nsswitch *line)
{
	bool ends = false;
	size_t length;

	for (; *text != ']' && *text != '\0'; text += length) {
		text += strspn(text, BLANKS);
		length = strcspn(text, "]" BLANKS);
		if (length > 0)
			take_action(text, length, &ends);
	}
	if (line->count > 0 && ends)
		line->service[line->count - 1].ends_search = true;
	return *text == ']' ? text + 1 : text;
}

static void
take_service(const char *name, size_t length, struct oat_nsswitch *line)
{
	struct oat_nsswitch_service *service = &line->service[line->count];

	if (line->count == OAT_NSSWITCH_SERVICES_MAX)
		return;
	(void)snprintf(service->name, sizeof(service->name), "%.*s",
	    length > sizeof(service->name) ? (int)sizeof(service->name)
					   : (int)length,
	    name);
	line->count++;
}

static void
take_services(const char *text, struct oat_nsswitch *line)
{
	size_t length;

	for (;;) {
		text += strspn(text, BLANKS);
		if (*text == '\0')
			return;
		if (*text == '[') {
			text = take_actions(text + 1, line);
			continue;
		}
		length = strcspn(text, "[" BLANKS);
		take_service(text, length, line);
		text += length;
	}
}

/* What stands behind "passwd:"; NULL when the line is about something else. */
static const char *
after_name(const char *text, const char *database)
{
	size_t length = strlen(database);

	text += strspn(text, BLANKS);
	if (strncmp(text, database, length) != 0)
		return NULL;
	text += length;
	text += strspn(text, BLANKS);
	return *text == ':' ? text + 1 : NULL;
}

void
oat_nsswitch_parse(
    const char *text, const char *database, struct oat_nsswitch *ret_line)
{
	struct oat_nsswitch found = { 0 };
	unsigned number = 0, lines = 0;
	const char *services;
	char line[1024];
	size_t length;

	for (; *text != '\0'; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		number++;
		(void)snprintf(line, sizeof(line), "%.*s",
		    length < sizeof(line) ? (int)length : (int)sizeof(line) - 1,
		    text);
		line[strcspn(line, "#")] = '\0';
		services = after_name(line, database);
		if (services == NULL)
			continue;
		found = (struct oat_nsswitch){ .line = number };
		found.lines = ++lines;
		take_services(services, &found);
	}
	*ret_line = found;
}

size_t
oat_nsswitch_find(const struct oat_nsswitch *line, const char *service)
{
	size_t i;

	for (i = 0; i < line->count; i++)
		if (strcmp(line->service[i].name, service) == 0)
			break;
	return i;
}

size_t
oat_nsswitch_times(const struct oat_nsswitch *line, const char *service)
{
	size_t i, times = 0;

	for (i = 0; i < line->count; i++)
		times += strcmp(line->service[i].name, service) == 0;
	return times;
}
