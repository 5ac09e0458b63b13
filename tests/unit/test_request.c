/* SPDX-License-Identifier: MIT */
#include "common/request.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/wire.h"
#include "tests/runner.h"

#define TOKEN "oat_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3Xnoee"

static const struct oat_request request_sample = {
	.phase = OAT_PHASE_AUTH,
	.login = "oat-acme-ci",
	.service = "sshd",
	.rhost = "10.1.2.3",
	.tty = "/dev/pts/1",
	.ruser = "-",
	.caller_pid = 4711,
	.token = TOKEN,
};

static const struct oat_answer answer_sample = {
	.verdict = OAT_DENIED,
	.reason = OAT_REASON_EXPIRED,
	.organization = "acme",
	.token_name = "ci",
	.message = "oat: acme/ci expired 2026-11-20 09:00 UTC",
	.detail = "it's \"so\"",
};

static struct oat_deadline
ample(void)
{
	return oat_deadline_in_ms(20000);
}

static enum oat_status
pass_request(const struct oat_request *request, struct oat_request *ret_copy)
{
	enum oat_status status;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	status = oat_request_send(request, fds[1], ample());
	if (status == OAT_OK)
		status = oat_request_receive(fds[0], ample(), ret_copy);
	close(fds[0]);
	close(fds[1]);
	return status;
}

static enum oat_status
pass_answer(const struct oat_answer *answer, struct oat_answer *ret_copy)
{
	enum oat_status status;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	status = oat_answer_send(answer, fds[1], ample());
	if (status == OAT_OK)
		status = oat_answer_receive(fds[0], ample(), ret_copy);
	close(fds[0]);
	close(fds[1]);
	return status;
}

/* Refused before a byte leaves: there is no descriptor to take one. */
static enum oat_status
send_request(const struct oat_request *request)
{
	return oat_request_send(request, -1, ample());
}

static enum oat_status
send_answer(const struct oat_answer *answer)
{
	return oat_answer_send(answer, -1, ample());
}

/* A message of a peer that checks nothing before it sends. */
static enum oat_status
receive_request(struct oat_wire *wire, struct oat_request *ret_request)
{
	enum oat_status status;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CU_ASSERT_EQUAL(oat_wire_send(wire, fds[1], ample()), OAT_OK);
	status = oat_request_receive(fds[0], ample(), ret_request);
	oat_wire_free(wire);
	close(fds[0]);
	close(fds[1]);
	return status;
}

static enum oat_status
receive_answer(struct oat_wire *wire, struct oat_answer *ret_answer)
{
	enum oat_status status;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CU_ASSERT_EQUAL(oat_wire_send(wire, fds[1], ample()), OAT_OK);
	status = oat_answer_receive(fds[0], ample(), ret_answer);
	oat_wire_free(wire);
	close(fds[0]);
	close(fds[1]);
	return status;
}

static void
put_request(struct oat_wire *wire, uint32_t phase, const char *login,
    const char *service, const char *token)
{
	oat_wire_put_u32(wire, phase);
	oat_wire_put_text(wire, login);
	oat_wire_put_text(wire, service);
	oat_wire_put_text(wire, "-");
	oat_wire_put_text(wire, "-");
	oat_wire_put_text(wire, "-");
	oat_wire_put_u32(wire, 1);
	oat_wire_put_text(wire, token);
}

static void
put_answer(struct oat_wire *wire, uint32_t verdict, uint32_t reason,
    const char *organization, const char *token_name, const char *message)
{
	oat_wire_put_u32(wire, verdict);
	oat_wire_put_u32(wire, reason);
	oat_wire_put_text(wire, organization);
	oat_wire_put_text(wire, token_name);
	oat_wire_put_text(wire, message);
	oat_wire_put_text(wire, "");
}

