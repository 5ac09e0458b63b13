/* SPDX-License-Identifier: MIT */
/* The parent against children that lie. */
#include "common/courier.h"

#include "common/courier_child.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/liar.h"
#include "tests/unit/questions.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct oat_account nobody = { 65534, 65534 };

/* Put a question to a child that does this instead of asking a database. */
static struct oat_outcome
ask_liar(size_t question, void (*tell)(int fd, void *context), void *context,
    uint32_t ms)
{
	struct oat_outcome outcome = { .status = OAT_OK };
	struct oat_child child = OAT_CHILD_NONE;
	uint64_t began = oat_now_ms();

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, tell, context, &child), OAT_OK);
	oat_questions[question].ask(&child, oat_deadline_in_ms(ms), &outcome);
	CU_ASSERT_TRUE(oat_now_ms() - began < ms + OAT_SLACK_MS);
	oat_child_end(&child);
	return outcome;
}

/* --- case 19: the child has been replaced by a liar ---------------------- */

static void
end_at_once(int fd, void *context)
{
	(void)fd;
	(void)context;
}

static void
end_after_question(int fd, void *context)
{
	struct oat_wire in = { 0 };

	(void)context;
	(void)oat_wire_receive(&in, fd, oat_deadline_in_ms(OAT_LONG_MS));
	oat_wire_free(&in);
}

static void
send_garbage(int fd, void *context)
{
	char bytes[4096];

	(void)context;
	memset(bytes, 0xa5, sizeof(bytes));
	(void)!write(fd, bytes, sizeof(bytes));
	pause();
}

static void
send_part_and_end(int fd, void *context)
{
	static const uint32_t part[] = { 100, 4, 0, 0 };

	(void)context;
	(void)!write(fd, part, sizeof(part));
}

static void
send_part_and_wait(int fd, void *context)
{
	send_part_and_end(fd, context);
	pause();
}

static void
wait_for_ever(int fd, void *context)
{
	(void)fd;
	(void)context;
	for (;;)
		pause();
}

static void
drip(int fd, void *context)
{
	static const uint32_t length = 60000;

	(void)context;
	(void)!write(fd, &length, sizeof(length));
	while (write(fd, "\0", 1) == 1)
		usleep(10000);
}

static void
send_rows_for_ever(int fd, void *context)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_wire out = { 0 };
	struct oat_row row;

	(void)context;
	memset(&row, 0, sizeof(row));
	do {
		oat_wire_free(&out);
		oat_wire_put_u32(&out, OAT_COURIER_ROW);
		oat_reply_put(&out, oat_row_fields, OAT_ROW_FIELDS, &row);
	} while (oat_wire_send(&out, fd, soon) == OAT_OK);
}

static void
test_courier_liar_gets_nothing_through(void)
{
	static const struct {
		const char *what;
		void (*tell)(int fd, void *context);
		enum oat_status expected;
	} lies[] = {
		{ "end", end_at_once, OAT_UNAVAILABLE },
		{ "end after", end_after_question, OAT_UNAVAILABLE },
		{ "garbage", send_garbage, OAT_UNAVAILABLE },
		{ "part, end", send_part_and_end, OAT_UNAVAILABLE },
		{ "part, wait", send_part_and_wait, OAT_TIMEOUT },
		{ "silence", wait_for_ever, OAT_TIMEOUT },
		{ "drip", drip, OAT_TIMEOUT },
	};
	struct oat_outcome outcome;
	size_t i, q;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (q = 0; q < OAT_QUESTIONS; q++) {
			outcome = ask_liar(q, lies[i].tell, NULL,
			    lies[i].expected == OAT_TIMEOUT ? OAT_BRIEF_MS
							    : OAT_LONG_MS);
			OAT_ASSERT_THAT(outcome.status == lies[i].expected &&
					    !outcome.written &&
					    oat_is_one_line(outcome.error),
			    "%s, %s: %d: %s", lies[i].what,
			    oat_questions[q].name, (int)outcome.status,
			    outcome.error);
		}
	CU_ASSERT_TRUE(oat_is_childless());
}

static void
test_courier_rows_without_end_are_a_timeout(void)
{
	struct oat_outcome outcome =
	    ask_liar(3, send_rows_for_ever, NULL, OAT_BRIEF_MS);

	CU_ASSERT_EQUAL(outcome.status, OAT_TIMEOUT);
	/* To any other question a row is no answer. */
	CU_ASSERT_EQUAL(
	    ask_liar(0, send_rows_for_ever, NULL, OAT_LONG_MS).status,
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    ask_liar(1, send_rows_for_ever, NULL, OAT_LONG_MS).status,
	    OAT_UNAVAILABLE);
	CU_ASSERT_EQUAL(
	    ask_liar(2, send_rows_for_ever, NULL, OAT_LONG_MS).status,
	    OAT_UNAVAILABLE);
}

static struct oat_outcome
ask_about(size_t question, const char *fields)
{
	char copy[32];

	snprintf(copy, sizeof(copy), "%s", fields);
	return ask_liar(question, oat_liar_answer, copy, OAT_LONG_MS);
}

