/* SPDX-License-Identifier: MIT */
/*
 * Cases 16 and 17: a server that one is logged in to, and that then sends what
 * no server sends. The real child asks it; what it may cost is measured.
 */
#include "common/courier.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/fake_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATIENCE_MS 1000
#define MEMORY_KIB_MAX (192 * 1024L)

static const struct oat_account nobody = { 65534, 65534 };

/* --- what is sent ----------------------------------------------------------
 */

/* The head of a message that says it is so long, itself included. */
static bool
send_head(int fd, char type, uint32_t length)
{
	length = htonl(length);
	return write(fd, &type, 1) == 1 &&
	       write(fd, &length, sizeof(length)) == sizeof(length);
}

/* A message of that length, and its bytes as fast as they go. */
static void
send_long(int fd, char type, uint32_t length)
{
	static char bytes[1 << 16];
	uint32_t sent = 0;
	ssize_t n = 1;

	if (!send_head(fd, type, length))
		return;
	for (; n > 0 && sent < length; sent += (uint32_t)n)
		n = write(fd, bytes, sizeof(bytes));
}

static void
row_of_a_gigabyte(int fd)
{
	(void)fake_send_columns(fd, 1);
	send_long(fd, 'D', 1U << 30);
}

static void
row_of_two_gigabytes(int fd)
{
	(void)fake_send_columns(fd, 1);
	send_long(fd, 'D', INT32_MAX);
}

static void
negative_length(int fd)
{
	(void)fake_send_columns(fd, 1);
	send_long(fd, 'D', UINT32_MAX);
}

static void
length_without_itself(int fd)
{
	(void)send_head(fd, 'T', 3);
	fake_be_silent(fd);
}

static void
columns_of_a_gigabyte(int fd)
{
	send_long(fd, 'T', 1U << 30);
}

/* The most that the protocol can say, of which none comes. */
static void
columns_that_are_not_there(int fd)
{
	(void)fake_send(fd, 'T', "\xff\xff", 2);
	fake_be_silent(fd);
}

static void
column_of_negative_size(int fd)
{
	(void)fake_send_columns(fd, 1);
	(void)fake_send(fd, 'D', "\0\1\x80\0\0\0", 6);
	fake_be_silent(fd);
}

static void
column_beyond_its_row(int fd)
{
	(void)fake_send_columns(fd, 1);
	(void)fake_send(fd, 'D', "\0\1\0\0\1\0x", 7);
	fake_be_silent(fd);
}

static void
row_of_other_columns(int fd)
{
	static const char *const values[] = { "a", "b", "c" };

	(void)fake_send_columns(fd, 1);
	(void)fake_send_row(fd, 3, values);
	(void)fake_send_end(fd);
}

static void
rows_without_end(int fd)
{
	static char kilobyte[1025];
	const char *value = kilobyte;

	memset(kilobyte, 'x', sizeof(kilobyte) - 1);
	(void)fake_send_columns(fd, 1);
	while (fake_send_row(fd, 1, &value))
		continue;
}

static void
notices_without_end(int fd)
{
	static const char notice[] = "SNOTICE\0C00000\0M\x1b[2J\r\nfake\0";

	while (fake_send(fd, 'N', notice, sizeof(notice)))
		continue;
}

static void
notice_of_a_gigabyte(int fd)
{
	send_long(fd, 'N', 1U << 30);
}

static void
parameters_without_end(int fd)
{
	char body[64];
	unsigned i;
	int n;

	for (i = 0; i < UINT32_MAX; i++) {
		n = snprintf(body, sizeof(body), "name%u%cvalue", i, '\0');
		if (!fake_send(fd, 'S', body, (size_t)n + 1))
			return;
	}
}

static void
notifications_without_end(int fd)
{
	while (fake_send(fd, 'A', "\0\0\0\1a\0b", 8))
		continue;
}

static void
results_without_end(int fd)
{
	do {
		(void)fake_send_columns(fd, 1);
	} while (fake_send(fd, 'C', "SELECT 0", 9));
}

static void
error_of_a_gigabyte(int fd)
{
	send_long(fd, 'E', 1U << 30);
}

static void
copy_without_end(int fd)
{
	(void)fake_send(fd, 'H', "\0\0\1\0", 5);
	while (fake_send(fd, 'd', "0123456789", 10))
		continue;
}

static void
types_that_do_not_exist(int fd)
{
	while (fake_send(fd, '\1', "x", 1))
		continue;
}

struct play {
	const char *name;
	void (*act)(int fd);
};

static const struct play plays[] = {
	{ "row of a gigabyte", row_of_a_gigabyte },
	{ "row of two gigabytes", row_of_two_gigabytes },
	{ "negative length", negative_length },
	{ "length without itself", length_without_itself },
	{ "columns of a gigabyte", columns_of_a_gigabyte },
	{ "columns that are not there", columns_that_are_not_there },
	{ "column of negative size", column_of_negative_size },
	{ "column beyond its row", column_beyond_its_row },
	{ "row of other columns", row_of_other_columns },
	{ "rows without end", rows_without_end },
	{ "notices without end", notices_without_end },
	{ "notice of a gigabyte", notice_of_a_gigabyte },
	{ "parameters without end", parameters_without_end },
	{ "notifications without end", notifications_without_end },
	{ "results without end", results_without_end },
	{ "error of a gigabyte", error_of_a_gigabyte },
	{ "copy without end", copy_without_end },
	{ "types that do not exist", types_that_do_not_exist },
};

