/* SPDX-License-Identifier: MIT */
/*
 * What makes a stack of pam.d unsafe, or useless, for identities of oat. The
 * stack that is shipped (pam_oat/stacks/oat) is what all is measured against.
 */
#include "doctor_stacks.h"

#include "paths.h"

#include <stdio.h>
#include <string.h>

/* The services that are looked at, as far as the host has them. */
static const struct oat_doctor_service services[] = {
	{ "sshd", OAT_LEVEL_FAILURE, true },
	{ "sudo", OAT_LEVEL_WARNING, false },
	{ "sudo-i", OAT_LEVEL_WARNING, false },
	{ "login", OAT_LEVEL_WARNING, true },
	{ "cron", OAT_LEVEL_WARNING, true },
	{ "su", OAT_LEVEL_WARNING, true },
	{ "su-l", OAT_LEVEL_WARNING, true },
	/* No services: for those that include them. */
	{ "common-auth", OAT_LEVEL_OK, false },
	{ "common-account", OAT_LEVEL_OK, false },
	{ "common-session", OAT_LEVEL_OK, false },
	{ "common-session-noninteractive", OAT_LEVEL_OK, false },
};

bool
oat_doctor_is_service(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (services[i].unwired != OAT_LEVEL_OK &&
		    strcmp(services[i].name, name) == 0)
			return true;
	return false;
}

/* A one-time password module that is one letter away. */
static void
check_misspelled(struct oat_doctor_look *look)
{
	const struct oat_pam_line *line = look->stack.lines, *end;

	for (end = line + look->stack.count; line < end; line++)
		if (oat_pam_line_is(line, "pam_oath.so") &&
		    strstr(line->options, "usersfile=") == NULL &&
		    oat_doctor_shipped[line->type] != NULL) {
			oat_doctor_complain(look, OAT_LEVEL_FAILURE, line,
			    "pam_oath is another module; is pam_oat meant?");
			oat_doctor_fix_rewrite(look, line);
		}
}

/* --- where the lines stand ----------------------------------------------- */

static const struct oat_pam_line *
find_module(const struct oat_doctor_look *look, enum oat_pam_type type,
    const char *module)
{
	const struct oat_pam_line *line = look->stack.lines, *end;

	for (end = line + look->stack.count; line < end; line++)
		if (line->type == type && oat_pam_line_is(line, module))
			return line;
	return NULL;
}

static void
check_auth_order(struct oat_doctor_look *look)
{
	const struct oat_pam_line *ours = look->ours[OAT_PAM_AUTH], *line;
	const struct oat_pam_line *root =
	    find_module(look, OAT_PAM_AUTH, "pam_rootok.so");

	if (root != NULL && ours < root) {
		oat_doctor_complain(look, OAT_LEVEL_FAILURE, ours,
		    "above pam_rootok: root's own %s to an identity fails",
		    look->service->name);
		oat_doctor_fix_move(look, ours, root);
		return;
	}
	for (line = look->stack.lines; line < ours; line++)
		if (line->type == OAT_PAM_AUTH &&
		    oat_doctor_asks_otherwise(line)) {
			oat_doctor_complain(look, OAT_LEVEL_FAILURE, ours,
			    "below %s, which refuses the token first",
			    line->module);
			oat_doctor_fix_move(look, ours,
			    root != NULL && strcmp(root->file, ours->file) == 0
				? root
				: NULL);
			return;
		}
}

/* Does a line before ours end the phase, or jump over ours, when it is fine? */
static bool
leaves_us_out(const struct oat_doctor_look *look,
    const struct oat_pam_line *line, const struct oat_pam_line *ours)
{
	/* These succeed for accounts of this host, or for root. */
	static const char *const others[] = { "pam_localuser.so",
		"pam_usertype.so", "pam_rootok.so", "pam_succeed_if.so" };
	int action = line->action[OAT_PAM_CODE_SUCCESS];
	const struct oat_pam_line *to;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (oat_pam_line_is(line, others[i]))
			return false;
	if (line->module[0] == '\0' || line->substacks > ours->substacks)
		return false;
	if (action <= 0)
		return action == OAT_PAM_DONE;
	to = oat_doctor_landing(&look->stack, line, OAT_PAM_CODE_SUCCESS);
	return to == NULL || to > ours;
}

static void
check_account_order(struct oat_doctor_look *look)
{
	const struct oat_pam_line *ours = look->ours[OAT_PAM_ACCOUNT], *line;

	for (line = look->stack.lines; line < ours; line++)
		if (line->type == OAT_PAM_ACCOUNT &&
		    leaves_us_out(look, line, ours)) {
			oat_doctor_complain(look, OAT_LEVEL_FAILURE, ours,
			    "%s of %s:%u may end the phase before it",
			    line->module, line->file, line->number);
			oat_doctor_fix_move(look, ours, NULL);
			return;
		}
}

static void
check_home(struct oat_doctor_look *look)
{
	const struct oat_pam_line *ours = look->ours[OAT_PAM_SESSION];

	if (!look->service->has_session ||
	    find_module(look, OAT_PAM_SESSION, OAT_DOCTOR_MKHOMEDIR) != NULL)
		return;
	oat_doctor_complain(look, OAT_LEVEL_WARNING, ours,
	    "no pam_mkhomedir: identities have no home");
	oat_doctor_fix_home(look, ours);
}

/* --- what is missing, and what is there twice ---------------------------- */

static void
check_missing(struct oat_doctor_look *look, enum oat_pam_type type,
    const struct oat_pam_line *other, enum oat_level level, const char *what)
{
	oat_doctor_complain(look, level, other,
	    "wired, and no %s line of pam_oat: %s", oat_doctor_type_names[type],
	    what);
	oat_doctor_fix_add(look, other, type);
}

