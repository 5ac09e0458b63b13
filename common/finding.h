/* SPDX-License-Identifier: MIT */
/*
 * What `oat doctor` found: one line a check, or one object of JSON. Text from
 * outside goes in as it is and comes out printable and bounded.
 *
 *	FAIL  config  /etc/oat/oat.conf: mode 0644; fix: chmod 0600 ...
 */
#ifndef OAT_FINDING_H
#define OAT_FINDING_H

#include <stdbool.h>
#include <stdio.h>

#define OAT_FINDING_CHECK_MAX 40 /* bytes of each, NUL included */
#define OAT_FINDING_SUBJECT_MAX 128
#define OAT_FINDING_TEXT_MAX 512
#define OAT_FINDING_FIX_MAX 768

/* In the order in which one outweighs another. */
enum oat_level {
	OAT_LEVEL_OK,	   /* as it should be */
	OAT_LEVEL_SKIPPED, /* could not be looked at */
	OAT_LEVEL_WARNING, /* works, and will not for ever, or not for all */
	OAT_LEVEL_FAILURE, /* somebody who should get in does not, or would */
	OAT_LEVELS
};

/* Where a fix is typed. */
enum oat_fix {
	OAT_FIX_NONE,
	OAT_FIX_SHELL, /* in a root shell of this host */
	OAT_FIX_SQL,   /* in psql, as an administrator of oat */
	OAT_FIX_WORDS, /* nowhere as it is: it says what to do */
};

/* One check's result; plain data. */
struct oat_finding {
	enum oat_level level;
	char check[OAT_FINDING_CHECK_MAX];     /* "pam.sshd", for monitoring */
	char subject[OAT_FINDING_SUBJECT_MAX]; /* what was looked at */
	char text[OAT_FINDING_TEXT_MAX];       /* what was found */
	enum oat_fix fix_kind;
	char fix[OAT_FINDING_FIX_MAX];
};

/* Where findings go. Zero-initialise, then set the first three members. */
struct oat_findings {
	FILE *to;		  /* borrowed */
	bool json;		  /* one object with them all */
	bool quiet;		  /* leave out what is OAT_LEVEL_OK */
	size_t count[OAT_LEVELS]; /* of those that were found */
	size_t told;
	bool pending; /* the last one is not told yet: its fix may follow */
	struct oat_finding last;
};

/* Something was found. */
void oat_found(struct oat_findings *findings, enum oat_level level,
    const char *check, const char *subject, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/*
 * What mends the last finding. A command that does not fit, or is not
 * printable, is left out: half of one must not be typed.
 */
void oat_fix(struct oat_findings *findings, enum oat_fix kind,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * A word for a shell, quoted where it must be. Returns dst, which holds "" when
 * the word does not fit.
 */
char *oat_fix_quote(char *dst, size_t size, const char *word);

/*
 * Tell what is pending, and the sum. The exit status that monitoring knows
 * (Nagios and its kin): 0 all is well; 1 a warning; 2 a failure; 3 neither, but
 * not everything could be looked at.
 */
int oat_findings_end(struct oat_findings *findings);

#endif
