/* SPDX-License-Identifier: MIT */
/*
 * The checks of `oat doctor`, in the order in which doctor.c makes them, and
 * what they tell each other. Nobody else's. Each tells what it found; none
 * changes anything, and each is bounded in time.
 */
#ifndef OAT_DOCTOR_CHECKS_H
#define OAT_DOCTOR_CHECKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "finding.h"
#include "name.h"
#include "setup.h"

/* Another program of this host that does not end is left alone after this. */
#define OAT_DOCTOR_PROGRAM_MS 5000

#define OAT_DOCTOR_GROUPS_MAX 32 /* of a user, that are looked at */

/* What a login asks for, on this host. */
struct oat_doctor_user {
	char login[OAT_LOGIN_MAX + 1]; /* of the snapshot, or one like it */
	uint32_t uid;
	bool exists; /* in the snapshot, and let in here */
	char groups[OAT_DOCTOR_GROUPS_MAX][OAT_GROUP_MAX + 1];
	size_t group_count;
};

struct oat_doctor {
	struct oat_findings findings;
	bool root;	     /* may everything be looked at? */
	const char *login;   /* asked about, or NULL */
	const char *service; /* "sshd" unless another is asked about */
	const char *rhost;   /* "-" for none */
	struct oat_doctor_user user;
	struct oat_setup setup; /* as far as it could be read */
	bool configured;	/* all of it */
	bool no_module;		/* pam_oat.so is not there, or not ours */
	bool has_account;
	struct oat_account account; /* _oat */
	int64_t generation;	    /* of the database, the newest seen; or 0 */
};

/* doctor_files.c: configuration, secrets, who may read them, _oat */
void oat_doctor_files(struct oat_doctor *doctor);

/* doctor_install.c: program and modules, present and of one version */
void oat_doctor_install(struct oat_doctor *doctor);

/* doctor_names.c: nsswitch.conf, caches beside us, names that resolve */
void oat_doctor_names(struct oat_doctor *doctor);

/* The first of these, from a text: for tests. */
void oat_doctor_nsswitch(struct oat_doctor *doctor, const char *text);

/* doctor_ids.c: who else uses numbers of ours */
void oat_doctor_ids(struct oat_doctor *doctor);

/* doctor_stacks.c: pam.d */
void oat_doctor_stacks(struct oat_doctor *doctor);

/* doctor_sshd.c: its effective settings, for ours and for others */
void oat_doctor_sshd(struct oat_doctor *doctor);

/* doctor_sudo.c: sudoers */
void oat_doctor_sudo(struct oat_doctor *doctor);

/* doctor_database.c: certificates, each server, the role, the schema, clocks */
void oat_doctor_database(struct oat_doctor *doctor);

/*
 * doctor_refusals.c: what mends a server's refusal, in words, by what is said
 * of it: libpq's words, the server's or the certificate's. The first that fits;
 * never NULL.
 */
const char *oat_doctor_server_fix(const char *refusal);

/* doctor_state.c: snapshot, spool */
void oat_doctor_state(struct oat_doctor *doctor);

/* doctor_schedule.c: who runs `oat sync` */
void oat_doctor_schedule(struct oat_doctor *doctor);

/* doctor_login.c: whether one login is let in, and why not */
void oat_doctor_login(struct oat_doctor *doctor);

/* --- for several of them --------------------------------------------------
 */

/* What a file of ours must be like. */
struct oat_doctor_rules {
	mode_t type;	  /* S_IFREG or S_IFDIR */
	mode_t forbidden; /* permissions it must not have */
	mode_t mode;	  /* what the fix sets */
	bool no_link;	  /* a link in its place is refused */
	bool for_oat;	  /* _oat has to read it, through its group or all */
};

/*
 * A file that is root's, and of these rules. Tells a failure with its fix;
 * silent and true when all is well. *ret_stat, if wanted, is what it is like.
 */
bool oat_doctor_check_file(struct oat_doctor *doctor, const char *check,
    const char *path, const struct oat_doctor_rules *rules,
    struct stat *ret_stat);

/* Something that needs root was not looked at. */
void oat_doctor_needs_root(
    struct oat_doctor *doctor, const char *check, const char *subject);

/* Something needs the configuration, which could not be used. */
void oat_doctor_needs_configuration(
    struct oat_doctor *doctor, const char *check, const char *subject);

#endif
