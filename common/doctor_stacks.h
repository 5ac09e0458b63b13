/* SPDX-License-Identifier: MIT */
/*
 * Between doctor_stacks.c, which walks the services of pam.d,
 * doctor_stack_lines.c, which judges one line of ours, and
 * doctor_stack_fixes.c, which says how to mend it. Nobody else's.
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
 * Fixes of the last complaint (doctor_stack_fixes.c): a command, or words where
 * one could shut somebody out.
 */

/* The line is written as it is shipped. */
void oat_doctor_fix_rewrite(
    struct oat_doctor_look *look, const struct oat_pam_line *line);

/* What makes homes comes behind a line of ours. */
void oat_doctor_fix_home(
    struct oat_doctor_look *look, const struct oat_pam_line *ours);

/* The shipped lines of a type come behind a line of ours. */
void oat_doctor_fix_add(struct oat_doctor_look *look,
    const struct oat_pam_line *after, enum oat_pam_type type);

/* One of two lines of ours goes. */
void oat_doctor_fix_remove(
    struct oat_doctor_look *look, const struct oat_pam_line *ours);

/* A line of ours goes to the top of its file, or behind one of that file. */
void oat_doctor_fix_move(struct oat_doctor_look *look,
    const struct oat_pam_line *ours, const struct oat_pam_line *below);

/* All shipped lines come to the top of a file, or behind its pam_rootok. */
void oat_doctor_fix_wire(struct oat_doctor_look *look, const char *file,
    const struct oat_pam_line *root);

/* Does it stand in a file that services include, and that is none? */
bool oat_doctor_is_shared(const struct oat_pam_line *line);

/* Is that one of the services that are looked at? */
bool oat_doctor_is_service(const char *name);

/* Judge a line that runs our module: options, control, what it does to others.
 */
void oat_doctor_judge_line(
    struct oat_doctor_look *look, const struct oat_pam_line *line);

/* Does it ask for a password of its own, or refuse everybody? */
bool oat_doctor_asks_otherwise(const struct oat_pam_line *line);

/* The next one of the same type, or NULL. */
const struct oat_pam_line *oat_doctor_next_of_type(
    const struct oat_pam_stack *stack, const struct oat_pam_line *line);

/*
 * Where a line's action for a code leads, when it jumps: lines of a substack
 * are not stepped on from outside. NULL: to the end.
 */
const struct oat_pam_line *oat_doctor_landing(const struct oat_pam_stack *stack,
    const struct oat_pam_line *line, enum oat_pam_code code);

#endif
