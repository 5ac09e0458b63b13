/* SPDX-License-Identifier: MIT */
#include "spool_survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static bool
ends_in(const char *name, const char *suffix)
{
	size_t length = strlen(name), end = strlen(suffix);

	return name[0] != '.' && length > end &&
	       strcmp(name + length - end, suffix) == 0;
}

/* As spool.c names its files. */
static void
count(struct oat_spool_survey *survey, int dir, const char *name)
{
	struct stat st;

	survey->aside += ends_in(name, ".bad");
	if (!ends_in(name, ".event"))
		return;
	survey->waiting++;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (survey->oldest == 0 || st.st_mtim.tv_sec < survey->oldest))
		survey->oldest = st.st_mtim.tv_sec;
}

enum oat_status
oat_spool_survey(const char *folder, struct oat_spool_survey *ret_survey)
{
	struct oat_spool_survey survey = { 0 };
	struct dirent *entry;
	DIR *dir;

	dir = opendir(folder);
	if (dir == NULL)
		return errno == ENOENT ? OAT_NOTFOUND : OAT_SYSTEM;
	while ((entry = readdir(dir)) != NULL)
		count(&survey, dirfd(dir), entry->d_name);
	(void)closedir(dir);
	*ret_survey = survey;
	return OAT_OK;
}
