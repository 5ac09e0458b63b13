/* SPDX-License-Identifier: MIT */
#include "tests/unit/admitted.h"

#include <stdbool.h>
#include <string.h>

#include "common/doctor_stacks.h"

/* What a module says of root, or of a local user with the right password. */
static enum oat_pam_code
answer_of(const struct oat_pam_line *line, bool root)
{
	static const char *const refusing[] = { "pam_deny.so", "pam_sss.so",
		"pam_oath.so" };
	size_t i;

	for (i = 0; i < sizeof(refusing) / sizeof(refusing[0]); i++)
		if (oat_pam_line_is(line, refusing[i]))
			return OAT_PAM_CODE_AUTH_ERR;
	if (strstr(line->module, "nonexistent") != NULL)
		return OAT_PAM_CODE_SYSTEM_ERR;
	if (oat_pam_line_is(line, OAT_DOCTOR_MODULE))
		return OAT_PAM_CODE_IGNORE;
	if (oat_pam_line_is(line, "pam_rootok.so") && !root)
		return OAT_PAM_CODE_AUTH_ERR;
	return OAT_PAM_CODE_SUCCESS;
}

/* 1 for yes, -1 for no, 0 for neither, which is no. */
static int
outcome_of(const struct oat_pam_stack *stack, enum oat_pam_type type, bool root)
{
	const struct oat_pam_line *line = stack->lines, *end;
	int action, skip = 0, said = 0;

	for (end = line + stack->count; line < end; line++) {
		if (line->type != type || skip-- > 0)
			continue;
		skip = 0;
		action = line->action[answer_of(line, root)];
		if (action == OAT_PAM_BAD || action == OAT_PAM_DIE)
			said = -1;
		else if ((action == OAT_PAM_OK || action == OAT_PAM_DONE) &&
			 said == 0 && !oat_pam_line_is(line, OAT_DOCTOR_MODULE))
			said = 1;
		if (action == OAT_PAM_DIE ||
		    (action == OAT_PAM_DONE && said > 0))
			break;
		skip = action > 0 ? action : 0;
	}
	return said;
}

unsigned
admitted_by(const struct oat_pam_folders *folders)
{
	static const enum oat_pam_type types[] = { OAT_PAM_AUTH,
		OAT_PAM_ACCOUNT, OAT_PAM_SESSION };
	static const char *const names[] = { "sshd", "sudo", "su", "su-l" };
	struct oat_pam_stack stack;
	unsigned in = 0;
	size_t i, j;
	int root;

	for (i = 0; i < 4; i++) {
		if (oat_pam_stack_read(folders, names[i], &stack) != OAT_OK)
			continue;
		for (j = 0; j < 3; j++)
			for (root = 0; root < 2; root++)
				if (outcome_of(&stack, types[j], root) > 0)
					in |= 1U << (i * 6 + j * 2 +
						     (unsigned)root);
		oat_pam_stack_free(&stack);
	}
	return in;
}
