/* SPDX-License-Identifier: MIT */
/*
 * What sshd_config(5) comes to, as sshd itself says it for one user: for an
 * identity of oat, and for a local one, who should notice nothing of oat.
 */
#include "doctor_checks.h"

#include "capture.h"
#include "paths.h"
#include "textfile.h"

#include <fnmatch.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"
#define OUTPUT_MAX 65536
#define LOCAL_UID_MIN 1000 /* people, as a rule: login.defs(5) */
#define LOCAL_UID_MAX 60000

/* Every file that sshd's own configuration is in, as a rule, for a fix. */
#define FILES \
	"/etc/ssh/sshd_config $(ls /etc/ssh/sshd_config.d/*.conf 2>/dev/null)"
#define DROP_IN "/etc/ssh/sshd_config.d/oat.conf"
#define RELOAD " && kill -HUP \"$(cat /run/sshd.pid)\""

/* The settings of one user: lines "key value", keys in lower case. */
struct settings {
	char *text; /* owned */
};

/* The next value of a key; *cursor is NULL for the first. NULL: no more. */
static const char *
next_value(const struct settings *settings, const char *key, char *ret_value,
    size_t size, const char **cursor)
{
	const char *at = *cursor == NULL ? settings->text : *cursor;
	size_t length = strlen(key), line;

	for (; *at != '\0'; at += line + (at[line] == '\n')) {
		line = strcspn(at, "\n");
		if (strncasecmp(at, key, length) != 0 || at[length] != ' ')
			continue;
		(void)snprintf(ret_value, size, "%.*s",
		    (int)(line - length - 1), at + length + 1);
		*cursor = at + line + (at[line] == '\n');
		return ret_value;
	}
	return NULL;
}

/* Is it this value? Unset is "no". */
static bool
is(const struct settings *settings, const char *key, const char *wanted)
{
	const char *cursor = NULL;
	char value[256];

	if (next_value(settings, key, value, sizeof(value), &cursor) == NULL)
		return strcmp(wanted, "no") == 0;
	return strcasecmp(value, wanted) == 0;
}

/* Ask sshd. False, and told, when it does not answer. */
static bool
ask(struct oat_doctor *doctor, const char *user, struct settings *ret_settings)
{
	char connection[128], why[OAT_FINDING_TEXT_MAX];
	const char *const argv[] = { SSHD, "-T", "-C", connection, NULL };
	char *text = malloc(OUTPUT_MAX);
	enum oat_status status;
	int code = 0;

	if (text == NULL)
		return false;
	(void)snprintf(connection, sizeof(connection),
	    "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22",
	    user);
	status = oat_capture(argv, oat_deadline_in_ms(OAT_DOCTOR_PROGRAM_MS),
	    text, OUTPUT_MAX, &code);
	if (status == OAT_OK && code == 0) {
		ret_settings->text = text;
		return true;
	}
	(void)snprintf(why, sizeof(why), "%.*s",
	    status == OAT_OK ? (int)strcspn(text, "\r\n") : 0, text);
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sshd", SSHD " -T",
	    "it cannot say its settings: %s",
	    status == OAT_OK ? why : oat_status_text(status));
	if (strstr(why, "/run/sshd") != NULL)
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "install -d -m 0755 /run/sshd");
	else
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "mend what it names, until sshd -t says nothing");
	free(text);
	return false;
}

/* --- for everybody ------------------------------------------------------- */

static bool
check_pam(struct oat_doctor *doctor, const struct settings *settings)
{
	if (is(settings, "usepam", "yes"))
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sshd.usepam", "UsePAM",
	    "no: sshd asks no module");
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "sed -i -E '/^[[:space:]]*UsePAM[[:space:]]/Id' " FILES
	    " && sed -i '1i UsePAM yes' /etc/ssh/sshd_config" RELOAD);
	return false;
}

/* A name instead of an address fits no network that a token is allowed from. */
static bool
check_dns(struct oat_doctor *doctor, const struct settings *settings)
{
	if (is(settings, "usedns", "no"))
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "sshd.usedns", "UseDNS",
	    "yes: PAM is told names, and allowed_from needs addresses");
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "sed -i -E 's/^[[:space:]]*UseDNS[[:space:]].*/UseDNS no/I' " FILES
		RELOAD);
	return false;
}

