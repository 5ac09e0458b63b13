/* SPDX-License-Identifier: MIT */
/* What `oat doctor` asks of the network child, and what that may answer. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/fake_server.h"
#include "tests/unit/liar.h"
#include "tests/unit/started.h"

/* Ask a child, and take its answer. */
static enum oat_status
probe(struct oat_child *child, struct oat_deadline deadline,
    struct oat_probe *ret_probe, char *ret_error)
{
	enum oat_status status;

	status = oat_courier_ask_probe(child, 0, deadline, ret_error);
	return status == OAT_OK ? oat_courier_take_probe(
				      child, deadline, ret_probe, ret_error)
				: status;
}

/* --- a server ------------------------------------------------------------ */

/* How it answers; shared with its process by fork. */
struct answers {
	const char *server[OAT_PROBE_SERVER_FIELDS];
	const char *health[OAT_PROBE_HEALTH_FIELDS];
};

static void
serve(int fd, const void *context)
{
	const struct answers *answers = *(struct answers *const *)context;
	char statement[512] = "";

	if (!fake_greet(fd, &fake_primary))
		return;
	while (fake_read_query(fd, statement, sizeof(statement))) {
		if (strstr(statement, "host_health()") != NULL) {
			(void)fake_send_columns(fd, OAT_PROBE_HEALTH_FIELDS);
			(void)fake_send_row(
			    fd, OAT_PROBE_HEALTH_FIELDS, answers->health);
		} else {
			(void)fake_send_columns(fd, OAT_PROBE_SERVER_FIELDS);
			(void)fake_send_row(
			    fd, OAT_PROBE_SERVER_FIELDS, answers->server);
		}
		(void)fake_send_end(fd);
	}
}

static enum oat_status
probe_answers(struct answers *answers, struct oat_probe *ret_probe)
{
	struct fake_server server = fake_start(serve, &answers);
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child =
	    started_for(server.port, "sslmode=disable", NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	enum oat_status status;

	status = probe(&child, soon, ret_probe, error);
	oat_child_end(&child);
	fake_stop(&server);
	OAT_ASSERT_THAT(
	    status == OAT_OK || strncmp(error, "127.0.0.1:", 10) == 0, "%d: %s",
	    (int)status, error);
	return status;
}

static void
test_probe_brings_back_what_the_server_says(void)
{
	char clock[32];
	struct answers answers = {
		.server = { "t", "t", "15.4", "t", "t", "t" },
		.health = { "web-1", "since then", "5", "17", clock,
		    "70000-99999", "too much", "revoke it" },
	};
	struct oat_probe probe;

	memset(&probe, 0x55, sizeof(probe));
	snprintf(clock, sizeof(clock), "%lld",
	    ((long long)time(NULL) + 400) * 1000000);
	CU_ASSERT_EQUAL_FATAL(probe_answers(&answers, &probe), OAT_OK);
	CU_ASSERT_STRING_EQUAL(probe.refused, "");
	CU_ASSERT_STRING_EQUAL(probe.certificate, "");
	CU_ASSERT_EQUAL(probe.certificate_end, 0);
	CU_ASSERT_TRUE(probe.standby);
	CU_ASSERT_TRUE(probe.read_only);
	CU_ASSERT_STRING_EQUAL(probe.server_version, "15.4");
	CU_ASSERT_TRUE(
	    probe.has_schema && probe.may_use_schema && probe.has_health);
	CU_ASSERT_STRING_EQUAL(probe.host, "web-1");
	CU_ASSERT_STRING_EQUAL(probe.suspended_at, "since then");
	CU_ASSERT_EQUAL(probe.schema_version, 5);
	CU_ASSERT_EQUAL(probe.generation, 17);
	CU_ASSERT_STRING_EQUAL(probe.uid_range, "70000-99999");
	CU_ASSERT_STRING_EQUAL(probe.excess, "too much");
	CU_ASSERT_STRING_EQUAL(probe.excess_fix, "revoke it");
	OAT_ASSERT_THAT(probe.skew_ms > 398000 && probe.skew_ms < 402000,
	    "%lld", (long long)probe.skew_ms);
}

/* A schema before host_health(), one that is closed to us, and none. */
static void
test_probe_without_the_function_does_not_ask_it(void)
{
	static const char *const servers[][OAT_PROBE_SERVER_FIELDS] = {
		{ "f", "f", "13.0", "t", "t", "f" },
		{ "f", "f", "13.0", "t", "f", "t" },
		{ "f", "f", "13.0", "f", NULL, "f" },
	};
	struct answers answers = { .health = { "web-1" } };
	struct oat_probe probe = { .standby = true };
	size_t i;

	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		memcpy(answers.server, servers[i], sizeof(servers[i]));
		CU_ASSERT_EQUAL(probe_answers(&answers, &probe), OAT_OK);
		CU_ASSERT_FALSE(probe.standby);
		CU_ASSERT_FALSE(probe.read_only);
		CU_ASSERT_STRING_EQUAL(probe.host, "");
		CU_ASSERT_EQUAL(
		    probe.has_schema, strcmp(servers[i][3], "t") == 0);
		CU_ASSERT_EQUAL(probe.may_use_schema,
		    servers[i][4] != NULL && servers[i][4][0] == 't');
	}
}

