/* SPDX-License-Identifier: MIT */
#include "common/applied.h"

#include "common/selfreport.h"
#include "tests/runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[128];

static int
set_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/oat-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/applied", folder);
	return 0;
}

static int
tear_down(void)
{
	(void)unlink(path);
	return rmdir(folder);
}

static const struct oat_applied something = { 1763600000000001,
	1763600000000002, 4711, "row refused: oat-x: \"no\" \\x0a" };

static void
write_text(const char *text)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static bool
reads_as_nothing(void)
{
	static const struct oat_applied nothing;
	struct oat_applied applied = something;

	oat_applied_read(folder, &applied);
	return oat_applied_is_equal(&applied, &nothing);
}

static void
test_applied_comes_back_as_written(void)
{
	struct oat_applied applied, other = something;

	CU_ASSERT_EQUAL(oat_applied_write(folder, &something), OAT_OK);
	oat_applied_read(folder, &applied);
	CU_ASSERT_TRUE(oat_applied_is_equal(&applied, &something));
	other.problem[0] = '\0';
	CU_ASSERT_FALSE(oat_applied_is_equal(&applied, &other));
	CU_ASSERT_EQUAL(oat_applied_write(folder, &other), OAT_OK);
	oat_applied_read(folder, &applied);
	CU_ASSERT_TRUE(oat_applied_is_equal(&applied, &other));
	memset(other.problem, 'x', OAT_PROBLEM_MAX - 1);
	other.generation = INT64_MAX;
	other.as_of_us = -1;
	other.left = UINT32_MAX;
	CU_ASSERT_EQUAL(oat_applied_write(folder, &other), OAT_OK);
	oat_applied_read(folder, &applied);
	CU_ASSERT_TRUE(oat_applied_is_equal(&applied, &other));
}

static void
test_applied_that_is_not_whole_is_nothing(void)
{
	static const char *const texts[] = { "", "\n", "1", "1 2 3", "1 2 3 ",
		"1 2 3\n", "1 2 x y\n", "1 2 3 a\nb\n", "x 2 3 \n" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_text(texts[i]);
		OAT_ASSERT_THAT(reads_as_nothing(), "%s", texts[i]);
	}
	write_text("1 2 3 \n");
	CU_ASSERT_FALSE(reads_as_nothing());
}

