/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here:
 *  - only a file that nobody but root can have written is believed;
 *  - what is not understood is refused: unknown or repeated keys, bad values,
 *    control characters;
 *  - no message repeats a value, since one may be a password;
 *  - what held the file's text is wiped.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"
#include "rootfile.h"
#include "value.h"

#define FILE_MAX 65536	   /* bytes of the file */
#define LINE_MAX_SIZE 4096 /* bytes of a line, without its end */

#define MS_PER_S UINT64_C(1000)
#define S_PER_DAY UINT64_C(86400)

struct parser {
	const char *path;
	char *error;
	const struct oat_config_faults *faults; /* or NULL: stop at the first */
	bool faulty;
	unsigned line;
	struct oat_config config;
	unsigned seen[16]; /* by key: the line that set it, 0 for none */
};

struct key {
	const char *name;
	enum oat_status (*set)(struct oat_config *config, const char *value);
	const char *why; /* what a refused value is not */
	const char *fix;
};

/* Answers `status`, so that a refusal is one statement. */
__attribute__((format(printf, 3, 4))) static enum oat_status
fail(enum oat_status status, char *ret_error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(ret_error, OAT_CONFIG_ERROR_MAX, format, ap);
	va_end(ap);
	return status;
}

static enum oat_status
refuse_line(const struct parser *parser, const char *why, const char *fix)
{
	return fail(OAT_INVALID, parser->error, "%.200s:%u: %s; %s",
	    parser->path, parser->line, why, fix);
}

static enum oat_status
refuse_key(const struct parser *parser, const char *key, const char *why,
    const char *fix)
{
	return fail(OAT_INVALID, parser->error, "%.200s:%u: %s: %s; %s",
	    parser->path, parser->line, key, why, fix);
}

static enum oat_status
out_of_memory(char *ret_error, const char *path)
{
	return fail(OAT_NOMEM, ret_error, "%.200s: out of memory", path);
}

static enum oat_status
copy_text(const char *value, char **ret_copy)
{
	char *copy;

	copy = strdup(value);
	if (copy == NULL)
		return OAT_NOMEM;
	*ret_copy = copy;
	return OAT_OK;
}

/* --- the keys --- */

static enum oat_status
set_database(struct oat_config *config, const char *value)
{
	if (*value == '\0')
		return OAT_INVALID;
	return copy_text(value, &config->database);
}

static enum oat_status
set_password_file(struct oat_config *config, const char *value)
{
	if (!oat_value_is_path(value))
		return OAT_INVALID;
	return copy_text(value, &config->password_file);
}

static enum oat_status
set_ms(const char *value, uint64_t min_ms, uint64_t max_ms, uint32_t *ret_ms)
{
	uint64_t ms;

	if (oat_value_duration(value, min_ms, max_ms, &ms) != OAT_OK)
		return OAT_INVALID;
	*ret_ms = (uint32_t)ms;
	return OAT_OK;
}

static enum oat_status
set_timeout(struct oat_config *config, const char *value)
{
	return set_ms(value, 100, 60 * MS_PER_S, &config->timeout_ms);
}

static enum oat_status
set_fail_delay(struct oat_config *config, const char *value)
{
	return set_ms(value, 0, 10 * MS_PER_S, &config->fail_delay_ms);
}

static enum oat_status
set_uid_range(struct oat_config *config, const char *value)
{
	return oat_value_id_range(value, &config->uid_min, &config->uid_max);
}

static enum oat_status
set_home_root(struct oat_config *config, const char *value)
{
	if (!oat_value_is_path(value))
		return OAT_INVALID;
	return copy_text(value, &config->home_root);
}

static enum oat_status
set_terminate_sessions(struct oat_config *config, const char *value)
{
	if (strcmp(value, "revoked") == 0)
		config->terminate_sessions = OAT_TERMINATE_REVOKED;
	else if (strcmp(value, "expired") == 0)
		config->terminate_sessions = OAT_TERMINATE_EXPIRED;
	else if (strcmp(value, "no") == 0)
		config->terminate_sessions = OAT_TERMINATE_NO;
	else
		return OAT_INVALID;
	return OAT_OK;
}

