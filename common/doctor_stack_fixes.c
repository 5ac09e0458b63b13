/* SPDX-License-Identifier: MIT */
/*
 * How a stack of pam.d is mended, so that whoever got in before gets in after
 * each fix, in whatever order they are typed. Each is a test.
 *   - what is changed is a line of ours, or it stays: a number alone may be
 *     that of another line, once a fix before it was typed
 *   - no line goes, and none comes, where one above jumps over that place; but
 *     a guard, which jumps over ours alone, goes and comes with it
 *   - no line goes or comes in what services include: it has jumps of others,
 *     and often a program that looks after it
 *   - no line of ours comes while the module is not there to be loaded
 *   - else there are words
 */
#include "doctor_stacks.h"

#include "paths.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GUARD "pam_succeed_if.so"
#define GUARD_OPTIONS "quiet user !~ oat-*"

static const char *const guards[OAT_PAM_TYPES] = {
	[OAT_PAM_AUTH] =
	    "auth     [success=1 default=ignore]  " GUARD " " GUARD_OPTIONS,
	[OAT_PAM_ACCOUNT] =
	    "account  [success=1 default=ignore]  " GUARD " " GUARD_OPTIONS,
	[OAT_PAM_SESSION] =
	    "session  [success=1 default=ignore]  " GUARD " " GUARD_OPTIONS,
};

/* Of one type, that stand between two lines and that a jump counts. */
static int
between(const struct oat_pam_line *from, const struct oat_pam_line *to)
{
	const struct oat_pam_line *line;
	int count = 0;

	for (line = from + 1; line < to; line++)
		count += line->type == from->type &&
			 line->substacks <= from->substacks;
	return count;
}

/*
 * Does a line above, but the guard, jump over one that stands there, or would
 * after what stands there? But for `at` itself: for none.
 */
static bool
is_jumped(const struct oat_doctor_look *look, enum oat_pam_type type,
    const struct oat_pam_line *at, const struct oat_pam_line *but)
{
	const struct oat_pam_line *line;

	for (line = look->stack.lines; line < at; line++)
		if (line->type == type && line != but &&
		    line->jump > between(line, at))
			return true;
	return false;
}

/* Does no service of ours go by this name? Then services include it. */
static bool
is_shared(const struct oat_pam_line *line)
{
	const char *slash = strrchr(line->file, '/');

	return !oat_doctor_is_service(slash != NULL ? slash + 1 : line->file);
}

bool
oat_doctor_is_shared(const struct oat_pam_line *line)
{
	return is_shared(line);
}

static bool
follows(const struct oat_pam_line *line, const struct oat_pam_line *other)
{
	return !line->joined && !other->joined &&
	       other->number == line->number + 1 &&
	       strcmp(line->file, other->file) == 0;
}

/* The line above ours that passes others by, or NULL. */
static const struct oat_pam_line *
find_guard(const struct oat_doctor_look *look, const struct oat_pam_line *ours)
{
	const struct oat_pam_line *line = ours;

	while (line > look->stack.lines)
		if ((--line)->type == ours->type)
			return oat_pam_line_is(line, GUARD) &&
				       line->jump == 1 && follows(line, ours)
				   ? line
				   : NULL;
	return NULL;
}

/* What everybody else skips because of a line of ours: nothing but its home? */
static bool
skips_home_alone(const struct oat_doctor_look *look,
    const struct oat_pam_line *ours, const struct oat_pam_line **ret_home)
{
	const struct oat_pam_line *next;

	*ret_home = NULL;
	if (ours->action[OAT_PAM_CODE_IGNORE] <= 0)
		return true;
	next = oat_doctor_next_of_type(&look->stack, ours);
	if (ours->action[OAT_PAM_CODE_IGNORE] != 1 || next == NULL ||
	    !oat_pam_line_is(next, OAT_DOCTOR_MKHOMEDIR) ||
	    !follows(ours, next))
		return false;
	*ret_home = next;
	return true;
}

/* Would it refuse everybody, if it ran? */
static bool
skips_denial(
    const struct oat_doctor_look *look, const struct oat_pam_line *ours)
{
	int left = ours->action[OAT_PAM_CODE_IGNORE];
	const struct oat_pam_line *next = ours;

	for (; left > 0; left--) {
		next = oat_doctor_next_of_type(&look->stack, next);
		if (next == NULL)
			return false;
		if (oat_pam_line_is(next, "pam_deny.so"))
			return true;
	}
	return false;
}

