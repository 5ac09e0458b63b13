/* SPDX-License-Identifier: MIT */
/*
 * What modules in this process say to syslog(3), which goes nowhere else: the
 * test program's syslog stands before libc's.
 */
#ifndef OAT_TESTS_JOURNAL_H
#define OAT_TESTS_JOURNAL_H

#include <stdbool.h>

void oat_journal_clear(void);

/* How many lines of our module, "pam_oat(...", since it was cleared? */
unsigned oat_journal_lines(void);

/* The last line of our module; "" if there is none. Static storage. */
const char *oat_journal_last(void);

/* The priority of that line, facility included. */
int oat_journal_priority(void);

/* Did any line, of whatever module, contain this? */
bool oat_journal_has(const char *text);

#endif
