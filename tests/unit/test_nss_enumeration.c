/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nss_oat/nss_oat.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

#define MEMBERS 300

static struct passwd passwd;
static struct group group;
static char buffer[4096];

static enum nss_status
next_user(size_t size)
{
	errno = 1234;
	return _nss_oat_getpwent_r(&passwd, buffer, size, &errno);
}

static enum nss_status
next_group(size_t size)
{
	errno = 1234;
	return _nss_oat_getgrent_r(&group, buffer, size, &errno);
}

/* The rest of the users, which must ascend from `first` on. */
static size_t
walk_users(size_t first)
{
	size_t i = first;

	while (next_user(sizeof(buffer)) == NSS_STATUS_SUCCESS) {
		OAT_ASSERT_THAT(
		    passwd.pw_uid == OAT_MEMBER_UID + i && errno == 1234,
		    "member %zu is %u", i, passwd.pw_uid);
		i++;
	}
	CU_ASSERT_EQUAL(errno, ENOENT);
	return i;
}

static void
test_nss_enumeration_gives_all_users_twice_if_asked(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_publish(MEMBERS, 0);
	CU_ASSERT_EQUAL(walk_users(0), MEMBERS);
	CU_ASSERT_EQUAL(next_user(sizeof(buffer)), NSS_STATUS_NOTFOUND);
	CU_ASSERT_EQUAL(_nss_oat_setpwent(0), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(walk_users(0), MEMBERS);
	CU_ASSERT_EQUAL(_nss_oat_endpwent(), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(walk_users(0), MEMBERS);
	CU_ASSERT_EQUAL(_nss_oat_endpwent(), NSS_STATUS_SUCCESS);
}

static void
test_nss_enumeration_gives_all_groups_and_tokens_own(void)
{
	size_t count = 0;

	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(_nss_oat_setgrent(1), NSS_STATUS_SUCCESS);
	while (next_group(sizeof(buffer)) == NSS_STATUS_SUCCESS) {
		if (count < OAT_MEMBER_GROUPS)
			CU_ASSERT_EQUAL(group.gr_gid, oat_member_gids[count]);
		count++;
	}
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(count, OAT_MEMBER_GROUPS + MEMBERS);
	CU_ASSERT_EQUAL(_nss_oat_endgrent(), NSS_STATUS_SUCCESS);
}

static void
case_21_short_buffers_skip_nobody(void)
{
	size_t i, size;

	if (!oat_population_is_root())
		return;
	(void)_nss_oat_setpwent(0);
	for (i = 0; i < MEMBERS; i++) {
		size = 0;
		while (next_user(size) == NSS_STATUS_TRYAGAIN) {
			CU_ASSERT_EQUAL(errno, ERANGE);
			size += 1 + size / 4;
		}
		CU_ASSERT_EQUAL(passwd.pw_uid, OAT_MEMBER_UID + i);
	}
	CU_ASSERT_EQUAL(next_user(0), NSS_STATUS_NOTFOUND);
	(void)_nss_oat_endpwent();
}

static void
test_nss_enumerations_of_users_and_groups_are_apart(void)
{
	if (!oat_population_is_root())
		return;
	CU_ASSERT_EQUAL(next_user(sizeof(buffer)), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(next_group(sizeof(buffer)), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(next_group(sizeof(buffer)), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(next_user(sizeof(buffer)), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(passwd.pw_uid, OAT_MEMBER_UID + 1);
	CU_ASSERT_EQUAL(group.gr_gid, oat_member_gids[1]);
	(void)_nss_oat_endpwent();
	CU_ASSERT_EQUAL(next_group(sizeof(buffer)), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(group.gr_gid, oat_member_gids[2]);
	(void)_nss_oat_endgrent();
}

static void
test_nss_enumeration_goes_on_in_a_newer_snapshot(void)
{
	size_t i;

	if (!oat_population_is_root())
		return;
	for (i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(next_user(sizeof(buffer)), NSS_STATUS_SUCCESS);
	oat_population_publish(MEMBERS + 50, 1);
	/* Within 100 ms it may be the old one, to its end; then the newer. */
	CU_ASSERT_EQUAL(walk_users(100), MEMBERS + 50);
	(void)_nss_oat_endpwent();
}

static bool
walk_the_rest(void)
{
	return walk_users(100) == MEMBERS &&
	       _nss_oat_endpwent() == NSS_STATUS_SUCCESS;
}

static void
case_11_nss_fork_in_the_middle_of_a_walk_both_go_on(void)
{
	size_t i;

	if (!oat_population_is_root())
		return;
	oat_population_forget();
	oat_population_publish(MEMBERS, 0);
	(void)_nss_oat_setpwent(0);
	for (i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(next_user(sizeof(buffer)), NSS_STATUS_SUCCESS);
	CU_ASSERT(oat_in_copy(walk_the_rest));
	CU_ASSERT(walk_the_rest());
}

static void
test_nss_enumeration_of_nothing_usable_is_unavailable(void)
{
	if (!oat_population_is_root())
		return;
	oat_population_forget();
	CU_ASSERT_EQUAL(_nss_oat_setpwent(0), NSS_STATUS_SUCCESS);
	CU_ASSERT_EQUAL(next_user(sizeof(buffer)), NSS_STATUS_UNAVAIL);
	CU_ASSERT_EQUAL(errno, EIO);
	CU_ASSERT_EQUAL(next_group(sizeof(buffer)), NSS_STATUS_UNAVAIL);
	CU_ASSERT_EQUAL(_nss_oat_endpwent(), NSS_STATUS_SUCCESS);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nss_enumeration_gives_all_users_twice_if_asked),
	OAT_TEST(test_nss_enumeration_gives_all_groups_and_tokens_own),
	OAT_TEST(case_21_short_buffers_skip_nobody),
	OAT_TEST(test_nss_enumerations_of_users_and_groups_are_apart),
	OAT_TEST(test_nss_enumeration_goes_on_in_a_newer_snapshot),
	OAT_TEST(case_11_nss_fork_in_the_middle_of_a_walk_both_go_on),
	OAT_TEST(test_nss_enumeration_of_nothing_usable_is_unavailable),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_enumeration",
	    .pInitFunc = oat_population_set_up,
	    .pCleanupFunc = oat_population_tear_down,
	    .pTests = tests },
	CU_SUITE_INFO_NULL,
};
