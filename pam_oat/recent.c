/* SPDX-License-Identifier: MIT */
#include "recent.h"

#include <stdlib.h>
#include <string.h>

#include "common/deadline.h"
#include "common/name.h"

#define DATA_NAME "pam_oat_recent" /* of pam_set_data(3) */
#define TEXT_MAX 256		   /* bytes of an item, NUL included */

struct note {
	struct oat_deadline until;
	char login[OAT_LOGIN_MAX + 1];
	char service[TEXT_MAX];
	char rhost[TEXT_MAX];
};

static void
discard(pam_handle_t *pamh, void *data, int error_status)
{
	(void)pamh;
	(void)error_status;
	free(data);
}

/* Copy a text whole or not at all: half of one would match another. */
static bool
copy(char *dst, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
		return false;
	memcpy(dst, text, length + 1);
	return true;
}

static bool
copy_item(pam_handle_t *pamh, int item, char dst[TEXT_MAX])
{
	const void *value = NULL;

	if (pam_get_item(pamh, item, &value) != PAM_SUCCESS)
		return false;
	return copy(dst, TEXT_MAX, value == NULL ? "" : value);
}

static bool
fill(pam_handle_t *pamh, const char *login, struct note *note)
{
	memset(note, 0, sizeof(*note));
	note->until = oat_deadline_in_ms(OAT_RECENT_MS);
	return copy(note->login, sizeof(note->login), login) &&
	       copy_item(pamh, PAM_SERVICE, note->service) &&
	       copy_item(pamh, PAM_RHOST, note->rhost);
}

void
oat_recent_forget(pam_handle_t *pamh)
{
	const void *data = NULL;

	/* Only an entry that exists is replaced, and that cannot fail. */
	if (pam_get_data(pamh, DATA_NAME, &data) == PAM_SUCCESS)
		(void)pam_set_data(pamh, DATA_NAME, NULL, NULL);
}

void
oat_recent_remember(pam_handle_t *pamh, const char *login)
{
	struct note *note;

	note = malloc(sizeof(*note));
	if (note == NULL)
		return;
	if (!fill(pamh, login, note) ||
	    pam_set_data(pamh, DATA_NAME, note, discard) != PAM_SUCCESS)
		free(note);
}

bool
oat_recent_take(pam_handle_t *pamh, const char *login)
{
	const struct note *note;
	const void *data = NULL;
	struct note now;
	bool same;

	if (pam_get_data(pamh, DATA_NAME, &data) != PAM_SUCCESS || data == NULL)
		return false;
	note = data;
	same = fill(pamh, login, &now) && !oat_deadline_passed(note->until) &&
	       strcmp(note->login, now.login) == 0 &&
	       strcmp(note->service, now.service) == 0 &&
	       strcmp(note->rhost, now.rhost) == 0;
	oat_recent_forget(pamh);
	return same;
}
