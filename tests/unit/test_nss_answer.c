/* SPDX-License-Identifier: MIT */
#include "nss_oat/answer.h"

#include <errno.h>

#include "tests/runner.h"

/* libc aborts its process for a status that is out of range. */
static void
test_nss_answer_case_24_each_status_has_one_answer_and_errno(void)
{
	static const struct {
		enum oat_status status;
		enum nss_status answer;
		int error;
	} expected[] = {
		{ OAT_OK, NSS_STATUS_SUCCESS, 1234 },
		{ OAT_NOTFOUND, NSS_STATUS_NOTFOUND, ENOENT },
		{ OAT_RANGE, NSS_STATUS_TRYAGAIN, ERANGE },
		{ OAT_NOMEM, NSS_STATUS_TRYAGAIN, ENOMEM },
		{ OAT_TIMEOUT, NSS_STATUS_TRYAGAIN, EAGAIN },
		{ OAT_INVALID, NSS_STATUS_UNAVAIL, EIO },
		{ OAT_UNAVAILABLE, NSS_STATUS_UNAVAIL, EIO },
		{ OAT_SYSTEM, NSS_STATUS_UNAVAIL, EIO },
		{ (enum oat_status)99, NSS_STATUS_UNAVAIL, EIO },
	};
	enum nss_status answer;
	size_t i;

	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		errno = 1;
		answer = oat_nss_answer(expected[i].status, 1234, &errno);
		OAT_ASSERT_THAT(
		    answer == expected[i].answer && errno == expected[i].error,
		    "status %d: %d, errno %d", (int)expected[i].status,
		    (int)answer, errno);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nss_answer_case_24_each_status_has_one_answer_and_errno),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "nss_answer", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
