/* SPDX-License-Identifier: MIT */
#include "common/wire.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/wired.h"

static void
check_fields(struct oat_wire *wire)
{
	char text[16];
	uint32_t u32 = 0;
	uint64_t u64 = 0;

	CU_ASSERT_EQUAL(oat_wire_get_text(wire, text, sizeof(text)), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "hello");
	CU_ASSERT_EQUAL(oat_wire_get_u32(wire, &u32), OAT_OK);
	CU_ASSERT_EQUAL(u32, UINT32_MAX);
	CU_ASSERT_EQUAL(oat_wire_get_u64(wire, &u64), OAT_OK);
	CU_ASSERT_EQUAL(u64, UINT64_MAX - 1);
	CU_ASSERT_EQUAL(oat_wire_end(wire), OAT_INVALID);
	CU_ASSERT_EQUAL(oat_wire_get_text(wire, text, sizeof(text)), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "");
	CU_ASSERT_EQUAL(oat_wire_end(wire), OAT_OK);
}

static void
put_fields(struct oat_wire *wire)
{
	oat_wire_put_text(wire, "hello");
	oat_wire_put_u32(wire, UINT32_MAX);
	oat_wire_put_u64(wire, UINT64_MAX - 1);
	oat_wire_put_text(wire, NULL);
}

static void
check_round_trip(int fds[2])
{
	struct oat_wire out = { 0 }, in = { 0 };

	put_fields(&out);
	CU_ASSERT_EQUAL(oat_wire_send(&out, fds[1], wired_ample()), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], wired_ample()), OAT_OK);
	check_fields(&in);
	oat_wire_free(&out);
	oat_wire_free(&in);
	wired_close_both(fds);
}

static void
test_wire_message_arrives_over_a_socket(void)
{
	int fds[2];

	wired_make_socket(fds);
	check_round_trip(fds);
}

static void
test_wire_message_arrives_over_a_pipe(void)
{
	int fds[2];

	wired_make_pipe(fds);
	check_round_trip(fds);
}

static void
test_wire_message_arrives_over_non_blocking_descriptors(void)
{
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	check_round_trip(fds);
	CU_ASSERT_EQUAL_FATAL(pipe2(fds, O_NONBLOCK), 0);
	check_round_trip(fds);
}

static void
test_wire_several_messages_stay_apart(void)
{
	struct oat_wire out = { 0 }, in = { 0 };
	uint32_t value = 0, i;
	int fds[2];

	wired_make_socket(fds);
	for (i = 0; i < 3; i++) {
		oat_wire_put_u32(&out, i);
		CU_ASSERT_EQUAL(
		    oat_wire_send(&out, fds[1], wired_ample()), OAT_OK);
		oat_wire_free(&out);
	}
	for (i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(
		    oat_wire_receive(&in, fds[0], wired_ample()), OAT_OK);
		CU_ASSERT_EQUAL(oat_wire_get_u32(&in, &value), OAT_OK);
		CU_ASSERT_EQUAL(value, i);
		CU_ASSERT_EQUAL(oat_wire_end(&in), OAT_OK);
		oat_wire_free(&in);
	}
	wired_close_both(fds);
}

static void
test_wire_empty_message_has_no_field(void)
{
	struct oat_wire out = { 0 }, in = { 0 };
	uint32_t value;
	int fds[2];

	wired_make_socket(fds);
	CU_ASSERT_EQUAL(oat_wire_send(&out, fds[1], wired_ample()), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], wired_ample()), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_end(&in), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_get_u32(&in, &value), OAT_INVALID);
	oat_wire_free(&out);
	oat_wire_free(&in);
	wired_close_both(fds);
}

