/* SPDX-License-Identifier: MIT */
/*
 * A host for the PAM module that concerns nobody else: in mount namespaces of
 * the test's own, /etc, /run and the program's folder are empty and in memory,
 * and the real pam_oat.so, with its real paths, finds there what a test puts
 * in.
 */
#ifndef OAT_TESTS_STAGE_H
#define OAT_TESTS_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/paths.h"

#define OAT_STAGE_PLAY OAT_PATH_PROGRAM ".play" /* what the program plays */
#define OAT_STAGE_SEEN OAT_PATH_PROGRAM ".seen" /* what it was asked */
#define OAT_STAGE_PAM_D "/etc/pam.d"

/* A play that lets everybody in. */
#define OAT_STAGE_ALLOW "behave=answer\nverdict=4\n"

/*
 * Set the stage: a passwd file with root and the local user oat-local-user, a
 * configuration without delays, a program that lets everybody in and has not
 * been asked, service files for the stack of every test, an empty log.
 * False, and the test is skipped by name, when the kernel does not allow it.
 */
bool oat_stage_set(void);

/* Replace a file, root's, of this mode. */
void oat_stage_write(const char *path, mode_t mode, const char *text);

/* The configuration that oat_stage_set() writes, with more lines after it. */
void oat_stage_configure(const char *lines);

/* What the program plays from now on. */
void oat_stage_play(const char *play);

/*
 * A service: pam_oat.so with these arguments, and no other module has a say.
 * PAM_IGNORE, which libpam never answers, becomes OAT_STAGE_IGNORED.
 */
void oat_stage_service(const char *name, const char *arguments);

#define OAT_STAGE_IGNORED PAM_BAD_ITEM

/* How often was the program asked? */
unsigned oat_stage_asked(void);

/* Does what it was asked contain this text? */
bool oat_stage_saw(const char *text);

/* The path of the real pam_oat.so of this build. */
const char *oat_stage_module(void);

#endif
