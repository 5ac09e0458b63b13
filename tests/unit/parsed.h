/* SPDX-License-Identifier: MIT */
/* Connection options that are fine, and what libpq is told of them. */
#ifndef OAT_TESTS_PARSED_H
#define OAT_TESTS_PARSED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conninfo.h"

#define PARSED_BASE "dbname=oat user=oat_web-1 "
#define PARSED_TLS "sslmode=verify-full sslrootcert=/etc/oat/ca.pem "
#define PARSED_NOWHERE "/nonexistent/oat"

/* Options that must be accepted; oat_conninfo_free()d by the caller. */
struct oat_conninfo *parsed_check(const char *text, bool has_password);

/* What libpq is told for a key; NULL when nothing is. */
const char *parsed_told(
    const struct oat_conninfo *conninfo, size_t server, const char *key);

/* Both: is it this, or nothing when that is NULL? */
void parsed_check_told(const char *text, bool has_password, size_t server,
    const char *key, const char *expected);

/* Is the word in the list, which NULL ends? */
bool parsed_is_one_of(const char *const *words, const char *word);

#endif
