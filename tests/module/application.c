/* SPDX-License-Identifier: MIT */
#include "tests/module/application.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/module/stage.h"
#include "tests/runner.h"

static void
show(struct oat_application *application, const char *kind, const char *text)
{
	size_t used = strlen(application->shown);

	snprintf(application->shown + used, sizeof(application->shown) - used,
	    "%s: %s\n", kind, text);
}

/* What the user does about one message; the reply, or NULL. */
static const char *
reply(struct oat_application *application, const struct pam_message *message)
{
	switch (message->msg_style) {
	case PAM_PROMPT_ECHO_OFF:
		application->prompts++;
		snprintf(application->prompt, sizeof(application->prompt), "%s",
		    message->msg);
		return application->typed;
	case PAM_PROMPT_ECHO_ON:
		return application->user;
	case PAM_ERROR_MSG:
		show(application, "error", message->msg);
		return NULL;
	default:
		show(application, "info", message->msg);
		return NULL;
	}
}

static int
converse(int count, const struct pam_message **messages,
    struct pam_response **ret_responses, void *data)
{
	struct oat_application *application = data;
	struct pam_response *responses;
	const char *text;
	int i;

	if (application->conversation != PAM_SUCCESS)
		return application->conversation;
	responses = calloc((size_t)count, sizeof(*responses));
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (i = 0; i < count; i++) {
		text = reply(application, messages[i]);
		if (text != NULL)
			responses[i].resp = strdup(text);
	}
	*ret_responses = responses;
	return PAM_SUCCESS;
}

void
oat_application_start(struct oat_application *application, const char *service,
    const char *user, const char *typed)
{
	struct pam_conv conv = { converse, application };

	memset(application, 0, sizeof(*application));
	application->typed = typed;
	CU_ASSERT_FATAL(pam_start_confdir(service, user, &conv, OAT_STAGE_PAM_D,
			    &application->pamh) == PAM_SUCCESS);
}

void
oat_application_end(struct oat_application *application)
{
	CU_ASSERT(pam_end(application->pamh, PAM_SUCCESS) == PAM_SUCCESS);
	application->pamh = NULL;
}

int
oat_application_call(
    struct oat_application *application, enum oat_call_name name, int flags)
{
	switch (name) {
	case OAT_AUTHENTICATE:
		return pam_authenticate(application->pamh, flags);
	case OAT_SETCRED:
		return pam_setcred(application->pamh, flags);
	case OAT_ACCOUNT:
		return pam_acct_mgmt(application->pamh, flags);
	case OAT_OPEN:
		return pam_open_session(application->pamh, flags);
	case OAT_CLOSE:
		return pam_close_session(application->pamh, flags);
	case OAT_CALLS:
		break;
	}
	return -1;
}

int
oat_application_once(const char *service, const char *user, const char *typed,
    enum oat_call_name name)
{
	struct oat_application application;
	int code;

	oat_application_start(&application, service, user, typed);
	code = oat_application_call(&application, name, 0);
	oat_application_end(&application);
	return code;
}
