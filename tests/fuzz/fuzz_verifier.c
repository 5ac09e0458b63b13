/* SPDX-License-Identifier: MIT */
/* oat_verifier_parse(): what it accepts has bounds, and one spelling. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/verifier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_verifier verifier;
	char *text, again[OAT_VERIFIER_MAX];

	text = malloc(size + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (oat_verifier_parse(text, &verifier) == OAT_OK &&
	    (!oat_verifier_is_bounded(&verifier) ||
		oat_verifier_format(&verifier, again, sizeof(again)) !=
		    OAT_OK ||
		strcmp(again, text) != 0))
		abort();
	free(text);
	return 0;
}
