/* SPDX-License-Identifier: MIT */
/* A PAM application, as sshd or sudo is one: a handle and a conversation. */
#ifndef OAT_TESTS_APPLICATION_H
#define OAT_TESTS_APPLICATION_H

#include <stdbool.h>

#include <security/pam_appl.h>

/* A token that is well-formed; nobody ever made it. */
#define OAT_GOOD_TOKEN "oat_3kPqAbCdEfGh_0123456789abcdefghijABCDEFGHIJKL33LosW"
#define OAT_GOOD_SELECTOR "3kPqAbCdEfGh"

struct oat_application {
	pam_handle_t *pamh;
	const char *typed; /* what the user answers to a prompt; or NULL */
	const char *user;  /* the answer to a prompt with echo; or NULL */
	int conversation;  /* what the conversation function returns */
	unsigned prompts;  /* without echo, so far */
	char prompt[64];   /* the last of them */
	char shown[2048];  /* "error: ...\n" and "info: ...\n" */
};

/*
 * Begin with a service of OAT_STAGE_PAM_D and a user, who will type `typed`.
 * Given to oat_application_end().
 */
void oat_application_start(struct oat_application *application,
    const char *service, const char *user, const char *typed);
void oat_application_end(struct oat_application *application);

/* One of the calls of pam(3), by name. */
enum oat_call_name {
	OAT_AUTHENTICATE,
	OAT_SETCRED,
	OAT_ACCOUNT,
	OAT_OPEN,
	OAT_CLOSE,
	OAT_CALLS
};

int oat_application_call(
    struct oat_application *application, enum oat_call_name name, int flags);

/* Start, one call, end; its code. */
int oat_application_once(const char *service, const char *user,
    const char *typed, enum oat_call_name name);

#endif
