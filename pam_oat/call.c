/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *  - foreign users are ignored in every phase
 *  - each verdict has its code, and only "allowed" has PAM_SUCCESS
 *  - a malformed token starts no process
 *  - what is wrong with this host closes the door with one log line
 */
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <security/pam_ext.h>

#include "ask.h"
#include "common/config.h"
#include "common/escape.h"
#include "common/paths.h"
#include "common/token.h"
#include "whose.h"

/* Until the configuration has been read; the same as its own defaults. */
#define TIMEOUT_MS 5000
#define FAIL_DELAY_MS 500

#define NO_TOKEN "no token was given"

static void
set_answer(struct oat_call *call, enum oat_verdict verdict,
    enum oat_reason reason, const char *detail)
{
	call->answer.verdict = verdict;
	call->answer.reason = reason;
	(void)oat_escape_sentence(
	    call->answer.detail, sizeof(call->answer.detail), detail);
}

/* An item of the handle, fit for a log line; "-" when it is not set. */
static void
copy_item(pam_handle_t *pamh, int item, char escaped[OAT_ESCAPED_MAX])
{
	const void *value = NULL;

	if (pam_get_item(pamh, item, &value) != PAM_SUCCESS)
		value = NULL;
	(void)oat_escape(escaped, OAT_ESCAPED_MAX, value);
}

static void
describe(pam_handle_t *pamh, enum oat_phase phase, const char *login,
    struct oat_request *request)
{
	request->phase = phase;
	(void)snprintf(request->login, sizeof(request->login), "%s", login);
	copy_item(pamh, PAM_SERVICE, request->service);
	copy_item(pamh, PAM_RHOST, request->rhost);
	copy_item(pamh, PAM_TTY, request->tty);
	copy_item(pamh, PAM_RUSER, request->ruser);
	request->caller_pid = (uint32_t)getpid();
}

bool
oat_call_is_sudo(pam_handle_t *pamh)
{
	const void *service = NULL;

	return pam_get_item(pamh, PAM_SERVICE, &service) == PAM_SUCCESS &&
	       service != NULL &&
	       (strcmp(service, "sudo") == 0 || strcmp(service, "sudo-i") == 0);
}

/*
 * sudo sets PAM_SILENT in every call, whatever its administrator wants (only
 * since 1.9.16 can sudoers say otherwise), so that there it says nothing about
 * the holder's wish not to be told.
 */
static bool
is_silent(pam_handle_t *pamh, int flags)
{
	return ((unsigned)flags & PAM_SILENT) != 0 && !oat_call_is_sudo(pamh);
}

int
oat_call_begin(pam_handle_t *pamh, enum oat_phase phase, int flags, int argc,
    const char **argv, struct oat_call *ret_call)
{
	struct oat_call call = { .pamh = pamh,
		.silent = is_silent(pamh, flags),
		.timeout_ms = TIMEOUT_MS,
		.fail_delay_ms = FAIL_DELAY_MS,
		.floor = oat_deadline_in_ms(FAIL_DELAY_MS),
		.selector = "-" };
	const char *login = NULL;
	int code;

	code = pam_get_user(pamh, &login, NULL);
	if (code != PAM_SUCCESS)
		return code == PAM_CONV_AGAIN ? PAM_INCOMPLETE : code;
	switch (oat_whose_user(login)) {
	case OAT_WHOSE_FOREIGN:
		return PAM_IGNORE;
	case OAT_WHOSE_UNKNOWN:
		call.passwd_errno = errno;
		break;
	case OAT_WHOSE_OURS:
		break;
	}
	describe(pamh, phase, login, &call.request);
	oat_options_read(argc, argv, &call.options);
	set_answer(&call, OAT_BROKEN, OAT_REASON_UNAVAILABLE, "");
	*ret_call = call;
	return PAM_SUCCESS;
}

/* The part of oat.conf that matters here. */
static bool
read_config(struct oat_call *call)
{
	char error[OAT_CONFIG_ERROR_MAX] = "";
	struct oat_config config = { 0 };
	enum oat_status status;

	status = oat_config_load(OAT_PATH_CONFIG, &config, error);
	if (status != OAT_OK) {
		set_answer(call, OAT_BROKEN, OAT_REASON_UNAVAILABLE,
		    error[0] != '\0' ? error : oat_status_text(status));
		return false;
	}
	call->explain_denials = config.explain_denials;
	call->timeout_ms = config.timeout_ms;
	call->fail_delay_ms = config.fail_delay_ms;
	oat_config_free(&config);
	return true;
}

