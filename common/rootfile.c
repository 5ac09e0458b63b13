/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here: what was opened is judged, never a path; nothing in the
 * opening waits or follows a link; what was read and is not handed over is
 * wiped.
 */
#include "rootfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the reason of a failure goes. */
struct complaint {
	const char *path;
	char *text;
	size_t size;
};

/* Answers `status`, so that a refusal is one statement. */
__attribute__((format(printf, 3, 4))) static enum oat_status
complain(enum oat_status status, struct complaint *complaint,
    const char *format, ...)
{
	va_list ap;
	int used;

	used = snprintf(
	    complaint->text, complaint->size, "%.200s: ", complaint->path);
	if (used < 0 || (size_t)used >= complaint->size)
		return status;
	va_start(ap, format);
	(void)vsnprintf(
	    complaint->text + used, complaint->size - (size_t)used, format, ap);
	va_end(ap);
	return status;
}

static enum oat_status
complain_open(struct complaint *complaint)
{
	switch (errno) {
	case ENOENT:
		return complain(OAT_UNAVAILABLE, complaint,
		    "no such file; write it, and chmod 0600 it");
	case ELOOP:
		return complain(OAT_UNAVAILABLE, complaint,
		    "a symbolic link; put the file itself there");
	default:
		return complain(
		    OAT_UNAVAILABLE, complaint, "cannot be opened: %m");
	}
}

static enum oat_status
complain_size(struct complaint *complaint, size_t max)
{
	return complain(OAT_UNAVAILABLE, complaint,
	    "larger than %zu bytes; shorten it", max);
}

static enum oat_status
check(struct complaint *complaint, int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return complain(OAT_UNAVAILABLE, complaint, "fstat: %m");
	if (!S_ISREG(st.st_mode))
		return complain(OAT_UNAVAILABLE, complaint,
		    "not a regular file; put the file itself there");
	if (st.st_uid != 0 || st.st_gid != 0 || (st.st_mode & 077) != 0)
		return complain(OAT_UNAVAILABLE, complaint,
		    "mode %04o, owner %u:%u, must be mode 0600, owner 0:0; "
		    "chown root:root %.100s; chmod 0600 %.100s",
		    (unsigned)st.st_mode & 07777, st.st_uid, st.st_gid,
		    complaint->path, complaint->path);
	if ((uintmax_t)st.st_size > max)
		return complain_size(complaint, max);
	return OAT_OK;
}

/* Read to the end, or until the buffer is full; -1 with errno. */
static ssize_t
fill(int fd, char *buffer, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size) {
		n = read(fd, buffer + used, size - used);
		if (n == 0)
			break;
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			used += (size_t)n;
	}
	return (ssize_t)used;
}

static enum oat_status
read_checked(struct complaint *complaint, int fd, size_t max, char **ret_text,
    size_t *ret_size)
{
	enum oat_status status = OAT_OK;
	char *text;
	ssize_t size;

	/* One byte more, to see that it grew after fstat(2). */
	text = malloc(max + 1);
	if (text == NULL)
		return complain(OAT_NOMEM, complaint, "out of memory");
	size = fill(fd, text, max + 1);
	if (size == -1)
		status =
		    complain(OAT_UNAVAILABLE, complaint, "cannot be read: %m");
	else if ((size_t)size > max)
		status = complain_size(complaint, max);
	if (status != OAT_OK) {
		oat_rootfile_free(text, max + 1);
		return status;
	}
	*ret_text = text;
	*ret_size = (size_t)size;
	return OAT_OK;
}

enum oat_status
oat_rootfile_read(const char *path, size_t max, char **ret_text,
    size_t *ret_size, char *ret_error, size_t error_size)
{
	struct complaint complaint = { path, ret_error, error_size };
	enum oat_status status;
	int fd;

	/* O_NONBLOCK: a FIFO would wait for a writer. */
	fd = open(
	    path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return complain_open(&complaint);
	status = check(&complaint, fd, max);
	if (status == OAT_OK)
		status = read_checked(&complaint, fd, max, ret_text, ret_size);
	(void)close(fd);
	return status;
}

void
oat_rootfile_free(char *text, size_t size)
{
	if (text != NULL)
		explicit_bzero(text, size);
	free(text);
}