/* --- for an identity ----------------------------------------------------- */

/* AuthenticationMethods: a list of lists; is one of them a password alone? */
static bool
password_is_enough(const struct settings *settings)
{
	char value[512], *rest = value, *method;
	const char *cursor = NULL;

	if (next_value(settings, "authenticationmethods", value, sizeof(value),
		&cursor) == NULL ||
	    strcasecmp(value, "any") == 0)
		return true;
	while ((method = oat_textfile_word(&rest)) != NULL)
		if (strcmp(method, "password") == 0 ||
		    strcmp(method, "keyboard-interactive") == 0 ||
		    strcmp(method, "keyboard-interactive:pam") == 0)
			return true;
	return false;
}

static bool
check_methods(struct oat_doctor *doctor, const struct settings *settings)
{
	if (!is(settings, "passwordauthentication", "yes") &&
	    !is(settings, "kbdinteractiveauthentication", "yes") &&
	    !is(settings, "challengeresponseauthentication", "yes"))
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sshd.methods",
		    doctor->user.login,
		    "neither password nor keyboard-interactive is on");
	else if (!password_is_enough(settings))
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sshd.methods",
		    doctor->user.login,
		    "AuthenticationMethods asks for more than a password");
	else
		return true;
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "cp " OAT_PATH_SSHD_CONFIG " " DROP_IN RELOAD);
	return false;
}

/* Does our file refuse keys, though somebody else's comes before it? */
static bool
refuses_keys(void)
{
	char *text = NULL, *rest, *line;
	bool refuses = false;

	if (oat_textfile_read(DROP_IN, &text) != OAT_OK)
		return false;
	rest = text;
	while (!refuses && (line = oat_textfile_line(&rest)) != NULL) {
		line += strspn(line, " \t");
		refuses = strncasecmp(line, "AuthorizedKeysFile none", 23) == 0;
	}
	free(text);
	return refuses;
}

/* A key in a home of an identity outlives the token that put it there. */
static bool
check_keys(struct oat_doctor *doctor, const struct settings *settings)
{
	if (is(settings, "authorizedkeysfile", "none"))
		return true;
	if (refuses_keys()) {
		oat_found(&doctor->findings, OAT_LEVEL_WARNING, "sshd.keys",
		    doctor->user.login,
		    "sshd reads something before oat.conf, or instead of it, "
		    "that lets its keys in: they outlive a rotation");
		oat_fix(&doctor->findings, OAT_FIX_WORDS, "%s",
		    "nothing, if that is meant; else take the line out, or "
		    "Include oat.conf before it: grep -iE "
		    "'AuthorizedKeysFile|Include' /etc/ssh/sshd_config "
		    "/etc/ssh/sshd_config.d/*");
		return false;
	}
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "sshd.keys",
	    doctor->user.login,
	    "AuthorizedKeysFile is not none: a key that was planted in its "
	    "home outlives a rotation");
	oat_fix(&doctor->findings, OAT_FIX_SHELL,
	    "printf '%%s\\n' 'Match User oat-*' '  AuthorizedKeysFile none' "
	    "'Match all' >>" DROP_IN RELOAD);
	return false;
}

/* user, or user@host: where from is not known here, so that it counts. */
static bool
matches(const char *pattern, const char *name)
{
	char bare[256];

	(void)snprintf(
	    bare, sizeof(bare), "%.*s", (int)strcspn(pattern, "@"), pattern);
	return fnmatch(bare, name, FNM_NOESCAPE) == 0;
}

static bool
matches_user(const struct oat_doctor *doctor, const char *pattern, bool group)
{
	const struct oat_doctor_user *user = &doctor->user;
	size_t i;

	if (!group)
		return matches(pattern, user->login);
	for (i = 0; i < user->group_count; i++)
		if (matches(pattern, user->groups[i]))
			return true;
	return false;
}

/* AllowUsers and its three sisters, each value a line of its own. */
static bool
is_listed(const struct oat_doctor *doctor, const struct settings *settings,
    const char *key, bool group, bool *ret_is_set)
{
	const char *cursor = NULL;
	char value[256];

	*ret_is_set = false;
	while (
	    next_value(settings, key, value, sizeof(value), &cursor) != NULL) {
		*ret_is_set = true;
		if (matches_user(doctor, value, group))
			return true;
	}
	return false;
}

