/* SPDX-License-Identifier: MIT */
/*
 * Between doctor_stacks.c, which walks the services of pam.d, and
 * doctor_stack_lines.c, which judges one line of ours. Nobody else's.
 */
#ifndef OAT_DOCTOR_STACKS_H
#define OAT_DOCTOR_STACKS_H

#include "doctor_checks.h"
#include "pamstack.h"

#define OAT_DOCTOR_MODULE "pam_oat.so"
#define OAT_DOCTOR_MKHOMEDIR "pam_mkhomedir.so"

/* The lines of pam_oat/stacks/oat; a test compares. NULL for password. */
extern const char *const oat_doctor_shipped[OAT_PAM_TYPES];
extern const char oat_doctor_shipped_home[];

extern const char *const oat_doctor_type_names[OAT_PAM_TYPES];

struct oat_doctor_service {
	const char *name;
	enum oat_level unwired; /* when our module is not in it at all */
	bool has_session;	/* one that is recorded */
};

/* A service while it is looked at. */
struct oat_doctor_look {
	struct oat_doctor *doctor;
	const struct oat_doctor_service *service;
	const char *folder; /* where an administrator's stacks are */
	char check[OAT_FINDING_CHECK_MAX];
	struct oat_pam_stack stack;
	const struct oat_pam_line *ours[OAT_PAM_TYPES]; /* the first, or NULL */
	size_t complaints;
};

/* All services, from other folders than this host's: for tests. */
void oat_doctor_stacks_in(
    struct oat_doctor *doctor, const struct oat_pam_folders *folders);

/* Something is wrong with a line. */
void oat_doctor_complain(struct oat_doctor_look *look, enum oat_level level,
    const struct oat_pam_line *line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * The fix of the last complaint, by sed(1) on the file of a line; the script is
 * one or more words for a shell.
 */
void oat_doctor_fix_by_sed(struct oat_doctor_look *look,
    const struct oat_pam_line *line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same: the line is written as it is shipped. */
void oat_doctor_fix_rewrite(
    struct oat_doctor_look *look, const struct oat_pam_line *line);

/* Judge a line that runs our module: options, control, what it does to others.
 */
void oat_doctor_judge_line(
    struct oat_doctor_look *look, const struct oat_pam_line *line);

/* Does it ask for a password of its own, or refuse everybody? */
bool oat_doctor_asks_otherwise(const struct oat_pam_line *line);

/*
 * Where a line's action for a code leads, when it jumps: lines of a substack
 * are not stepped on from outside. NULL: to the end.
 */
const struct oat_pam_line *oat_doctor_landing(const struct oat_pam_stack *stack,
    const struct oat_pam_line *line, enum oat_pam_code code);

#endif
