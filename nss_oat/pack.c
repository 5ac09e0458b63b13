/* SPDX-License-Identifier: MIT */
#include "pack.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "common/name.h"

#define PASSWORD "*" /* nobody's; pam_unix(8) leaves such accounts alone */

/* What is left of the caller's buffer. */
struct room {
	char *next;
	size_t left;
};

/* Append text; NULL when it does not fit. Answers where it went. */
static char *
put(struct room *room, const char *text, size_t length)
{
	char *start = room->next;

	if (length > room->left)
		return NULL;
	memcpy(start, text, length);
	room->next += length;
	room->left -= length;
	return start;
}

/* The same with the NUL. */
static char *
put_text(struct room *room, const char *text)
{
	return put(room, text, strlen(text) + 1);
}

/* "oat <organization>/<token>": the login says both. */
static char *
put_gecos(struct room *room, const char *login)
{
	const char *organization = login + strlen("oat-");
	size_t length = strcspn(organization, "-");
	char *start;

	start = put(room, "oat ", strlen("oat "));
	if (put(room, organization, length) == NULL ||
	    put(room, "/", 1) == NULL ||
	    put_text(room, organization + length + 1) == NULL)
		return NULL;
	return start;
}

static char *
put_home(struct room *room, const char *home_root, const char *login)
{
	char *start;

	start = put(room, home_root, strlen(home_root));
	if (start == NULL || put(room, "/", 1) == NULL ||
	    put_text(room, login) == NULL)
		return NULL;
	return start;
}

enum oat_status
oat_nss_pack_passwd(const struct oat_nss_found *found,
    struct passwd *ret_passwd, char *buffer, size_t size)
{
	const struct oat_record *record = &found->record;
	struct room room = { .next = buffer, .left = size };
	struct passwd packed = {
		.pw_uid = record->id,
		.pw_gid = record->id,
	};

	packed.pw_name = put_text(&room, record->name);
	packed.pw_passwd = put_text(&room, PASSWORD);
	packed.pw_gecos = put_gecos(&room, record->name);
	packed.pw_dir = put_home(&room, found->home_root, record->name);
	packed.pw_shell = put_text(&room, record->shell);
	if (packed.pw_name == NULL || packed.pw_passwd == NULL ||
	    packed.pw_gecos == NULL || packed.pw_dir == NULL ||
	    packed.pw_shell == NULL)
		return OAT_RANGE;
	*ret_passwd = packed;
	return OAT_OK;
}

/* An empty list of members, at an address that is fit for it. */
static char **
put_no_members(struct room *room)
{
	size_t over = (uintptr_t)room->next % alignof(char *);
	size_t gap = over == 0 ? 0 : alignof(char *) - over;
	char *none = NULL;

	if (gap > room->left)
		return NULL;
	room->next += gap;
	room->left -= gap;
	return (char **)(void *)put(room, (const char *)&none, sizeof(none));
}

enum oat_status
oat_nss_pack_group(const struct oat_record *record, struct group *ret_group,
    char *buffer, size_t size)
{
	struct room room = { .next = buffer, .left = size };
	struct group packed = { .gr_gid = record->id };

	packed.gr_mem = put_no_members(&room);
	packed.gr_name = put_text(&room, record->name);
	packed.gr_passwd = put_text(&room, PASSWORD);
	if (packed.gr_mem == NULL || packed.gr_name == NULL ||
	    packed.gr_passwd == NULL)
		return OAT_RANGE;
	*ret_group = packed;
	return OAT_OK;
}
