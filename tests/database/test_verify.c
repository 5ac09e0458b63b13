/* SPDX-License-Identifier: MIT */
/*
 * verify_activity: what was done to the log behind its back, and where. Here a
 * superuser does it, with triggers off: nobody else gets that far.
 */
#include "cluster.h"
#include "fixture.h"
#include "sqlstate.h"
#include "tests/runner.h"

static PGconn *root, *web;
static char *ci;

/*
 * Batch 1 has the management so far; 2 to 5 have a login each, but 4: there it
 * is a rotation.
 */
static void
begin(void)
{
	oat_cluster_begin();
	root = db_connect("postgres");
	web = fixture_acme(root, &ci);
	(void)fixture_seal(root);
	fixture_expect(web, "allowed", .selector = ci);
	(void)fixture_seal(root);
	fixture_expect(web, "wrong_secret", .selector = ci, .proof = "wrong",
	    .tty = "ssh");
	(void)fixture_seal(root);
	db_run(root, "select oat.rotate_token('acme', 'ci', '%s', '1 h')",
	    fixture_verifier());
	(void)fixture_seal(root);
	fixture_expect(web, "allowed", .selector = ci);
	(void)fixture_seal(root);
}

static void
expect_problem(const char *batch, const char *problem, const char *after)
{
	char *is = db_value(root,
	    "select intact, coalesce(batch, 0), coalesce(problem, '') "
	    "from oat.verify_activity()");
	char *start = db_text("f|%s|%s", batch, problem);

	OAT_ASSERT_THAT(strncmp(is, start, strlen(start)) == 0,
	    "is: %s; not: %s; after: %s", is, start, after);
}

/* Do it, see what is found, undo it. */
static void
expect_found(const char *batch, const char *problem, const char *forgery)
{
	db_run(root, "begin");
	db_run(root, "set local session_replication_role = replica");
	db_run(root, "%s", forgery);
	expect_problem(batch, problem, forgery);
	db_run(root, "rollback");
}

#define ROW_OF_3 "where reason = 'wrong_secret'"

static void
test_verify_untouched_log_is_intact(void)
{
	db_expect(root, "t|null|null|t|0|t",
	    "select intact, batch, problem, verified = (select count(*) "
	    "from oat.activity), unsealed, head = (select encode(digest, "
	    "'hex') from oat.activity_batches where number = 5) "
	    "from oat.verify_activity()");
	fixture_expect(web, "allowed", .selector = ci);
	db_expect(
	    root, "t|1", "select intact, unsealed from oat.verify_activity()");
}

static void
test_verify_of_an_empty_log_is_intact(void)
{
	db_run(root, "set session_replication_role = replica");
	db_run(root, "delete from oat.activity");
	db_run(root, "delete from oat.activity_batches");
	db_run(root, "update oat.activity_seal set number = 0, digest = null, "
		     "sealed_id = 0");
	db_expect(root, "t|null|null|0|0|null",
	    "select * from oat.verify_activity()");
}

static void
test_verify_case_56_altered_column_names_its_batch(void)
{
	static const char *const changes[] = { "at = at + interval '1 us'",
		"recorded_at = recorded_at + interval '1 us'",
		"event_id = gen_random_uuid()", "organization = 'other'",
		"organization = null", "token = 'cd'", "actor = 'oat-acme-x'",
		"event = 'access'", "host = 'web-2'", "service = 'sudo'",
		"service = null", "rhost = '10.1.2.4'", "rhost = null",
		"outcome = 'success', reason = null", "reason = 'idle'",
		"detail = detail - 'decided'",
		"detail = detail || '{\"x\": 1}'",
		"detail = jsonb_set(detail, '{tty}', '\"pts/1\"')" };
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		expect_found("3", "altered",
		    db_text(
			"update oat.activity set %s " ROW_OF_3, changes[i]));
	fixture_expect_intact(root);
}