static void
test_courier_message_of_another_shape_is_unavailable(void)
{
	static const struct {
		size_t question;
		const char *fields;
	} lies[] = {
		{ 0, "" },
		{ 0, "L" },
		{ 0, "t" },
		{ 0, "0" },
		{ 0, "0-" },
		{ 0, "0-l" },
		{ 0, "0-n" },
		{ 0, "0-tt" },
		{ 0, "0-t0" },
		{ 0, "0l" },
		{ 0, "0n" },
		{ 0, "00" },
		{ 0, "R" },
		{ 1, "0-1" },
		{ 1, "0-2ttttt" },
		{ 1, "0-L----" },
		{ 1, "0-1----" },
		{ 1, "0-1------" },
		{ 1, "0-1l----" },
		{ 1, "0-1----l" },
		{ 1, "0-1---n-" },
		{ 1, "0-t-----" },
		{ 2, "0-" },
		{ 2, "0-l" },
		{ 2, "0-L" },
		{ 2, "0-11" },
		{ 3, "R" },
		{ 3, "Rtt" },
		{ 3, "RttLttt2Lt" },
		{ 3, "RttLttt1Ltt" },
		{ 3, "RttLttt1Ll" },
		{ 3, "RttLttt1Ln" },
		{ 3, "Rtt1ttt1Lt" },
		{ 3, "RltLttt1Lt" },
		{ 3, "RttLttt1LtttLttt1L" },
		{ 3, "0" },
		{ 3, "0l" },
		{ 4, "0-t" },
		{ 4, "0" },
		{ 5, "0-1" },
		{ 5, "R" },
		{ 6, "" },
		{ 6, "0-t" },
		{ 6, "0-0" },
		{ 6, "R" },
	};
	struct oat_outcome outcome;
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		outcome = ask_about(lies[i].question, lies[i].fields);
		OAT_ASSERT_THAT(outcome.status == OAT_UNAVAILABLE &&
				    !outcome.written &&
				    oat_is_one_line(outcome.error),
		    "%s, %s: %d: %s", oat_questions[lies[i].question].name,
		    lies[i].fields, (int)outcome.status, outcome.error);
	}
}

static bool
is_promised(size_t question, enum oat_status status)
{
	return status == OAT_TIMEOUT || status == OAT_UNAVAILABLE ||
	       (question == 0 &&
		   (status == OAT_NOTFOUND || status == OAT_RANGE)) ||
	       (question == 2 && status == OAT_INVALID) ||
	       ((question == 4 || question == 5) && status == OAT_NOTFOUND);
}

static void
test_courier_status_outside_the_promise_is_unavailable(void)
{
	static const char codes[] = "123456789:R";
	enum oat_status told, expected;
	struct oat_outcome outcome;
	char fields[3] = "?t";
	size_t i, q;

	for (q = 0; q < OAT_QUESTIONS; q++)
		for (i = 0; codes[i] != '\0'; i++) {
			if (codes[i] == 'R' && q == 3)
				continue;
			fields[0] = codes[i];
			told = (enum oat_status)(codes[i] - '0');
			expected = codes[i] <= '7' && is_promised(q, told)
				       ? told
				       : OAT_UNAVAILABLE;
			outcome = ask_about(q, fields);
			OAT_ASSERT_THAT(
			    outcome.status == expected && !outcome.written,
			    "%s, %c: %d", oat_questions[q].name, codes[i],
			    (int)outcome.status);
			CU_ASSERT_STRING_EQUAL(outcome.error, "text");
		}
}

static void
test_courier_reason_is_printable_whoever_gives_it(void)
{
	size_t q;

	for (q = 0; q < OAT_QUESTIONS; q++) {
		CU_ASSERT_STRING_EQUAL(
		    ask_about(q, "6e").error, "\\x1b[31m\\x0afake");
		OAT_ASSERT_THAT(oat_is_one_line(ask_about(q, "6-").error), "%s",
		    oat_questions[q].name);
	}
}

static enum oat_status
refuse_row(const struct oat_row *row, void *context)
{
	(void)row;
	(void)context;
	return OAT_NOMEM;
}

static void
test_courier_what_take_answers_is_the_answer(void)
{
	char fields[] = "RttLttt1Lt", error[OAT_DATABASE_ERROR_MAX] = "mine";
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, oat_liar_answer, fields, &child),
	    OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_courier_identities(&child, &oat_something_known,
		oat_deadline_in_ms(OAT_LONG_MS), refuse_row, NULL, error),
	    OAT_NOMEM);
	CU_ASSERT_STRING_EQUAL(error, "mine");
	oat_child_end(&child);
}

static CU_TestInfo liars[] = {
	OAT_TEST(test_courier_liar_gets_nothing_through),
	OAT_TEST(test_courier_rows_without_end_are_a_timeout),
	OAT_TEST(test_courier_message_of_another_shape_is_unavailable),
	OAT_TEST(test_courier_status_outside_the_promise_is_unavailable),
	OAT_TEST(test_courier_reason_is_printable_whoever_gives_it),
	OAT_TEST(test_courier_what_take_answers_is_the_answer),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "courier: liars", NULL, NULL, NULL, NULL, liars },
	CU_SUITE_INFO_NULL,
};
