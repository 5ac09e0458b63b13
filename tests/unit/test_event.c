/* SPDX-License-Identifier: MIT */
#include "common/event.h"

#include "common/reply.h"
#include "tests/runner.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct oat_request
a_request(void)
{
	struct oat_request request = {
		.phase = OAT_PHASE_OPEN,
		.login = "oat-acme-ci",
		.service = "sshd",
		.rhost = "10.1.2.3",
		.tty = "ssh",
		.ruser = "-",
		.caller_pid = 4711,
	};

	return request;
}

static void
test_event_id_is_a_random_uuid(void)
{
	char one[OAT_EVENT_ID_LENGTH + 1], other[OAT_EVENT_ID_LENGTH + 1];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(oat_event_id(one), OAT_OK);
	CU_ASSERT_EQUAL_FATAL(oat_event_id(other), OAT_OK);
	CU_ASSERT_STRING_NOT_EQUAL(one, other);
	CU_ASSERT_EQUAL(strlen(one), OAT_EVENT_ID_LENGTH);
	for (i = 0; i < OAT_EVENT_ID_LENGTH; i++)
		OAT_ASSERT_THAT(
		    i == 8 || i == 13 || i == 18 || i == 23
			? one[i] == '-'
			: strchr("0123456789abcdef", one[i]) != NULL,
		    "%s", one);
	CU_ASSERT_EQUAL(one[14], '4');
	CU_ASSERT_PTR_NOT_NULL(strchr("89ab", one[19]));
}

/* Everything but the time, which is cut out. */
static void
check_json(const struct oat_request *request, const char *before_time,
    const char *after_time)
{
	char json[OAT_EVENT_MAX] = "";
	const char *rest;

	CU_ASSERT_EQUAL(
	    oat_event_session(request, "id", json, sizeof(json)), OAT_OK);
	OAT_ASSERT_THAT(
	    strncmp(json, before_time, strlen(before_time)) == 0, "%s", json);
	rest = strchr(json, 'Z');
	OAT_ASSERT_THAT(
	    rest != NULL && strcmp(rest, after_time) == 0, "%s", json);
	CU_ASSERT_TRUE(oat_event_is_object(json));
}

static void
test_event_session_has_every_field(void)
{
	struct oat_request request = a_request();

	check_json(&request, "{\"event_id\":\"id\",\"at\":\"2",
	    "Z\",\"event\":\"session.opened\",\"login\":\"oat-acme-ci\","
	    "\"service\":\"sshd\",\"rhost\":\"10.1.2.3\",\"tty\":\"ssh\","
	    "\"ruser\":\"-\",\"selector\":null,\"outcome\":null,"
	    "\"reason\":null,\"detail\":{\"pid\":4711}}");
	request.phase = OAT_PHASE_CLOSE;
	request.caller_pid = 0;
	check_json(&request, "{\"event_id\":\"id\",\"at\":\"2",
	    "Z\",\"event\":\"session.closed\",\"login\":\"oat-acme-ci\","
	    "\"service\":\"sshd\",\"rhost\":\"10.1.2.3\",\"tty\":\"ssh\","
	    "\"ruser\":\"-\",\"selector\":null,\"outcome\":null,"
	    "\"reason\":null,\"detail\":{\"pid\":0}}");
}

static void
test_event_time_is_now_in_utc(void)
{
	struct oat_request request = a_request();
	char json[OAT_EVENT_MAX] = "";
	struct tm utc;
	long micros;
	time_t now = time(NULL), at;

	CU_ASSERT_EQUAL_FATAL(
	    oat_event_session(&request, "id", json, sizeof(json)), OAT_OK);
	memset(&utc, 0, sizeof(utc));
	CU_ASSERT_EQUAL(sscanf(json,
			    "{\"event_id\":\"id\",\"at\":\"%4d-%2d-%2dT"
			    "%2d:%2d:%2d.%6ldZ\"",
			    &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
			    &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &micros),
	    7);
	utc.tm_year -= 1900;
	utc.tm_mon -= 1;
	at = timegm(&utc);
	CU_ASSERT_TRUE(at >= now && at <= now + 5);
}

