/* SPDX-License-Identifier: MIT */
#include "common/prover.h"

#include "common/argon2id.h"
#include "common/base62.h"
#include "common/crc32.h"
#include "common/verifier.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct oat_account nobody = { 65534, 65534 };

static struct oat_token token;
static struct oat_verifier parts;
static char verifier[OAT_VERIFIER_MAX];

static int
set_up(void)
{
	if (oat_token_generate(&token) != OAT_OK ||
	    oat_argon2id_verifier(&token, &parts) != OAT_OK)
		return 1;
	return oat_verifier_format(&parts, verifier, sizeof(verifier)) !=
	       OAT_OK;
}

static struct oat_deadline
soon(void)
{
	return oat_deadline_in_ms(OAT_LONG_MS);
}

static struct oat_child
start(void)
{
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL_FATAL(oat_prover_start(&nobody, &child), OAT_OK);
	return child;
}

static enum oat_status
ask(struct oat_child *child, const char *text, const struct oat_token *whose,
    bool *ret_right)
{
	return oat_prover_check(child, text, whose, soon(), ret_right);
}

/* The token with one character of its secret changed and its check mended. */
static struct oat_token
with_other_secret(size_t index)
{
	struct oat_token other = token;
	char *c = &other.text[17 + index];

	*c = *c == 'x' ? 'y' : 'x';
	oat_base62_encode(oat_crc32(other.text, 49), other.text + 49);
	return other;
}

/* --- answers ------------------------------------------------------------ */

static void
test_prover_right_token_is_right(void)
{
	struct oat_child child = start();
	bool right = false;

	oat_prover_prepare(&child, soon());
	CU_ASSERT_EQUAL(ask(&child, verifier, &token, &right), OAT_OK);
	CU_ASSERT_TRUE(right);
	oat_child_end(&child);
}

static void
test_prover_unprepared_answers_the_same(void)
{
	struct oat_child child = start();
	bool right = false;

	CU_ASSERT_EQUAL(ask(&child, verifier, &token, &right), OAT_OK);
	CU_ASSERT_TRUE(right);
	oat_child_end(&child);
}

static void
test_prover_wrong_secret_is_wrong(void)
{
	static const size_t places[] = { 0, 15, 31 };
	struct oat_child child = start();
	struct oat_token other;
	bool right;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		other = with_other_secret(places[i]);
		right = true;
		OAT_ASSERT_THAT(
		    ask(&child, verifier, &other, &right) == OAT_OK && !right,
		    "character %zu", places[i]);
	}
	oat_child_end(&child);
}

static void
test_prover_other_selector_is_invalid(void)
{
	struct oat_child child = start();
	struct oat_token other;
	bool right = true;

	CU_ASSERT_EQUAL_FATAL(oat_token_generate(&other), OAT_OK);
	CU_ASSERT_EQUAL(ask(&child, verifier, &other, &right), OAT_INVALID);
	CU_ASSERT_TRUE(right);
	oat_child_end(&child);
}

/* case 46: what the database may hold, and libargon2 would take. */
static void
test_prover_case_46_bad_verifier_is_invalid_and_the_next_one_is_answered(void)
{
	static const char *const bad[] = {
		"",
		"?",
		"%.12s",
		"%.12s$argon2i$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ$"
		"aGFzaGhhc2hoYXNoaGFzaA",
		"%.12s$argon2id$v=16$m=7168,t=5,p=1$c2FsdHNhbHQ$"
		"aGFzaGhhc2hoYXNoaGFzaA",
		"%.12s$argon2id$v=19$m=4194304,t=5,p=1$c2FsdHNhbHQ$"
		"aGFzaGhhc2hoYXNoaGFzaA",
		"%.12s$argon2id$v=19$m=7168,t=4294967295,p=1$c2FsdHNhbHQ$"
		"aGFzaGhhc2hoYXNoaGFzaA",
		"%.12s$argon2id$v=19$m=7168,t=5,p=255$c2FsdHNhbHQ$"
		"aGFzaGhhc2hoYXNoaGFzaA",
		"%.12s$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ$"
		"aGFzaGhhc2hoYXNoaGFzaA$",
	};
	struct oat_child child = start();
	char text[OAT_VERIFIER_MAX];
	bool right = false;
	size_t i, length;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		length = strncmp(bad[i], "%.12s", 5) == 0 ? 5 : 0;
		(void)snprintf(text, sizeof(text), "%s%s",
		    length != 0 ? token.selector : "", bad[i] + length);
		OAT_ASSERT_THAT(
		    ask(&child, text, &token, &right) == OAT_INVALID, "%s",
		    text);
	}
	CU_ASSERT_EQUAL(ask(&child, verifier, &token, &right), OAT_OK);
	CU_ASSERT_TRUE(right);
	oat_child_end(&child);
}