static enum oat_status
set_explain_denials(struct oat_config *config, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return OAT_INVALID;
	config->explain_denials = strcmp(value, "yes") == 0;
	return OAT_OK;
}

static enum oat_status
set_expiry_notice(struct oat_config *config, const char *value)
{
	uint64_t ms;

	if (oat_value_duration(value, 0, 365 * S_PER_DAY * MS_PER_S, &ms) !=
		OAT_OK ||
	    ms % MS_PER_S != 0)
		return OAT_INVALID;
	config->expiry_notice_s = (uint32_t)(ms / MS_PER_S);
	return OAT_OK;
}

static const struct key keys[] = {
	{ "database", set_database, "no connection parameters",
	    "write host=..., dbname=oat, user=oat_<host> and sslmode" },
	{ "password_file", set_password_file, "not an absolute path",
	    "write one such as /etc/oat/password" },
	{ "timeout", set_timeout, "not a duration from 100ms to 60s",
	    "write one such as 5s" },
	{ "fail_delay", set_fail_delay, "not a duration from 0ms to 10s",
	    "write one such as 500ms" },
	{ "uid_range", set_uid_range,
	    "not two numbers from 65536 to 2147483647, the smaller first",
	    "write a range such as 70000-99999" },
	{ "home_root", set_home_root, "not an absolute path",
	    "write one such as " OAT_PATH_HOME },
	{ "terminate_sessions", set_terminate_sessions, "not a known choice",
	    "write revoked, expired or no" },
	{ "explain_denials", set_explain_denials, "neither yes nor no",
	    "write yes or no" },
	{ "expiry_notice", set_expiry_notice,
	    "not a duration of whole seconds up to 365d",
	    "write one such as 14d" },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

_Static_assert(KEYS <= sizeof(((struct parser *)0)->seen) / sizeof(unsigned),
    "every key has its line");

/* --- the lines --- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cut blanks off both ends of a text. Answers its new beginning. */
static char *
trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*text))
		text++;
	return text;
}

/* From a '#' at the beginning or after a blank on: elsewhere it is text. */
static void
cut_comment(char *line)
{
	char *p;

	for (p = line; *p != '\0'; p++)
		if (*p == '#' && (p == line || is_blank(p[-1]))) {
			*p = '\0';
			return;
		}
}

static bool
has_control_character(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') ||
		    text[i] == 0x7f)
			return true;
	return false;
}

/*
 * An unknown key. It is repeated only if it is spelled like one: a broken line
 * may have part of a value before its '='.
 */
static enum oat_status
refuse_unknown(const struct parser *parser, const char *key)
{
	const char *fix = "see oat.conf(5) for the keys there are";
	size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyz_");

	if (n == 0 || n > 32 || key[n] != '\0')
		return refuse_line(parser, "no key before the \"=\"", fix);
	return refuse_key(parser, key, "unknown key", fix);
}

static enum oat_status
set(struct parser *parser, const char *name, const char *value)
{
	enum oat_status status;
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (strcmp(name, keys[i].name) == 0)
			break;
	if (i == KEYS)
		return refuse_unknown(parser, name);
	if (parser->seen[i] != 0)
		return fail(OAT_INVALID, parser->error,
		    "%.200s:%u: %s: already set in line %u; remove one",
		    parser->path, parser->line, name, parser->seen[i]);
	parser->seen[i] = parser->line;
	status = keys[i].set(&parser->config, value);
	if (status == OAT_INVALID)
		return refuse_key(parser, name, keys[i].why, keys[i].fix);
	if (status == OAT_NOMEM)
		return out_of_memory(parser->error, parser->path);
	return status;
}

static enum oat_status
parse_line(struct parser *parser, char *line)
{
	char *key, *equals;

	cut_comment(line);
	key = trim(line);
	if (*key == '\0')
		return OAT_OK;
	equals = strchr(key, '=');
	if (equals == NULL)
		return refuse_line(
		    parser, "no \"=\"", "write key = value, or # before it");
	*equals = '\0';
	return set(parser, trim(key), trim(equals + 1));
}

