/* SPDX-License-Identifier: MIT */
/*
 * What one line of pam.d does about what our module says: a denial must end the
 * stack there and then, a right token must be enough, and everybody else must
 * notice nothing. Each is a table in tests/unit/test_doctor_stacks.c.
 */
#include "doctor_stacks.h"

#include "paths.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const oat_doctor_shipped[OAT_PAM_TYPES] = {
	[OAT_PAM_AUTH] =
	    "auth     [success=done ignore=ignore default=die]  pam_oat.so",
	[OAT_PAM_ACCOUNT] =
	    "account  [success=ok   ignore=ignore default=die]  pam_oat.so",
	[OAT_PAM_SESSION] =
	    "session  [success=ok   ignore=1      default=1]    pam_oat.so",
};

const char oat_doctor_shipped_home[] =
    "session  optional                                  "
    "pam_mkhomedir.so umask=0077";

const char *const oat_doctor_type_names[OAT_PAM_TYPES] = {
	[OAT_PAM_AUTH] = "auth",
	[OAT_PAM_ACCOUNT] = "account",
	[OAT_PAM_PASSWORD] = "password",
	[OAT_PAM_SESSION] = "session",
};

void
oat_doctor_complain(struct oat_doctor_look *look, enum oat_level level,
    const struct oat_pam_line *line, const char *format, ...)
{
	char subject[OAT_FINDING_SUBJECT_MAX + 16], text[OAT_FINDING_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)snprintf(
	    subject, sizeof(subject), "%s:%u", line->file, line->number);
	oat_found(&look->doctor->findings, level, look->check, subject,
	    "%s: %s", oat_doctor_type_names[line->type], text);
	look->complaints++;
}

/* --- what a line does about what our module says ------------------------- */

/* The worst that becomes of a refusal. */
enum outcome { ENDS, REMEMBERED, PASSED_OVER };

static enum outcome
outcome_of_refusal(const struct oat_pam_line *line)
{
	enum outcome worst = ENDS;
	size_t code;

	for (code = OAT_PAM_CODE_AUTH_ERR; code < OAT_PAM_CODES; code++)
		if (line->action[code] == OAT_PAM_BAD && worst == ENDS)
			worst = REMEMBERED;
		else if (line->action[code] != OAT_PAM_BAD &&
			 line->action[code] != OAT_PAM_DIE)
			worst = PASSED_OVER;
	return worst;
}

/* False, and told, when a refusal is not the end. */
static bool
judge_refusal(struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	enum outcome outcome = outcome_of_refusal(line);

	if (outcome != ENDS) {
		oat_doctor_complain(look,
		    outcome == REMEMBERED ? OAT_LEVEL_WARNING
					  : OAT_LEVEL_FAILURE,
		    line, "%s %s: not terminal", line->control,
		    outcome == REMEMBERED ? "goes on after a denial"
					  : "passes a denial over");
		oat_doctor_fix_rewrite(look, line);
		return false;
	}
	if (line->substacks == 0)
		return true;
	oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
	    "in a substack, where a denial ends that alone: not terminal");
	oat_fix(&look->doctor->findings, OAT_FIX_WORDS,
	    "write include instead of substack, or the lines of " OAT_PATH_STACK
	    " into %s",
	    look->service->name);
	return false;
}

const struct oat_pam_line *
oat_doctor_next_of_type(
    const struct oat_pam_stack *stack, const struct oat_pam_line *line)
{
	const struct oat_pam_line *end = stack->lines + stack->count;
	enum oat_pam_type type = line->type;

	for (line++; line < end; line++)
		if (line->type == type)
			return line;
	return NULL;
}

/*
 * Where a line's action leads, counted by libpam's rule: lines of a substack
 * are not stepped on from outside. NULL: to the end.
 */
const struct oat_pam_line *
oat_doctor_landing(const struct oat_pam_stack *stack,
    const struct oat_pam_line *line, enum oat_pam_code code)
{
	int left = line->action[code];
	unsigned level = line->substacks;

	for (line = oat_doctor_next_of_type(stack, line);
	     line != NULL && left > 0;
	     line = oat_doctor_next_of_type(stack, line))
		if (line->substacks <= level)
			left--;
	while (line != NULL && line->substacks > level)
		line = oat_doctor_next_of_type(stack, line);
	return line;
}

