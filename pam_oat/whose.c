/* SPDX-License-Identifier: MIT */
#include "whose.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "common/name.h"

#define PASSWD "/etc/passwd"
#define CHUNK 4096		   /* bytes of the file looked at together */
#define NOT_THIS_LINE ((size_t)-1) /* wait for the next one */

/* Where in a file of "name:..." lines the search stands. */
struct search {
	const char *name;
	size_t length;	/* of the name */
	size_t matched; /* bytes of the name that this line began with */
};

/* Take one more byte; does it complete "name:" at the start of a line? */
static bool
found(struct search *search, char byte)
{
	if (byte == '\n')
		search->matched = 0;
	else if (search->matched == NOT_THIS_LINE)
		return false;
	else if (search->matched == search->length) {
		if (byte == ':')
			return true;
		search->matched = NOT_THIS_LINE;
	} else if (byte == search->name[search->matched])
		search->matched++;
	else
		search->matched = NOT_THIS_LINE;
	return false;
}

static enum oat_whose
search_file(int fd, const char *name)
{
	struct search search = { .name = name, .length = strlen(name) };
	char chunk[CHUNK];
	ssize_t i, n;

	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return OAT_WHOSE_UNKNOWN;
		if (n == 0)
			return OAT_WHOSE_OURS;
		for (i = 0; i < n; i++)
			if (found(&search, chunk[i]))
				return OAT_WHOSE_FOREIGN;
	}
}

enum oat_whose
oat_whose_user(const char *name)
{
	enum oat_whose whose;
	int fd, saved;

	if (!oat_name_is_login(name))
		return OAT_WHOSE_FOREIGN;
	fd = open(PASSWD, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return OAT_WHOSE_UNKNOWN;
	whose = search_file(fd, name);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return whose;
}