/* A line as a text of its own, so that a setter sees a NUL at its end. */
static enum oat_status
parse_bytes(struct parser *parser, const char *bytes, size_t size)
{
	char line[LINE_MAX_SIZE + 1];
	enum oat_status status;

	if (size > LINE_MAX_SIZE)
		return refuse_line(
		    parser, "line longer than 4096 bytes", "shorten it");
	if (has_control_character(bytes, size))
		return refuse_line(parser, "control character",
		    "remove it; lines end in a newline alone");
	memcpy(line, bytes, size);
	line[size] = '\0';
	status = parse_line(parser, line);
	explicit_bzero(line, sizeof(line));
	return status;
}

/* Go on after a fault that is told, and remember it. */
static enum oat_status
tell_fault(struct parser *parser, enum oat_status status, unsigned line)
{
	if (status != OAT_INVALID || parser->faults == NULL)
		return status;
	parser->faults->tell(parser->error, line, parser->faults->context);
	parser->faulty = true;
	return OAT_OK;
}

static enum oat_status
parse_all(struct parser *parser, const char *text, size_t size)
{
	enum oat_status status = OAT_OK;
	const char *end;
	size_t n;

	while (size > 0 && status == OAT_OK) {
		parser->line++;
		end = memchr(text, '\n', size);
		n = end == NULL ? size : (size_t)(end - text);
		status = tell_fault(
		    parser, parse_bytes(parser, text, n), parser->line);
		n += end != NULL;
		text += n;
		size -= n;
	}
	return status;
}

/* What only the whole file can tell. */
static enum oat_status
complete(struct parser *parser)
{
	struct oat_config *config = &parser->config;
	enum oat_status status = OAT_OK;

	/* The first of the keys; one that was refused is not missing. */
	if (config->database == NULL && parser->seen[0] == 0)
		status = fail(OAT_INVALID, parser->error,
		    "%.200s: database: not set; write database = host=... "
		    "dbname=oat user=oat_<host> sslmode=verify-full",
		    parser->path);
	status = tell_fault(parser, status, 0);
	if (status != OAT_OK || parser->faulty)
		return OAT_INVALID;
	if (config->home_root == NULL &&
	    copy_text(OAT_PATH_HOME, &config->home_root) != OAT_OK)
		return out_of_memory(parser->error, parser->path);
	return OAT_OK;
}

static enum oat_status
parse(const char *path, const char *text, size_t size,
    const struct oat_config_faults *faults, struct oat_config *ret_config,
    char *ret_error)
{
	struct parser parser = {
		.path = path,
		.error = ret_error,
		.faults = faults,
		.config = {
			.timeout_ms = 5000,
			.fail_delay_ms = 500,
			.uid_min = 70000,
			.uid_max = 99999,
			.terminate_sessions = OAT_TERMINATE_REVOKED,
			.explain_denials = true,
			.expiry_notice_s = 14 * S_PER_DAY,
		},
	};
	enum oat_status status;

	status = parse_all(&parser, text, size);
	if (status == OAT_OK)
		status = complete(&parser);
	if (status != OAT_OK) {
		oat_config_free(&parser.config);
		return status;
	}
	*ret_config = parser.config;
	return OAT_OK;
}

enum oat_status
oat_config_parse(const char *path, const char *text, size_t size,
    struct oat_config *ret_config, char *ret_error)
{
	return parse(path, text, size, NULL, ret_config, ret_error);
}

enum oat_status
oat_config_load(
    const char *path, struct oat_config *ret_config, char *ret_error)
{
	return oat_config_examine(path, NULL, ret_config, ret_error);
}

enum oat_status
oat_config_examine(const char *path, const struct oat_config_faults *faults,
    struct oat_config *ret_config, char *ret_error)
{
	enum oat_status status;
	size_t size = 0;
	char *text = NULL;

	status = oat_rootfile_read(
	    path, FILE_MAX, &text, &size, ret_error, OAT_CONFIG_ERROR_MAX);
	if (status != OAT_OK)
		return status;
	status = parse(path, text, size, faults, ret_config, ret_error);
	oat_rootfile_free(text, size);
	return status;
}

static void
free_text(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

void
oat_config_free(struct oat_config *config)
{
	if (config == NULL)
		return;
	free_text(config->database);
	free_text(config->password_file);
	free_text(config->home_root);
	explicit_bzero(config, sizeof(*config));
}
