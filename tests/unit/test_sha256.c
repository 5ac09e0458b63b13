/* SPDX-License-Identifier: MIT */
#include "common/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

static const char *
hex(const uint8_t hash[OAT_SHA256_SIZE])
{
	static char text[2 * OAT_SHA256_SIZE + 1];
	size_t i;

	for (i = 0; i < OAT_SHA256_SIZE; i++)
		sprintf(text + 2 * i, "%02x", hash[i]);
	return text;
}

/* In pieces of this size. */
static const char *
hash_of(const char *data, size_t size, size_t piece)
{
	uint8_t hash[OAT_SHA256_SIZE];
	struct oat_sha256 running;
	size_t n;

	oat_sha256_begin(&running);
	for (; size > 0; size -= n, data += n) {
		n = size < piece ? size : piece;
		oat_sha256_add(&running, data, n);
	}
	oat_sha256_end(&running, hash);
	return hex(hash);
}

/* NIST's examples for FIPS 180-4. */
static void
test_sha256_of_the_standards_examples(void)
{
	static const struct {
		const char *data, *hash;
	} examples[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb924"
		      "27ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223"
			 "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1" },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		    "cf5b16a778af8380036ce59e7b049237"
		    "0b249b11e8f07a51afac45037afee9d1" },
	};
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		OAT_ASSERT_THAT(strcmp(hash_of(examples[i].data,
					   strlen(examples[i].data), 64),
				    examples[i].hash) == 0,
		    "%s", examples[i].data);
}

static void
test_sha256_of_a_million_letters_whatever_the_pieces(void)
{
	static const size_t pieces[] = { 1, 55, 56, 63, 64, 65, 1000000 };
	char *data = malloc(1000000);
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	memset(data, 'a', 1000000);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		OAT_ASSERT_THAT(strcmp(hash_of(data, 1000000, pieces[i]),
				    "cdc76e5c9914fb9281a1c7e284d73e67"
				    "f1809a48a497200e046d39ccc7112cd0") == 0,
		    "pieces of %zu", pieces[i]);
	free(data);
}

/* One block has room for the length up to 55 bytes: around that, and 64. */
static void
test_sha256_at_the_ends_of_blocks(void)
{
	static const struct {
		size_t size;
		const char *hash;
	} examples[] = {
		{ 55, "9f4390f8d30c2dd92ec9f095b65e2b9a"
		      "e9b0a925a5258e241c9f1e910f734318" },
		{ 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f"
		      "590ce20f1bde7090ef7970686ec6738a" },
		{ 63, "7d3e74a05d7db15bce4ad9ec0658ea98"
		      "e3f06eeecf16b4c6fff2da457ddc2f34" },
		{ 64, "ffe054fe7ae0cb6dc65c3af9b61d5209"
		      "f439851db43d0ba5997337df154668eb" },
	};
	char data[64];
	size_t i;

	memset(data, 'a', sizeof(data));
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		OAT_ASSERT_THAT(strcmp(hash_of(data, examples[i].size, 7),
				    examples[i].hash) == 0,
		    "%zu bytes", examples[i].size);
}

/* RFC 4231, cases 1, 2, 6 and 7: keys within a block and longer. */
static void
test_hmac_sha256_of_rfc_4231(void)
{
	static const struct {
		const char *key;
		size_t key_size;
		const char *data, *mac;
	} cases[] = {
		{ "\x0b", 20, "Hi There",
		    "b0344c61d8db38535ca8afceaf0bf12b"
		    "881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe", 4, "what do ya want for nothing?",
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843" },
		{ "\xaa", 131,
		    "Test Using Larger Than Block-Size Key - Hash Key First",
		    "60e431591ee0b67f0d8a26aacbf5b77f"
		    "8e0bc6213728c5140546040f0ee37f54" },
		{ "\xaa", 131,
		    "This is a test using a larger than block-size key and a "
		    "larger than block-size data. The key needs to be hashed "
		    "before being used by the HMAC algorithm.",
		    "9b09ffa71b942fcb27635fbcd5b0e944"
		    "bfdc63644f0713938a7f51535c3a35e2" },
	};
	uint8_t mac[OAT_SHA256_SIZE];
	char key[131];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].key[1] == '\0')
			memset(key, cases[i].key[0], cases[i].key_size);
		else
			memcpy(key, cases[i].key, cases[i].key_size);
		oat_hmac_sha256(key, cases[i].key_size, cases[i].data,
		    strlen(cases[i].data), mac);
		OAT_ASSERT_THAT(
		    strcmp(hex(mac), cases[i].mac) == 0, "%s", cases[i].data);
	}
}

static void
test_hmac_sha256_may_replace_its_data(void)
{
	uint8_t data[OAT_SHA256_SIZE] = "data", mac[OAT_SHA256_SIZE];

	oat_hmac_sha256("key", 3, data, sizeof(data), mac);
	oat_hmac_sha256("key", 3, data, sizeof(data), data);
	CU_ASSERT_EQUAL(memcmp(data, mac, sizeof(mac)), 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_sha256_of_the_standards_examples),
	OAT_TEST(test_sha256_of_a_million_letters_whatever_the_pieces),
	OAT_TEST(test_sha256_at_the_ends_of_blocks),
	OAT_TEST(test_hmac_sha256_of_rfc_4231),
	OAT_TEST(test_hmac_sha256_may_replace_its_data),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "sha256", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
