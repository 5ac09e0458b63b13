/* SPDX-License-Identifier: MIT */
#include "base64.h"

#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a base64 digit, or -1. */
static int
value_of(char c)
{
	const char *digit = c == '\0' ? NULL : strchr(digits, c);

	return digit == NULL ? -1 : (int)(digit - digits);
}

char *
oat_base64_write(char *text, const uint8_t *bytes, size_t size)
{
	unsigned bits = 0;
	int count = 0;
	size_t i;

	for (i = 0; i < size; i++) {
		bits = bits << 8 | bytes[i];
		for (count += 8; count >= 6; count -= 6)
			*text++ = digits[bits >> (count - 6) & 0x3f];
	}
	if (count > 0)
		*text++ = digits[bits << (6 - count) & 0x3f];
	return text;
}

bool
oat_base64_read(const char **text, size_t min, size_t max, uint8_t *ret_bytes,
    size_t *ret_size)
{
	unsigned bits = 0;
	int count = 0, value;
	size_t size = 0;

	for (; (value = value_of(**text)) != -1; ++*text) {
		bits = bits << 6 | (unsigned)value;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		if (size == max)
			return false;
		ret_bytes[size++] = (uint8_t)(bits >> count);
	}
	/* Six bits left over are a digit too many. */
	if (count >= 6 || (bits & ((1U << count) - 1)) != 0 || size < min)
		return false;
	*ret_size = size;
	return true;
}
