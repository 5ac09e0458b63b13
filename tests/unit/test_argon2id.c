/* SPDX-License-Identifier: MIT */
#include "common/argon2id.h"

#include <argon2.h>
#include <dirent.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner.h"

#define TOKEN "oat_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3Xnoee"
#define OTHER "oat_zzzzzzzzzzzz_000000000000000000000000000000002WMCSw"

static struct oat_token
token_of(const char *text)
{
	struct oat_token token = { "", "" };

	CU_ASSERT_EQUAL(oat_token_parse(text, &token), OAT_OK);
	return token;
}

/* A verifier of TOKEN with these parameters, by libargon2's own interface. */
static struct oat_verifier
reference(uint32_t m_kib, uint32_t t, uint32_t p, size_t salt, size_t hash)
{
	struct oat_verifier v = { "0123456789ab", m_kib, t, p, { 0 }, salt,
		{ 0 }, hash };
	size_t i;

	for (i = 0; i < salt; i++)
		v.salt[i] = (uint8_t)(i * 59 + 1);
	CU_ASSERT_EQUAL(argon2id_hash_raw(t, m_kib, p, TOKEN, strlen(TOKEN),
			    v.salt, salt, v.hash, hash),
	    ARGON2_OK);
	return v;
}

static bool
is_right(
    struct oat_argon2id *memory, const struct oat_verifier *v, const char *text)
{
	struct oat_token token = token_of(text);
	bool right = false;

	CU_ASSERT_EQUAL(oat_argon2id_check(memory, v, &token, &right), OAT_OK);
	return right;
}

/* The library itself, by the vector of RFC 9106, section 5.3. */
static void
test_argon2id_library_computes_the_vector_of_rfc_9106(void)
{
	static const uint8_t expected[32] = { 0x0d, 0x64, 0x0d, 0xf5, 0x8d,
		0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53,
		0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5,
		0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59 };
	uint8_t password[32], salt[16], secret[8], associated[12], out[32];
	argon2_context context = { .out = out,
		.outlen = 32,
		.pwd = password,
		.pwdlen = 32,
		.salt = salt,
		.saltlen = 16,
		.secret = secret,
		.secretlen = 8,
		.ad = associated,
		.adlen = 12,
		.t_cost = 3,
		.m_cost = 32,
		.lanes = 4,
		.threads = 1,
		.version = ARGON2_VERSION_13 };

	memset(password, 1, sizeof(password));
	memset(salt, 2, sizeof(salt));
	memset(secret, 3, sizeof(secret));
	memset(associated, 4, sizeof(associated));
	CU_ASSERT_EQUAL(argon2_ctx(&context, Argon2_id), ARGON2_OK);
	CU_ASSERT_EQUAL(memcmp(out, expected, sizeof(out)), 0);
}

static void
test_argon2id_agrees_with_the_library_at_every_bound(void)
{
	static const struct {
		uint32_t m_kib, t, p;
		size_t salt, hash;
	} samples[] = {
		{ 7168, 5, 1, 16, 32 },
		{ 8, 1, 1, 8, 16 },
		{ 32, 8, 4, 48, 64 },
		{ 33, 2, 3, 9, 17 },
		{ 65536, 1, 2, 16, 32 },
	};
	struct oat_verifier v;
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		v = reference(samples[i].m_kib, samples[i].t, samples[i].p,
		    samples[i].salt, samples[i].hash);
		OAT_ASSERT_THAT(is_right(NULL, &v, TOKEN), "sample %zu", i);
	}
}

static void
test_argon2id_minted_verifier_is_right_for_its_token_alone(void)
{
	struct oat_token token = token_of(TOKEN);
	struct oat_verifier v;

	CU_ASSERT_EQUAL_FATAL(oat_argon2id_verifier(&token, &v), OAT_OK);
	CU_ASSERT_STRING_EQUAL(v.selector, token.selector);
	CU_ASSERT_EQUAL(v.m_kib, OAT_ARGON2_M_KIB);
	CU_ASSERT_EQUAL(v.t, OAT_ARGON2_T);
	CU_ASSERT_EQUAL(v.p, OAT_ARGON2_P);
	CU_ASSERT_EQUAL(v.salt_size, OAT_ARGON2_SALT);
	CU_ASSERT_EQUAL(v.hash_size, OAT_ARGON2_HASH);
	CU_ASSERT_TRUE(is_right(NULL, &v, TOKEN));
	CU_ASSERT_FALSE(is_right(NULL, &v, OTHER));
}

static void
test_argon2id_minted_salts_differ(void)
{
	struct oat_token token = token_of(TOKEN);
	struct oat_verifier a, b;

	CU_ASSERT_EQUAL_FATAL(oat_argon2id_verifier(&token, &a), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(oat_argon2id_verifier(&token, &b), OAT_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(a.salt, b.salt, OAT_ARGON2_SALT), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a.hash, b.hash, OAT_ARGON2_HASH), 0);
}

