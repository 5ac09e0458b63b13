/* SPDX-License-Identifier: MIT */
/*
 * A PAM module that looks on: in each phase it appends to the file of its first
 * argument a line with its second one and the token that the stack has by then,
 * "-" for none. It decides nothing.
 */
#include <security/pam_modules.h>
#include <stdio.h>

static int
look_on(
    const pam_handle_t *pamh, const char *phase, int argc, const char *argv[])
{
	const void *token = NULL;
	FILE *file;

	if (argc != 2 || (file = fopen(argv[0], "ae")) == NULL)
		return PAM_SYSTEM_ERR;
	(void)pam_get_item(pamh, PAM_AUTHTOK, &token);
	fprintf(file, "%s %s %s\n", phase, argv[1],
	    token != NULL ? (const char *)token : "-");
	(void)fclose(file);
	return PAM_IGNORE;
}

__attribute__((visibility("default"))) int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char *argv[])
{
	(void)flags;
	return look_on(pamh, "auth", argc, argv);
}

__attribute__((visibility("default"))) int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char *argv[])
{
	(void)flags;
	return look_on(pamh, "setcred", argc, argv);
}

__attribute__((visibility("default"))) int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char *argv[])
{
	(void)flags;
	return look_on(pamh, "account", argc, argv);
}
