/* SPDX-License-Identifier: MIT */
#include "tell.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <security/pam_ext.h>

/*
 * Can people be told something that is no answer to what they did? su(1) and
 * login(1), by misc_conv(3), print it to standard output, which must not be
 * what a program or a file receives; sshd has /dev/null there, and shows it
 * with the message of the day, to shells and never to commands. cron(8) has no
 * conversation at all.
 */
static bool
has_listener(pam_handle_t *pamh)
{
	const struct pam_conv *conv = NULL;
	const void *item = NULL;
	struct stat st;

	if (pam_get_item(pamh, PAM_CONV, &item) == PAM_SUCCESS)
		conv = item;
	return conv != NULL && conv->conv != NULL &&
	       fstat(STDOUT_FILENO, &st) == 0 && S_ISCHR(st.st_mode);
}

void
oat_tell_holder(const struct oat_call *call)
{
	const char *message = call->answer.message;

	if (message[0] == '\0')
		return;
	switch (call->answer.verdict) {
	case OAT_ALLOWED:
		if (!call->silent && has_listener(call->pamh))
			(void)pam_info(call->pamh, "%s", message);
		break;
	case OAT_DENIED:
		if (call->explain_denials)
			(void)pam_error(call->pamh, "%s", message);
		break;
	case OAT_UNDECIDED:
		(void)pam_error(call->pamh, "%s", message);
		break;
	case OAT_REFUSED:
	case OAT_BROKEN:
		break;
	}
}
