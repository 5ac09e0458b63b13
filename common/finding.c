/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - what is told is printable and bounded, whatever it is about
 *   - half a command is never shown, nor SQL that psql(1) takes for its own
 *   - a word for a shell is one word, and does nothing
 */
#include "finding.h"

#include "escape.h"

#include <stdarg.h>
#include <string.h>

#define CHECK_WIDTH 22 /* organization_suspended */

static const struct {
	const char *word; /* in a line */
	const char *json;
} levels[OAT_LEVELS] = {
	[OAT_LEVEL_OK] = { "ok", "ok" },
	[OAT_LEVEL_SKIPPED] = { "skip", "skipped" },
	[OAT_LEVEL_WARNING] = { "warn", "warning" },
	[OAT_LEVEL_FAILURE] = { "FAIL", "failure" },
};

static const struct {
	const char *lead; /* in a line, before the fix */
	const char *json;
} fixes[] = {
	[OAT_FIX_NONE] = { "", "" },
	[OAT_FIX_SHELL] = { "; fix: ", "shell" },
	[OAT_FIX_SQL] = { "; in psql: ", "psql" },
	[OAT_FIX_WORDS] = { "; do: ", "words" },
};

/* --- telling ------------------------------------------------------------- */

/* A printable text as a string of JSON; what escape.h leaves needs no more. */
static void
put_member(FILE *to, const char *name, const char *text)
{
	(void)fprintf(to, "\"%s\":\"", name);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
	(void)fputc('"', to);
}

static void
tell_json(struct oat_findings *findings, const struct oat_finding *finding)
{
	const char *const members[][2] = {
		{ "status", levels[finding->level].json },
		{ "check", finding->check },
		{ "subject", finding->subject },
		{ "found", finding->text },
		{ "fix", finding->fix },
		{ "fix_in", fixes[finding->fix_kind].json },
	};
	size_t i, n = sizeof(members) / sizeof(members[0]);

	if (finding->fix_kind == OAT_FIX_NONE)
		n -= 2;
	(void)fputs(
	    findings->told == 0 ? "{\"checks\":[\n" : ",\n", findings->to);
	for (i = 0; i < n; i++) {
		(void)fputc(i == 0 ? '{' : ',', findings->to);
		put_member(findings->to, members[i][0], members[i][1]);
	}
	(void)fputc('}', findings->to);
}

static void
tell_line(
    const struct oat_findings *findings, const struct oat_finding *finding)
{
	if (findings->quiet && finding->level == OAT_LEVEL_OK)
		return;
	(void)fprintf(findings->to, "%-4s  %-*s  %s%s%s%s%s\n",
	    levels[finding->level].word, CHECK_WIDTH, finding->check,
	    finding->subject, finding->subject[0] != '\0' ? ": " : "",
	    finding->text, fixes[finding->fix_kind].lead, finding->fix);
	(void)fflush(findings->to);
}

static void
tell_last(struct oat_findings *findings)
{
	if (!findings->pending)
		return;
	findings->pending = false;
	if (findings->json)
		tell_json(findings, &findings->last);
	else
		tell_line(findings, &findings->last);
	findings->told++;
}

/* --- finding ------------------------------------------------------------- */

void
oat_found(struct oat_findings *findings, enum oat_level level,
    const char *check, const char *subject, const char *format, ...)
{
	struct oat_finding *last = &findings->last;
	char raw[2 * OAT_FINDING_TEXT_MAX];
	va_list ap;

	tell_last(findings);
	va_start(ap, format);
	(void)vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	oat_escape_again(last->text, sizeof(last->text), raw);
	oat_escape_again(last->subject, sizeof(last->subject), subject);
	last->level = level;
	oat_escape_again(last->check, sizeof(last->check), check);
	last->fix_kind = OAT_FIX_NONE;
	last->fix[0] = '\0';
	findings->count[level]++;
	findings->pending = true;
}

void
oat_fix(
    struct oat_findings *findings, enum oat_fix kind, const char *format, ...)
{
	struct oat_finding *last = &findings->last;
	char raw[OAT_FINDING_FIX_MAX];
	va_list ap;
	int length;

	va_start(ap, format);
	length = vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	if (length < 0)
		return;
	oat_escape_again(last->fix, sizeof(last->fix), raw);
	last->fix_kind = kind;
	/* psql(1) runs programs by what follows a backslash. */
	if (kind != OAT_FIX_WORDS &&
	    ((size_t)length >= sizeof(raw) || strcmp(last->fix, raw) != 0 ||
		(kind == OAT_FIX_SQL && strchr(raw, '\\') != NULL))) {
		last->fix[0] = '\0';
		last->fix_kind = OAT_FIX_NONE;
	}
}

char *
oat_fix_quote(char *dst, size_t size, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._:@%+,-";
	size_t used = 0, rest, length = strlen(word);

	if (length > 0 && length < size && strspn(word, plain) == length)
		return memcpy(dst, word, length + 1);
	if (size < sizeof("''"))
		return memset(dst, 0, 1);
	for (dst[used++] = '\''; *word != '\0'; word++) {
		/* A quote: end the word, a quoted quote, begin again. */
		rest = size - used;
		if (rest < sizeof("'\\'''"))
			return memset(dst, 0, 1);
		used += (size_t)snprintf(dst + used, rest, "%s%c",
		    *word == '\'' ? "'\\'" : "", *word);
	}
	memcpy(dst + used, "'", 2);
	return dst;
}

int
oat_findings_end(struct oat_findings *findings)
{
	static const int statuses[OAT_LEVELS] = {
		[OAT_LEVEL_OK] = 0,
		[OAT_LEVEL_WARNING] = 1,
		[OAT_LEVEL_FAILURE] = 2,
		[OAT_LEVEL_SKIPPED] = 3,
	};
	size_t *count = findings->count, worst = OAT_LEVELS - 1;
	FILE *to = findings->to;

	tell_last(findings);
	while (worst > OAT_LEVEL_OK && count[worst] == 0)
		worst--;
	if (findings->json)
		(void)fprintf(to,
		    "%s],\n\"ok\":%zu,\"skipped\":%zu,\"warnings\":%zu,"
		    "\"failures\":%zu,\"status\":\"%s\"}\n",
		    findings->told == 0 ? "{\"checks\":[" : "",
		    count[OAT_LEVEL_OK], count[OAT_LEVEL_SKIPPED],
		    count[OAT_LEVEL_WARNING], count[OAT_LEVEL_FAILURE],
		    levels[worst].json);
	else
		(void)fprintf(to,
		    "%zu ok, %zu warnings, %zu failures, %zu not looked at\n",
		    count[OAT_LEVEL_OK], count[OAT_LEVEL_WARNING],
		    count[OAT_LEVEL_FAILURE], count[OAT_LEVEL_SKIPPED]);
	return statuses[worst];
}
