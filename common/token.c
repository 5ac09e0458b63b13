/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here: nothing but the exact 55 characters is a token; what held
 * one is wiped; the secret's digits are compared with nothing.
 */
#include "token.h"

#include <string.h>

#include "base62.h"
#include "crc32.h"

#define PREFIX "oat_"
#define SELECTOR_AT 4 /* strlen(PREFIX) */
#define MARK_AT (SELECTOR_AT + OAT_SELECTOR_LENGTH)
#define SECRET_AT (MARK_AT + 1)
#define CHECK_AT (OAT_TOKEN_LENGTH - OAT_BASE62_U32)

_Static_assert(CHECK_AT - SECRET_AT == 32, "the secret has 32 digits");

static bool
is_digits(const char *text, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!oat_base62_is_digit(text[i]))
			return false;
	return true;
}

static bool
has_shape(const char *text)
{
	return strnlen(text, OAT_TOKEN_LENGTH + 1) == OAT_TOKEN_LENGTH &&
	       strncmp(text, PREFIX, SELECTOR_AT) == 0 &&
	       is_digits(text + SELECTOR_AT, OAT_SELECTOR_LENGTH) &&
	       text[MARK_AT] == '_' &&
	       is_digits(text + SECRET_AT, OAT_TOKEN_LENGTH - SECRET_AT);
}

/* The check that belongs to the CHECK_AT bytes of a token. */
static void
make_check(const char *text, char *ret_check)
{
	oat_base62_encode(oat_crc32(text, CHECK_AT), ret_check);
}

static bool
has_check(const char *text)
{
	char check[OAT_BASE62_U32];
	bool right;

	make_check(text, check);
	right = memcmp(text + CHECK_AT, check, sizeof(check)) == 0;
	explicit_bzero(check, sizeof(check));
	return right;
}

enum oat_status
oat_token_parse(const char *text, struct oat_token *ret_token)
{
	if (text == NULL || !has_shape(text) || !has_check(text))
		return OAT_INVALID;
	memcpy(ret_token->text, text, sizeof(ret_token->text));
	memcpy(ret_token->selector, text + SELECTOR_AT, OAT_SELECTOR_LENGTH);
	ret_token->selector[OAT_SELECTOR_LENGTH] = '\0';
	return OAT_OK;
}

enum oat_status
oat_token_generate(struct oat_token *ret_token)
{
	char text[OAT_TOKEN_LENGTH + 1] = PREFIX;
	enum oat_status status;

	status = oat_base62_random(text + SELECTOR_AT, CHECK_AT - SELECTOR_AT);
	if (status == OAT_OK) {
		text[MARK_AT] = '_';
		make_check(text, text + CHECK_AT);
		status = oat_token_parse(text, ret_token);
	}
	explicit_bzero(text, sizeof(text));
	return status;
}

bool
oat_token_is_selector(const char *text)
{
	return text != NULL &&
	       strnlen(text, OAT_SELECTOR_LENGTH + 1) == OAT_SELECTOR_LENGTH &&
	       is_digits(text, OAT_SELECTOR_LENGTH);
}

void
oat_token_wipe(struct oat_token *token)
{
	if (token != NULL)
		explicit_bzero(token, sizeof(*token));
}
