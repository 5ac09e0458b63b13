/* SPDX-License-Identifier: MIT */
/* oat_token_parse(): whatever it accepts is a token, character by character. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the regular expression of the format says it, written again. */
static int
is_token_shaped(const char *text)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";

	return strlen(text) == 55 && strncmp(text, "oat_", 4) == 0 &&
	       strspn(text + 4, digits) == 12 && text[16] == '_' &&
	       strspn(text + 17, digits) == 38;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_token token;
	char *text;

	text = malloc(size + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (oat_token_parse(text, &token) == OAT_OK &&
	    (!is_token_shaped(text) || strcmp(token.text, text) != 0 ||
		!oat_token_is_selector(token.selector) ||
		strncmp(token.selector, text + 4, 12) != 0))
		abort();
	free(text);
	return 0;
}