static void
test_verify_case_56_moved_row_names_the_first_batch_it_left(void)
{
	expect_found("3", "cut: 1 of its 1 rows",
	    "update oat.activity set id = id + 1000 " ROW_OF_3);
	expect_found("3", "cut: 1 of its 1 rows",
	    "update oat.activity set event = 'token.updated' " ROW_OF_3);
	expect_found("3", "cut: 1 of its 1 rows",
	    "update oat.activity set recorded_at = recorded_at - "
	    "interval '62 days' " ROW_OF_3);
}

static void
test_verify_case_56_deleted_row_is_cut(void)
{
	expect_found(
	    "3", "cut: 1 of its 1 rows", "delete from oat.activity " ROW_OF_3);
	expect_found("1", "cut: 1 of its",
	    "delete from oat.activity where event = 'token.created'");
	expect_found("5", "cut: 1 of its 1 rows",
	    "delete from oat.activity where id = (select max(id) "
	    "from oat.activity)");
}

static void
test_verify_case_56_inserted_row_is_forged(void)
{
	/* Beside the row of a batch, with its id; in another month; before all
	 * others: as if it had been there. */
	expect_found("3", "forged: it has 2 rows, 1",
	    "insert into oat.activity select id, gen_random_uuid(), at, "
	    "recorded_at + interval '1 us', organization, token, actor, "
	    "event, host, service, rhost, 'success', null, detail "
	    "from oat.activity " ROW_OF_3);
	expect_found("3", "forged: row",
	    "insert into oat.activity select id, gen_random_uuid(), at, "
	    "recorded_at - interval '93 days', organization, token, actor, "
	    "event, host, service, rhost, 'success', null, detail "
	    "from oat.activity " ROW_OF_3);
	expect_found("3", "forged: row",
	    "insert into oat.activity select id, gen_random_uuid(), at, "
	    "recorded_at, organization, token, actor, 'token.deleted', host, "
	    "null, null, null, null, detail from (select *, recorded_at + "
	    "interval '1 us' from oat.activity " ROW_OF_3
	    ") a (id, event_id, at, unused, organization, token, actor, "
	    "event, host, service, rhost, outcome, reason, detail, "
	    "recorded_at)");
	expect_found("1", "forged: row -5 is in no batch",
	    "insert into oat.activity (id, actor, event, recorded_at) values "
	    "(-5, 'x', 'token.updated', now() - interval '200 days')");
	fixture_expect_intact(root);
}

static void
test_verify_case_56_cut_or_forged_batch_is_named(void)
{
	expect_found("3", "cut: the batch is missing",
	    "delete from oat.activity_batches where number = 3");
	expect_found("1", "cut: the batch is missing",
	    "delete from oat.activity_batches where number = 1");
	expect_found("5", "cut: the batch is missing, and all after it",
	    "delete from oat.activity_batches where number = 5");
	expect_found("1", "cut: the batch is missing, and all after it",
	    "delete from oat.activity_batches");
	expect_found("6", "forged",
	    "insert into oat.activity_batches select 6, kind, month, up_to_id, "
	    "up_to_id + 1, events, sealed_at, content, digest "
	    "from oat.activity_batches where number = 5");
}

static void
test_verify_case_56_every_column_of_a_batch_is_sealed(void)
{
	static const char *const changes[] = { "kind = 'management'",
		"month = month - 31", "after_id = after_id - 1",
		"up_to_id = up_to_id + 1", "events = 2",
		"sealed_at = sealed_at + interval '1 us'",
		"content = sha256('x')", "digest = sha256('x')" };
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		expect_found("3", "forged: its digest",
		    db_text("update oat.activity_batches set %s "
			    "where number = 3",
			changes[i]));
}

/* A row, its batch and the digest of the batch: then the next does not fit. */
static const char forge_batch_3[] =
    "update oat.activity set actor = 'somebody' " ROW_OF_3 "; "
    "update oat.activity_batches b set content = sha256(convert_to("
    "oat.batch_lines(3), 'UTF8')) where number = 3; "
    "update oat.activity_batches set digest = sha256(convert_to("
    "oat.batch_header(3), 'UTF8')) where number = 3";

