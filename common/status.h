/* SPDX-License-Identifier: MIT */
/* What became of an operation: the one error vocabulary of common/. */
#ifndef OAT_STATUS_H
#define OAT_STATUS_H

/*
 * A value exists only where a caller acts on it differently. A function that
 * answers anything but OAT_OK has left its out-parameters untouched unless its
 * prototype says otherwise.
 */
enum oat_status {
	OAT_OK = 0,	 /* done */
	OAT_NOMEM,	 /* no memory */
	OAT_INVALID,	 /* input breaks its grammar or its bounds */
	OAT_NOTFOUND,	 /* well-formed, and not there */
	OAT_RANGE,	 /* the caller's buffer is too short; enlarge, retry */
	OAT_TIMEOUT,	 /* the deadline passed */
	OAT_UNAVAILABLE, /* a file, server or program cannot be used now */
	OAT_SYSTEM,	 /* a system call failed; errno says why */
};

/*
 * A short English noun phrase for a status, for log lines. Static storage,
 * never NULL.
 */
const char *oat_status_text(enum oat_status status);

#endif