/* The largest parameters that are allowed fit into the child's memory. */
static void
test_prover_largest_parameters_are_computed(void)
{
	struct oat_verifier large = parts;
	struct oat_child child = start();
	char text[OAT_VERIFIER_MAX];
	bool right = true;

	large.m_kib = OAT_ARGON2_M_KIB_MAX;
	large.t = 1;
	large.p = OAT_ARGON2_P_MAX;
	CU_ASSERT_EQUAL_FATAL(
	    oat_verifier_format(&large, text, sizeof(text)), OAT_OK);
	oat_prover_prepare(&child, soon());
	CU_ASSERT_EQUAL(ask(&child, text, &token, &right), OAT_OK);
	CU_ASSERT_FALSE(right);
	oat_child_end(&child);
}

/* --- a child that fails ------------------------------------------------- */

static void
test_prover_that_was_killed_is_unavailable(void)
{
	struct oat_child child = start();
	bool right = true;

	CU_ASSERT_EQUAL(kill(child.pid, SIGKILL), 0);
	oat_prover_prepare(&child, soon());
	CU_ASSERT_EQUAL(ask(&child, verifier, &token, &right), OAT_UNAVAILABLE);
	CU_ASSERT_TRUE(right);
	oat_child_end(&child);
	CU_ASSERT_TRUE(oat_is_childless());
}

static void
test_prover_that_stopped_is_a_timeout(void)
{
	struct oat_child child = start();
	bool right = true;

	CU_ASSERT_EQUAL(kill(child.pid, SIGSTOP), 0);
	CU_ASSERT_EQUAL(oat_prover_check(&child, verifier, &token,
			    oat_deadline_in_ms(OAT_BRIEF_MS), &right),
	    OAT_TIMEOUT);
	CU_ASSERT_TRUE(right);
	oat_child_end(&child);
}

/* case 19: a child that answers these two numbers, and perhaps a third. */
struct lie {
	uint32_t checked, right;
	bool more;
	enum oat_status expected;
};

static void
tell_lie(int fd, void *context)
{
	const struct lie *lie = context;
	struct oat_wire in = { 0 }, out = { 0 };

	(void)oat_wire_receive(&in, fd, soon());
	oat_wire_put_u32(&out, lie->checked);
	oat_wire_put_u32(&out, lie->right);
	if (lie->more)
		oat_wire_put_u32(&out, 1);
	(void)oat_wire_send(&out, fd, soon());
}

static void
test_prover_case_19_lie_never_counts_as_right(void)
{
	static struct lie lies[] = {
		{ OAT_OK, 2, false, OAT_UNAVAILABLE },
		{ OAT_OK, 1, true, OAT_UNAVAILABLE },
		{ OAT_NOMEM, 1, false, OAT_UNAVAILABLE },
		{ OAT_NOTFOUND, 1, false, OAT_UNAVAILABLE },
		{ UINT32_MAX, 1, false, OAT_UNAVAILABLE },
		{ OAT_INVALID, 1, false, OAT_INVALID },
	};
	struct oat_child child;
	bool right;
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		right = false;
		CU_ASSERT_EQUAL_FATAL(
		    oat_child_start(&nobody, 0, tell_lie, &lies[i], &child),
		    OAT_OK);
		OAT_ASSERT_THAT(
		    ask(&child, verifier, &token, &right) == lies[i].expected &&
			!right,
		    "lie %zu", i);
		oat_child_end(&child);
	}
}

static CU_TestInfo answers[] = {
	OAT_TEST(test_prover_right_token_is_right),
	OAT_TEST(test_prover_unprepared_answers_the_same),
	OAT_TEST(test_prover_wrong_secret_is_wrong),
	OAT_TEST(test_prover_other_selector_is_invalid),
	OAT_TEST(
	    test_prover_case_46_bad_verifier_is_invalid_and_the_next_one_is_answered),
	OAT_TEST(test_prover_largest_parameters_are_computed),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo failures[] = {
	OAT_TEST(test_prover_that_was_killed_is_unavailable),
	OAT_TEST(test_prover_that_stopped_is_a_timeout),
	OAT_TEST(test_prover_case_19_lie_never_counts_as_right),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "prover: answers", set_up, NULL, NULL, NULL, answers },
	{ "prover: failures", set_up, NULL, NULL, NULL, failures },
	CU_SUITE_INFO_NULL,
};
