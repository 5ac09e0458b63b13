/* SPDX-License-Identifier: MIT */
#include "base62.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define BASE 62
#define UNBIASED (256 / BASE * BASE) /* of 256 byte values, 248 are used */

static const char digits[BASE + 1] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool
oat_base62_is_digit(char c)
{
	/* No <ctype.h>, which asks the locale of whoever called. */
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

void
oat_base62_encode(uint32_t value, char *ret_digits)
{
	int i;

	for (i = OAT_BASE62_U32 - 1; i >= 0; i--) {
		ret_digits[i] = digits[value % BASE];
		value /= BASE;
	}
}

/* Fill with random bytes, through signals. */
static enum oat_status
random_bytes(unsigned char *bytes, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = getrandom(bytes, size, 0);
		if (n == -1 && errno != EINTR)
			return OAT_SYSTEM;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return OAT_OK;
}

/*
 * By rejection: 256 is not a multiple of 62, so a plain remainder would favour
 * the first eight digits. The eight byte values above 4 * 62 are thrown away;
 * below, each digit stands for exactly four values.
 */
enum oat_status
oat_base62_random(char *ret_digits, size_t count)
{
	unsigned char bytes[64];
	enum oat_status status = OAT_OK;
	size_t i, done = 0;

	while (done < count) {
		status = random_bytes(bytes, sizeof(bytes));
		if (status != OAT_OK)
			break;
		for (i = 0; i < sizeof(bytes) && done < count; i++)
			if (bytes[i] < UNBIASED)
				ret_digits[done++] = digits[bytes[i] % BASE];
	}
	explicit_bzero(bytes, sizeof(bytes));
	return status;
}
