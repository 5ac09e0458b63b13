/* SPDX-License-Identifier: MIT */
/*
 * Every question that nsswitch can put to the module, about every member of a
 * population, and whether the answers may be believed.
 */
#ifndef OAT_TESTS_SURVEY_H
#define OAT_TESTS_SURVEY_H

#include <stddef.h>

/* Answers, by what they are worth. */
struct oat_survey {
	size_t right;	    /* the member's, of version 0 or of version 1 */
	size_t unavailable; /* UNAVAIL and EIO */
	size_t wrong;	    /* all others */
};

/*
 * Ask for `count` members by name and number, as users, groups and for their
 * groups, for somebody who does not exist, and for all of them in a row. Uses
 * no memory but the stack, and no system call of its own.
 */
struct oat_survey oat_survey_take(size_t count);

#endif
