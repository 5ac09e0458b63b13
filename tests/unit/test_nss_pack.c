/* SPDX-License-Identifier: MIT */
/* Case 21: every buffer size, at odd addresses, between guard bytes. */
#include "nss_oat/pack.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "tests/runner.h"

#define SIZES 4096
#define ADDRESSES 9 /* all remainders of a pointer's alignment, one twice */
#define GUARD 64
#define GUARD_BYTE 0x5a

static unsigned char arena[GUARD + ADDRESSES + SIZES + GUARD];

static const struct oat_nss_found found = {
	.record = {
		.kind = OAT_RECORD_IDENTITY,
		.name = "oat-acme-ci-deploy",
		.id = 70010,
		.active = true,
		.shell = "/bin/bash",
	},
	.home_root = "/var/lib/oat/home",
};

/* "name" "*" "gecos" "home" "shell", with their NULs */
#define PASSWD_SIZE                                          \
	(sizeof("oat-acme-ci-deploy") + sizeof("*") +        \
	    sizeof("oat acme/ci-deploy") +                   \
	    sizeof("/var/lib/oat/home/oat-acme-ci-deploy") + \
	    sizeof("/bin/bash"))

/* a pointer, "name", "*" */
#define GROUP_SIZE (sizeof(char *) + sizeof("oat-acme-ci-deploy") + sizeof("*"))

static char *
fresh_buffer(size_t address)
{
	memset(arena, GUARD_BYTE, sizeof(arena));
	return (char *)arena + GUARD + address;
}

/* Nothing outside of [buffer, buffer + size) was written. */
static bool
is_guarded(const char *buffer, size_t size)
{
	const unsigned char *begin = (const unsigned char *)buffer;
	const unsigned char *c;

	for (c = arena; c < begin; c++)
		if (*c != GUARD_BYTE)
			return false;
	for (c = begin + size; c < arena + sizeof(arena); c++)
		if (*c != GUARD_BYTE)
			return false;
	return true;
}

static bool
is_inside(const void *text, size_t length, const char *buffer, size_t size)
{
	const char *begin = text;

	return begin >= buffer && begin + length <= buffer + size;
}

static bool
has_text(
    const char *text, const char *expected, const char *buffer, size_t size)
{
	return is_inside(text, strlen(expected) + 1, buffer, size) &&
	       strcmp(text, expected) == 0;
}

static bool
is_passwd_right(const struct passwd *passwd, const char *buffer, size_t size)
{
	return passwd->pw_uid == 70010 && passwd->pw_gid == 70010 &&
	       has_text(passwd->pw_name, "oat-acme-ci-deploy", buffer, size) &&
	       has_text(passwd->pw_passwd, "*", buffer, size) &&
	       has_text(passwd->pw_gecos, "oat acme/ci-deploy", buffer, size) &&
	       has_text(passwd->pw_dir, "/var/lib/oat/home/oat-acme-ci-deploy",
		   buffer, size) &&
	       has_text(passwd->pw_shell, "/bin/bash", buffer, size);
}

static bool
is_group_right(const struct group *group, const char *buffer, size_t size)
{
	return group->gr_gid == 70010 &&
	       has_text(group->gr_name, "oat-acme-ci-deploy", buffer, size) &&
	       has_text(group->gr_passwd, "*", buffer, size) &&
	       is_inside(group->gr_mem, sizeof(char *), buffer, size) &&
	       (uintptr_t)group->gr_mem % alignof(char *) == 0 &&
	       group->gr_mem[0] == NULL;
}

static void
case_21_pack_passwd_at_every_size_is_range_until_it_fits(void)
{
	struct passwd passwd, untouched;
	enum oat_status status, expected;
	size_t address, size;
	char *buffer;

	memset(&untouched, 0x11, sizeof(untouched));
	for (address = 0; address < ADDRESSES; address++)
		for (size = 0; size <= SIZES; size++) {
			buffer = fresh_buffer(address);
			memcpy(&passwd, &untouched, sizeof(passwd));
			expected = size < PASSWD_SIZE ? OAT_RANGE : OAT_OK;
			status =
			    oat_nss_pack_passwd(&found, &passwd, buffer, size);
			OAT_ASSERT_THAT(status == expected,
			    "size %zu at %zu: status %d", size, address,
			    status);
			OAT_ASSERT_THAT(is_guarded(buffer, size),
			    "size %zu at %zu", size, address);
			if (status == OAT_OK)
				OAT_ASSERT_THAT(
				    is_passwd_right(&passwd, buffer, size),
				    "size %zu at %zu", size, address);
			else
				OAT_ASSERT_THAT(memcmp(&passwd, &untouched,
						    sizeof(passwd)) == 0,
				    "size %zu at %zu", size, address);
		}
}

static void
case_21_pack_group_at_every_size_is_range_until_it_fits(void)
{
	struct group group, untouched;
	enum oat_status status, expected;
	size_t address, size, gap;
	char *buffer;

	memset(&untouched, 0x11, sizeof(untouched));
	for (address = 0; address < ADDRESSES; address++)
		for (size = 0; size <= SIZES; size++) {
			buffer = fresh_buffer(address);
			memcpy(&group, &untouched, sizeof(group));
			gap = -(uintptr_t)buffer % alignof(char *);
			expected = size < gap + GROUP_SIZE ? OAT_RANGE : OAT_OK;
			status = oat_nss_pack_group(
			    &found.record, &group, buffer, size);
			OAT_ASSERT_THAT(status == expected,
			    "size %zu at %zu: status %d", size, address,
			    status);
			OAT_ASSERT_THAT(is_guarded(buffer, size),
			    "size %zu at %zu", size, address);
			if (status == OAT_OK)
				OAT_ASSERT_THAT(
				    is_group_right(&group, buffer, size),
				    "size %zu at %zu", size, address);
			else
				OAT_ASSERT_THAT(memcmp(&group, &untouched,
						    sizeof(group)) == 0,
				    "size %zu at %zu", size, address);
		}
}

static void
test_nss_pack_of_the_longest_fields_fits_in_1024_bytes(void)
{
	struct oat_nss_found longest = found;
	struct passwd passwd;
	char *buffer = fresh_buffer(0);

	strcpy(longest.record.name, "oat-abcdefghijklmnop-abcdefghijk");
	memset(longest.record.shell, '/', OAT_SHELL_MAX);
	longest.record.shell[OAT_SHELL_MAX] = '\0';
	memset(longest.home_root, '/', OAT_HOME_ROOT_MAX);
	longest.home_root[OAT_HOME_ROOT_MAX] = '\0';
	CU_ASSERT_EQUAL(
	    oat_nss_pack_passwd(&longest, &passwd, buffer, 1024), OAT_OK);
	CU_ASSERT_STRING_EQUAL(
	    passwd.pw_gecos, "oat abcdefghijklmnop/abcdefghijk");
	CU_ASSERT_EQUAL(
	    strlen(passwd.pw_dir), OAT_HOME_ROOT_MAX + 1 + OAT_LOGIN_MAX);
}

static CU_TestInfo tests[] = {
	OAT_TEST(case_21_pack_passwd_at_every_size_is_range_until_it_fits),
	OAT_TEST(case_21_pack_group_at_every_size_is_range_until_it_fits),
	OAT_TEST(test_nss_pack_of_the_longest_fields_fits_in_1024_bytes),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_pack", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