static void
test_wire_largest_message_is_sent_and_a_larger_one_refused(void)
{
	static unsigned char bytes[OAT_WIRE_MAX];
	static char text[OAT_WIRE_MAX];
	struct oat_wire out = { 0 }, in = { 0 };
	size_t largest = OAT_WIRE_MAX - sizeof(uint32_t);
	int fds[2];
	pid_t pid;

	memset(bytes, 'x', sizeof(bytes));
	wired_make_pipe(fds);
	pid = fork();
	if (pid == 0) {
		oat_wire_put_bytes(&out, bytes, largest);
		_exit(oat_wire_send(&out, fds[1], wired_ample()));
	}
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], wired_ample()), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_get_text(&in, text, sizeof(text)), OAT_OK);
	CU_ASSERT_EQUAL(strlen(text), largest);
	wired_finish(pid);
	oat_wire_put_bytes(&out, bytes, largest + 1);
	CU_ASSERT_EQUAL(out.status, OAT_INVALID);
	CU_ASSERT_EQUAL(
	    oat_wire_send(&out, fds[1], wired_ample()), OAT_INVALID);
	oat_wire_free(&out);
	oat_wire_put_bytes(&out, bytes, largest);
	oat_wire_put_text(&out, "");
	CU_ASSERT_EQUAL(
	    oat_wire_send(&out, fds[1], wired_ample()), OAT_INVALID);
	oat_wire_free(&out);
	oat_wire_free(&in);
	wired_close_both(fds);
}

static void
test_wire_first_failure_of_an_append_is_kept(void)
{
	static unsigned char bytes[OAT_WIRE_MAX + 1];
	struct oat_wire out = { 0 };

	oat_wire_put_bytes(&out, bytes, sizeof(bytes));
	oat_wire_put_u32(&out, 1);
	CU_ASSERT_EQUAL(oat_wire_send(&out, -1, wired_ample()), OAT_INVALID);
	oat_wire_free(&out);
	CU_ASSERT_EQUAL(out.status, OAT_OK);
	oat_wire_put_bytes(&out, NULL, SIZE_MAX);
	CU_ASSERT_EQUAL(out.status, OAT_INVALID);
	oat_wire_free(&out);
}

static void
test_wire_fields_of_another_kind_are_invalid(void)
{
	struct oat_wire wire = { 0 };
	char text[16];
	uint32_t u32 = 7;
	uint64_t u64 = 7;

	oat_wire_put_u32(&wire, 'x');
	CU_ASSERT_EQUAL(oat_wire_get_u64(&wire, &u64), OAT_INVALID);
	CU_ASSERT_EQUAL(
	    oat_wire_get_text(&wire, text, sizeof(text)), OAT_INVALID);
	CU_ASSERT_EQUAL(oat_wire_get_u32(&wire, &u32), OAT_OK);
	CU_ASSERT_EQUAL(u32, 'x');
	CU_ASSERT_EQUAL(u64, 7);
	oat_wire_put_text(&wire, "abc");
	CU_ASSERT_EQUAL(oat_wire_get_u32(&wire, &u32), OAT_INVALID);
	CU_ASSERT_EQUAL(u32, 'x');
	oat_wire_free(&wire);
}

static void
test_wire_text_with_a_nul_is_invalid(void)
{
	struct oat_wire wire = { 0 };
	char text[16] = "untouched";

	oat_wire_put_bytes(&wire, "a\0b", 3);
	CU_ASSERT_EQUAL(
	    oat_wire_get_text(&wire, text, sizeof(text)), OAT_INVALID);
	CU_ASSERT_STRING_EQUAL(text, "untouched");
	oat_wire_free(&wire);
}

static void
test_wire_text_that_just_fits_is_read_one_longer_is_range(void)
{
	struct oat_wire wire = { 0 };
	char text[4];

	oat_wire_put_text(&wire, "abc");
	oat_wire_put_text(&wire, "abcd");
	CU_ASSERT_EQUAL(oat_wire_get_text(&wire, text, sizeof(text)), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "abc");
	CU_ASSERT_EQUAL(
	    oat_wire_get_text(&wire, text, sizeof(text)), OAT_RANGE);
	CU_ASSERT_STRING_EQUAL(text, "abc");
	CU_ASSERT_EQUAL(oat_wire_get_text(&wire, text, 0), OAT_RANGE);
	oat_wire_free(&wire);
}

/* What is read of a message whose bytes are these. */
static enum oat_status
receive_raw(const void *bytes, size_t size, char *text, size_t text_size)
{
	struct oat_wire in = { 0 };
	enum oat_status status;
	int fds[2];

	wired_make_socket(fds);
	CU_ASSERT_EQUAL(write(fds[1], bytes, size), (ssize_t)size);
	close(fds[1]);
	status = oat_wire_receive(&in, fds[0], wired_ample());
	if (status == OAT_OK)
		status = oat_wire_get_text(&in, text, text_size);
	oat_wire_free(&in);
	close(fds[0]);
	return status;
}

