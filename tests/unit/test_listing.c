/* SPDX-License-Identifier: MIT */
#include "common/listing.h"

#include "common/local.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UID_MIN 70000
#define UID_MAX 99999
#define GENERATION 17
#define AS_OF 1763600000000000

static struct oat_local *local;
static struct oat_listing listing;
static int refusals;
static char refused_name[256], refused_why[256];

/* The set of this machine's own accounts is as good as any. */
static int
set_up(void)
{
	return oat_local_load(&oat_local_files, UID_MIN, UID_MAX, &local) !=
	       OAT_OK;
}

static int
tear_down(void)
{
	oat_local_free(local);
	return 0;
}

static void
refused(const char *name, const char *why, void *context)
{
	CU_ASSERT_PTR_EQUAL(context, &refusals);
	refusals++;
	snprintf(refused_name, sizeof(refused_name), "%s", name);
	snprintf(refused_why, sizeof(refused_why), "%s", why);
}

static void
begin_test(void)
{
	refusals = 0;
	memset(&listing, 0, sizeof(listing));
	listing.refused = refused;
	listing.context = &refusals;
	CU_ASSERT_EQUAL_FATAL(
	    oat_identities_new(local, &listing.identities), OAT_OK);
}

static void
end_test(void)
{
	oat_listing_free(&listing);
	oat_identities_free(listing.identities);
}

/* How many identities and groups have been taken in. */
static size_t
taken_in(void)
{
	size_t identities = 0, groups = 0;

	(void)oat_identities_all(listing.identities, &identities);
	(void)oat_identities_groups(listing.identities, &groups);
	return identities + groups;
}

static enum oat_status
take_mark(const char *kind, int64_t generation, const char *count)
{
	struct oat_row row;

	memset(&row, 0, sizeof(row));
	snprintf(row.kind, sizeof(row.kind), "%s", kind);
	snprintf(row.name, sizeof(row.name), "web-1");
	snprintf(row.groups, sizeof(row.groups), "%s", count);
	row.id = generation;
	row.expires_at = AS_OF;
	return oat_listing_take(&row, &listing);
}

static enum oat_status
take_row(const char *kind, const char *name, int64_t id)
{
	struct oat_row row;

	memset(&row, 0, sizeof(row));
	snprintf(row.kind, sizeof(row.kind), "%s", kind);
	snprintf(row.name, sizeof(row.name), "%s", name);
	snprintf(row.organization, sizeof(row.organization), "acme");
	snprintf(row.token_name, sizeof(row.token_name), "%s",
	    strlen(name) > 9 ? name + 9 : "");
	snprintf(row.shell, sizeof(row.shell), "/bin/sh");
	row.id = id;
	row.active = true;
	return oat_listing_take(&row, &listing);
}

/*
 * Rows by their first letters: b begin (its count follows), g group, i
 * identity, u a kind nobody knows, e end, E end of another generation, s same.
 */
static enum oat_status
take_all(const char *rows)
{
	enum oat_status status = OAT_OK;
	char name[32], count[2] = "";
	int64_t id = UID_MIN;

	for (; *rows != '\0' && status == OAT_OK; rows++) {
		snprintf(name, sizeof(name), "oat-acme-%lld", (long long)++id);
		if (*rows == 'b') {
			count[0] = *++rows;
			status = take_mark("begin", GENERATION, count);
		} else if (*rows == 'g')
			status = take_row("group", "oat-acme", id);
		else if (*rows == 'i')
			status = take_row("identity", name, id);
		else if (*rows == 'u')
			status = take_row("unheard-of", name, id);
		else if (*rows == 'e')
			status = take_mark("end", GENERATION, "");
		else if (*rows == 'E')
			status = take_mark("end", GENERATION - 1, "");
		else if (*rows == 's')
			status = take_mark("same", GENERATION, "");
	}
	return status;
}

static void
check_rows(const char *rows, enum oat_status expected, bool whole)
{
	enum oat_status status;

	begin_test();
	status = take_all(rows);
	OAT_ASSERT_THAT(status == expected, "%s: %d", rows, (int)status);
	OAT_ASSERT_THAT(oat_listing_is_whole(&listing) == whole, "%s", rows);
	end_test();
}

static void
test_listing_complete_answer_is_whole(void)
{
	check_rows("b0e", OAT_OK, true);
	check_rows("b1ie", OAT_OK, true);
	check_rows("b3giie", OAT_OK, true);
}

static void
test_listing_that_stops_early_is_none(void)
{
	static const char *const rows[] = { "", "b0", "b3", "b3g", "b3gi",
		"b3gii", "b3ge", "b1e" };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_rows(rows[i], OAT_OK, false);
}

