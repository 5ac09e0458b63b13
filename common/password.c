/* SPDX-License-Identifier: MIT */
#include "password.h"

#include "base62.h"
#include "replace.h"
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS 32 /* of a password that is made here */

static enum oat_status
refuse(
    char *ret_error, enum oat_status status, const char *path, const char *why)
{
	(void)snprintf(ret_error, OAT_PASSWORD_ERROR_MAX,
	    "password_file: %.200s: %s", path, why);
	return status;
}

/* What open(2) says of a link is a riddle; all else speaks for itself. */
static enum oat_status
refuse_open(char *ret_error, const char *path)
{
	return refuse(ret_error, OAT_UNAVAILABLE, path,
	    errno == ELOOP ? "a symbolic link; put the file itself there"
			   : strerror(errno));
}

static enum oat_status
check_file(int fd, const char *path, char *ret_error)
{
	char why[288];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return refuse(
		    ret_error, OAT_UNAVAILABLE, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(
		    ret_error, OAT_UNAVAILABLE, path, "not a regular file");
	if (st.st_uid == 0 && (st.st_mode & 027) == 0)
		return OAT_OK;
	(void)snprintf(why, sizeof(why),
	    "owner %u, mode %04o; chown root:_oat %.100s; chmod 0640 %.100s",
	    (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777), path, path);
	return refuse(ret_error, OAT_UNAVAILABLE, path, why);
}

/* Cut the line end off; what is left must be one line of something. */
static enum oat_status
check_line(char *text, size_t length, const char *path, char *ret_error)
{
	if (length == OAT_PASSWORD_MAX)
		return refuse(ret_error, OAT_INVALID, path, "too long");
	text[length] = '\0';
	if (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	if (length == 0)
		return refuse(ret_error, OAT_INVALID, path, "empty");
	if (strlen(text) != length || strchr(text, '\n') != NULL)
		return refuse(ret_error, OAT_INVALID, path,
		    "one line of text is expected");
	return OAT_OK;
}

enum oat_status
oat_password_load(const char *path, char *ret_password, char *ret_error)
{
	char text[OAT_PASSWORD_MAX];
	enum oat_status status;
	size_t length = 0;
	ssize_t n = 0;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return refuse_open(ret_error, path);
	status = check_file(fd, path, ret_error);
	while (status == OAT_OK && length < sizeof(text)) {
		n = read(fd, text + length, sizeof(text) - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	if (status == OAT_OK && n < 0)
		status =
		    refuse(ret_error, OAT_UNAVAILABLE, path, strerror(errno));
	if (status == OAT_OK)
		status = check_line(text, length, path, ret_error);
	if (status == OAT_OK)
		memcpy(ret_password, text, length + 1);
	explicit_bzero(text, sizeof(text));
	(void)close(fd);
	return status;
}

void
oat_password_next_path(const char *path, char ret_path[OAT_PASSWORD_PATH_MAX])
{
	(void)snprintf(ret_path, OAT_PASSWORD_PATH_MAX, "%.*s.next",
	    OAT_VALUE_PATH_MAX, path);
}

enum oat_status
oat_password_load_both(
    const char *path, char *ret_password, char *ret_next, char *ret_error)
{
	char next_path[OAT_PASSWORD_PATH_MAX], next[OAT_PASSWORD_MAX] = "";
	char ignored[OAT_PASSWORD_ERROR_MAX];
	enum oat_status status;

	oat_password_next_path(path, next_path);
	(void)oat_password_load(next_path, next, ignored);
	status = oat_password_load(path, ret_password, ret_error);
	if (status == OAT_OK)
		memcpy(ret_next, next, strlen(next) + 1);
	explicit_bzero(next, sizeof(next));
	return status;
}

enum oat_status
oat_password_make(char ret_password[OAT_PASSWORD_MAX])
{
	char password[DIGITS + 1] = "";
	enum oat_status status;

	status = oat_base62_random(password, DIGITS);
	if (status == OAT_OK)
		memcpy(ret_password, password, sizeof(password));
	explicit_bzero(password, sizeof(password));
	return status;
}

bool
oat_password_is_made(const char *password)
{
	size_t i;

	for (i = 0; i < DIGITS; i++)
		if (!oat_base62_is_digit(password[i]))
			return false;
	return password[DIGITS] == '\0';
}

enum oat_status
oat_password_store(const char *path, const char *password, gid_t gid)
{
	char line[OAT_PASSWORD_MAX + 1];
	enum oat_status status;
	int length;

	length = snprintf(line, sizeof(line), "%s\n", password);
	status = oat_replace_file(path, line, (size_t)length, gid, 0640);
	explicit_bzero(line, sizeof(line));
	return status;
}
