/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static bool
stderr_is_nowhere(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) != 0)
		return true;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

void
oat_report(int priority, const char *command, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (stderr_is_nowhere())
		syslog(LOG_AUTHPRIV | priority, "oat %s: %s", command, line);
	else
		fprintf(stderr, "oat %s: %s\n", command, line);
}
