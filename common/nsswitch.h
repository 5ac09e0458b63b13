/* SPDX-License-Identifier: MIT */
/* The lines of nsswitch.conf(5), as glibc reads them. */
#ifndef OAT_NSSWITCH_H
#define OAT_NSSWITCH_H

#include <stdbool.h>
#include <stddef.h>

#define OAT_NSSWITCH_SERVICES_MAX 16
#define OAT_NSSWITCH_NAME_MAX 32 /* bytes of a service's name, NUL included */

struct oat_nsswitch_service {
	char name[OAT_NSSWITCH_NAME_MAX];
	/* By an action behind it: who is not found there is looked for no more.
	 */
	bool ends_search;
};

/* What a database is looked for in; plain data. */
struct oat_nsswitch {
	unsigned line;	/* where it is said, counted from 1; 0: nowhere */
	unsigned lines; /* how many lines say it; the last one counts */
	struct oat_nsswitch_service service[OAT_NSSWITCH_SERVICES_MAX];
	size_t count;
};

/* Read what a text, nsswitch.conf, says about a database such as "passwd". */
void oat_nsswitch_parse(
    const char *text, const char *database, struct oat_nsswitch *ret_line);

/* Where a service stands; ret_line->count when it does not. */
size_t oat_nsswitch_find(const struct oat_nsswitch *line, const char *service);

/* How often it stands there. */
size_t oat_nsswitch_times(const struct oat_nsswitch *line, const char *service);

#endif
