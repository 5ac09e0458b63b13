/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stddef.h>
#include <string.h>

void
oat_options_read(
    int argc, const char *const argv[], struct oat_options *ret_options)
{
	struct oat_options options = { .debug = false, .unknown = NULL };
	int i;

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "debug") == 0)
			options.debug = true;
		else if (strcmp(argv[i], "try_first_pass") != 0 &&
			 strcmp(argv[i], "use_first_pass") != 0 &&
			 options.unknown == NULL)
			options.unknown = argv[i];
	}
	*ret_options = options;
}
