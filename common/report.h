/* SPDX-License-Identifier: MIT */
/*
 * What a command of the program tells people: on standard error, or, when that
 * is /dev/null because another program started it, in the authpriv log.
 */
#ifndef OAT_REPORT_H
#define OAT_REPORT_H

/*
 * One line, "oat sync: ..." in front. printf-like; text from outside is
 * escaped by the caller. `priority` is syslog(3)'s: LOG_ERR and so on.
 */
void oat_report(int priority, const char *command, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