static void
test_verify_case_56_forged_digest_breaks_the_next_batch(void)
{
	expect_found("4", "forged: its digest", forge_batch_3);
}

/* No batch follows the last one: there the seal itself remembers. */
static void
test_verify_case_56_forged_last_batch_is_not_the_seals(void)
{
	expect_found("5", "forged: its digest is not the one",
	    "update oat.activity set actor = 'somebody' where id = (select "
	    "max(id) from oat.activity); "
	    "update oat.activity_batches b set content = sha256(convert_to("
	    "oat.batch_lines(5), 'UTF8')) where number = 5; "
	    "update oat.activity_batches set digest = sha256(convert_to("
	    "oat.batch_header(5), 'UTF8')) where number = 5");
}

/* The owner can compute them all: only a digest kept elsewhere tells. */
static const char forge_the_rest[] =
    "do $$ begin for n in 4 .. 5 loop "
    "update oat.activity_batches set digest = sha256(convert_to("
    "oat.batch_header(n), 'UTF8')) where number = n; end loop; "
    "update oat.activity_seal set digest = (select b.digest "
    "from oat.activity_batches b where b.number = 5); end $$";

static void
test_verify_case_56_chain_made_again_is_found_by_an_anchor_alone(void)
{
	char *anchor = db_value(root, "select head from oat.verify_activity()");
	char *before = db_value(root,
	    "select encode(digest, 'hex') from oat.activity_batches "
	    "where number = 2");

	db_run(root, "set session_replication_role = replica");
	db_run(root, "%s", forge_batch_3);
	db_run(root, "%s", forge_the_rest);
	fixture_expect_intact(root);
	db_expect(root, "f|null",
	    "select intact, batch from oat.verify_activity('%s')", anchor);
	db_expect(root, "t",
	    "select intact from oat.verify_activity(upper('%s'))", before);
	db_expect(root, "f", "select intact from oat.verify_activity('')");
}

static void
test_verify_case_56_cut_tail_is_found_by_an_anchor_alone(void)
{
	char *anchor = db_value(root, "select head from oat.verify_activity()");

	db_run(root, "set session_replication_role = replica");
	db_run(root, "delete from oat.activity where id > (select up_to_id "
		     "from oat.activity_batches where number = 3); "
		     "delete from oat.activity_batches where number > 3; "
		     "update oat.activity_seal s set number = b.number, "
		     "digest = b.digest, sealed_id = b.up_to_id "
		     "from oat.activity_batches b where b.number = 3");
	fixture_expect_intact(root);
	db_expect(root, "f|t",
	    "select intact, problem like 'cut:%%' "
	    "from oat.verify_activity('%s')",
	    anchor);
}

static void
test_verify_names_the_first_of_several(void)
{
	expect_found("2", "altered",
	    "update oat.activity set service = 'x' "
	    "where event = 'login' and id < (select max(id) "
	    "from oat.activity)");
	expect_found("1", "forged: row",
	    "delete from oat.activity " ROW_OF_3 "; "
	    "insert into oat.activity (id, actor, event, recorded_at) values "
	    "(1, 'x', 'token.updated', now() - interval '200 days')");
}

static void
test_verify_from_a_batch_on_trusts_what_is_before(void)
{
	db_run(root, "set session_replication_role = replica");
	db_run(root, "update oat.activity set actor = 'x' " ROW_OF_3);
	db_expect(root, "f|3",
	    "select intact, batch from oat.verify_activity(null, 3)");
	db_expect(root, "t|2",
	    "select intact, verified from oat.verify_activity(null, 4)");
}

