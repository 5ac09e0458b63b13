/* SPDX-License-Identifier: MIT */
#include "tests/unit/told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

char *
oat_told_by(void (*check)(struct oat_doctor *doctor, const void *context),
    const void *context, size_t *ret_bad)
{
	static struct oat_doctor doctor;
	char *told = NULL;
	size_t size = 0;

	memset(&doctor, 0, sizeof(doctor));
	doctor.findings.to = open_memstream(&told, &size);
	doctor.findings.quiet = true;
	CU_ASSERT_PTR_NOT_NULL_FATAL(doctor.findings.to);
	check(&doctor, context);
	*ret_bad = doctor.findings.count[OAT_LEVEL_FAILURE] +
		   doctor.findings.count[OAT_LEVEL_WARNING];
	(void)oat_findings_end(&doctor.findings);
	fclose(doctor.findings.to);
	return told;
}

bool
oat_told_type_fix(const char *told, const char *path, const char *instead)
{
	const char *fix = strstr(told, "; fix: "), *at;
	char command[4096] = "";
	size_t used = 0, length;

	if (fix == NULL)
		return false;
	fix += strlen("; fix: ");
	for (length = strcspn(fix, "\n"); length > 0; fix += strlen(path)) {
		at = memmem(fix, length, path, strlen(path));
		used += (size_t)snprintf(command + used, sizeof(command) - used,
		    "%.*s%s", at != NULL ? (int)(at - fix) : (int)length, fix,
		    at != NULL ? instead : "");
		if (at == NULL)
			break;
		length -= (size_t)(at - fix) + strlen(path);
		fix = at;
	}
	OAT_ASSERT_THAT(system(command) == 0, "%s", command);
	return true;
}
