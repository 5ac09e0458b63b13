/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here: one spelling for each verifier, or it is refused; every
 * number is bounded before anybody computes with it.
 */
#include "verifier.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"

_Static_assert(
    OAT_VERIFIER_MAX == OAT_SELECTOR_LENGTH +
			    sizeof("$argon2id$v=19$m=65536,t=8,p=4$$") +
			    OAT_BASE64_LENGTH(OAT_ARGON2_SALT_MAX) +
			    OAT_BASE64_LENGTH(OAT_ARGON2_HASH_MAX),
    "the longest verifier and its NUL");

/* Move *text past a literal. */
static bool
skip(const char **text, const char *literal)
{
	size_t n = strlen(literal);

	if (strncmp(*text, literal, n) != 0)
		return false;
	*text += n;
	return true;
}

/* Read a decimal number up to max, without sign or leading zeros. */
static bool
read_number(const char **text, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (**text < '1' || **text > '9')
		return false;
	for (; **text >= '0' && **text <= '9'; ++*text) {
		number = number * 10 + (uint64_t)(**text - '0');
		if (number > max)
			return false;
	}
	*ret_number = (uint32_t)number;
	return true;
}

bool
oat_verifier_is_bounded(const struct oat_verifier *verifier)
{
	return oat_token_is_selector(verifier->selector) && verifier->t >= 1 &&
	       verifier->t <= OAT_ARGON2_T_MAX && verifier->p >= 1 &&
	       verifier->p <= OAT_ARGON2_P_MAX &&
	       verifier->m_kib >= 8 * verifier->p &&
	       verifier->m_kib <= OAT_ARGON2_M_KIB_MAX &&
	       verifier->salt_size >= OAT_ARGON2_SALT_MIN &&
	       verifier->salt_size <= OAT_ARGON2_SALT_MAX &&
	       verifier->hash_size >= OAT_ARGON2_HASH_MIN &&
	       verifier->hash_size <= OAT_ARGON2_HASH_MAX;
}

static bool
read_selector(const char **text, char *ret_selector)
{
	if (strnlen(*text, OAT_SELECTOR_LENGTH) != OAT_SELECTOR_LENGTH)
		return false;
	memcpy(ret_selector, *text, OAT_SELECTOR_LENGTH);
	ret_selector[OAT_SELECTOR_LENGTH] = '\0';
	*text += OAT_SELECTOR_LENGTH;
	return oat_token_is_selector(ret_selector);
}

static bool
read_fields(const char *text, struct oat_verifier *v)
{
	return read_selector(&text, v->selector) &&
	       skip(&text, "$argon2id$v=19$m=") &&
	       read_number(&text, OAT_ARGON2_M_KIB_MAX, &v->m_kib) &&
	       skip(&text, ",t=") &&
	       read_number(&text, OAT_ARGON2_T_MAX, &v->t) &&
	       skip(&text, ",p=") &&
	       read_number(&text, OAT_ARGON2_P_MAX, &v->p) &&
	       skip(&text, "$") &&
	       oat_base64_read(&text, OAT_ARGON2_SALT_MIN, OAT_ARGON2_SALT_MAX,
		   v->salt, &v->salt_size) &&
	       skip(&text, "$") &&
	       oat_base64_read(&text, OAT_ARGON2_HASH_MIN, OAT_ARGON2_HASH_MAX,
		   v->hash, &v->hash_size) &&
	       *text == '\0';
}

enum oat_status
oat_verifier_parse(const char *text, struct oat_verifier *ret_verifier)
{
	struct oat_verifier verifier = { 0 };
	enum oat_status status = OAT_INVALID;

	/* A megabyte is refused by its length, without being read. */
	if (text != NULL &&
	    strnlen(text, OAT_VERIFIER_MAX) < OAT_VERIFIER_MAX &&
	    read_fields(text, &verifier) &&
	    oat_verifier_is_bounded(&verifier)) {
		*ret_verifier = verifier;
		status = OAT_OK;
	}
	explicit_bzero(&verifier, sizeof(verifier));
	return status;
}

enum oat_status
oat_verifier_format(
    const struct oat_verifier *verifier, char *ret_text, size_t size)
{
	char text[OAT_VERIFIER_MAX];
	enum oat_status status = OAT_RANGE;
	char *end;

	if (!oat_verifier_is_bounded(verifier))
		return OAT_INVALID;
	end = text + snprintf(text, sizeof(text),
			 "%s$argon2id$v=19$m=%u,t=%u,p=%u$", verifier->selector,
			 verifier->m_kib, verifier->t, verifier->p);
	end = oat_base64_write(end, verifier->salt, verifier->salt_size);
	*end++ = '$';
	end = oat_base64_write(end, verifier->hash, verifier->hash_size);
	*end++ = '\0';
	if ((size_t)(end - text) <= size) {
		memcpy(ret_text, text, (size_t)(end - text));
		status = OAT_OK;
	}
	explicit_bzero(text, sizeof(text));
	return status;
}