/* Modules that ask for a password of their own, or refuse everybody. */
bool
oat_doctor_asks_otherwise(const struct oat_pam_line *line)
{
	static const char *const modules[] = { "pam_unix.so", "pam_deny.so",
		"pam_sss.so", "pam_ldap.so", "pam_krb5.so", "pam_winbind.so" };
	size_t i;

	for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (oat_pam_line_is(line, modules[i]))
			return true;
	return false;
}

/* Is a right token enough? Then no other module that refuses it is asked. */
static bool
is_enough(const struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	const struct oat_pam_line *next;

	if (line->action[OAT_PAM_CODE_SUCCESS] == OAT_PAM_DONE)
		return true;
	if (line->action[OAT_PAM_CODE_SUCCESS] <= 0)
		return false;
	for (next =
		 oat_doctor_landing(&look->stack, line, OAT_PAM_CODE_SUCCESS);
	     next != NULL; next = oat_doctor_next_of_type(&look->stack, next))
		if (oat_doctor_asks_otherwise(next))
			return false;
	return true;
}

static void
judge_success(struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	int action = line->action[OAT_PAM_CODE_SUCCESS];

	if (line->type == OAT_PAM_AUTH && !is_enough(look, line))
		oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
		    "%s: a right token is not enough, others are asked too",
		    line->control);
	else if (line->type != OAT_PAM_AUTH && action == OAT_PAM_DONE)
		oat_doctor_complain(look, OAT_LEVEL_WARNING, line,
		    "%s skips what stands behind it", line->control);
	else if (action == OAT_PAM_BAD || action == OAT_PAM_DIE)
		oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
		    "%s refuses whom the module lets in", line->control);
	else
		return;
	oat_doctor_fix_rewrite(look, line);
}

/* All others are PAM_IGNORE to us. */
static void
judge_others(struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	int left = line->action[OAT_PAM_CODE_IGNORE];
	const struct oat_pam_line *next = line;

	if (left == OAT_PAM_IGNORE)
		return;
	if (left < 0) {
		oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
		    "%s decides about everybody else, too: ignore=ignore is "
		    "missing",
		    line->control);
		oat_doctor_fix_rewrite(look, line);
		return;
	}
	for (; left > 0; left--) {
		next = oat_doctor_next_of_type(&look->stack, next);
		if (next == NULL)
			return;
		if (oat_pam_line_is(next, OAT_DOCTOR_MKHOMEDIR))
			continue;
		oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
		    "%s: for everybody else %s of %s:%u is skipped",
		    line->control, next->module, next->file, next->number);
		oat_doctor_fix_home(look, line);
		return;
	}
}

/* --- the line itself ----------------------------------------------------- */

/* As pam_oat/options.c knows them. */
static bool
options_are_known(const struct oat_pam_line *line)
{
	static const char *const known[] = { "debug", "try_first_pass",
		"use_first_pass" };
	const char *word = line->options;
	size_t i, length;

	for (; *word != '\0'; word += length, word += *word == ' ') {
		length = strcspn(word, " ");
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strlen(known[i]) == length &&
			    strncmp(word, known[i], length) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0]))
			return false;
	}
	return true;
}

void
oat_doctor_judge_line(
    struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	if (strchr(line->module, '/') != NULL &&
	    access(line->module, F_OK) != 0) {
		oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
		    "%s does not exist: everybody is refused", line->module);
		oat_doctor_fix_rewrite(look, line);
	}
	if (!options_are_known(line)) {
		oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
		    "options %s: one of them is unknown, so all is refused",
		    line->options);
		oat_doctor_fix_rewrite(look, line);
	}
	/* What mends one of these two mends the other. */
	if (line->type == OAT_PAM_SESSION || judge_refusal(look, line))
		judge_success(look, line);
	judge_others(look, line);
}
