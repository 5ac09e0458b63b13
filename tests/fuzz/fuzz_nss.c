/* SPDX-License-Identifier: MIT */
/*
 * The entry points of the NSS module, as nsswitch calls them, over a snapshot
 * to which something happens. The input is a list of what happens to the file
 * and of what is asked, with which buffers. Whatever that is, answers are as
 * nss_oat.h says; and while no check was made right by force, they are true.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/name.h"
#include "nss_oat/nss_oat.h"
#include "tests/fuzz/victim.h"

#define QUESTIONS_MAX 24
#define BUFFER_MAX 1024
#define NAME_MAX_HERE 255
#define ERRNO_BEFORE 1234
#define PRIMARY (OAT_VICTIM_GID + 2)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool forced; /* so that anybody may be there */

static void
check(bool condition)
{
	if (!condition)
		abort();
}

/* --- what is asked ------------------------------------------------------- */

/* By name, or by number when that is NULL, or the next one of all. */
struct question {
	bool next;
	const char *name;
	uint32_t id;
	char any_name[NAME_MAX_HERE + 1];
	char *memory, *buffer; /* at any address, and its end is the end */
	size_t size;
};

/* Mostly somebody who is there. */
static void
choose_name(struct oat_input *input, struct question *question)
{
	static const char *const names[] = { "oat-acme-t0", "oat-acme-t1",
		"oat-acme-t4", "oat-acme-t9", "oat-users", "oat-acme",
		"oat-g-deploy", "oat-sudo" };
	unsigned byte = oat_input_byte(input);
	size_t i, length;

	question->name = names[byte % 8];
	if (byte < 248)
		return;
	length = oat_input_byte(input);
	for (i = 0; i < length; i++)
		question->any_name[i] = (char)oat_input_byte(input);
	question->any_name[length] = '\0';
	question->name = question->any_name;
}

static void
choose_id(struct oat_input *input, struct question *question)
{
	unsigned byte = oat_input_byte(input);

	question->id =
	    (byte % 2 != 0 ? OAT_VICTIM_UID : OAT_VICTIM_GID) + byte / 2 % 8;
	if (byte >= 248)
		question->id =
		    oat_input_word(input) << 16 | oat_input_word(input);
}

static void
take_question(struct oat_input *input, struct question *ret_question)
{
	unsigned which = oat_input_byte(input), word = oat_input_word(input);
	size_t offset = 1 + word / BUFFER_MAX % 8;

	*ret_question = (struct question){ .next = which % 3 == 2 };
	if (which % 3 == 0)
		choose_name(input, ret_question);
	if (which % 3 == 1)
		choose_id(input, ret_question);
	ret_question->size = word % BUFFER_MAX;
	ret_question->memory = malloc(offset + ret_question->size);
	check(ret_question->memory != NULL);
	ret_question->buffer = ret_question->memory + offset;
	errno = ERRNO_BEFORE;
}

/* --- what is answered ---------------------------------------------------- */

static void
check_status(enum nss_status status, int error)
{
	switch (status) {
	case NSS_STATUS_SUCCESS:
		check(error == ERRNO_BEFORE);
		return;
	case NSS_STATUS_NOTFOUND:
		check(error == ENOENT);
		return;
	case NSS_STATUS_UNAVAIL:
		check(error == EIO);
		return;
	case NSS_STATUS_TRYAGAIN:
		check(error == ERANGE);
		return;
	case NSS_STATUS_RETURN:
		break;
	}
	abort();
}

static void
check_inside(const struct question *question, const char *text)
{
	const char *end = question->buffer + question->size;

	check(text >= question->buffer && text < end);
	check(memchr(text, '\0', (size_t)(end - text)) != NULL);
}

/* Is it who was asked for, one of ours, and, unless forced, the true one? */
static void
check_who(const struct question *question, const char *name, uint32_t id)
{
	static const char *const groups[] = { "oat-users", "oat-acme",
		"oat-g-deploy" };
	char wanted[32];

	check_inside(question, name);
	check(oat_name_is_group(name) && oat_id_is_ours(id));
	check(question->name == NULL || strcmp(name, question->name) == 0);
	check(question->next || question->name != NULL || id == question->id);
	if (forced)
		return;
	snprintf(wanted, sizeof(wanted), "oat-acme-t%u", id - OAT_VICTIM_UID);
	if (id < OAT_VICTIM_UID)
		strcpy(
		    wanted, groups[(id - OAT_VICTIM_GID) % OAT_VICTIM_GROUPS]);
	check(strcmp(name, wanted) == 0);
}

/* --- entry points -------------------------------------------------------- */

