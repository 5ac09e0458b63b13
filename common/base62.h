/* SPDX-License-Identifier: MIT */
/* Base62: the digits 0-9A-Za-z in that order, '0' being zero. */
#ifndef OAT_BASE62_H
#define OAT_BASE62_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#define OAT_BASE62_U32 6 /* digits that hold any 32-bit number */

/* Is the character a digit? NUL is not. */
bool oat_base62_is_digit(char c);

/*
 * Write a number as OAT_BASE62_U32 digits, the most significant first,
 * left-padded with '0'. No NUL is added.
 */
void oat_base62_encode(uint32_t value, char *ret_digits);

/*
 * Fill with so many random digits, each of the 62 equally likely, from
 * getrandom(2). No NUL is added.
 * OAT_OK; OAT_SYSTEM when the kernel gives no random bytes, errno says why.
 */
enum oat_status oat_base62_random(char *ret_digits, size_t count);

#endif