static void
test_probe_case_16_answer_too_long_or_of_another_kind_is_unavailable(void)
{
	char noise[4096];
	const struct answers samples[] = {
		{ .server = { "t", "f", noise, "t", "t", "t" } },
		{ .server = { "t", "f", "15", "t", "t", "t" },
		    .health = { noise } },
		{ .server = { "t", "f", "15", "t", "t", "t" },
		    .health = { "web-1", "", "five" } },
		{ .server = { "t", "f", "15", "t", "t", "t" },
		    .health = { "web-1", "", "5", "1", "1", "", noise } },
	};
	struct oat_probe probe;
	struct answers answers;
	size_t i;

	memset(noise, 'x', sizeof(noise));
	noise[3000] = '\0';
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		answers = samples[i];
		OAT_ASSERT_THAT(
		    probe_answers(&answers, &probe) == OAT_UNAVAILABLE, "%zu",
		    i);
	}
}

static void
test_probe_of_a_closed_port_is_an_answer(void)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = started_for(fake_closed_port(), "", NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_probe probe_result;

	CU_ASSERT_EQUAL_FATAL(
	    probe(&child, soon, &probe_result, error), OAT_OK);
	OAT_ASSERT_THAT(strstr(probe_result.refused, "refused") != NULL, "%s",
	    probe_result.refused);
	oat_child_end(&child);
}

static void
serve_superuser(int fd, const void *context)
{
	static const struct fake_greeting greeting = { "on", FAKE_ROLE, "off" };

	(void)context;
	(void)fake_greet(fd, &greeting);
	fake_be_silent(fd);
}

static void
test_probe_case_18_superuser_is_refused(void)
{
	struct fake_server server = fake_start(serve_superuser, NULL);
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = started_for(server.port, "", NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_probe result;

	CU_ASSERT_EQUAL_FATAL(probe(&child, soon, &result, error), OAT_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(result.refused, "superuser"));
	oat_child_end(&child);
	fake_stop(&server);
}

/* Three that say nothing are asked together, and wait for one deadline. */
static void
test_probe_case_15_silent_servers_wait_together(void)
{
	struct fake_server server = fake_start(fake_serve_silence, NULL);
	struct oat_deadline deadline = oat_deadline_in_ms(5 * OAT_BRIEF_MS);
	struct oat_child child[3];
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_probe result;
	size_t i;

	for (i = 0; i < 3; i++) {
		child[i] = started_for(server.port, "", NULL);
		CU_ASSERT_EQUAL(
		    oat_courier_ask_probe(&child[i], 0, deadline, error),
		    OAT_OK);
	}
	for (i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(
		    oat_courier_take_probe(&child[i], deadline, &result, error),
		    OAT_OK);
		CU_ASSERT_STRING_EQUAL(result.refused, "no answer in time");
		oat_child_end(&child[i]);
	}
	CU_ASSERT_FALSE(oat_deadline_passed(deadline));
	fake_stop(&server);
}

static void
test_probe_of_a_server_that_is_not_configured_is_unavailable(void)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = started_for(1, "", NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_probe result;

	CU_ASSERT_EQUAL(oat_courier_ask_probe(&child, 1, soon, error), OAT_OK);
	CU_ASSERT_EQUAL(oat_courier_take_probe(&child, soon, &result, error),
	    OAT_UNAVAILABLE);
	oat_child_end(&child);
}

/* --- an explanation ------------------------------------------------------ */

static void
serve_explanation(int fd, const void *context)
{
	static char noise[2000];
	static const char *const rows[][4] = {
		{ "expired", "f", "expires soon", "update it" },
		{ "idle", NULL, noise, NULL },
		{ "allowed", "t", "let in", NULL },
	};
	char statement[512];
	size_t i;

	(void)context;
	memset(noise, 'x', sizeof(noise) - 1);
	if (!fake_greet(fd, &fake_primary))
		return;
	while (fake_read_query(fd, statement, sizeof(statement))) {
		(void)fake_send_columns(fd, 4);
		for (i = 0; i < 3; i++)
			(void)fake_send_row(fd, 4, rows[i]);
		(void)fake_send_end(fd);
	}
}

static enum oat_status
collect(const struct oat_explained *row, void *context)
{
	char *text = context;
	size_t used = strlen(text);

	(void)snprintf(text + used, 512 - used, "%s/%s/%s/%s ", row->check,
	    row->passed, row->detail, row->fix);
	return OAT_OK;
}

static void
test_explanation_is_brought_back_row_by_row(void)
{
	struct fake_server server = fake_start(serve_explanation, NULL);
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = started_for(server.port, "", NULL);
	char error[OAT_DATABASE_ERROR_MAX] = "", text[512] = "";

	CU_ASSERT_EQUAL(oat_courier_explain(&child, "oat-acme-ci", "sshd", "-",
			    soon, collect, text, error),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "expired/f/expires soon/update it "
				     "idle//?/ allowed/t/let in/ ");
	oat_child_end(&child);
	fake_stop(&server);
}

/* --- case 19: the child has been replaced by a liar ---------------------- */

static enum oat_status
ask(char question, struct oat_child *child, char *ret_error)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_probe result;
	char text[512] = "";
	int64_t end;

	if (question == 'p')
		return probe(child, soon, &result, ret_error);
	if (question == 'f')
		return oat_courier_file(child, "x", soon, &end, ret_error);
	return oat_courier_explain(
	    child, "x", "x", "-", soon, collect, text, ret_error);
}