static void
check_complete(struct oat_doctor_look *look)
{
	const struct oat_pam_line *auth = look->ours[OAT_PAM_AUTH];
	const struct oat_pam_line *account = look->ours[OAT_PAM_ACCOUNT];
	const struct oat_pam_line *session = look->ours[OAT_PAM_SESSION];
	const struct oat_pam_line *any = auth != NULL	   ? auth
					 : account != NULL ? account
							   : session;

	if (look->service->unwired == OAT_LEVEL_OK)
		return;
	if (account == NULL)
		check_missing(look, OAT_PAM_ACCOUNT, any, OAT_LEVEL_FAILURE,
		    "keys, cron and sudo tickets go unchecked");
	if (auth == NULL)
		check_missing(look, OAT_PAM_AUTH, any, OAT_LEVEL_FAILURE,
		    "tokens are not taken");
	if (session == NULL && look->service->has_session)
		check_missing(look, OAT_PAM_SESSION,
		    account != NULL ? account : any, OAT_LEVEL_WARNING,
		    "sessions are not recorded");
}

static void
check_unwired(struct oat_doctor_look *look)
{
	const struct oat_pam_line *root =
	    find_module(look, OAT_PAM_AUTH, "pam_rootok.so");
	char file[OAT_PAM_FILE_MAX + 32];

	if (look->service->unwired == OAT_LEVEL_OK)
		return;
	(void)snprintf(
	    file, sizeof(file), "%s/%s", look->folder, look->service->name);
	/* su-l that includes su: what is wrong is said there. */
	if (root != NULL && strcmp(root->file, file) != 0)
		return;
	oat_found(&look->doctor->findings, look->service->unwired, look->check,
	    file,
	    "no pam_oat: tokens are not taken, and where none is asked for "
	    "nothing is checked");
	look->complaints++;
	oat_doctor_fix_wire(look, file, root);
}

/* Is it of the service's own file, as opposed to one that it includes? */
static bool
is_own(const struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	size_t folder = strlen(look->folder);

	return strncmp(line->file, look->folder, folder) == 0 &&
	       strcmp(line->file + folder + 1, look->service->name) == 0;
}

/*
 * Two in one phase check, and record, everything twice. What many services
 * include is left as it is; and su-l as it includes su.
 */
static void
check_twice(struct oat_doctor_look *look, const struct oat_pam_line *line)
{
	const struct oat_pam_line *first = look->ours[line->type],
				  *extra = line;

	if (oat_doctor_is_shared(line)
		? !oat_doctor_is_shared(first)
		: is_own(look, first) && !is_own(look, line))
		extra = first;
	oat_doctor_complain(look, OAT_LEVEL_WARNING, extra,
	    "wired twice, in %s:%u too: all is checked and recorded twice",
	    extra == line ? first->file : line->file,
	    extra == line ? first->number : line->number);
	oat_doctor_fix_remove(look, extra);
}

/* --- a service ----------------------------------------------------------- */

static void
find_ours(struct oat_doctor_look *look)
{
	const struct oat_pam_line *line = look->stack.lines, *end;

	for (end = line + look->stack.count; line < end; line++) {
		if (!oat_pam_line_is(line, OAT_DOCTOR_MODULE) ||
		    line->type == OAT_PAM_PASSWORD)
			continue;
		if (look->ours[line->type] != NULL) {
			check_twice(look, line);
			continue;
		}
		look->ours[line->type] = line;
		oat_doctor_judge_line(look, line);
	}
}

static void
check_stack(struct oat_doctor_look *look)
{
	check_misspelled(look);
	if (look->complaints > 0)
		return; /* what is missing is what is misspelled */
	find_ours(look);
	if (look->ours[OAT_PAM_AUTH] == NULL &&
	    look->ours[OAT_PAM_ACCOUNT] == NULL &&
	    look->ours[OAT_PAM_SESSION] == NULL) {
		check_unwired(look);
		return;
	}
	check_complete(look);
	if (look->ours[OAT_PAM_AUTH] != NULL)
		check_auth_order(look);
	if (look->ours[OAT_PAM_ACCOUNT] != NULL)
		check_account_order(look);
	if (look->ours[OAT_PAM_SESSION] != NULL)
		check_home(look);
	if (look->complaints == 0)
		oat_found(&look->doctor->findings, OAT_LEVEL_OK, look->check,
		    look->ours[OAT_PAM_ACCOUNT] != NULL
			? look->ours[OAT_PAM_ACCOUNT]->file
			: look->service->name,
		    "wired as shipped");
}

void
oat_doctor_stacks_in(
    struct oat_doctor *doctor, const struct oat_pam_folders *folders)
{
	enum oat_status status;
	struct oat_doctor_look look;
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		look = (struct oat_doctor_look){ .doctor = doctor,
			.service = &services[i],
			.folder = folders->folder[0] };
		(void)snprintf(
		    look.check, sizeof(look.check), "pam.%s", services[i].name);
		status =
		    oat_pam_stack_read(folders, services[i].name, &look.stack);
		if (status == OAT_OK)
			check_stack(&look);
		else if (status != OAT_NOTFOUND)
			oat_found(&doctor->findings, OAT_LEVEL_FAILURE,
			    look.check, services[i].name, "cannot be read: %s",
			    oat_status_text(status));
		oat_pam_stack_free(&look.stack);
	}
}

void
oat_doctor_stacks(struct oat_doctor *doctor)
{
	oat_doctor_stacks_in(doctor, &oat_pam_folders);
}