/* --- what is printed ----------------------------------------------------- */

static void in_words(struct oat_doctor_look *look, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
in_words(struct oat_doctor_look *look, const char *format, ...)
{
	char words[OAT_FINDING_FIX_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	oat_fix(&look->doctor->findings, OAT_FIX_WORDS, "%s", words);
}

/* Lines of ours fail closed: without the module nobody gets in. */
static bool
may_come(struct oat_doctor_look *look)
{
	if (!look->doctor->no_module)
		return true;
	in_words(look, "first mend what is said of pam_module: with this line, "
		       "and without the module, everybody is refused");
	return false;
}

/* sed(1) on the file of a line; `script` is ours, without single quotes. */
static void
by_sed(struct oat_doctor_look *look, const struct oat_pam_line *line,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
by_sed(struct oat_doctor_look *look, const struct oat_pam_line *line,
    const char *format, ...)
{
	char script[OAT_FINDING_FIX_MAX], file[OAT_FINDING_FIX_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(script, sizeof(script), format, ap);
	va_end(ap);
	if (line->joined)
		in_words(look, "first write it in one line, without \\");
	else if (oat_fix_quote(file, sizeof(file), line->file)[0] != '\0')
		oat_fix(&look->doctor->findings, OAT_FIX_SHELL, "sed -i %s %s",
		    script, file);
}

/* --- the fixes ----------------------------------------------------------- */

void
oat_doctor_fix_rewrite(
    struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	const struct oat_pam_line *next =
	    oat_doctor_next_of_type(&look->stack, line);
	bool homeless =
	    line->type == OAT_PAM_SESSION &&
	    (next == NULL || !oat_pam_line_is(next, OAT_DOCTOR_MKHOMEDIR));

	if (!may_come(look))
		return;
	if ((line->type != OAT_PAM_SESSION &&
		line->action[OAT_PAM_CODE_IGNORE] > 0) ||
	    skips_denial(look, line))
		in_words(look, "write ignore=ignore, as " OAT_PATH_STACK
			       " has it, and then what others need not skip");
	else if (homeless && (is_shared(line) ||
				 is_jumped(look, line->type, line + 1, line)))
		in_words(look, "write both session lines of " OAT_PATH_STACK
			       " instead, and correct jumps over them");
	else
		by_sed(look, line, "'%us|.*%s.*pam_oat.*|%s%s%s|'",
		    line->number, oat_doctor_type_names[line->type],
		    oat_doctor_shipped[line->type], homeless ? "\\n" : "",
		    homeless ? oat_doctor_shipped_home : "");
}

void
oat_doctor_fix_home(
    struct oat_doctor_look *look, const struct oat_pam_line *ours)
{
	if (is_shared(ours) || ours->type != OAT_PAM_SESSION ||
	    skips_denial(look, ours) ||
	    is_jumped(look, ours->type, ours + 1, ours))
		in_words(look, "write it as " OAT_PATH_STACK
			       " has it, with what stands behind it there, "
			       "and correct jumps over it");
	else
		by_sed(look, ours, "'%us|.*session.*pam_oat.*|&\\n%s|'",
		    ours->number, oat_doctor_shipped_home);
}

void
oat_doctor_fix_add(struct oat_doctor_look *look,
    const struct oat_pam_line *after, enum oat_pam_type type)
{
	bool session = type == OAT_PAM_SESSION;

	if (!may_come(look))
		return;
	if (is_shared(after) || is_jumped(look, type, after + 1, after + 1))
		in_words(look,
		    "put the %s lines of " OAT_PATH_STACK " into %s%s, above "
		    "others and jumps",
		    oat_doctor_type_names[type],
		    is_shared(after) ? "common-" : "the stack",
		    is_shared(after) ? oat_doctor_type_names[type] : "");
	else
		by_sed(look, after, "'%us|.*%s.*pam_oat.*|&\\n%s%s%s|'",
		    after->number, oat_doctor_type_names[after->type],
		    oat_doctor_shipped[type], session ? "\\n" : "",
		    session ? oat_doctor_shipped_home : "");
}

/* Can a line of ours go, with its guard or what it keeps others from? */
static bool
may_go(const struct oat_doctor_look *look, const struct oat_pam_line *ours,
    const struct oat_pam_line *guard, const struct oat_pam_line **ret_home)
{
	const struct oat_pam_line *first = guard != NULL ? guard : ours;

	return !is_shared(ours) && skips_home_alone(look, ours, ret_home) &&
	       !is_jumped(look, ours->type, first, first) &&
	       (guard == NULL || *ret_home == NULL);
}

/* sed(1) for all of it or nothing: lines that follow each other. */
static void
put_removal(char *script, size_t size, const struct oat_pam_line *ours,
    const struct oat_pam_line *guard, const struct oat_pam_line *home)
{
	const char *type = oat_doctor_type_names[ours->type];

	if (guard != NULL)
		(void)snprintf(script, size,
		    "'%u{N;/%s.*" GUARD ".*\\n.*%s.*pam_oat/d}'", guard->number,
		    type, type);
	else if (home != NULL)
		(void)snprintf(script, size,
		    "'%u{N;/%s.*pam_oat.*\\n.*" OAT_DOCTOR_MKHOMEDIR "/d}'",
		    ours->number, type);
	else
		(void)snprintf(
		    script, size, "'%u{/%s.*pam_oat/d}'", ours->number, type);
}

void
oat_doctor_fix_remove(
    struct oat_doctor_look *look, const struct oat_pam_line *ours)
{
	const struct oat_pam_line *guard = find_guard(look, ours), *home;
	char script[OAT_FINDING_FIX_MAX];

	if (!may_go(look, ours, guard, &home)) {
		in_words(look, "leave one of them, and correct jumps over the "
			       "other; pam-auth-update --disable oat takes out "
			       "its own");
		return;
	}
	put_removal(script, sizeof(script), ours, guard, home);
	by_sed(look, ours, "%s", script);
}

/* Puts a line of ours where it is shipped to be: at the top; in su, below. */
void
oat_doctor_fix_move(struct oat_doctor_look *look,
    const struct oat_pam_line *ours, const struct oat_pam_line *below)
{
	const struct oat_pam_line *guard = find_guard(look, ours), *home;
	char script[OAT_FINDING_FIX_MAX];

	if (!may_come(look))
		return;
	if (!may_go(look, ours, guard, &home) || home != NULL ||
	    (guard != NULL && strcmp(guard->options, GUARD_OPTIONS) != 0) ||
	    (below != NULL &&
		(below->joined || strcmp(below->file, ours->file) != 0 ||
		    is_jumped(look, ours->type, below + 1,
			guard != NULL ? guard : below + 1)))) {
		in_words(look,
		    "put it %s, with what guards it, and correct jumps over it",
		    below != NULL ? "below pam_rootok" : "above all others");
		return;
	}
	put_removal(script, sizeof(script), ours, guard, NULL);
	by_sed(look, ours, "-e '%u%s%s%s%s' %s-e %s",
	    below != NULL ? below->number : 1,
	    below != NULL ? "{/pam_rootok/a\\" : "i\\",
	    guard != NULL ? guards[ours->type] : "", guard != NULL ? "\\n" : "",
	    oat_doctor_shipped[ours->type], below != NULL ? "-e '}' " : "",
	    script);
}

void
oat_doctor_fix_wire(struct oat_doctor_look *look, const char *file,
    const struct oat_pam_line *root)
{
	char word[OAT_PAM_FILE_MAX + 64];
	int type;

	if (!may_come(look))
		return;
	for (type = 0; type < OAT_PAM_TYPES; type++)
		if (root != NULL && oat_doctor_shipped[type] != NULL &&
		    is_jumped(
			look, (enum oat_pam_type)type, root + 1, root + 1)) {
			in_words(look, "put " OAT_PATH_STACK
				       " below pam_rootok, and correct jumps "
				       "over that place");
			return;
		}
	oat_fix_quote(word, sizeof(word), file);
	oat_fix(&look->doctor->findings, OAT_FIX_SHELL,
	    root != NULL ? "sed -i '/^auth.*pam_rootok/r " OAT_PATH_STACK "' %s"
			 : "sed -i '1e cat " OAT_PATH_STACK "' %s",
	    word);
}