static void
test_request_arrives_as_it_was_sent(void)
{
	struct oat_request got;

	CU_ASSERT_EQUAL(pass_request(&request_sample, &got), OAT_OK);
	CU_ASSERT_EQUAL(got.phase, OAT_PHASE_AUTH);
	CU_ASSERT_STRING_EQUAL(got.login, "oat-acme-ci");
	CU_ASSERT_STRING_EQUAL(got.service, "sshd");
	CU_ASSERT_STRING_EQUAL(got.rhost, "10.1.2.3");
	CU_ASSERT_STRING_EQUAL(got.tty, "/dev/pts/1");
	CU_ASSERT_STRING_EQUAL(got.ruser, "-");
	CU_ASSERT_EQUAL(got.caller_pid, 4711);
	CU_ASSERT_STRING_EQUAL(got.token, TOKEN);
	oat_request_wipe(&got);
}

static void
test_request_longest_texts_arrive(void)
{
	struct oat_request request = request_sample, got;

	memset(request.service, 'x', OAT_ESCAPED_MAX - 1);
	memset(request.rhost, '~', OAT_ESCAPED_MAX - 1);
	memset(request.tty, '!', OAT_ESCAPED_MAX - 1);
	memset(request.ruser, ' ', OAT_ESCAPED_MAX - 1);
	CU_ASSERT_EQUAL(pass_request(&request, &got), OAT_OK);
	CU_ASSERT_EQUAL(memcmp(&request, &got, sizeof(got)), 0);
}

static void
test_request_token_travels_in_the_auth_phase_alone(void)
{
	static const enum oat_phase others[] = { OAT_PHASE_ACCOUNT,
		OAT_PHASE_OPEN, OAT_PHASE_CLOSE };
	struct oat_request request, got;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		request = request_sample;
		request.phase = others[i];
		CU_ASSERT_EQUAL(pass_request(&request, &got), OAT_INVALID);
		request.token[0] = '\0';
		CU_ASSERT_EQUAL(pass_request(&request, &got), OAT_OK);
		CU_ASSERT_EQUAL(got.phase, others[i]);
		CU_ASSERT_STRING_EQUAL(got.token, "");
	}
	request = request_sample;
	request.token[0] = '\0';
	CU_ASSERT_EQUAL(pass_request(&request, &got), OAT_INVALID);
}

static void
test_request_outside_its_grammar_is_not_sent(void)
{
	struct oat_request request;

	request = request_sample;
	request.phase = (enum oat_phase)0;
	CU_ASSERT_EQUAL(send_request(&request), OAT_INVALID);
	request = request_sample;
	strcpy(request.login, "root");
	CU_ASSERT_EQUAL(send_request(&request), OAT_INVALID);
	request = request_sample;
	request.token[54] ^= 1;
	CU_ASSERT_EQUAL(send_request(&request), OAT_INVALID);
	request = request_sample;
	strcpy(request.tty, "a\nb");
	CU_ASSERT_EQUAL(send_request(&request), OAT_INVALID);
	request = request_sample;
	memset(request.rhost, 'x', sizeof(request.rhost));
	CU_ASSERT_EQUAL(send_request(&request), OAT_INVALID);
}

/* A peer that sends anything at all gets nothing past the receiver. */
static void
test_request_outside_its_grammar_is_not_received(void)
{
	static const struct {
		uint32_t phase;
		const char *login, *service, *token;
		enum oat_status status;
	} samples[] = {
		{ 1, "oat-acme-ci", "sshd", TOKEN, OAT_OK },
		{ 2, "oat-acme-ci", "sshd", "", OAT_OK },
		{ 0, "oat-acme-ci", "sshd", "", OAT_INVALID },
		{ 5, "oat-acme-ci", "sshd", "", OAT_INVALID },
		{ UINT32_MAX, "oat-acme-ci", "sshd", "", OAT_INVALID },
		{ 2, "root", "sshd", "", OAT_INVALID },
		{ 2, "", "sshd", "", OAT_INVALID },
		{ 2, "oat-acme-ci\n", "sshd", "", OAT_INVALID },
		{ 2, "oat-abcdefghijklmnop-tokentoken12", "sshd", "",
		    OAT_INVALID },
		{ 2, "oat-acme-ci", "ss\nhd", "", OAT_INVALID },
		{ 2, "oat-acme-ci", "ss\033hd", "", OAT_INVALID },
		{ 2, "oat-acme-ci", "ss\177hd", "", OAT_INVALID },
		{ 2, "oat-acme-ci", "ss\303\251hd", "", OAT_INVALID },
		{ 1, "oat-acme-ci", "sshd", "", OAT_INVALID },
		{ 1, "oat-acme-ci", "sshd", "oat_", OAT_INVALID },
		{ 1, "oat-acme-ci", "sshd", TOKEN "x", OAT_INVALID },
		{ 4, "oat-acme-ci", "sshd", TOKEN, OAT_INVALID },
	};
	struct oat_wire wire = { 0 };
	struct oat_request got, before;
	size_t i;

	memset(&before, '#', sizeof(before));
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		got = before;
		put_request(&wire, samples[i].phase, samples[i].login,
		    samples[i].service, samples[i].token);
		OAT_ASSERT_THAT(
		    receive_request(&wire, &got) == samples[i].status,
		    "sample %zu", i);
		OAT_ASSERT_THAT((memcmp(&got, &before, sizeof(got)) == 0) ==
				    (samples[i].status != OAT_OK),
		    "sample %zu touches the result", i);
	}
}

