/* SPDX-License-Identifier: MIT */
#include "hostkeys.h"

#include <glob.h>
#include <stdbool.h>
#include <string.h>

#define LINE_SIZE 8192 /* bytes; RSA of 16384 bits has 2,800 */

#define TYPE_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789@.-"
#define KEY_CHARACTERS                                         \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789+/="

static bool
is_type(const char *text, size_t length)
{
	static const char *const families[] = { "ssh-", "ecdsa-", "sk-" };
	size_t i;

	if (length > 64)
		return false;
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strncmp(text, families[i], strlen(families[i])) == 0)
			return true;
	return false;
}

/* "type key comment": where the key begins and how long it is; 0 for none. */
static size_t
find_key(const char *line, size_t type_length, const char **ret_key)
{
	size_t length;

	if (!is_type(line, type_length) || line[type_length] != ' ')
		return 0;
	*ret_key = line + type_length + 1;
	length = strspn(*ret_key, KEY_CHARACTERS);
	return strchr(" \r\n", (*ret_key)[length]) != NULL ? length : 0;
}

static bool
read_line(const char *path, char line[LINE_SIZE])
{
	FILE *file = fopen(path, "re");
	bool read;

	if (file == NULL)
		return false;
	read = fgets(line, LINE_SIZE, file) != NULL &&
	       strlen(line) < LINE_SIZE - 1;
	(void)fclose(file);
	return read;
}

size_t
oat_hostkeys_write(const char *pattern, FILE *out)
{
	size_t i, type, length, count = 0;
	char line[LINE_SIZE];
	const char *key;
	glob_t paths;

	if (glob(pattern, 0, NULL, &paths) != 0)
		return 0;
	for (i = 0; i < paths.gl_pathc; i++) {
		if (!read_line(paths.gl_pathv[i], line))
			continue;
		type = strspn(line, TYPE_CHARACTERS);
		length = find_key(line, type, &key);
		if (length == 0)
			continue;
		fprintf(out, "%s\"%.*s %.*s\"", count++ > 0 ? "," : "",
		    (int)type, line, (int)length, key);
	}
	globfree(&paths);
	return count;
}
