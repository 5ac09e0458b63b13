/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of any size for the tests of their reader, their writer and the
 * NSS module, which all look for the same people in the same places.
 *
 * Member i is oat-acme-t<i>, numbered OAT_MEMBER_UID + i. Every seventh is
 * inactive. Version v of the population differs from others in generation and
 * in everybody's shell, and in nothing else.
 */
#ifndef OAT_TESTS_POPULATION_H
#define OAT_TESTS_POPULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/snapshot.h"

#define OAT_MEMBER_UID 70100
#define OAT_MEMBER_HOME "/srv/oat"
#define OAT_MEMBER_GROUPS 3 /* of an active one: oat_member_gids */

extern const uint32_t oat_member_gids[OAT_MEMBER_GROUPS];

/* Files of the running test: the snapshot, and the folder for refresh.h. */
extern char oat_population_folder[64];
extern char oat_population_path[96];
extern char oat_population_run[96];
extern char oat_population_program[96]; /* does not exist until written */

/* For CUnit: make the folder; remove it with all that is in it. */
int oat_population_set_up(void);
int oat_population_tear_down(void);

/* Is the test root's? Snapshots count only if they are. Skips if not. */
bool oat_population_is_root(void);

/* The image of `count` members; free()d by the caller. */
void *oat_population_build(size_t count, int version, size_t *ret_size);

/* Publish it as oat_population_path. */
void oat_population_publish(size_t count, int version);

/* Write any bytes there, mode 0644, not by rename. */
void oat_population_write(const void *bytes, size_t size);

/* Take an image into memory, as a process with many look-ups does. */
void oat_population_load(
    const void *image, size_t size, struct oat_snapshot *ret_snapshot);

/* Who member i is. */
void oat_member_name(size_t i, char ret_name[OAT_LOGIN_MAX + 1]);
bool oat_member_is_active(size_t i);
const char *oat_member_shell(size_t i, int version);

/* Is this record member i of that version, in every field? */
bool oat_member_is(const struct oat_record *record, size_t i, int version);

/* What a list of gids was like. */
struct oat_gids {
	uint32_t gid[OAT_MEMBER_GROUPS]; /* the first ones */
	size_t count;
};

/* oat_snapshot_groups(), into that. */
enum oat_status oat_population_groups_of(const struct oat_snapshot *snapshot,
    const struct oat_record *record, struct oat_gids *ret_gids);

/*
 * Is everything about each of `count` members of version 0 right, or refused as
 * unavailable? *ret_all: nothing was refused.
 */
bool oat_population_answers_truly(
    const struct oat_snapshot *snapshot, size_t count, bool *ret_all);

/* Does a walk give them ascending, to the end or to OAT_UNAVAILABLE? */
bool
oat_population_walks_truly(const struct oat_snapshot *snapshot, size_t count);

/* Nothing is there, and the NSS module has no copy of what was. */
void oat_population_forget(void);

#endif