static void
test_listing_in_another_order_is_none(void)
{
	static const char *const rows[] = { "g", "i", "u", "e", "ib1e", "eb0",
		"b0b0", "b1b1", "b1is", "b0s", "b0E", "b1iE", "bx", "b-" };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_rows(rows[i], OAT_INVALID, false);
}

/* What follows a complete answer spoils it: the caller has the status. */
static void
test_listing_row_after_the_end_is_refused(void)
{
	static const char *const rows[] = { "b0ee", "b0ei", "b0eg", "b0eu",
		"b0es", "b0eb0", "sb0", "ss", "si", "sg", "su", "se" };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_rows(rows[i], OAT_INVALID, true);
}

static void
test_listing_row_beyond_the_promise_is_refused_at_once(void)
{
	check_rows("b0i", OAT_INVALID, false);
	check_rows("b1ii", OAT_INVALID, false);
	check_rows("b1iu", OAT_INVALID, false);
	check_rows("b2giie", OAT_INVALID, false);
}

static void
test_listing_same_is_whole_with_its_generation(void)
{
	begin_test();
	CU_ASSERT_EQUAL(take_all("s"), OAT_OK);
	CU_ASSERT_TRUE(oat_listing_is_whole(&listing));
	CU_ASSERT_TRUE(listing.same);
	CU_ASSERT_EQUAL(listing.generation, GENERATION);
	CU_ASSERT_EQUAL(listing.as_of_us, AS_OF);
	CU_ASSERT_EQUAL(taken_in(), 0);
	end_test();
}

static void
test_listing_begin_gives_generation_and_time(void)
{
	begin_test();
	CU_ASSERT_EQUAL(take_all("b2gie"), OAT_OK);
	CU_ASSERT_FALSE(listing.same);
	CU_ASSERT_EQUAL(listing.generation, GENERATION);
	CU_ASSERT_EQUAL(listing.as_of_us, AS_OF);
	CU_ASSERT_EQUAL(taken_in(), 2);
	CU_ASSERT_EQUAL(refusals, 0);
	end_test();
}

static void
test_listing_unknown_kind_counts_and_is_ignored(void)
{
	begin_test();
	CU_ASSERT_EQUAL(take_all("b2uie"), OAT_OK);
	CU_ASSERT_TRUE(oat_listing_is_whole(&listing));
	CU_ASSERT_EQUAL(taken_in(), 1);
	CU_ASSERT_EQUAL(refusals, 0);
	end_test();
}

static void
test_listing_count_that_is_no_number_is_invalid(void)
{
	static const char *const counts[] = { "", " 1", "1 ", "-1", "+1", "0x1",
		"1.0", "1234567890", "99999999999999999999" };
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		begin_test();
		OAT_ASSERT_THAT(
		    take_mark("begin", GENERATION, counts[i]) == OAT_INVALID,
		    "'%s'", counts[i]);
		end_test();
	}
	begin_test();
	CU_ASSERT_EQUAL(take_mark("begin", GENERATION, "999999999"), OAT_OK);
	CU_ASSERT_EQUAL(listing.promised, 999999999);
	end_test();
	begin_test();
	CU_ASSERT_EQUAL(take_mark("begin", -1, "0"), OAT_INVALID);
	end_test();
}

/* case 47: each is refused by itself, and the good one stays. */
static void
test_listing_hostile_row_is_refused_alone(void)
{
	static const struct {
		const char *name;
		int64_t id;
	} rows[] = {
		{ "root", UID_MIN },
		{ "oat-acme-x:y", UID_MIN },
		{ "oat-acme-x\n", UID_MIN },
		{ "oat-acme-../x", UID_MIN },
		{ "", UID_MIN },
		{ OAT_ROW_TOO_LONG, UID_MIN },
		{ "oat-acme-zero", 0 },
		{ "oat-acme-minus", -1 },
		{ "oat-acme-below", UID_MIN - 1 },
		{ "oat-acme-above", UID_MAX + 1 },
		{ "oat-acme-wraps", (INT64_C(1) << 32) + UID_MIN },
		{ "oat-acme-most", INT64_MAX },
		{ "oat-acme-least", INT64_MIN },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_test();
		CU_ASSERT_EQUAL(take_mark("begin", GENERATION, "2"), OAT_OK);
		OAT_ASSERT_THAT(
		    take_row("identity", rows[i].name, rows[i].id) == OAT_OK,
		    "%s", rows[i].name);
		OAT_ASSERT_THAT(refusals == 1, "%s", rows[i].name);
		CU_ASSERT_EQUAL(
		    take_row("identity", "oat-acme-ci", UID_MIN), OAT_OK);
		CU_ASSERT_EQUAL(take_mark("end", GENERATION, ""), OAT_OK);
		CU_ASSERT_TRUE(oat_listing_is_whole(&listing));
		CU_ASSERT_EQUAL(taken_in(), 1);
		end_test();
	}
}