static void
test_wire_hostile_lengths_are_invalid(void)
{
	const uint32_t x = 0x61616161;
	const uint32_t samples[][3] = {
		{ OAT_WIRE_MAX + 1, x, x },
		{ UINT32_MAX, x, x },
		{ 0x80000000, x, x },
		{ 3, x, x },
		{ 4, 1, x },
		{ 8, 5, x },
		{ 8, UINT32_MAX, x },
		{ 8, 0xfffffffc, x },
	};
	char text[64];
	size_t i, size;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size = sizeof(uint32_t);
		if (samples[i][0] <= 8)
			size += samples[i][0];
		OAT_ASSERT_THAT(receive_raw(samples[i], size, text,
				    sizeof(text)) == OAT_INVALID,
		    "sample %zu", i);
	}
}

/* The bytes behind the message are none of its field's. */
static void
test_wire_field_longer_than_its_message_is_invalid(void)
{
	static const uint32_t message[] = { 8, 8, 0x61616161 };
	struct oat_wire in = { 0 };
	uint64_t value = 7;
	int fds[2];

	wired_make_socket(fds);
	CU_ASSERT_EQUAL(
	    write(fds[1], message, sizeof(message)), (ssize_t)sizeof(message));
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], wired_ample()), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_get_u64(&in, &value), OAT_INVALID);
	CU_ASSERT_EQUAL(value, 7);
	oat_wire_free(&in);
	wired_close_both(fds);
}

static void
test_wire_end_of_file_anywhere_in_a_message_is_unavailable(void)
{
	static const uint32_t message[] = { 12, 8, 0x61616161, 0x62626262 };
	char text[64];
	size_t n;

	for (n = 0; n < sizeof(message); n++)
		OAT_ASSERT_THAT(receive_raw(message, n, text, sizeof(text)) ==
				    OAT_UNAVAILABLE,
		    "%zu bytes", n);
	CU_ASSERT_EQUAL(
	    receive_raw(message, sizeof(message), text, sizeof(text)), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "aaaabbbb");
}

static void
test_wire_message_byte_by_byte_arrives(void)
{
	static const uint32_t message[] = { 12, 8, 0x61616161, 0x62626262 };
	struct oat_wire in = { 0 };
	char text[16];
	int fds[2];
	pid_t pid;

	wired_make_pipe(fds);
	pid = wired_trickle(fds, message, sizeof(message), 500);
	CU_ASSERT_EQUAL(oat_wire_receive(&in, fds[0], wired_ample()), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_get_text(&in, text, sizeof(text)), OAT_OK);
	CU_ASSERT_STRING_EQUAL(text, "aaaabbbb");
	wired_finish(pid);
	oat_wire_free(&in);
	wired_close_both(fds);
}

static void
test_wire_freed_one_is_empty_and_null_is_accepted(void)
{
	struct oat_wire wire = { 0 };

	oat_wire_put_text(&wire, "secret");
	oat_wire_free(&wire);
	CU_ASSERT_PTR_NULL(wire.bytes);
	CU_ASSERT_EQUAL(wire.length + wire.capacity + wire.offset, 0);
	oat_wire_free(&wire);
	oat_wire_free(NULL);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_wire_message_arrives_over_a_socket),
	OAT_TEST(test_wire_message_arrives_over_a_pipe),
	OAT_TEST(test_wire_message_arrives_over_non_blocking_descriptors),
	OAT_TEST(test_wire_several_messages_stay_apart),
	OAT_TEST(test_wire_empty_message_has_no_field),
	OAT_TEST(test_wire_largest_message_is_sent_and_a_larger_one_refused),
	OAT_TEST(test_wire_first_failure_of_an_append_is_kept),
	OAT_TEST(test_wire_fields_of_another_kind_are_invalid),
	OAT_TEST(test_wire_text_with_a_nul_is_invalid),
	OAT_TEST(test_wire_text_that_just_fits_is_read_one_longer_is_range),
	OAT_TEST(test_wire_hostile_lengths_are_invalid),
	OAT_TEST(test_wire_field_longer_than_its_message_is_invalid),
	OAT_TEST(test_wire_end_of_file_anywhere_in_a_message_is_unavailable),
	OAT_TEST(test_wire_message_byte_by_byte_arrives),
	OAT_TEST(test_wire_freed_one_is_empty_and_null_is_accepted),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "wire", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