static void
test_applied_is_never_read_from_elsewhere(void)
{
	(void)unlink(path);
	CU_ASSERT_TRUE(reads_as_nothing());
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	CU_ASSERT_TRUE(reads_as_nothing());
	(void)unlink(path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_TRUE(reads_as_nothing());
	(void)unlink(path);
	CU_ASSERT_EQUAL(oat_applied_write(folder, &something), OAT_OK);
	CU_ASSERT_EQUAL(chmod(folder, 0777), 0);
	CU_ASSERT_TRUE(reads_as_nothing());
	CU_ASSERT_EQUAL(oat_applied_write(folder, &something), OAT_SYSTEM);
	CU_ASSERT_EQUAL(chmod(folder, 0700), 0);
	CU_ASSERT_FALSE(reads_as_nothing());
}

static void
test_applied_check_tells_who_is_left(void)
{
	struct oat_ending list[] = { { .uid = 70001, .left = 1 },
		{ .uid = 70002, .left = 2 } };
	struct oat_endings endings = { list, 2 };
	uint32_t both = oat_applied_left(&endings), one;

	CU_ASSERT_NOT_EQUAL(both, 0);
	CU_ASSERT_EQUAL(both, oat_applied_left(&endings));
	list[0].left = 0;
	one = oat_applied_left(&endings);
	CU_ASSERT_NOT_EQUAL(one, both);
	CU_ASSERT_NOT_EQUAL(one, 0);
	list[1].left = 3;
	CU_ASSERT_NOT_EQUAL(oat_applied_left(&endings), one);
	list[1].left = 0;
	CU_ASSERT_EQUAL(oat_applied_left(&endings), 0);
}

/* --- the report ---------------------------------------------------------- */

/* From "spooled" on, without the clock. */
static const char *
report(const struct oat_selfreport *self, char *text, size_t size)
{
	char *clock, *end;

	CU_ASSERT_EQUAL_FATAL(oat_selfreport_write(self, text, size), OAT_OK);
	CU_ASSERT_EQUAL(strncmp(text, "{\"version\":\"" OAT_VERSION "\",",
			    strlen("{\"version\":\"" OAT_VERSION "\",")),
	    0);
	clock = strstr(text, "\"clock\":");
	CU_ASSERT_PTR_NOT_NULL_FATAL(clock);
	end = clock + strcspn(clock, ",}");
	/* 16 digits: microseconds since 1970, until the year 2286. */
	CU_ASSERT_EQUAL(end - clock, 8 + 16);
	memmove(clock, end, strlen(end) + 1);
	return strstr(text, "\"spooled\"");
}

static void
test_selfreport_says_what_is_so(void)
{
	struct oat_ending list[] = { { .login = "oat-acme-ci", .left = 3 },
		{ .login = "oat-acme-gone", .left = 0 },
		{ .login = "oat-acme-cd", .left = 1 } };
	const struct oat_endings left = { list, 3 }, none = { NULL, 0 };
	struct oat_selfreport self = { .problem = "" };
	char text[8192];

	CU_ASSERT_STRING_EQUAL(report(&self, text, sizeof(text)),
	    "\"spooled\":0,,\"problem\":null}");
	self.spooled = 7;
	self.certificate_end = 1900000000;
	self.problem = "a \"b\" \\x1b";
	self.applied = &left;
	CU_ASSERT_STRING_EQUAL(report(&self, text, sizeof(text)),
	    "\"spooled\":7,,\"certificate_end\":1900000000,"
	    "\"problem\":\"a \\\"b\\\" \\\\x1b\","
	    "\"applied\":true,\"left\":[\"oat-acme-ci 3\",\"oat-acme-cd 1\"]}");
	self.applied = &none;
	self.problem = "";
	CU_ASSERT_PTR_NOT_NULL(strstr(report(&self, text, sizeof(text)),
	    ",\"applied\":true,\"left\":[]}"));
}

/* Who is not named would count as ended. */
static void
test_selfreport_of_too_many_left_does_not_say_applied(void)
{
	static struct oat_ending list[OAT_SELFREPORT_LEFT_MAX + 1];
	struct oat_endings left = { list, OAT_SELFREPORT_LEFT_MAX };
	const struct oat_selfreport self = { .problem = "", .applied = &left };
	char text[8192], problem[OAT_PROBLEM_MAX];
	struct oat_selfreport full = self;
	size_t i;

	memset(problem, '"', sizeof(problem) - 1);
	problem[sizeof(problem) - 1] = '\0';
	full.problem = problem;
	full.spooled = SIZE_MAX;
	full.certificate_end = INT64_MAX;
	for (i = 0; i <= OAT_SELFREPORT_LEFT_MAX; i++) {
		snprintf(list[i].login, sizeof(list[i].login),
		    "oat-abcdefghijklmnop-%011zu", i);
		list[i].left = 999999999;
	}
	/* The longest that is possible fits; sql: oat.has_applied(). */
	CU_ASSERT_EQUAL(
	    oat_selfreport_write(&full, text, sizeof(text)), OAT_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "applied"));
	left.count++;
	CU_ASSERT_EQUAL(
	    oat_selfreport_write(&self, text, sizeof(text)), OAT_OK);
	CU_ASSERT_PTR_NULL(strstr(text, "applied"));
	CU_ASSERT_PTR_NULL(strstr(text, "left"));
	CU_ASSERT_EQUAL(oat_selfreport_write(&self, text, 60), OAT_RANGE);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_applied_comes_back_as_written),
	OAT_TEST(test_applied_that_is_not_whole_is_nothing),
	OAT_TEST(test_applied_is_never_read_from_elsewhere),
	OAT_TEST(test_applied_check_tells_who_is_left),
	OAT_TEST(test_selfreport_says_what_is_so),
	OAT_TEST(test_selfreport_of_too_many_left_does_not_say_applied),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "applied", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