static void
test_event_backslashes_and_quotes_stay_inside_their_string(void)
{
	struct oat_request request = a_request();
	char json[OAT_EVENT_MAX] = "";

	strcpy(request.rhost, "a\\x22b\"c");
	CU_ASSERT_EQUAL_FATAL(
	    oat_event_session(&request, "id", json, sizeof(json)), OAT_OK);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(json, "\"rhost\":\"a\\\\x22b\\\"c\",\"tty\""));
}

/* The longest texts, every byte doubled, still are an event. */
static void
test_event_of_the_longest_texts_fits(void)
{
	struct oat_request request = a_request();
	char json[OAT_EVENT_MAX];

	memset(request.login, 'x', sizeof(request.login) - 1);
	memset(request.service, '\\', sizeof(request.service) - 1);
	memset(request.rhost, '\\', sizeof(request.rhost) - 1);
	memset(request.tty, '\\', sizeof(request.tty) - 1);
	memset(request.ruser, '\\', sizeof(request.ruser) - 1);
	CU_ASSERT_EQUAL(
	    oat_event_session(&request, "id", json, sizeof(json)), OAT_OK);
	CU_ASSERT_TRUE(oat_event_is_object(json));
}

static void
test_event_buffer_at_and_below_its_length(void)
{
	struct oat_request request = a_request();
	char json[OAT_EVENT_MAX];
	size_t length;

	CU_ASSERT_EQUAL_FATAL(
	    oat_event_session(&request, "id", json, sizeof(json)), OAT_OK);
	length = strlen(json);
	CU_ASSERT_EQUAL(
	    oat_event_session(&request, "id", json, length + 1), OAT_OK);
	CU_ASSERT_EQUAL(
	    oat_event_session(&request, "id", json, length), OAT_RANGE);
	CU_ASSERT_EQUAL(oat_event_session(&request, "id", json, 1), OAT_RANGE);
}

static void
test_event_object_is_one_printable_line_in_braces(void)
{
	static const struct {
		const char *text;
		bool is_object;
	} cases[] = {
		{ "{}", true },
		{ "{\"a\": 1}", true },
		{ "", false },
		{ "{", false },
		{ "}", false },
		{ "[]", false },
		{ " {}", false },
		{ "{} ", false },
		{ "{\n}", false },
		{ "{\t}", false },
		{ "{\x7f}", false },
		{ "{\xc3\xa4}", false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		OAT_ASSERT_THAT(
		    oat_event_is_object(cases[i].text) == cases[i].is_object,
		    "%s", cases[i].text);
}

static void
test_event_of_an_ending_tells_how_many_and_why(void)
{
	static const struct oat_ending ending = { .login = "oat-acme-ci",
		.uid = 70001,
		.reason = OAT_ENDING_REVOKED,
		.found = 5,
		.left = 2 };
	char json[OAT_EVENT_MAX] = "";
	const char *rest;

	CU_ASSERT_EQUAL(
	    oat_event_terminated(&ending, "id", json, sizeof(json)), OAT_OK);
	CU_ASSERT_TRUE(oat_event_is_object(json));
	CU_ASSERT_EQUAL(
	    strncmp(json, "{\"event_id\":\"id\",\"at\":\"2", 24), 0);
	rest = strchr(json, 'Z');
	CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
	CU_ASSERT_STRING_EQUAL(rest,
	    "Z\",\"event\":\"session.terminated\",\"login\":\"oat-acme-ci\","
	    "\"outcome\":null,\"reason\":null,\"detail\":{\"reason\":"
	    "\"revoked\",\"processes\":3,\"left\":2}}");
	CU_ASSERT_EQUAL(
	    oat_event_terminated(&ending, "id", json, 64), OAT_RANGE);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_event_id_is_a_random_uuid),
	OAT_TEST(test_event_session_has_every_field),
	OAT_TEST(test_event_time_is_now_in_utc),
	OAT_TEST(test_event_backslashes_and_quotes_stay_inside_their_string),
	OAT_TEST(test_event_of_the_longest_texts_fits),
	OAT_TEST(test_event_buffer_at_and_below_its_length),
	OAT_TEST(test_event_object_is_one_printable_line_in_braces),
	OAT_TEST(test_event_of_an_ending_tells_how_many_and_why),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "event", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
