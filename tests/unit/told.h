/* SPDX-License-Identifier: MIT */
/* What checks of `oat doctor` tell, kept in memory; and typing their fixes. */
#ifndef OAT_TESTS_TOLD_H
#define OAT_TESTS_TOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/doctor_checks.h"

/*
 * Run a check; what it tells but for what is well, free()d by the caller.
 * *ret_bad is how many warnings and failures that is.
 */
char *oat_told_by(void (*check)(struct oat_doctor *doctor, const void *context),
    const void *context, size_t *ret_bad);

/*
 * Type the first fix for a shell that is told, with a path in it written as
 * another one. False when there is none.
 */
bool oat_told_type_fix(const char *told, const char *path, const char *instead);

#endif