static bool
check_allowed(struct oat_doctor *doctor, const struct settings *settings)
{
	static const struct {
		const char *key, *name, *add;
		bool group;
	} lists[] = { { "allowusers", "AllowUsers", "oat-*", false },
		{ "allowgroups", "AllowGroups", "oat-users", true } };
	bool well = true, is_set;
	size_t i;

	for (i = 0; i < 2; i++) {
		if (is_listed(doctor, settings, lists[i].key, lists[i].group,
			&is_set) ||
		    !is_set)
			continue;
		well = false;
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sshd.allow",
		    doctor->user.login, "%s leaves it out", lists[i].name);
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "sed -i -E 's/^[[:space:]]*%s[[:space:]].*/& %s/I' " FILES
			RELOAD,
		    lists[i].name, lists[i].add);
	}
	return well;
}

static bool
check_denied(struct oat_doctor *doctor, const struct settings *settings)
{
	static const struct {
		const char *key, *name;
		bool group;
	} lists[] = { { "denyusers", "DenyUsers", false },
		{ "denygroups", "DenyGroups", true } };
	bool well = true, is_set;
	size_t i;

	for (i = 0; i < 2; i++) {
		if (!is_listed(doctor, settings, lists[i].key, lists[i].group,
			&is_set))
			continue;
		well = false;
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "sshd.deny",
		    doctor->user.login, "%s names it", lists[i].name);
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "sed -i -E -e '/^[[:space:]]*%s[[:space:]]/I "
		    "s/[[:space:]]oat-[^[:space:]]*//g' "
		    "-e '/^[[:space:]]*%s[[:space:]]*$/Id' " FILES RELOAD,
		    lists[i].name, lists[i].name);
	}
	return well;
}

/* --- for a local user ---------------------------------------------------- */

/* Somebody of this host: a person, if there is one; else root. */
static void
find_local(char *ret_name, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	struct passwd entry, *found;
	char buffer[4096];
	FILE *file = fopen("/etc/passwd", "re");

	(void)snprintf(ret_name, size, "root");
	if (file == NULL)
		return;
	while (fgetpwent_r(file, &entry, buffer, sizeof(buffer), &found) == 0)
		if (found->pw_uid >= LOCAL_UID_MIN &&
		    found->pw_uid <= LOCAL_UID_MAX &&
		    strspn(found->pw_name, plain) == strlen(found->pw_name)) {
			(void)snprintf(ret_name, size, "%s", found->pw_name);
			break;
		}
	(void)fclose(file);
}

/* Our own lines end where they should. */
static bool
check_local(struct oat_doctor *doctor)
{
	struct settings settings = { NULL };
	char name[64];
	bool well;

	find_local(name, sizeof(name));
	if (!ask(doctor, name, &settings))
		return false;
	well = !is(&settings, "authorizedkeysfile", "none");
	free(settings.text);
	if (well)
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_WARNING, "sshd.local", name,
	    "AuthorizedKeysFile is none for local users, too: the keys of "
	    "people do not work");
	oat_fix(&doctor->findings, OAT_FIX_WORDS,
	    "put AuthorizedKeysFile none below `Match User oat-*`, and "
	    "`Match all` behind it");
	return false;
}

void
oat_doctor_sshd(struct oat_doctor *doctor)
{
	struct settings settings = { NULL };
	bool well;

	if (access(SSHD, F_OK) != 0) {
		oat_found(&doctor->findings, OAT_LEVEL_OK, "sshd", SSHD,
		    "there is none here");
		return;
	}
	if (!doctor->root) {
		oat_doctor_needs_root(doctor, "sshd", SSHD " -T");
		return;
	}
	if (!ask(doctor, doctor->user.login, &settings))
		return;
	well = check_pam(doctor, &settings);
	well = check_methods(doctor, &settings) && well;
	well = check_keys(doctor, &settings) && well;
	well = check_allowed(doctor, &settings) && well;
	well = check_denied(doctor, &settings) && well;
	well = check_dns(doctor, &settings) && well;
	free(settings.text);
	well = check_local(doctor) && well;
	if (well)
		oat_found(&doctor->findings, OAT_LEVEL_OK, "sshd",
		    doctor->user.login,
		    "may send its token; local users are as they were");
}
