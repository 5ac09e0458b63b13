/* SPDX-License-Identifier: MIT */
#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLANKS " \t\r\f\v"

/* Into a text of `size` bytes and a NUL; it may have grown since. */
static enum oat_status
read_into(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n = 1;

	while (n != 0 && used < size) {
		n = read(fd, text + used, size - used);
		if (n < 0 && errno != EINTR)
			return OAT_SYSTEM;
		used += n > 0 ? (size_t)n : 0;
	}
	text[used] = '\0';
	return OAT_OK;
}

static enum oat_status
read_file(int fd, char **ret_text)
{
	enum oat_status status;
	struct stat st;
	char *text;

	if (fstat(fd, &st) != 0)
		return OAT_SYSTEM;
	if (!S_ISREG(st.st_mode) || st.st_size > OAT_TEXTFILE_MAX)
		return OAT_INVALID;
	/* Files of /proc have no size. */
	text = malloc(OAT_TEXTFILE_MAX + 1);
	if (text == NULL)
		return OAT_NOMEM;
	status = read_into(fd, text, OAT_TEXTFILE_MAX);
	if (status != OAT_OK) {
		free(text);
		return status;
	}
	*ret_text = text;
	return OAT_OK;
}

enum oat_status
oat_textfile_read(const char *path, char **ret_text)
{
	enum oat_status status;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? OAT_NOTFOUND
							   : OAT_SYSTEM;
	status = read_file(fd, ret_text);
	(void)close(fd);
	return status;
}

char *
oat_textfile_line(char **text)
{
	if (*text == NULL || **text == '\0')
		return NULL;
	return strsep(text, "\n");
}

char *
oat_textfile_word(char **line)
{
	if (*line == NULL)
		return NULL;
	*line += strspn(*line, BLANKS);
	if (**line == '\0')
		return NULL;
	return strsep(line, BLANKS);
}
