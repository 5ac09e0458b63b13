/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *  - a line is written once, to journald or to syslog
 *  - journald that does not read delays nobody
 *  - no text can make a field of its own
 *  - a filtered caller sees the system calls of syslog(3) alone
 */
#include "journal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "escape.h"
#include "seccomp.h"

#define ENTRY_MAX 8192 /* bytes: a line of 2048, and its parts once more */

/* An entry in the making: "NAME=value\n" for each field. */
struct entry {
	char text[ENTRY_MAX];
	size_t length;
	bool whole; /* all of it fitted, and was fit */
};

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static void
put(struct entry *entry, const char *name, const char *value)
{
	size_t room = sizeof(entry->text) - entry->length;
	int n;

	n = snprintf(entry->text + entry->length, room, "%s=%s\n", name, value);
	if (n < 0 || (size_t)n >= room || !is_printable(value))
		entry->whole = false;
	else
		entry->length += (size_t)n;
}

static void
put_number(struct entry *entry, const char *name, int number)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", number);
	put(entry, name, text);
}

/*
 * What syslog(3) itself would say, but for its openlog(3), which cannot be
 * asked. The program's name is what its caller called it: su's may be anything.
 */
static void
put_line(struct entry *entry, int priority, const char *line)
{
	char name[OAT_ESCAPED_MAX];

	put(entry, "MESSAGE", line);
	put_number(entry, "PRIORITY", LOG_PRI(priority));
	put_number(entry, "SYSLOG_FACILITY", LOG_FAC(priority));
	put(entry, "SYSLOG_IDENTIFIER",
	    oat_escape(name, sizeof(name), program_invocation_short_name));
}

static bool
has_value(const struct oat_journal_field *field)
{
	return field->value != NULL && field->value[0] != '\0' &&
	       strcmp(field->value, "-") != 0;
}

/* Did journald take it? Nothing here waits: a full queue is a no. */
static bool
send_entry(const struct entry *entry)
{
	static const struct sockaddr_un address = { AF_UNIX,
		OAT_JOURNAL_SOCKET };
	ssize_t sent;
	int fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return false;
	sent = sendto(fd, entry->text, entry->length, MSG_NOSIGNAL,
	    (const struct sockaddr *)&address, sizeof(address));
	(void)close(fd);
	return sent == (ssize_t)entry->length;
}

void
oat_journal_write(int priority, const char *line,
    const struct oat_journal_field *fields, size_t count)
{
	struct entry entry = { .length = 0, .whole = true };
	size_t i;

	put_line(&entry, priority, line);
	for (i = 0; i < count; i++)
		if (has_value(&fields[i]))
			put(&entry, fields[i].name, fields[i].value);
	if (!entry.whole || access(OAT_JOURNAL_SOCKET, F_OK) != 0 ||
	    !oat_seccomp_is_off() || !send_entry(&entry))
		syslog(priority, "%s", line);
}
