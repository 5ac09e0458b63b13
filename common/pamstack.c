/* SPDX-License-Identifier: MIT */
/* pam.conf(5), with the actions of libpam's keywords from the same page. */
#include "pamstack.h"

#include "textfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\f\v"
#define DEPTH_MAX 16   /* includes in includes; libpam has 16 substacks */
#define LINES_MAX 4096 /* of a whole stack */

const struct oat_pam_folders oat_pam_folders = {
	.folder = { "/etc/pam.d", "/usr/lib/pam.d" },
};

static const char *const type_names[OAT_PAM_TYPES] = {
	[OAT_PAM_AUTH] = "auth",
	[OAT_PAM_ACCOUNT] = "account",
	[OAT_PAM_PASSWORD] = "password",
	[OAT_PAM_SESSION] = "session",
};

static const char *const code_names[OAT_PAM_CODES] = {
	[OAT_PAM_CODE_SUCCESS] = "success",
	[OAT_PAM_CODE_IGNORE] = "ignore",
	[OAT_PAM_CODE_AUTH_ERR] = "auth_err",
	[OAT_PAM_CODE_PERM_DENIED] = "perm_denied",
	[OAT_PAM_CODE_UNAVAILABLE] = "authinfo_unavail",
	[OAT_PAM_CODE_SYSTEM_ERR] = "system_err",
};

/* The keywords, spelled as the brackets they stand for. */
static const struct {
	const char *keyword, *brackets;
} controls[] = {
	{ "required", "[success=ok ignore=ignore default=bad]" },
	{ "requisite", "[success=ok ignore=ignore default=die]" },
	{ "sufficient", "[success=done default=ignore]" },
	{ "optional", "[success=ok default=ignore]" },
};

/* Where lines come from and go to. */
struct reader {
	const struct oat_pam_folders *folders;
	struct oat_pam_stack stack;
};

/* One file on its way in. */
struct source {
	const char *path;
	int type; /* the only one that is wanted, or -1 */
	unsigned depth, substacks;
};

static enum oat_status read_service(struct reader *reader, const char *name,
    int type, unsigned depth, unsigned substacks);

/* --- words --------------------------------------------------------------- */

/*
 * The next word of a line, cut at its end; what stands in brackets is one
 * word. NULL when there is none.
 */
static char *
next_word(char **line)
{
	char *word = *line + strspn(*line, BLANKS), *end;

	if (*word == '\0')
		return NULL;
	end = *word == '[' ? strchr(word, ']') : NULL;
	end = end != NULL ? end + 1 : word + strcspn(word, BLANKS);
	*line = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

static int
type_of(const char *word)
{
	int type;

	if (*word == '-') /* a module that is missing is no error */
		word++;
	for (type = 0; type < OAT_PAM_TYPES; type++)
		if (strcasecmp(word, type_names[type]) == 0)
			return type;
	return -1;
}

static int
action_of(const char *word, size_t length)
{
	static const struct {
		const char *name;
		int action;
	} actions[] = { { "ignore", OAT_PAM_IGNORE }, { "ok", OAT_PAM_OK },
		{ "done", OAT_PAM_DONE }, { "bad", OAT_PAM_BAD },
		{ "die", OAT_PAM_DIE }, { "reset", OAT_PAM_RESET } };
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strlen(actions[i].name) == length &&
		    strncasecmp(word, actions[i].name, length) == 0)
			return actions[i].action;
	i = strtoul(word, NULL, 10);
	return i >= 1 && i <= LINES_MAX ? (int)i : OAT_PAM_BAD;
}

/* "[success=done default=die]"; what it does not name is bad. */
static void
take_brackets(const char *text, int ret_action[OAT_PAM_CODES], int *ret_jump)
{
	int otherwise = OAT_PAM_BAD, action;
	bool said[OAT_PAM_CODES] = { false };
	const char *equals;
	size_t i, length;

	for (text++; *text != '\0'; text += length) {
		text += strspn(text, BLANKS "]");
		length = strcspn(text, BLANKS "]");
		equals = memchr(text, '=', length);
		if (equals == NULL)
			continue;
		action =
		    action_of(equals + 1, length - (size_t)(equals + 1 - text));
		if (action > *ret_jump)
			*ret_jump = action;
		if (strncasecmp(text, "default=", 8) == 0)
			otherwise = action;
		for (i = 0; i < OAT_PAM_CODES; i++)
			if (strlen(code_names[i]) == (size_t)(equals - text) &&
			    strncasecmp(text, code_names[i],
				(size_t)(equals - text)) == 0) {
				ret_action[i] = action;
				said[i] = true;
			}
	}
	for (i = 0; i < OAT_PAM_CODES; i++)
		if (!said[i])
			ret_action[i] = otherwise;
}

