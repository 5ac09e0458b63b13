/* SPDX-License-Identifier: MIT */
#include "expiry.h"

#include "identity.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* A year that no int holds is none that anybody means. */
static struct tm
broken_down(int64_t at)
{
	time_t seconds = (time_t)at;
	struct tm utc;

	if (gmtime_r(&seconds, &utc) == NULL)
		memset(&utc, 0, sizeof(utc));
	return utc;
}

char *
oat_expiry_date(char dst[OAT_EXPIRY_TEXT_MAX], int64_t at)
{
	const struct tm utc = broken_down(at);

	(void)strftime(dst, OAT_EXPIRY_TEXT_MAX, "%Y-%m-%d %H:%M UTC", &utc);
	return dst;
}

char *
oat_expiry_timestamp(char dst[OAT_EXPIRY_TEXT_MAX], int64_t at)
{
	const struct tm utc = broken_down(at);

	(void)strftime(dst, OAT_EXPIRY_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return dst;
}

/* Write "3 days". */
static void
count_units(char dst[OAT_EXPIRY_TEXT_MAX], uint64_t seconds)
{
	static const struct {
		const char *name;
		unsigned seconds;
	} units[] = { { "day", 86400 }, { "hour", 3600 }, { "minute", 60 } };
	uint64_t count;
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		count = seconds / units[i].seconds;
		if (count == 0)
			continue;
		(void)snprintf(dst, OAT_EXPIRY_TEXT_MAX, "%llu %s%s",
		    (unsigned long long)count, units[i].name,
		    count == 1 ? "" : "s");
		return;
	}
	(void)snprintf(dst, OAT_EXPIRY_TEXT_MAX, "less than a minute");
}

char *
oat_expiry_distance(char dst[OAT_EXPIRY_TEXT_MAX], int64_t at, int64_t now)
{
	char text[OAT_EXPIRY_TEXT_MAX];
	bool past = at <= now;

	/* As unsigned numbers: the difference may not fit in a signed one. */
	count_units(text,
	    past ? (uint64_t)now - (uint64_t)at : (uint64_t)at - (uint64_t)now);
	(void)snprintf(
	    dst, OAT_EXPIRY_TEXT_MAX, past ? "%.40s ago" : "in %.40s", text);
	return dst;
}

bool
oat_expiry_is_due(int64_t at, int64_t now, uint32_t within_s)
{
	if (at == OAT_NEVER)
		return false;
	return at <= now || (uint64_t)at - (uint64_t)now <= within_s;
}
