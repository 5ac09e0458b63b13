/* SPDX-License-Identifier: MIT */
#include "tests/unit/parsed.h"

#include "tests/runner.h"

#include <string.h>

struct oat_conninfo *
parsed_check(const char *text, bool has_password)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "";
	struct oat_conninfo *conninfo = NULL;
	enum oat_status status;

	status = oat_conninfo_parse(text, has_password, &conninfo, error);
	OAT_ASSERT_THAT(status == OAT_OK, "%s: %s", text, error);
	return conninfo;
}

/* What libpq is told for a key; NULL when nothing is. */
const char *
parsed_told(const struct oat_conninfo *conninfo, size_t server, const char *key)
{
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX];
	size_t i, n = oat_conninfo_settings(conninfo, server, settings);
	const char *value = NULL;

	CU_ASSERT_TRUE(n < OAT_CONNINFO_SETTINGS_MAX);
	CU_ASSERT_PTR_NULL(settings[n].key);
	for (i = 0; i < n; i++)
		if (strcmp(settings[i].key, key) == 0)
			value = settings[i].value;
	return value;
}

void
parsed_check_told(const char *text, bool has_password, size_t server,
    const char *key, const char *expected)
{
	struct oat_conninfo *conninfo = parsed_check(text, has_password);
	const char *value;

	if (conninfo == NULL)
		return;
	value = parsed_told(conninfo, server, key);
	if (expected == NULL)
		OAT_ASSERT_THAT(
		    value == NULL, "%s: %s is %s", text, key, value);
	else
		OAT_ASSERT_THAT(value != NULL && strcmp(value, expected) == 0,
		    "%s: %s is %s", text, key, value ? value : "(nothing)");
	oat_conninfo_free(conninfo);
}

bool
parsed_is_one_of(const char *const *words, const char *word)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}