/* False when libpam knows no such control. */
static bool
take_control(const char *control, struct oat_pam_line *line)
{
	size_t i;

	if (*control == '[') {
		take_brackets(control, line->action, &line->jump);
		return true;
	}
	for (i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (strcasecmp(control, controls[i].keyword) == 0) {
			take_brackets(
			    controls[i].brackets, line->action, &line->jump);
			return true;
		}
	return false;
}

/* --- lines --------------------------------------------------------------- */

static enum oat_status
add(struct reader *reader, const struct oat_pam_line *line)
{
	struct oat_pam_stack *stack = &reader->stack;
	struct oat_pam_line *lines;

	if (stack->count == LINES_MAX)
		return OAT_INVALID;
	/* Grown by doubling: whenever the count is a power of two. */
	if ((stack->count & (stack->count - 1)) == 0) {
		lines = reallocarray(stack->lines,
		    stack->count == 0 ? 1 : stack->count * 2, sizeof(*lines));
		if (lines == NULL)
			return OAT_NOMEM;
		stack->lines = lines;
	}
	stack->lines[stack->count++] = *line;
	return OAT_OK;
}

static void
take_options(char *rest, struct oat_pam_line *line)
{
	size_t used = 0;
	char *word;

	while (
	    (word = next_word(&rest)) != NULL && used < sizeof(line->options))
		used += (size_t)snprintf(line->options + used,
		    sizeof(line->options) - used, "%s%s", used > 0 ? " " : "",
		    word);
}

/* As deep as DEPTH_MAX. NOLINTBEGIN(misc-no-recursion) */

/* "auth include common-auth" and "auth substack common-auth". */
static enum oat_status
take_include(struct reader *reader, const struct source *source,
    struct oat_pam_line *line, const char *name)
{
	enum oat_status status = OAT_OK;
	bool substack = strcasecmp(line->control, "substack") == 0;

	/* To jumps around it a substack is one line. */
	if (substack)
		status = add(reader, line);
	if (status == OAT_OK)
		status = read_service(reader, name, (int)line->type,
		    source->depth + 1, source->substacks + substack);
	return status == OAT_NOTFOUND ? OAT_OK : status;
}

/* One line, joined, without its comment. */
static enum oat_status
take_line(struct reader *reader, const struct source *source, char *text,
    unsigned number, bool joined)
{
	struct oat_pam_line line = { .number = number,
		.joined = joined,
		.substacks = source->substacks };
	char *word = next_word(&text), *control, *module;
	enum oat_status status;
	int type;

	if (word != NULL && strcasecmp(word, "@include") == 0) {
		module = next_word(&text);
		status = module == NULL
			     ? OAT_OK
			     : read_service(reader, module, source->type,
				   source->depth + 1, source->substacks);
		return status == OAT_NOTFOUND ? OAT_OK : status;
	}
	type = word == NULL ? -1 : type_of(word);
	control = next_word(&text);
	module = next_word(&text);
	if (type < 0 || control == NULL || module == NULL ||
	    (source->type >= 0 && source->type != type))
		return OAT_OK;
	line.type = (enum oat_pam_type)type;
	(void)snprintf(line.control, sizeof(line.control), "%s", control);
	(void)snprintf(line.file, sizeof(line.file), "%s", source->path);
	if (strcasecmp(control, "include") == 0 ||
	    strcasecmp(control, "substack") == 0)
		return take_include(reader, source, &line, module);
	if (!take_control(control, &line))
		return OAT_OK;
	(void)snprintf(line.module, sizeof(line.module), "%s", module);
	take_options(text, &line);
	return add(reader, &line);
}

/* Does the line go on in the next one? Then without its backslash. */
static bool
goes_on(char *line)
{
	size_t length = strcspn(line, "#");

	line[length] = '\0';
	while (length > 0 && strchr(BLANKS, line[length - 1]) != NULL)
		line[--length] = '\0';
	if (length == 0 || line[length - 1] != '\\')
		return false;
	line[length - 1] = ' ';
	return true;
}

static enum oat_status
take_text(struct reader *reader, const struct source *source, char *text)
{
	enum oat_status status = OAT_OK;
	unsigned number = 0, first = 0;
	char whole[4096] = "", *line;
	size_t used = 0;
	bool more;

	while (status == OAT_OK && (line = oat_textfile_line(&text)) != NULL) {
		number++;
		first = used == 0 ? number : first;
		more = goes_on(line);
		used += (size_t)snprintf(
		    whole + used, sizeof(whole) - used, "%s", line);
		if (more && used < sizeof(whole))
			continue;
		status =
		    take_line(reader, source, whole, first, number > first);
		used = 0;
	}
	return status;
}

/* --- files --------------------------------------------------------------- */

static enum oat_status
read_path(struct reader *reader, const char *path, int type, unsigned depth,
    unsigned substacks)
{
	const struct source source = { path, type, depth, substacks };
	enum oat_status status;
	char *text = NULL;

	if (depth > DEPTH_MAX)
		return OAT_INVALID;
	status = oat_textfile_read(path, &text);
	if (status == OAT_OK)
		status = take_text(reader, &source, text);
	free(text);
	return status;
}

static enum oat_status
read_service(struct reader *reader, const char *name, int type, unsigned depth,
    unsigned substacks)
{
	enum oat_status status = OAT_NOTFOUND;
	char path[OAT_PAM_FILE_MAX];
	size_t i;

	if (*name == '/')
		return read_path(reader, name, type, depth, substacks);
	for (i = 0; i < 2 && status == OAT_NOTFOUND; i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s",
			reader->folders->folder[i], name) < sizeof(path))
			status =
			    read_path(reader, path, type, depth, substacks);
	}
	return status;
}

/* NOLINTEND(misc-no-recursion) */

enum oat_status
oat_pam_stack_read(const struct oat_pam_folders *folders, const char *service,
    struct oat_pam_stack *ret_stack)
{
	struct reader reader = { .folders = folders };
	enum oat_status status;

	status = read_service(&reader, service, -1, 0, 0);
	if (status != OAT_OK) {
		oat_pam_stack_free(&reader.stack);
		return status;
	}
	*ret_stack = reader.stack;
	return OAT_OK;
}

void
oat_pam_stack_free(struct oat_pam_stack *stack)
{
	free(stack->lines);
	stack->lines = NULL;
	stack->count = 0;
}

bool
oat_pam_line_is(const struct oat_pam_line *line, const char *module)
{
	const char *slash = strrchr(line->module, '/');

	return strcmp(slash != NULL ? slash + 1 : line->module, module) == 0;
}