static void
test_probe_case_19_liar_gets_nothing_through(void)
{
	static const char *const lies[] = { "p", "p0", "p0-", "p0-t", "p1t",
		"p9t", "pR", "p0-ttLL11t111ttLLLtt", "p0-ttLL11t111ttLLLttt-",
		"p0-lLL11t111ttLLLttt", "p0-ttLL12t111ttLLLttt", "f", "f0",
		"f0-", "f0-1", "f0-L1", "f0-t", "f7t", "e", "e0", "eR", "eRttt",
		"eRttttt", "eRtttl", "eRtlt-", "e7t" };
	struct oat_child child;
	char error[OAT_DATABASE_ERROR_MAX], fields[32];
	enum oat_status status;
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		snprintf(fields, sizeof(fields), "%s", lies[i] + 1);
		CU_ASSERT_EQUAL_FATAL(oat_child_start(&started_nobody, 0,
					  oat_liar_answer, fields, &child),
		    OAT_OK);
		error[0] = '\0';
		status = ask(lies[i][0], &child, error);
		OAT_ASSERT_THAT(status == OAT_UNAVAILABLE && error[0] != '\0',
		    "%s: %d: %s", lies[i], (int)status, error);
		oat_child_end(&child);
	}
	/* And with the truth, each of the three is taken. */
	snprintf(fields, sizeof(fields), "0-ttLL11t111ttLLLttt");
	CU_ASSERT_EQUAL_FATAL(oat_child_start(&started_nobody, 0,
				  oat_liar_answer, fields, &child),
	    OAT_OK);
	CU_ASSERT_EQUAL(ask('p', &child, error), OAT_OK);
	oat_child_end(&child);
	CU_ASSERT_TRUE(oat_is_childless());
}

static CU_TestInfo probes[] = {
	OAT_TEST(test_probe_brings_back_what_the_server_says),
	OAT_TEST(test_probe_without_the_function_does_not_ask_it),
	OAT_TEST(
	    test_probe_case_16_answer_too_long_or_of_another_kind_is_unavailable),
	OAT_TEST(test_probe_of_a_closed_port_is_an_answer),
	OAT_TEST(test_probe_case_18_superuser_is_refused),
	OAT_TEST(test_probe_case_15_silent_servers_wait_together),
	OAT_TEST(test_probe_of_a_server_that_is_not_configured_is_unavailable),
	OAT_TEST(test_probe_case_19_liar_gets_nothing_through),
	OAT_TEST(test_explanation_is_brought_back_row_by_row),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "probe", NULL, started_tear_down, NULL, NULL, probes },
	CU_SUITE_INFO_NULL,
};
