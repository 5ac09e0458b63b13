/* SPDX-License-Identifier: MIT */
/*
 * oat_conninfo_parse(): what it accepts, libpq reads as the same options, and
 * libpq is told nothing but what the policy allows.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "common/conninfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
value_of(const struct oat_setting *settings, const char *key)
{
	for (; settings->key != NULL; settings++)
		if (strcmp(settings->key, key) == 0)
			return settings->value;
	return NULL;
}

static const char *
option_of(const PQconninfoOption *options, const char *key)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, key) == 0)
			return options->val;
	return NULL;
}

/* Every key once, no value empty, none of what reads files or changes host. */
static void
check_settings(const struct oat_setting *settings, size_t count)
{
	static const char *const never[] = { "service", "servicefile",
		"options", "password", "passfile" };
	size_t i, j;

	for (i = 0; i < count; i++) {
		if (settings[i].value == NULL || settings[i].value[0] == '\0')
			abort();
		for (j = 0; j < i; j++)
			if (strcmp(settings[i].key, settings[j].key) == 0)
				abort();
	}
	for (i = 0; i + 1 < sizeof(never) / sizeof(never[0]); i++)
		if (value_of(settings, never[i]) != NULL)
			abort();
	if (settings[count].key != NULL || count >= OAT_CONNINFO_SETTINGS_MAX)
		abort();
}

/* TCP that is neither loopback nor verified must not be accepted. */
static void
check_policy(const struct oat_setting *settings)
{
	const char *mode = value_of(settings, "sslmode");
	const char *host = value_of(settings, "host");
	const char *address = value_of(settings, "hostaddr");
	const char *where = address != NULL ? address : host;

	if (mode == NULL || where == NULL)
		abort();
	if (strcmp(mode, "verify-full") != 0 && where[0] != '/' &&
	    where[0] != '@' && strncmp(where, "127.", 4) != 0 &&
	    strcmp(where, "::1") != 0 && strcmp(where, "localhost") != 0)
		abort();
}

static void
check_same(const char *text, const struct oat_conninfo *conninfo)
{
	static const char *const keys[] = { "dbname", "user", "requirepeer",
		"sslrootcert", "sslcert", "sslkey" };
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX];
	PQconninfoOption *options;
	const char *ours, *theirs;
	size_t i, count;

	options = PQconninfoParse(text, NULL);
	if (options == NULL)
		abort();
	for (i = 0; i < oat_conninfo_servers(conninfo); i++) {
		count = oat_conninfo_settings(conninfo, i, settings);
		check_settings(settings, count);
		check_policy(settings);
	}
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		ours = value_of(settings, keys[i]);
		theirs = option_of(options, keys[i]);
		if (theirs != NULL && theirs[0] != '\0' &&
		    (ours == NULL || strcmp(ours, theirs) != 0))
			abort();
	}
	PQconninfoFree(options);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "", *text;
	struct oat_conninfo *conninfo;
	enum oat_status status;
	int has_password;

	text = strndup((const char *)data, size);
	if (text == NULL)
		return 0;
	for (has_password = 0; has_password < 2; has_password++) {
		status = oat_conninfo_parse(
		    text, has_password == 1, &conninfo, error);
		if (status == OAT_OK) {
			check_same(text, conninfo);
			oat_conninfo_free(conninfo);
		} else if (error[0] == '\0' ||
			   memchr(error, 0, sizeof(error)) == NULL)
			abort();
	}
	free(text);
	return 0;
}
