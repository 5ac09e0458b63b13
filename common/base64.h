/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648), without padding: verifiers and keys as text. */
#ifndef OAT_BASE64_H
#define OAT_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits for so many bytes. */
#define OAT_BASE64_LENGTH(size) (((size)*4 + 2) / 3)

/* Write so many bytes; no NUL is added. Answers where the text ends. */
char *oat_base64_write(char *text, const uint8_t *bytes, size_t size);

/*
 * Read min to max bytes at *text and move *text past their digits. The spare
 * bits of the last digit must be zero, so that each value has one spelling.
 */
bool oat_base64_read(const char **text, size_t min, size_t max,
    uint8_t *ret_bytes, size_t *ret_size);

#endif