static void
test_request_text_too_long_for_its_field_is_invalid(void)
{
	struct oat_wire wire = { 0 };
	struct oat_request got;
	char text[OAT_ESCAPED_MAX + 1] = "";

	memset(text, 'x', OAT_ESCAPED_MAX);
	put_request(&wire, 2, "oat-acme-ci", text, "");
	CU_ASSERT_EQUAL(receive_request(&wire, &got), OAT_INVALID);
}

static void
test_request_with_more_or_fewer_fields_is_invalid(void)
{
	struct oat_wire wire = { 0 };
	struct oat_request got;

	put_request(&wire, 2, "oat-acme-ci", "sshd", "");
	oat_wire_put_text(&wire, "");
	CU_ASSERT_EQUAL(receive_request(&wire, &got), OAT_INVALID);
	oat_wire_put_u32(&wire, 2);
	oat_wire_put_text(&wire, "oat-acme-ci");
	CU_ASSERT_EQUAL(receive_request(&wire, &got), OAT_INVALID);
	put_answer(&wire, OAT_ALLOWED, OAT_REASON_NONE, "", "", "");
	CU_ASSERT_EQUAL(receive_request(&wire, &got), OAT_INVALID);
}

static void
test_request_of_nobody_is_unavailable(void)
{
	struct oat_request got;
	struct oat_answer answer;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CU_ASSERT_EQUAL(
	    oat_answer_receive(fds[0], oat_deadline_in_ms(10), &answer),
	    OAT_TIMEOUT);
	close(fds[1]);
	CU_ASSERT_EQUAL(
	    oat_request_receive(fds[0], ample(), &got), OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    oat_answer_receive(fds[0], ample(), &answer), OAT_UNAVAILABLE);
	close(fds[0]);
}

static void
test_request_wiped_one_is_zeros(void)
{
	static const struct oat_request zeros;
	struct oat_request request = request_sample;

	oat_request_wipe(&request);
	CU_ASSERT_EQUAL(memcmp(&request, &zeros, sizeof(request)), 0);
	oat_request_wipe(NULL);
}

static void
test_request_answer_arrives_as_it_was_sent(void)
{
	struct oat_answer got;

	CU_ASSERT_EQUAL(pass_answer(&answer_sample, &got), OAT_OK);
	CU_ASSERT_EQUAL(got.verdict, OAT_DENIED);
	CU_ASSERT_EQUAL(got.reason, OAT_REASON_EXPIRED);
	CU_ASSERT_STRING_EQUAL(got.organization, "acme");
	CU_ASSERT_STRING_EQUAL(got.token_name, "ci");
	CU_ASSERT_STRING_EQUAL(got.message, answer_sample.message);
	CU_ASSERT_STRING_EQUAL(got.detail, answer_sample.detail);
}

