/* SPDX-License-Identifier: MIT */
#include "selfreport.h"

#include "applied.h"
#include "escape.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A text being written; what does not fit makes it too long for good. */
struct text {
	char *bytes;
	size_t size, length;
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *text, const char *format, ...)
{
	va_list ap;
	int n;

	if (text->length >= text->size)
		return;
	va_start(ap, format);
	n = vsnprintf(
	    text->bytes + text->length, text->size - text->length, format, ap);
	va_end(ap);
	text->length = n < 0 ? text->size : text->length + (size_t)n;
}

static void
add_text(struct text *text, const char *key, const char *value)
{
	char quoted[2 * OAT_PROBLEM_MAX];

	if (value[0] == '\0' || strlen(value) >= OAT_PROBLEM_MAX)
		add(text, ",\"%s\":null", key);
	else
		add(text, ",\"%s\":\"%s\"", key,
		    oat_escape_json(quoted, value));
}

static size_t
count_left(const struct oat_endings *endings)
{
	size_t i, count = 0;

	for (i = 0; i < endings->count; i++)
		count += endings->list[i].left > 0;
	return count;
}

static void
add_left(struct text *text, const struct oat_endings *endings)
{
	const struct oat_ending *ending;
	const char *comma = "";
	size_t i;

	if (count_left(endings) > OAT_SELFREPORT_LEFT_MAX)
		return;
	add(text, ",\"applied\":true,\"left\":[");
	for (i = 0; i < endings->count; i++) {
		ending = &endings->list[i];
		if (ending->left == 0)
			continue;
		add(text, "%s\"%s %zu\"", comma, ending->login, ending->left);
		comma = ",";
	}
	add(text, "]");
}

enum oat_status
oat_selfreport_write(
    const struct oat_selfreport *report, char *ret_json, size_t size)
{
	struct text text = { .bytes = ret_json, .size = size };
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	add(&text, "{\"version\":\"%s\",\"spooled\":%zu,\"clock\":%lld",
	    OAT_VERSION, report->spooled,
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (report->certificate_end != 0)
		add(&text, ",\"certificate_end\":%" PRId64,
		    report->certificate_end);
	add_text(&text, "problem", report->problem);
	if (report->applied != NULL)
		add_left(&text, report->applied);
	add(&text, "}");
	return text.length < size ? OAT_OK : OAT_RANGE;
}