static void
test_verify_from_beyond_the_end_verifies_nothing(void)
{
	db_expect(root, "t|0\nt|0\nt|1",
	    "select intact, verified from oat.verify_activity(null, 6) "
	    "union all "
	    "select intact, verified from oat.verify_activity(null, 99) "
	    "union all select intact, (verified > 5)::int from "
	    "oat.verify_activity(null, -1)");
}

static void
test_verify_case_56_dropped_partition_is_found(void)
{
	db_run(root, "begin");
	db_run(root, "drop table oat.activity_%s",
	    db_value(root, "select to_char(now() at time zone 'UTC', "
			   "'YYYY_MM')"));
	expect_problem("1", "cut", "drop");
	db_run(root, "rollback");
}

/* Marked as dropped, but nobody dropped it. */
static void
test_verify_case_56_batch_marked_as_dropped_is_found(void)
{
	expect_found("3", "forged: it is marked as dropped, but rows",
	    "update oat.activity_batches set dropped_at = now() "
	    "where number = 3");
	expect_found("3", "cut: its rows are gone, but no log.dropped",
	    "update oat.activity_batches set dropped_at = now() "
	    "where number = 3; delete from oat.activity " ROW_OF_3);
}

static void
test_verify_case_56_batches_are_append_only(void)
{
	static const char *const statements[] = {
		"update oat.activity_batches set digest = content",
		"update oat.activity_batches set dropped_at = now(), events = "
		"9",
		"delete from oat.activity_batches",
		"truncate oat.activity_batches",
	};
	PGconn *admin = fixture_admin();
	size_t i;

	for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		db_refused(root, OAT_APPEND_ONLY, "%s", statements[i]);
		db_run(root, "set role oat_owner");
		db_refused(root, OAT_APPEND_ONLY, "%s", statements[i]);
		db_run(root, "reset role");
		db_refused(admin, NO_PRIVILEGE, "%s", statements[i]);
	}
	db_refused(
	    admin, NO_PRIVILEGE, "update oat.activity_seal set sealed_id = 0");
	db_refused(root, OAT_APPEND_ONLY,
	    "update oat.activity_batches set dropped_at = now()");
}

static void
test_verify_says_for_whom_it_proves_something(void)
{
	db_expect(root, "t",
	    "select obj_description('oat.verify_activity(text, bigint)'"
	    "::regprocedure) like '%%nothing against the owner%%superuser%%"
	    "without an anchor%%'");
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_verify_untouched_log_is_intact),
	OAT_TEST(test_verify_of_an_empty_log_is_intact),
	OAT_TEST(test_verify_case_56_altered_column_names_its_batch),
	OAT_TEST(test_verify_case_56_moved_row_names_the_first_batch_it_left),
	OAT_TEST(test_verify_case_56_deleted_row_is_cut),
	OAT_TEST(test_verify_case_56_inserted_row_is_forged),
	OAT_TEST(test_verify_case_56_cut_or_forged_batch_is_named),
	OAT_TEST(test_verify_case_56_every_column_of_a_batch_is_sealed),
	OAT_TEST(test_verify_case_56_forged_digest_breaks_the_next_batch),
	OAT_TEST(test_verify_case_56_forged_last_batch_is_not_the_seals),
	OAT_TEST(
	    test_verify_case_56_chain_made_again_is_found_by_an_anchor_alone),
	OAT_TEST(test_verify_case_56_cut_tail_is_found_by_an_anchor_alone),
	OAT_TEST(test_verify_names_the_first_of_several),
	OAT_TEST(test_verify_from_a_batch_on_trusts_what_is_before),
	OAT_TEST(test_verify_from_beyond_the_end_verifies_nothing),
	OAT_TEST(test_verify_case_56_dropped_partition_is_found),
	OAT_TEST(test_verify_case_56_batch_marked_as_dropped_is_found),
	OAT_TEST(test_verify_case_56_batches_are_append_only),
	OAT_TEST(test_verify_says_for_whom_it_proves_something),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "verify", oat_cluster_start, NULL, begin, oat_cluster_end, tests },
	CU_SUITE_INFO_NULL,
};