static void
test_request_answer_outside_its_grammar_is_not_sent(void)
{
	struct oat_answer answer, got;

	answer = answer_sample;
	answer.verdict = OAT_ALLOWED;
	CU_ASSERT_EQUAL(send_answer(&answer), OAT_INVALID);
	answer.reason = OAT_REASON_NONE;
	CU_ASSERT_EQUAL(pass_answer(&answer, &got), OAT_OK);
	answer = answer_sample;
	answer.message[3] = '\n';
	CU_ASSERT_EQUAL(send_answer(&answer), OAT_INVALID);
	answer = answer_sample;
	memset(answer.detail, 'x', sizeof(answer.detail));
	CU_ASSERT_EQUAL(send_answer(&answer), OAT_INVALID);
	answer = answer_sample;
	strcpy(answer.organization, "sudo");
	CU_ASSERT_EQUAL(send_answer(&answer), OAT_INVALID);
}

static void
test_request_answer_outside_its_grammar_is_not_received(void)
{
	static const struct {
		uint32_t verdict, reason;
		const char *organization, *token_name, *message;
		enum oat_status status;
	} samples[] = {
		{ OAT_ALLOWED, OAT_REASON_NONE, "acme", "ci", "", OAT_OK },
		{ OAT_BROKEN, OAT_REASON_NONE, "", "", "", OAT_OK },
		{ OAT_UNDECIDED, OAT_REASON_UNAVAILABLE, "", "", "", OAT_OK },
		{ OAT_ALLOWED, OAT_REASON_EXPIRED, "acme", "ci", "",
		    OAT_INVALID },
		{ OAT_ALLOWED + 1, 0, "acme", "ci", "", OAT_INVALID },
		{ UINT32_MAX, 0, "acme", "ci", "", OAT_INVALID },
		{ OAT_REFUSED, OAT_REASON_COUNT, "", "", "", OAT_INVALID },
		{ OAT_REFUSED, UINT32_MAX, "", "", "", OAT_INVALID },
		{ OAT_ALLOWED, 0, "Acme", "ci", "", OAT_INVALID },
		{ OAT_ALLOWED, 0, "acme", "c=i", "", OAT_INVALID },
		{ OAT_ALLOWED, 0, "abcdefghijklmnopq", "c", "", OAT_INVALID },
		{ OAT_ALLOWED, 0, "acme", "abcdefghijklmnopqrstuvwxyz", "",
		    OAT_INVALID },
		{ OAT_DENIED, 1, "", "", "a\033[2J", OAT_INVALID },
		{ OAT_DENIED, 1, "", "", "a\nb", OAT_INVALID },
		{ OAT_DENIED, 1, "", "", "\302\233", OAT_INVALID },
	};
	struct oat_wire wire = { 0 };
	struct oat_answer got, before;
	size_t i;

	memset(&before, '#', sizeof(before));
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		got = before;
		put_answer(&wire, samples[i].verdict, samples[i].reason,
		    samples[i].organization, samples[i].token_name,
		    samples[i].message);
		OAT_ASSERT_THAT(
		    receive_answer(&wire, &got) == samples[i].status,
		    "sample %zu", i);
		OAT_ASSERT_THAT((memcmp(&got, &before, sizeof(got)) == 0) ==
				    (samples[i].status != OAT_OK),
		    "sample %zu touches the result", i);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_request_arrives_as_it_was_sent),
	OAT_TEST(test_request_longest_texts_arrive),
	OAT_TEST(test_request_token_travels_in_the_auth_phase_alone),
	OAT_TEST(test_request_outside_its_grammar_is_not_sent),
	OAT_TEST(test_request_outside_its_grammar_is_not_received),
	OAT_TEST(test_request_text_too_long_for_its_field_is_invalid),
	OAT_TEST(test_request_with_more_or_fewer_fields_is_invalid),
	OAT_TEST(test_request_of_nobody_is_unavailable),
	OAT_TEST(test_request_wiped_one_is_zeros),
	OAT_TEST(test_request_answer_arrives_as_it_was_sent),
	OAT_TEST(test_request_answer_outside_its_grammar_is_not_sent),
	OAT_TEST(test_request_answer_outside_its_grammar_is_not_received),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "request", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
