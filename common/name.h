/* SPDX-License-Identifier: MIT */
/*
 * The grammar of names that oat gives out, and the numbers that go with them.
 * Everything here is libc only, without I/O and without allocation.
 */
#ifndef OAT_NAME_H
#define OAT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define OAT_LOGIN_MAX 32	/* bytes of a login, without the NUL */
#define OAT_ORGANIZATION_MAX 16 /* bytes; sql: organizations_name_ck */
#define OAT_TOKEN_NAME_MAX 25	/* bytes: 32 - strlen("oat-xx-") */
#define OAT_SERVICE_MAX 64	/* bytes; sql: the services' CHECK */
#define OAT_GROUP_MAX 32	/* bytes of a group's full name */

/* NSS answers NOTFOUND outside these without looking anywhere. */
#define OAT_ID_MIN UINT32_C(65536)
#define OAT_ID_MAX UINT32_C(2147483647)

/*
 * Is the login ours by its spelling? ^oat-[a-z][a-z0-9]{1,15}(-[a-z0-9]+)+$,
 * at most OAT_LOGIN_MAX bytes. NULL is not.
 */
bool oat_name_is_login(const char *name);

/*
 * Can a group of ours be called so? A login (each token's own group),
 * "oat-users", "oat-sudo", "oat-<organization>" or "oat-g-<name>" with name
 * ^[a-z0-9]+(-[a-z0-9]+)*$; at most OAT_GROUP_MAX bytes. NULL is not.
 */
bool oat_name_is_group(const char *name);

/* ^[a-z][a-z0-9]{1,15}$, and neither "sudo" nor "users". NULL is not. */
bool oat_name_is_organization(const char *name);

/* ^[a-z0-9]+(-[a-z0-9]+)*$, at most OAT_TOKEN_NAME_MAX bytes. NULL is not. */
bool oat_name_is_token(const char *name);

/* A login's parts. Plain data. */
struct oat_name_parts {
	char organization[OAT_ORGANIZATION_MAX + 1];
	char token[OAT_TOKEN_NAME_MAX + 1];
};

/*
 * Split a login, oat-<organization>-<token>: no organization has a hyphen.
 * False, and nothing is written, when it is none by oat_name_is_login().
 */
bool oat_name_split(const char *login, struct oat_name_parts *ret_parts);

/* OAT_ID_MIN <= id <= OAT_ID_MAX: can this number be one of ours at all? */
bool oat_id_is_ours(uint32_t id);

#endif