bool
oat_call_is_ready(struct oat_call *call)
{
	char why[OAT_ESCAPED_MAX];

	if (call->passwd_errno != 0) {
		(void)snprintf(why, sizeof(why), "/etc/passwd: %s",
		    strerror(call->passwd_errno));
		set_answer(call, OAT_BROKEN, OAT_REASON_UNAVAILABLE, why);
		return false;
	}
	if (geteuid() != 0) {
		set_answer(call, OAT_UNDECIDED, OAT_REASON_UNAVAILABLE,
		    "the calling program does not run as root");
		return false;
	}
	if (call->options.unknown != NULL) {
		(void)snprintf(why, sizeof(why),
		    "unknown option %.64s; known are " OAT_OPTIONS_KNOWN,
		    call->options.unknown);
		set_answer(call, OAT_BROKEN, OAT_REASON_UNAVAILABLE, why);
		return false;
	}
	return read_config(call);
}

/* libpam has no token, or had no memory to fetch one. */
static void
refuse_without_token(struct oat_call *call, int code)
{
	if (code == PAM_BUF_ERR || code == PAM_SYSTEM_ERR)
		set_answer(call, OAT_BROKEN, OAT_REASON_UNAVAILABLE,
		    "libpam could not ask for the token");
	else
		set_answer(call, OAT_REFUSED, OAT_REASON_MALFORMED, NO_TOKEN);
}

/*
 * What sshd(8) hands over in place of the password, in its length, for a user
 * that it does not know, or does not let in: whatever was typed, it is not
 * this. (fake_password() in its auth-pam.c)
 */
static bool
is_placeholder(const char *typed)
{
	static const char junk[] = "\b\n\r\177INCORRECT";
	size_t i;

	for (i = 0; typed[i] != '\0'; i++)
		if (typed[i] != junk[i % (sizeof(junk) - 1)])
			return false;
	return true;
}

/* Why this is no token, where it is not the holder's doing; or "". */
static const char *
excuse(const char *typed)
{
	if (typed[0] == '\0')
		return NO_TOKEN;
	return is_placeholder(typed)
		   ? "sshd does not know this user, or does not let it in"
		   : "";
}

/*
 * A refusal waits up to a quarter longer, drawn anew each time: the half
 * millisecond by which a process that was started shows after the wait drowns
 * in that.
 */
static struct oat_deadline
floor_in_ms(uint32_t ms)
{
	struct oat_deadline floor = oat_deadline_in_ms(ms);
	uint32_t draw = 0;

	if (getrandom(&draw, sizeof(draw), GRND_NONBLOCK) == sizeof(draw))
		floor.at_ns += ms * (UINT64_C(1000000) / 4) * draw >> 32;
	return floor;
}

bool
oat_call_take_token(struct oat_call *call)
{
	const char *typed = NULL;
	struct oat_token token;
	int code;

	code = pam_get_authtok(call->pamh, PAM_AUTHTOK, &typed, NULL);
	/* From here, lest a slow typist learn how long we took. */
	call->floor = floor_in_ms(call->fail_delay_ms);
	if (code != PAM_SUCCESS || typed == NULL) {
		refuse_without_token(call, code);
		return false;
	}
	if (oat_token_parse(typed, &token) != OAT_OK) {
		set_answer(
		    call, OAT_REFUSED, OAT_REASON_MALFORMED, excuse(typed));
		return false;
	}
	memcpy(call->selector, token.selector, sizeof(call->selector));
	memcpy(call->request.token, token.text, sizeof(call->request.token));
	oat_token_wipe(&token);
	return true;
}

void
oat_call_ask(struct oat_call *call)
{
	call->answered =
	    oat_ask(&call->request, call->timeout_ms, &call->answer);
	explicit_bzero(call->request.token, sizeof(call->request.token));
}

int
oat_call_code(const struct oat_call *call)
{
	switch (call->answer.verdict) {
	case OAT_ALLOWED:
		return PAM_SUCCESS;
	case OAT_REFUSED:
		return PAM_AUTH_ERR;
	case OAT_DENIED:
		return PAM_PERM_DENIED;
	case OAT_UNDECIDED:
		return PAM_AUTHINFO_UNAVAIL;
	case OAT_BROKEN:
		return PAM_SYSTEM_ERR;
	}
	return PAM_SYSTEM_ERR;
}

int
oat_call_end(struct oat_call *call, int code)
{
	explicit_bzero(call, sizeof(*call));
	return code;
}
