/* SPDX-License-Identifier: MIT */
/*
 * The note that this PAM handle has just authenticated somebody, so that the
 * account check right after it need not ask again.
 */
#ifndef OAT_PAM_RECENT_H
#define OAT_PAM_RECENT_H

#include <stdbool.h>

#include <security/pam_modules.h>

#define OAT_RECENT_MS 60000 /* how long the note is good for */

/* Forget it: the first thing that each authentication does. */
void oat_recent_forget(pam_handle_t *pamh);

/*
 * Note that this login was authenticated now, for the handle's service and
 * rhost. When it cannot be noted (memory, texts of more than 255 bytes) the
 * account check will simply ask.
 */
void oat_recent_remember(pam_handle_t *pamh, const char *login);

/*
 * Was it this login, with the service and rhost that the handle has now, less
 * than OAT_RECENT_MS ago? The note is good for one question, whatever the
 * answer.
 */
bool oat_recent_take(pam_handle_t *pamh, const char *login);

#endif