/* Once the client is let in and has asked. */
static void
act_after_question(int fd, const void *context)
{
	const struct play *play = context;
	char statement[256];

	if (fake_greet(fd, &fake_primary) &&
	    fake_read_query(fd, statement, sizeof(statement)))
		play->act(fd);
}

/* At once, in the place of a greeting. */
static void
act_at_once(int fd, const void *context)
{
	const struct play *play = context;

	play->act(fd);
}

/* --- what comes of it -------------------------------------------------------
 */

static void
check_refused(int port, const char *name)
{
	struct oat_deadline deadline = oat_deadline_in_ms(PATIENCE_MS);
	char text[128], error[OAT_DATABASE_ERROR_MAX] = "";
	char verifier[OAT_VERIFIER_MAX] = "untouched";
	struct oat_child child = OAT_CHILD_NONE;
	struct oat_orders orders = { .password = NULL };
	struct oat_conninfo *conninfo = NULL;
	uint64_t began = oat_now_ms();
	enum oat_status status;

	snprintf(text, sizeof(text),
	    "host=127.0.0.1 port=%d dbname=oat user=" FAKE_ROLE, port);
	CU_ASSERT_EQUAL_FATAL(
	    oat_conninfo_parse(text, false, &conninfo, error), OAT_OK);
	orders.conninfo = conninfo;
	CU_ASSERT_EQUAL_FATAL(
	    oat_courier_start(&nobody, &orders, &child), OAT_OK);
	status = oat_courier_verifier(
	    &child, "3kPqrstuvwxy", deadline, verifier, error);
	OAT_ASSERT_THAT((status == OAT_UNAVAILABLE || status == OAT_TIMEOUT ||
			    status == OAT_RANGE) &&
			    strcmp(verifier, "untouched") == 0 &&
			    oat_is_one_line(error),
	    "%s: %d: %s", name, (int)status, error);
	OAT_ASSERT_THAT(oat_now_ms() - began < PATIENCE_MS + OAT_SLACK_MS,
	    "%s: %ju ms", name, (uintmax_t)(oat_now_ms() - began));
	oat_child_end(&child);
	oat_conninfo_free(conninfo);
}

/* Of all children there ever were, the largest; sanitizers keep what is freed.
 */
static void
check_memory(const char *name)
{
#if !defined(__SANITIZE_ADDRESS__)
	struct rusage usage;

	CU_ASSERT_EQUAL(getrusage(RUSAGE_CHILDREN, &usage), 0);
	OAT_ASSERT_THAT(usage.ru_maxrss < MEMORY_KIB_MAX, "%s: %ld KiB", name,
	    usage.ru_maxrss);
#else
	(void)name;
#endif
}

static void
try_all(void (*serve)(int fd, const void *context))
{
	struct fake_server server;
	size_t i;

	for (i = 0; i < sizeof(plays) / sizeof(plays[0]); i++) {
		server = fake_start(serve, &plays[i]);
		check_refused(server.port, plays[i].name);
		fake_stop(&server);
		check_memory(plays[i].name);
	}
	CU_ASSERT_TRUE(oat_is_childless());
}

static void
test_hostile_server_case_16_any_answer_is_refused_in_bounded_memory(void)
{
	try_all(act_after_question);
}

static void
test_hostile_server_case_16_any_greeting_is_refused_in_bounded_memory(void)
{
	try_all(act_at_once);
}

/* --- what it says ------------------------------------------------------------
 */

static void
say_and_refuse(int fd, const void *context)
{
	static const char notice[] =
	    "SWARNING\0C01000\0M\x1b]0;owned\x07\r\nJan  1 sshd[1]: Accepted\0";
	char statement[256];

	(void)context;
	if (!fake_greet(fd, &fake_primary) ||
	    !fake_read_query(fd, statement, sizeof(statement)))
		return;
	(void)fake_send(fd, 'N', notice, sizeof(notice));
	(void)fake_send_error(fd, "P0001",
	    "\x1b[31m\nauthpriv: pam_oat(sshd:auth): accepted login=root\r\n"
	    "\xc2\x9b"
	    "31m\xff %s%n");
	fake_be_silent(fd);
}

/* Whatever it says is one printable line, and names the server first. */
static void
test_hostile_server_case_17_what_it_says_is_one_escaped_line(void)
{
	struct fake_server server = fake_start(say_and_refuse, NULL);

	check_refused(server.port, "say");
	fake_stop(&server);
}

/* Before anybody is let in, too. */
static void
refuse_at_once(int fd, const void *context)
{
	(void)context;
	(void)fake_send_error(
	    fd, "28000", "\n\n\x1b[2Jpam_oat(sshd:auth): accepted\n\t\x7f");
}

static void
test_hostile_server_case_17_a_refusal_to_let_in_is_one_escaped_line(void)
{
	struct fake_server server = fake_start(refuse_at_once, NULL);

	check_refused(server.port, "refuse");
	fake_stop(&server);
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_hostile_server_case_16_any_answer_is_refused_in_bounded_memory),
	OAT_TEST(
	    test_hostile_server_case_16_any_greeting_is_refused_in_bounded_memory),
	OAT_TEST(test_hostile_server_case_17_what_it_says_is_one_escaped_line),
	OAT_TEST(
	    test_hostile_server_case_17_a_refusal_to_let_in_is_one_escaped_line),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "hostile_server", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
