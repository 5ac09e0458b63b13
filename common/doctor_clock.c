/* SPDX-License-Identifier: MIT */
#include "doctor_clock.h"

#include <inttypes.h>
#include <stdio.h>

/* Above one bound, above two; exactly at a bound is below it. */
static enum oat_level
level_of(int64_t value, int64_t warning, int64_t failure)
{
	if (value > failure)
		return OAT_LEVEL_FAILURE;
	return value > warning ? OAT_LEVEL_WARNING : OAT_LEVEL_OK;
}

enum oat_level
oat_doctor_skew_level(int64_t skew_ms)
{
	enum oat_level behind, before;

	before = level_of(
	    skew_ms, OAT_DOCTOR_SKEW_WARNING_MS, OAT_DOCTOR_SKEW_FAILURE_MS);
	behind = level_of(
	    -skew_ms, OAT_DOCTOR_SKEW_WARNING_MS, OAT_DOCTOR_SKEW_FAILURE_MS);
	return before > behind ? before : behind;
}

enum oat_level
oat_doctor_certificate_level(int64_t left_s)
{
	return level_of(-left_s, -OAT_DOCTOR_CERTIFICATE_S, 0);
}

enum oat_level
oat_doctor_sync_level(int64_t age_s)
{
	return level_of(
	    age_s, OAT_DOCTOR_SYNC_WARNING_S, OAT_DOCTOR_SYNC_FAILURE_S);
}

char *
oat_doctor_span(char dst[OAT_DOCTOR_SPAN_MAX], int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "h" }, { 60, "min" },
		{ 1, "s" } };
	size_t i, last = sizeof(units) / sizeof(units[0]) - 1;

	for (i = 0; i < last && seconds < 2 * units[i].seconds; i++)
		;
	(void)snprintf(dst, OAT_DOCTOR_SPAN_MAX, "%" PRId64 " %s",
	    seconds / units[i].seconds, units[i].name);
	return dst;
}