static void
test_listing_refusal_is_told_in_printable_text(void)
{
	begin_test();
	CU_ASSERT_EQUAL(take_mark("begin", GENERATION, "1"), OAT_OK);
	CU_ASSERT_EQUAL(take_row("group", "oat-\x1b[31m\nx", UID_MIN), OAT_OK);
	CU_ASSERT_STRING_EQUAL(refused_name, "oat-\\x1b[31m\\x0ax");
	CU_ASSERT_STRING_NOT_EQUAL(refused_why, "");
	end_test();
}

static void
test_listing_expiry_zero_is_never(void)
{
	const struct oat_identity *identities;
	size_t count = 0;

	begin_test();
	CU_ASSERT_EQUAL(take_all("b1ie"), OAT_OK);
	identities = oat_identities_all(listing.identities, &count);
	CU_ASSERT_EQUAL_FATAL(count, 1);
	CU_ASSERT_EQUAL(identities[0].expires_at, OAT_NEVER);
	end_test();
}

static enum oat_status
take_wish(int64_t uid, int64_t seconds, const char *us)
{
	struct oat_row row;

	memset(&row, 0, sizeof(row));
	snprintf(row.kind, sizeof(row.kind), "terminate");
	snprintf(row.name, sizeof(row.name), "oat-acme-ci");
	snprintf(row.groups, sizeof(row.groups), "%s", us);
	row.id = uid;
	row.expires_at = seconds;
	return oat_listing_take(&row, &listing);
}

static void
test_listing_sessions_to_end_are_kept_with_their_time(void)
{
	begin_test();
	CU_ASSERT_EQUAL(take_mark("begin", GENERATION, "6"), OAT_OK);
	CU_ASSERT_EQUAL(
	    take_wish(70001, 1763500000, "1763499999123456"), OAT_OK);
	/* An older database has whole seconds, or it is nonsense. */
	CU_ASSERT_EQUAL(take_wish(70002, 1763500000, ""), OAT_OK);
	CU_ASSERT_EQUAL(take_wish(70003, 1763500000, "12x"), OAT_OK);
	CU_ASSERT_EQUAL(take_wish(70004, INT64_MAX, ""), OAT_OK);
	/* Whoever these are, they are none of ours. */
	CU_ASSERT_EQUAL(take_wish(0, 1763500000, ""), OAT_OK);
	CU_ASSERT_EQUAL(take_wish(INT64_C(1) << 32, 1763500000, ""), OAT_OK);
	CU_ASSERT_EQUAL(take_mark("end", GENERATION, ""), OAT_OK);
	CU_ASSERT_TRUE(oat_listing_is_whole(&listing));
	CU_ASSERT_EQUAL_FATAL(listing.wish_count, 4);
	CU_ASSERT_EQUAL(listing.wishes[0].uid, 70001);
	CU_ASSERT_EQUAL(listing.wishes[0].before_us, 1763499999123456);
	CU_ASSERT_EQUAL(listing.wishes[1].before_us, 1763500000000000);
	CU_ASSERT_EQUAL(listing.wishes[2].before_us, 1763500000000000);
	CU_ASSERT_EQUAL(listing.wishes[3].before_us, 0);
	CU_ASSERT_EQUAL(taken_in(), 0);
	end_test();
}

static void
test_listing_sessions_to_end_count_as_rows(void)
{
	begin_test();
	CU_ASSERT_EQUAL(take_wish(70001, 1763500000, ""), OAT_INVALID);
	CU_ASSERT_EQUAL(take_mark("begin", GENERATION, "1"), OAT_OK);
	CU_ASSERT_EQUAL(take_wish(70001, 1763500000, ""), OAT_OK);
	CU_ASSERT_EQUAL(take_wish(70001, 1763500000, ""), OAT_INVALID);
	end_test();
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_listing_complete_answer_is_whole),
	OAT_TEST(test_listing_that_stops_early_is_none),
	OAT_TEST(test_listing_in_another_order_is_none),
	OAT_TEST(test_listing_row_after_the_end_is_refused),
	OAT_TEST(test_listing_row_beyond_the_promise_is_refused_at_once),
	OAT_TEST(test_listing_same_is_whole_with_its_generation),
	OAT_TEST(test_listing_begin_gives_generation_and_time),
	OAT_TEST(test_listing_unknown_kind_counts_and_is_ignored),
	OAT_TEST(test_listing_count_that_is_no_number_is_invalid),
	OAT_TEST(test_listing_hostile_row_is_refused_alone),
	OAT_TEST(test_listing_refusal_is_told_in_printable_text),
	OAT_TEST(test_listing_expiry_zero_is_never),
	OAT_TEST(test_listing_sessions_to_end_are_kept_with_their_time),
	OAT_TEST(test_listing_sessions_to_end_count_as_rows),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "listing", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