static void
test_argon2id_case_51_each_changed_bit_of_the_hash_is_wrong(void)
{
	struct oat_verifier v = reference(8, 1, 1, 8, 16);
	size_t i;

	for (i = 0; i < v.hash_size * 8; i++) {
		v.hash[i / 8] ^= (uint8_t)(1 << i % 8);
		OAT_ASSERT_THAT(!is_right(NULL, &v, TOKEN), "bit %zu", i);
		v.hash[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	CU_ASSERT_TRUE(is_right(NULL, &v, TOKEN));
}

static void
test_argon2id_hash_of_the_token_under_another_selector_is_wrong(void)
{
	struct oat_verifier v = reference(8, 1, 1, 8, 16);

	v.selector[0] = 'x';
	CU_ASSERT_FALSE(is_right(NULL, &v, TOKEN));
}

static void
test_argon2id_prepared_memory_of_any_size_gives_the_same_answer(void)
{
	static const uint32_t sizes[] = { 1, 63, 64, 65, 7168 };
	struct oat_verifier v = reference(64, 2, 2, 16, 32);
	struct oat_argon2id *memory;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memory = NULL;
		CU_ASSERT_EQUAL_FATAL(
		    oat_argon2id_prepare(sizes[i], &memory), OAT_OK);
		CU_ASSERT_TRUE(is_right(memory, &v, TOKEN));
		CU_ASSERT_FALSE(is_right(memory, &v, OTHER));
		CU_ASSERT_TRUE(is_right(memory, &v, TOKEN));
		oat_argon2id_free(memory);
	}
}

static void
test_argon2id_prepare_is_bounded(void)
{
	struct oat_argon2id *memory = NULL;

	CU_ASSERT_EQUAL(oat_argon2id_prepare(0, &memory), OAT_INVALID);
	CU_ASSERT_EQUAL(oat_argon2id_prepare(OAT_ARGON2_M_KIB_MAX + 1, &memory),
	    OAT_INVALID);
	CU_ASSERT_EQUAL(oat_argon2id_prepare(UINT32_MAX, &memory), OAT_INVALID);
	CU_ASSERT_PTR_NULL(memory);
	CU_ASSERT_EQUAL(
	    oat_argon2id_prepare(OAT_ARGON2_M_KIB_MAX, &memory), OAT_OK);
	oat_argon2id_free(memory);
	oat_argon2id_free(NULL);
}

static void
test_argon2id_case_46_parameters_out_of_bounds_are_not_computed(void)
{
	static const struct {
		uint32_t m_kib, t, p;
		size_t salt, hash;
	} samples[] = {
		{ 7, 1, 1, 16, 32 },
		{ OAT_ARGON2_M_KIB_MAX + 1, 1, 1, 16, 32 },
		{ UINT32_MAX, 1, 1, 16, 32 },
		{ 31, 1, 4, 16, 32 },
		{ 64, 0, 1, 16, 32 },
		{ 64, 9, 1, 16, 32 },
		{ 64, UINT32_MAX, 1, 16, 32 },
		{ 64, 1, 0, 16, 32 },
		{ 64, 1, 5, 16, 32 },
		{ 64, 1, 1, 7, 32 },
		{ 64, 1, 1, 49, 32 },
		{ 64, 1, 1, 16, 15 },
		{ 64, 1, 1, 16, 65 },
	};
	struct oat_token token = token_of(TOKEN);
	struct oat_verifier v = { .selector = "0123456789ab" };
	bool right;
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		v.m_kib = samples[i].m_kib;
		v.t = samples[i].t;
		v.p = samples[i].p;
		v.salt_size = samples[i].salt;
		v.hash_size = samples[i].hash;
		right = true;
		OAT_ASSERT_THAT(
		    oat_argon2id_check(NULL, &v, &token, &right) == OAT_INVALID,
		    "sample %zu", i);
		OAT_ASSERT_THAT(right, "sample %zu touched the result", i);
	}
}

static int
count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	while (tasks != NULL && (entry = readdir(tasks)) != NULL)
		count += entry->d_name[0] != '.';
	if (tasks != NULL)
		closedir(tasks);
	return count;
}

/* In a child that may start nothing, lanes are computed all the same. */
static void
test_argon2id_lanes_need_no_thread(void)
{
	struct oat_verifier v = reference(256, 2, 4, 16, 32);
	struct oat_token token = token_of(TOKEN);
	struct rlimit none = { 0, 0 };
	bool right = false;
	int threads = count_threads(), status = -1;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (setrlimit(RLIMIT_NPROC, &none) == -1 ||
		    (geteuid() == 0 && setuid(65534) == -1) ||
		    oat_argon2id_check(NULL, &v, &token, &right) != OAT_OK)
			_exit(2);
		_exit(right ? 0 : 1);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_TRUE(is_right(NULL, &v, TOKEN));
	CU_ASSERT_EQUAL(count_threads(), threads);
}

static void
test_argon2id_no_memory_is_nomem_and_untouched(void)
{
	struct oat_verifier v = reference(64, 1, 1, 16, 32);
	struct oat_token token = token_of(TOKEN);
	struct rlimit little = { 4096, 4096 };
	bool right = true;
	int status = -1;
	pid_t pid;

	v.m_kib = OAT_ARGON2_M_KIB_MAX;
	pid = fork();
	if (pid == 0) {
		if (setrlimit(RLIMIT_AS, &little) == -1)
			_exit(3);
		_exit(
		    oat_argon2id_check(NULL, &v, &token, &right) != OAT_NOMEM ||
		    !right);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_argon2id_library_computes_the_vector_of_rfc_9106),
	OAT_TEST(test_argon2id_agrees_with_the_library_at_every_bound),
	OAT_TEST(test_argon2id_minted_verifier_is_right_for_its_token_alone),
	OAT_TEST(test_argon2id_minted_salts_differ),
	OAT_TEST(test_argon2id_case_51_each_changed_bit_of_the_hash_is_wrong),
	OAT_TEST(
	    test_argon2id_hash_of_the_token_under_another_selector_is_wrong),
	OAT_TEST(
	    test_argon2id_prepared_memory_of_any_size_gives_the_same_answer),
	OAT_TEST(test_argon2id_prepare_is_bounded),
	OAT_TEST(
	    test_argon2id_case_46_parameters_out_of_bounds_are_not_computed),
	OAT_TEST(test_argon2id_lanes_need_no_thread),
	OAT_TEST(test_argon2id_no_memory_is_nomem_and_untouched),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "argon2id", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