static enum nss_status
call_for_user(const struct question *question, struct passwd *ret_passwd)
{
	if (question->next)
		return _nss_oat_getpwent_r(
		    ret_passwd, question->buffer, question->size, &errno);
	if (question->name != NULL)
		return _nss_oat_getpwnam_r(question->name, ret_passwd,
		    question->buffer, question->size, &errno);
	return _nss_oat_getpwuid_r(
	    question->id, ret_passwd, question->buffer, question->size, &errno);
}

static void
ask_user(struct oat_input *input)
{
	struct passwd passwd = { .pw_name = NULL };
	struct question question;
	enum nss_status status;

	take_question(input, &question);
	status = call_for_user(&question, &passwd);
	check_status(status, errno);
	check((status == NSS_STATUS_SUCCESS) == (passwd.pw_name != NULL));
	if (status == NSS_STATUS_SUCCESS) {
		check_who(&question, passwd.pw_name, passwd.pw_uid);
		check(passwd.pw_gid == passwd.pw_uid);
		check_inside(&question, passwd.pw_passwd);
		check_inside(&question, passwd.pw_gecos);
		check_inside(&question, passwd.pw_dir);
		check_inside(&question, passwd.pw_shell);
	}
	free(question.memory);
}

static enum nss_status
call_for_group(const struct question *question, struct group *ret_group)
{
	if (question->next)
		return _nss_oat_getgrent_r(
		    ret_group, question->buffer, question->size, &errno);
	if (question->name != NULL)
		return _nss_oat_getgrnam_r(question->name, ret_group,
		    question->buffer, question->size, &errno);
	return _nss_oat_getgrgid_r(
	    question->id, ret_group, question->buffer, question->size, &errno);
}

static void
ask_group(struct oat_input *input)
{
	struct group group = { .gr_name = NULL };
	struct question question;
	enum nss_status status;

	take_question(input, &question);
	status = call_for_group(&question, &group);
	check_status(status, errno);
	check((status == NSS_STATUS_SUCCESS) == (group.gr_name != NULL));
	if (status == NSS_STATUS_SUCCESS) {
		check_who(&question, group.gr_name, group.gr_gid);
		check_inside(&question, group.gr_passwd);
		check((uintptr_t)group.gr_mem % sizeof(char *) == 0);
		check(group.gr_mem[0] == NULL);
	}
	free(question.memory);
}

static gid_t
before(long int i)
{
	return OAT_VICTIM_GID + (gid_t)i * 7;
}

/* A list with something in it already, of any size, with any limit. */
static void
ask_groups(struct oat_input *input)
{
	unsigned shape = oat_input_byte(input), limits = oat_input_byte(input);
	long int size = shape % 16, filled = shape / 16 % (size + 1), start, i;
	long int limit = limits == 0 ? -1 : limits % 8;
	gid_t *groups = malloc((size_t)size * sizeof(*groups));
	struct question question = { .next = false };
	enum nss_status status;

	choose_name(input, &question);
	if (limit > 0 && filled > limit)
		filled = limit;
	for (i = 0; i < filled; i++)
		groups[i] = before(i);
	start = filled;
	errno = ERRNO_BEFORE;
	status = _nss_oat_initgroups_dyn(
	    question.name, PRIMARY, &start, &size, &groups, limit, &errno);
	check_status(status, errno);
	check(start >= filled && start <= size);
	check(limit <= 0 || start <= limit);
	check(status == NSS_STATUS_SUCCESS || start == filled);
	for (i = 0; i < filled; i++)
		check(groups[i] == before(i));
	for (; i < start; i++)
		check(oat_id_is_ours(groups[i]) && groups[i] != PRIMARY &&
		      (forced || groups[i] < PRIMARY));
	free(groups);
}

static void
ask(struct oat_input *input)
{
	switch (oat_input_byte(input) % 8) {
	case 0:
	case 1:
		ask_user(input);
		break;
	case 2:
	case 3:
		ask_group(input);
		break;
	case 4:
	case 5:
		ask_groups(input);
		break;
	case 6:
		check(_nss_oat_setpwent(0) == NSS_STATUS_SUCCESS);
		check(_nss_oat_setgrent(0) == NSS_STATUS_SUCCESS);
		break;
	case 7:
		forced |= oat_victim_change(input);
		break;
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	oat_victim_set_up();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_input input = { data, size };
	int i;

	oat_victim_forget();
	(void)_nss_oat_setpwent(0);
	(void)_nss_oat_setgrent(0);
	forced = oat_victim_change(&input);
	for (i = 0; i < QUESTIONS_MAX && input.left > 0; i++)
		ask(&input);
	return 0;
}
