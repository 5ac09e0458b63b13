/* SPDX-License-Identifier: MIT */
#include "common/hostkeys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runner.h"

static char folder[32], pattern[64], is[65536];

static int
set_up(void)
{
	strcpy(folder, "/tmp/oat-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(pattern, sizeof(pattern), "%s/*.pub", folder);
	return 0;
}

static int
tear_down(void)
{
	return rmdir(folder);
}

static void
put(const char *name, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static void
drop(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static size_t
collect(void)
{
	FILE *out = fmemopen(is, sizeof(is), "w");
	size_t count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	memset(is, 0, sizeof(is));
	count = oat_hostkeys_write(pattern, out);
	fclose(out);
	return count;
}

static void
test_hostkeys_are_written_without_their_comments(void)
{
	put("a.pub", "ecdsa-sha2-nistp256 AAAA+/== root@web-1 \"it's\"\n");
	put("b.pub", "ssh-ed25519 BBBB\n");
	put("c.pub", "sk-ssh-ed25519@openssh.com CCCC");
	put("d.key", "ssh-rsa DDDD\n");
	CU_ASSERT_EQUAL(collect(), 3);
	CU_ASSERT_STRING_EQUAL(is, "\"ecdsa-sha2-nistp256 AAAA+/==\","
				   "\"ssh-ed25519 BBBB\","
				   "\"sk-ssh-ed25519@openssh.com CCCC\"");
	drop("a.pub");
	drop("b.pub");
	drop("c.pub");
	drop("d.key");
}

static void
test_hostkeys_that_are_none_are_left_out(void)
{
	static const char *const texts[] = { "", "\n", "ssh-rsa", "ssh-rsa ",
		"ssh-rsa \n", "ssh-rsa A'A\n", "ssh-rsa AA\"}", "rsa AAAA",
		" ssh-rsa AAAA", "ssh-RSA AAAA", "ssh-rsa\tAAAA",
		"ssh-rsa'; drop AAAA",
		"-----BEGIN OPENSSH PRIVATE KEY-----\n" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put("a.pub", texts[i]);
		OAT_ASSERT_THAT(
		    collect() == 0 && is[0] == '\0', "%s: %s", texts[i], is);
	}
	drop("a.pub");
	CU_ASSERT_EQUAL(collect(), 0);
}

static void
test_hostkeys_longer_than_a_line_are_left_out(void)
{
	char *text = malloc(20000);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'A', 19999);
	text[19999] = '\0';
	memcpy(text, "ssh-rsa ", 8);
	put("a.pub", text);
	CU_ASSERT_EQUAL(collect(), 0);
	text[8008] = '\n';
	put("a.pub", text);
	CU_ASSERT_EQUAL(collect(), 1);
	CU_ASSERT_EQUAL(strlen(is), 8010);
	drop("a.pub");
	free(text);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_hostkeys_are_written_without_their_comments),
	OAT_TEST(test_hostkeys_that_are_none_are_left_out),
	OAT_TEST(test_hostkeys_longer_than_a_line_are_left_out),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "hostkeys", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
