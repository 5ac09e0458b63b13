/* SPDX-License-Identifier: MIT */
/*
 * The system log: a line, and, where systemd-journald listens, the same line
 * with fields beside it, by its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).
 */
#ifndef OAT_JOURNAL_H
#define OAT_JOURNAL_H

#include <stddef.h>

/* journald(8)'s own socket; systemd puts it there whatever our prefix is. */
#define OAT_JOURNAL_SOCKET "/run/systemd/journal/socket"

struct oat_journal_field {
	const char *name;  /* upper case, digits and _ */
	const char *value; /* printable; "", "-" and NULL are left out */
};

/*
 * Log one printable line, with the facility and severity of syslog(3). It is
 * written once: to journald with the fields, or by syslog(3) when that cannot
 * take it at this moment, when there is none, or when the caller is under a
 * seccomp filter, which may allow what syslog(3) does and nothing like it.
 * Before it falls back nothing waits, and no descriptor is left open.
 */
void oat_journal_write(int priority, const char *line,
    const struct oat_journal_field *fields, size_t count);

#endif
