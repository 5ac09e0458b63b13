/* SPDX-License-Identifier: MIT */
#include "value.h"

#include <stddef.h>
#include <string.h>

#include "name.h"

#define MS_PER_S UINT64_C(1000)

/* Read decimal digits. What follows them; NULL for none, or too many. */
static const char *
parse_number(const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		number = number * 10 + (uint64_t)(*p - '0');
		if (number > UINT32_MAX)
			return NULL;
	}
	*ret_number = number;
	return p == text ? NULL : p;
}

/* The milliseconds of a unit; 0 when no unit is called so. */
static uint64_t
unit_ms(const char *unit)
{
	if (strcmp(unit, "ms") == 0)
		return 1;
	if (strcmp(unit, "s") == 0)
		return MS_PER_S;
	if (strcmp(unit, "m") == 0)
		return 60 * MS_PER_S;
	if (strcmp(unit, "h") == 0)
		return 3600 * MS_PER_S;
	if (strcmp(unit, "d") == 0)
		return 86400 * MS_PER_S;
	return 0;
}

enum oat_status
oat_value_duration(
    const char *text, uint64_t min_ms, uint64_t max_ms, uint64_t *ret_ms)
{
	const char *unit;
	uint64_t number, ms;

	unit = parse_number(text, &number);
	if (unit == NULL || unit_ms(unit) == 0)
		return OAT_INVALID;
	ms = number * unit_ms(unit); /* 2^32 days at most: 64 bits do */
	if (ms < min_ms || ms > max_ms)
		return OAT_INVALID;
	*ret_ms = ms;
	return OAT_OK;
}

enum oat_status
oat_value_id_range(const char *text, uint32_t *ret_min, uint32_t *ret_max)
{
	uint64_t min, max;
	const char *end;

	end = parse_number(text, &min);
	if (end == NULL || *end != '-')
		return OAT_INVALID;
	end = parse_number(end + 1, &max);
	if (end == NULL || *end != '\0' || min > max ||
	    !oat_id_is_ours((uint32_t)min) || !oat_id_is_ours((uint32_t)max))
		return OAT_INVALID;
	*ret_min = (uint32_t)min;
	*ret_max = (uint32_t)max;
	return OAT_OK;
}

bool
oat_value_is_path(const char *text)
{
	const char *part = text;
	size_t n;

	if (*text != '/' || strlen(text) > OAT_VALUE_PATH_MAX ||
	    strpbrk(text, ": \t") != NULL)
		return false;
	while (*part == '/') {
		n = strcspn(++part, "/");
		if (n == 0 || (n == 1 && strncmp(part, ".", 1) == 0) ||
		    (n == 2 && strncmp(part, "..", 2) == 0))
			return false;
		part += n;
	}
	return true;
}
