/* SPDX-License-Identifier: MIT */
/* Values of oat.conf: one strict parser for each kind. */
#ifndef OAT_VALUE_H
#define OAT_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

/* Bytes of a path; one of them ends up in every passwd entry. */
#define OAT_VALUE_PATH_MAX 255

/*
 * A duration: decimal digits and, without a blank, ms, s, m, h or d.
 * OAT_OK; OAT_INVALID for anything else, or outside min_ms to max_ms.
 */
enum oat_status oat_value_duration(
    const char *text, uint64_t min_ms, uint64_t max_ms, uint64_t *ret_ms);

/*
 * A range of ids: two numbers with a '-' between, the smaller first.
 * OAT_OK; OAT_INVALID for anything else, or an id that oat_id_is_ours() denies.
 */
enum oat_status
oat_value_id_range(const char *text, uint32_t *ret_min, uint32_t *ret_max);

/*
 * Is it an absolute path of at most OAT_VALUE_PATH_MAX bytes, without empty,
 * "." or ".." components, and without what passwd(5) cannot hold or shells
 * split: ':' and white space?
 */
bool oat_value_is_path(const char *text);

#endif
