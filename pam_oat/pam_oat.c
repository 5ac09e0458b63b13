/* SPDX-License-Identifier: MIT */
/*
 * pam_oat.so: what libpam calls. Rules kept here, each a test of that name:
 *  - each authentication forgets the one before it
 *  - a refused authentication returns no earlier than fail_delay
 *  - an account check asks, unless this handle has just authenticated
 *  - a session that could not be recorded is opened all the same
 *  - sudo's sessions are the target user's and ignored
 *  - setcred and close_session never fail for ours
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "call.h"
#include "common/mark.h"
#include "log.h"
#include "recent.h"
#include "tell.h"

OAT_MARK;

#define EXPORT __attribute__((visibility("default")))

/* Bytes of NAME=value for the PAM environment, NUL included. */
#define SETTING_MAX 64

static void
put_environment(pam_handle_t *pamh, const char *name, const char *value)
{
	char setting[SETTING_MAX];

	if (value[0] == '\0')
		return;
	(void)snprintf(setting, sizeof(setting), "%s=%s", name, value);
	(void)pam_putenv(pamh, setting);
}

EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct oat_call call;
	int code;

	code = oat_call_begin(pamh, OAT_PHASE_AUTH, flags, argc, argv, &call);
	if (code != PAM_SUCCESS)
		return code;
	oat_recent_forget(pamh);
	if (oat_call_is_ready(&call) && oat_call_take_token(&call))
		oat_call_ask(&call);
	oat_log_decision(&call);
	code = oat_call_code(&call);
	if (code == PAM_SUCCESS)
		oat_recent_remember(pamh, call.request.login);
	else
		oat_deadline_sleep(call.floor);
	oat_tell_holder(&call);
	return oat_call_end(&call, code);
}

EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct oat_call call;
	int code;

	code = oat_call_begin(pamh, OAT_PHASE_AUTH, flags, argc, argv, &call);
	return code == PAM_SUCCESS ? oat_call_end(&call, PAM_SUCCESS) : code;
}

EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct oat_call call;
	int code;

	code =
	    oat_call_begin(pamh, OAT_PHASE_ACCOUNT, flags, argc, argv, &call);
	if (code != PAM_SUCCESS)
		return code;
	if (oat_recent_take(pamh, call.request.login)) {
		oat_log_debug(&call, "authenticated just now");
		return oat_call_end(&call, PAM_SUCCESS);
	}
	if (oat_call_is_ready(&call))
		oat_call_ask(&call);
	oat_log_decision(&call);
	oat_tell_holder(&call);
	return oat_call_end(&call, oat_call_code(&call));
}

EXPORT int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct oat_call call;
	int code;

	if (oat_call_is_sudo(pamh))
		return PAM_IGNORE;
	code = oat_call_begin(pamh, OAT_PHASE_OPEN, flags, argc, argv, &call);
	if (code != PAM_SUCCESS)
		return code;
	if (oat_call_is_ready(&call))
		oat_call_ask(&call);
	oat_log_session(&call);
	put_environment(pamh, "OAT_ORGANIZATION", call.answer.organization);
	put_environment(pamh, "OAT_TOKEN_NAME", call.answer.token_name);
	if (call.answer.verdict == OAT_ALLOWED)
		oat_tell_holder(&call);
	/* Policy has let them in; a full spool does not take that back. */
	code = call.answered ? PAM_SUCCESS : oat_call_code(&call);
	return oat_call_end(&call, code);
}

EXPORT int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct oat_call call;
	int code;

	if (oat_call_is_sudo(pamh))
		return PAM_IGNORE;
	code = oat_call_begin(pamh, OAT_PHASE_CLOSE, flags, argc, argv, &call);
	if (code != PAM_SUCCESS)
		return code;
	/* As root alone: everybody else would only fill the log. */
	if (geteuid() == 0) {
		if (oat_call_is_ready(&call))
			oat_call_ask(&call);
		oat_log_session(&call);
	}
	return oat_call_end(&call, PAM_SUCCESS);
}
