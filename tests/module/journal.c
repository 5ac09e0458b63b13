/* SPDX-License-Identifier: MIT */
#include "tests/module/journal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define OURS "pam_oat("

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char text[1 << 20]; /* every line, each ended by \n */
static char last[8192];
static unsigned lines;
static int last_priority;

EXPORT void vsyslog(int priority, const char *format, va_list ap);
EXPORT void syslog(int priority, const char *format, ...);
EXPORT void
__vsyslog_chk(int priority, int flag, const char *format, va_list ap);
EXPORT void __syslog_chk(int priority, int flag, const char *format, ...);

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void
vsyslog(int priority, const char *format, va_list ap)
{
	char line[8192];
	size_t used;

	vsnprintf(line, sizeof(line), format, ap);
	pthread_mutex_lock(&lock);
	used = strlen(text);
	snprintf(text + used, sizeof(text) - used, "%s\n", line);
	if (strncmp(line, OURS, strlen(OURS)) == 0) {
		snprintf(last, sizeof(last), "%s", line);
		last_priority = priority;
		lines++;
	}
	pthread_mutex_unlock(&lock);
}

void
syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}

/* What _FORTIFY_SOURCE makes of the two. */
void
__vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	(void)flag;
	vsyslog(priority, format, ap);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}

void
oat_journal_clear(void)
{
	pthread_mutex_lock(&lock);
	text[0] = last[0] = '\0';
	lines = 0;
	last_priority = -1;
	pthread_mutex_unlock(&lock);
}

unsigned
oat_journal_lines(void)
{
	return lines;
}

const char *
oat_journal_last(void)
{
	return last;
}

int
oat_journal_priority(void)
{
	return last_priority;
}

bool
oat_journal_has(const char *wanted)
{
	return strstr(text, wanted) != NULL;
}
