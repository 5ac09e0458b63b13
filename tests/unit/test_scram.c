/* SPDX-License-Identifier: MIT */
#include "common/scram.h"

#include <string.h>

#include "common/base64.h"
#include "common/password.h"
#include "common/sha256.h"
#include "tests/runner.h"

/* The example of RFC 7677, section 3. */
#define RFC_SALT "W22ZaJ0SNY7soEsUEjb6gQ"
#define RFC_MESSAGE                                                        \
	"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2"   \
	"RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" \
	"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4"

static void
read_salt(const char *text, uint8_t ret_salt[OAT_SCRAM_SALT])
{
	size_t size = 0;

	CU_ASSERT_TRUE_FATAL(oat_base64_read(
	    &text, OAT_SCRAM_SALT, OAT_SCRAM_SALT, ret_salt, &size));
}

static enum oat_status
salted_verifier(const char *password, const uint8_t salt[OAT_SCRAM_SALT],
    char ret_verifier[OAT_SCRAM_MAX])
{
	return oat_scram_verifier_salted(
	    password, salt, OAT_SCRAM_ITERATIONS, ret_verifier);
}

static void
test_scram_server_key_signs_the_message_of_rfc_7677(void)
{
	uint8_t salt[OAT_SCRAM_SALT], key[OAT_SHA256_SIZE];
	char verifier[OAT_SCRAM_MAX], signature[64];
	const char *at;
	size_t size;

	read_salt(RFC_SALT, salt);
	CU_ASSERT_EQUAL(salted_verifier("pencil", salt, verifier), OAT_OK);
	at = strrchr(verifier, ':') + 1;
	CU_ASSERT_TRUE_FATAL(
	    oat_base64_read(&at, sizeof(key), sizeof(key), key, &size));
	oat_hmac_sha256(
	    key, sizeof(key), RFC_MESSAGE, strlen(RFC_MESSAGE), key);
	*oat_base64_write(signature, key, sizeof(key)) = '\0';
	CU_ASSERT_STRING_EQUAL(signature, RFC_SIGNATURE);
}

static void
test_scram_verifier_is_spelled_as_postgresql_spells_it(void)
{
	uint8_t salt[OAT_SCRAM_SALT];
	char verifier[OAT_SCRAM_MAX];

	read_salt(RFC_SALT, salt);
	CU_ASSERT_EQUAL(salted_verifier("pencil", salt, verifier), OAT_OK);
	CU_ASSERT_STRING_EQUAL(verifier,
	    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
	    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
	    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
	CU_ASSERT_EQUAL(strlen(verifier), OAT_SCRAM_MAX - 1);
}

static void
test_scram_password_longer_than_a_block_counts_whole(void)
{
	char password[201], verifier[OAT_SCRAM_MAX];
	uint8_t salt[OAT_SCRAM_SALT];
	size_t i;

	memset(password, 'p', 200);
	password[200] = '\0';
	for (i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	CU_ASSERT_EQUAL(salted_verifier(password, salt, verifier), OAT_OK);
	CU_ASSERT_STRING_EQUAL(verifier,
	    "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$"
	    "adJT6fbDmDb3WKJzt34DANCZPie3qTKRjq9J6t36gPw=:"
	    "CAUgQE7jTd+0MMZGNtWw0iem+4kTJ+cF3O8mMJU8YCo=");
}

static void
test_scram_salt_is_another_each_time(void)
{
	char one[OAT_SCRAM_MAX], other[OAT_SCRAM_MAX];

	CU_ASSERT_EQUAL(oat_scram_verifier("pencil", one), OAT_OK);
	CU_ASSERT_EQUAL(oat_scram_verifier("pencil", other), OAT_OK);
	CU_ASSERT_STRING_NOT_EQUAL(one, other);
}

static void
test_scram_random_password_has_one_iteration_and_any_other_4096(void)
{
	static const char *const chosen[] = { "pencil",
		"correct-horse-battery-staple-123",
		"a234567890123456789012345678901",
		"a23456789012345678901234567890123" };
	char verifier[OAT_SCRAM_MAX], made[OAT_PASSWORD_MAX];
	size_t i;

	CU_ASSERT_EQUAL(oat_password_make(made), OAT_OK);
	CU_ASSERT_EQUAL(oat_scram_verifier(made, verifier), OAT_OK);
	CU_ASSERT_PTR_EQUAL(strstr(verifier, "SCRAM-SHA-256$1:"), verifier);
	for (i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		CU_ASSERT_EQUAL(
		    oat_scram_verifier(chosen[i], verifier), OAT_OK);
		OAT_ASSERT_THAT(
		    strstr(verifier, "SCRAM-SHA-256$4096:") == verifier,
		    "password %zu", i);
	}
}

static void
test_scram_number_of_iterations_is_bounded(void)
{
	char verifier[OAT_SCRAM_MAX] = "untouched";
	uint8_t salt[OAT_SCRAM_SALT] = { 0 };

	CU_ASSERT_EQUAL(oat_scram_verifier_salted("pencil", salt, 0, verifier),
	    OAT_INVALID);
	CU_ASSERT_EQUAL(oat_scram_verifier_salted("pencil", salt,
			    OAT_SCRAM_ITERATIONS_MAX + 1, verifier),
	    OAT_INVALID);
	CU_ASSERT_STRING_EQUAL(verifier, "untouched");
}

/* PostgreSQL normalises what is not ASCII; here it would not match. */
static void
test_scram_password_beyond_ascii_is_invalid(void)
{
	static const char *const passwords[] = { "", "p\xc3\xa4ss", "\x80",
		"\xff" };
	char verifier[OAT_SCRAM_MAX] = "untouched";
	size_t i;

	for (i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		OAT_ASSERT_THAT(
		    oat_scram_verifier(passwords[i], verifier) == OAT_INVALID,
		    "password %zu", i);
		CU_ASSERT_STRING_EQUAL(verifier, "untouched");
	}
	CU_ASSERT_EQUAL(oat_scram_verifier(" ~\x7f", verifier), OAT_OK);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_scram_server_key_signs_the_message_of_rfc_7677),
	OAT_TEST(test_scram_verifier_is_spelled_as_postgresql_spells_it),
	OAT_TEST(test_scram_password_longer_than_a_block_counts_whole),
	OAT_TEST(
	    test_scram_random_password_has_one_iteration_and_any_other_4096),
	OAT_TEST(test_scram_number_of_iterations_is_bounded),
	OAT_TEST(test_scram_salt_is_another_each_time),
	OAT_TEST(test_scram_password_beyond_ascii_is_invalid),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "scram", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
