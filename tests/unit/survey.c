/* SPDX-License-Identifier: MIT */
#include "tests/unit/survey.h"

#include <errno.h>
#include <string.h>

#include "nss_oat/nss_oat.h"
#include "tests/unit/population.h"

#define GROUPS 8
#define GECOS "oat acme/"
#define NOT_THERE 20000

static char
to_digit(size_t i)
{
	return (char)('0' + i);
}

/* Not snprintf(3), which may allocate. */
static void
put_name(size_t i, char ret_name[OAT_LOGIN_MAX + 1])
{
	char digits[24];
	size_t n = sizeof(digits) - 1;

	digits[n] = '\0';
	do {
		digits[--n] = to_digit(i % 10);
		i /= 10;
	} while (i > 0);
	strcpy(ret_name, "oat-acme-t");
	strcat(ret_name, digits + n);
}

static bool
is_user(const struct passwd *passwd, size_t i, const char *name)
{
	return strcmp(passwd->pw_name, name) == 0 &&
	       strcmp(passwd->pw_passwd, "*") == 0 &&
	       passwd->pw_uid == OAT_MEMBER_UID + i &&
	       passwd->pw_gid == OAT_MEMBER_UID + i &&
	       strncmp(passwd->pw_gecos, GECOS, strlen(GECOS)) == 0 &&
	       strcmp(passwd->pw_gecos + strlen(GECOS),
		   name + strlen("oat-acme-")) == 0 &&
	       strncmp(passwd->pw_dir, OAT_MEMBER_HOME "/",
		   strlen(OAT_MEMBER_HOME "/")) == 0 &&
	       strcmp(passwd->pw_dir + strlen(OAT_MEMBER_HOME "/"), name) ==
		   0 &&
	       (strcmp(passwd->pw_shell, oat_member_shell(i, 0)) == 0 ||
		   strcmp(passwd->pw_shell, oat_member_shell(i, 1)) == 0);
}

static bool
is_group(const struct group *group, size_t i, const char *name)
{
	return strcmp(group->gr_name, name) == 0 &&
	       group->gr_gid == OAT_MEMBER_UID + i && group->gr_mem[0] == NULL;
}

/* Count one answer; `true_too` is what it says, if it says something. */
static void
count(struct oat_survey *survey, enum nss_status status, int error,
    enum nss_status wanted, bool true_too)
{
	if (status == NSS_STATUS_UNAVAIL && error == EIO)
		survey->unavailable++;
	else if (status == wanted && true_too)
		survey->right++;
	else
		survey->wrong++;
}

static void
ask_user(struct oat_survey *survey, size_t i, const char *name, bool exists)
{
	enum nss_status wanted =
	    exists ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND;
	struct passwd passwd = { .pw_name = NULL };
	enum nss_status status;
	char buffer[512];
	int error = 0;

	status =
	    _nss_oat_getpwnam_r(name, &passwd, buffer, sizeof(buffer), &error);
	count(survey, status, error, wanted,
	    status != NSS_STATUS_SUCCESS || is_user(&passwd, i, name));
	status = _nss_oat_getpwuid_r(
	    OAT_MEMBER_UID + (uid_t)i, &passwd, buffer, sizeof(buffer), &error);
	count(survey, status, error, wanted,
	    status != NSS_STATUS_SUCCESS || is_user(&passwd, i, name));
}

static void
ask_group(struct oat_survey *survey, size_t i, const char *name, bool exists)
{
	enum nss_status wanted =
	    exists ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND;
	struct group group = { .gr_name = NULL };
	enum nss_status status;
	char buffer[512];
	int error = 0;

	status =
	    _nss_oat_getgrnam_r(name, &group, buffer, sizeof(buffer), &error);
	count(survey, status, error, wanted,
	    status != NSS_STATUS_SUCCESS || is_group(&group, i, name));
	status = _nss_oat_getgrgid_r(
	    OAT_MEMBER_UID + (gid_t)i, &group, buffer, sizeof(buffer), &error);
	count(survey, status, error, wanted,
	    status != NSS_STATUS_SUCCESS || is_group(&group, i, name));
}

/* The list has room for all of them, so that it is never allocated anew. */
static void
ask_groups(struct oat_survey *survey, size_t i, const char *name, bool exists)
{
	gid_t list[GROUPS] = { 7 }, *groups = list;
	long int start = 1, size = GROUPS;
	enum nss_status status;
	bool right;
	int error = 0;

	status = _nss_oat_initgroups_dyn(
	    name, 7, &start, &size, &groups, -1, &error);
	right = groups == list && size == GROUPS && list[0] == 7;
	if (exists && oat_member_is_active(i))
		right = right && start == 1 + OAT_MEMBER_GROUPS &&
			memcmp(list + 1, oat_member_gids,
			    sizeof(oat_member_gids)) == 0;
	else
		right = right && start == 1;
	count(survey, status, error,
	    exists ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND, right);
}

static void
walk(struct oat_survey *survey, size_t members)
{
	char buffer[512], name[OAT_LOGIN_MAX + 1];
	struct passwd passwd;
	enum nss_status status;
	int error = 0;
	size_t i;

	(void)_nss_oat_setpwent(0);
	for (i = 0; i <= members; i++) {
		put_name(i, name);
		status = _nss_oat_getpwent_r(
		    &passwd, buffer, sizeof(buffer), &error);
		count(survey, status, error,
		    i < members ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND,
		    status != NSS_STATUS_SUCCESS || is_user(&passwd, i, name));
		if (status != NSS_STATUS_SUCCESS)
			break;
	}
	(void)_nss_oat_endpwent();
}

struct oat_survey
oat_survey_take(size_t members)
{
	struct oat_survey survey = { 0 };
	char name[OAT_LOGIN_MAX + 1];
	size_t i, j;

	for (i = 0; i <= members; i++) {
		j = i < members ? i : NOT_THERE;
		put_name(j, name);
		ask_user(&survey, j, name, i < members);
		ask_group(&survey, j, name, i < members);
		ask_groups(&survey, j, name, i < members);
	}
	walk(&survey, members);
	return survey;
}
