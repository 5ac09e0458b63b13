/* SPDX-License-Identifier: MIT */
#include "escape.h"

#include <stdbool.h>
#include <string.h>

#define UNIT_MAX 4 /* bytes one byte of input becomes at most: \xHH */

/* Ends what was cut; "\" is itself escaped, so nothing else spells it. */
static const char cut_mark[] = "\\+";

/* Does the byte need no escape? In a sentence blanks and quotes do not. */
static bool
is_plain(unsigned char c, bool sentence)
{
	if (c == ' ' || c == '"' || c == '\'')
		return sentence;
	return c > ' ' && c < 0x7f && c != '\\';
}

/* Write what one byte becomes; how many bytes that is. */
static size_t
escape_byte(char unit[UNIT_MAX], unsigned char c, bool sentence)
{
	static const char digits[] = "0123456789abcdef";

	if (is_plain(c, sentence)) {
		unit[0] = (char)c;
		return 1;
	}
	unit[0] = '\\';
	unit[1] = 'x';
	unit[2] = digits[c >> 4];
	unit[3] = digits[c & 0xf];
	return UNIT_MAX;
}

static char *
escape(char *dst, size_t size, const char *text, bool sentence)
{
	char unit[UNIT_MAX];
	size_t n, used = 0, cut = 0;

	if (size < sizeof(cut_mark)) {
		if (size > 0)
			dst[0] = '\0';
		return dst;
	}
	for (; *text != '\0'; text++) {
		n = escape_byte(unit, (unsigned char)*text, sentence);
		if (used + n >= size) {
			memcpy(dst + cut, cut_mark, sizeof(cut_mark));
			return dst;
		}
		memcpy(dst + used, unit, n);
		used += n;
		if (used + sizeof(cut_mark) <= size)
			cut = used;
	}
	dst[used] = '\0';
	return dst;
}

char *
oat_escape(char *dst, size_t size, const char *text)
{
	if (text == NULL || text[0] == '\0')
		text = "-";
	else if (strcmp(text, "-") == 0 && size > UNIT_MAX)
		return memcpy(dst, "\\x2d", UNIT_MAX + 1);
	return escape(dst, size, text, false);
}

char *
oat_escape_sentence(char *dst, size_t size, const char *text)
{
	return escape(dst, size, text == NULL ? "" : text, true);
}

char *
oat_escape_again(char *dst, size_t size, const char *text)
{
	size_t i, length = strlen(text);

	for (i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return oat_escape_sentence(dst, size, text);
	if (length < size)
		return memcpy(dst, text, length + 1);
	if (size < sizeof(cut_mark))
		return oat_escape_sentence(dst, size, text);
	memcpy(dst, text, size - sizeof(cut_mark));
	memcpy(dst + size - sizeof(cut_mark), cut_mark, sizeof(cut_mark));
	return dst;
}

char *
oat_escape_json(char *dst, const char *text)
{
	char *p = dst;

	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			*p++ = '\\';
		*p++ = *text;
	}
	*p = '\0';
	return dst;
}
