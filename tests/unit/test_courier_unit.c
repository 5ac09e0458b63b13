/* SPDX-License-Identifier: MIT */
/* The courier as a program of its own; what it would ask, this test answers. */
#include "common/courier_unit.h"

#include "common/courier_child.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define OPTIONS "host=/run/pg dbname=oat user=oat_web-1"

/* --- in the place of the one that asks ----------------------------------- */

/* Says as a verifier who it is and what it was sent off with; or nothing. */
void
oat_courier_serve(int fd, void *context)
{
	const struct oat_orders *orders = context;
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_wire in = { 0 }, out = { 0 };
	char text[OAT_VERIFIER_MAX];

	if (orders->password != NULL && strcmp(orders->password, "hang") == 0)
		for (;;)
			(void)pause();
	if (orders->password != NULL && strcmp(orders->password, "die") == 0)
		return;
	(void)snprintf(text, sizeof(text), "%s %s %s %s root=%d",
	    oat_conninfo_user(orders->conninfo), orders->database,
	    orders->password != NULL ? orders->password : "(none)",
	    orders->next_password != NULL ? orders->next_password : "(none)",
	    getuid() == 0);
	if (oat_wire_receive(&in, fd, soon) == OAT_OK) {
		oat_wire_put_u32(&out, OAT_OK);
		oat_wire_put_text(&out, "");
		oat_wire_put_text(&out, text);
		(void)oat_wire_send(&out, fd, soon);
	}
	oat_wire_free(&in);
	oat_wire_free(&out);
}

/* --- in the place of systemd --------------------------------------------- */

static char folder[] = "/tmp/oat-courier.XXXXXX", path[64];

/* Who listens, and so answers for the socket; who serves what comes. */
struct station {
	uid_t listens, serves;
	pid_t pid;
};

/* `oat courier` with this standard input, as this user; its exit status. */
static int
run_courier(int fd, uid_t uid)
{
	char *argv[] = { (char *)"courier", NULL };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(fd, STDIN_FILENO) != STDIN_FILENO ||
		    (uid != 0 && setresuid(uid, uid, uid) != 0) ||
		    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			_exit(99);
		_exit(oat_courier_main(1, argv));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		   ? WEXITSTATUS(status)
		   : -1;
}

/* The exit status of this process is that of the one connection it serves. */
static void
listen_once(const struct station *station, int told)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	memcpy(address.sun_path, path, sizeof(path));
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    (station->listens != 0 && seteuid(station->listens) != 0) ||
	    listen(fd, 1) != 0 || seteuid(0) != 0 || write(told, "", 1) != 1)
		_exit(99);
	fd = accept(fd, NULL, NULL);
	_exit(run_courier(fd, station->serves));
}

static struct station
start_station(uid_t listens, uid_t serves)
{
	struct station station = { listens, serves, -1 };
	int told[2];
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(told), 0);
	station.pid = fork();
	if (station.pid == 0)
		listen_once(&station, told[1]);
	(void)close(told[1]);
	CU_ASSERT_EQUAL_FATAL(read(told[0], &byte, 1), 1);
	(void)close(told[0]);
	return station;
}

/* The exit status of its courier, which has to end by itself. */
static int
end_station(struct station *station)
{
	int status = -1;

	if (!oat_process_ends(station->pid))
		(void)kill(station->pid, SIGKILL);
	(void)waitpid(station->pid, &status, 0);
	(void)unlink(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- the caller ---------------------------------------------------------- */

static struct oat_conninfo *conninfo;

static int
set_up(void)
{
	char error[OAT_CONNINFO_ERROR_MAX];

	if (mkdtemp(folder) == NULL ||
	    oat_conninfo_parse(OPTIONS, true, &conninfo, error) != OAT_OK)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/courier", folder);
	return 0;
}

static int
tear_down(void)
{
	oat_conninfo_free(conninfo);
	return rmdir(folder);
}

static enum oat_status
call(const char *to, const char *password, const char *next,
    struct oat_child *ret_child, char *ret_error)
{
	const struct oat_orders orders = { conninfo, OPTIONS, password, next };

	return oat_courier_call(
	    to, &orders, oat_deadline_in_ms(OAT_LONG_MS), ret_child, ret_error);
}

static void
check_orders(const char *password, const char *next, const char *expected)
{
	struct station station = start_station(0, NOBODY);
	char error[OAT_DATABASE_ERROR_MAX] = "", answer[OAT_VERIFIER_MAX] = "";
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL_FATAL(
	    call(path, password, next, &child, error), OAT_OK);
	CU_ASSERT_EQUAL(child.pid, -1);
	CU_ASSERT_STRING_EQUAL(child.peer, "/run/pg:5432");
	CU_ASSERT_EQUAL(oat_courier_verifier(&child, "AAAAAAAAAAAA",
			    oat_deadline_in_ms(OAT_LONG_MS), answer, error),
	    OAT_OK);
	CU_ASSERT_STRING_EQUAL(answer, expected);
	oat_child_end(&child);
	CU_ASSERT_EQUAL(child.fd, -1);
	CU_ASSERT_EQUAL(end_station(&station), 0);
}

static void
test_courier_unit_gets_its_orders_and_serves(void)
{
	check_orders(NULL, NULL, "oat_web-1 " OPTIONS " (none) (none) root=0");
	check_orders(
	    "secret", NULL, "oat_web-1 " OPTIONS " secret (none) root=0");
	check_orders(
	    "secret", "next", "oat_web-1 " OPTIONS " secret next root=0");
}

static void
test_courier_unit_ends_when_the_other_side_is_gone(void)
{
	struct station station = start_station(0, NOBODY);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL_FATAL(call(path, "hang", NULL, &child, error), OAT_OK);
	CU_ASSERT_EQUAL(oat_courier_await_begin(
			    &child, oat_deadline_in_ms(OAT_BRIEF_MS), error),
	    OAT_OK);
	CU_ASSERT_EQUAL(oat_courier_await_end(
			    &child, oat_deadline_in_ms(OAT_BRIEF_MS), error),
	    OAT_TIMEOUT);
	CU_ASSERT_STRING_EQUAL(error, "/run/pg:5432: no answer in time");
	CU_ASSERT_EQUAL(waitpid(station.pid, NULL, WNOHANG), 0);
	oat_child_end(&child);
	CU_ASSERT_EQUAL(end_station(&station), 0);
}

/* As one that systemd cannot start: somebody accepts, and hangs up. */
static void
test_courier_unit_that_ends_unasked_is_said_with_where_to_look(void)
{
	struct station station = start_station(0, NOBODY);
	char error[OAT_DATABASE_ERROR_MAX] = "", answer[OAT_VERIFIER_MAX] = "";
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL_FATAL(call(path, "die", NULL, &child, error), OAT_OK);
	CU_ASSERT_EQUAL(oat_courier_verifier(&child, "AAAAAAAAAAAA",
			    oat_deadline_in_ms(OAT_LONG_MS), answer, error),
	    OAT_UNAVAILABLE);
	CU_ASSERT_STRING_EQUAL(error,
	    "the courier ended, or answered nonsense; "
	    "see: journalctl -u 'oat-courier@*'");
	oat_child_end(&child);
	CU_ASSERT_EQUAL(end_station(&station), 0);
}

/* --- who may ------------------------------------------------------------- */

static void
test_courier_unit_only_a_listener_of_roots_gets_orders(void)
{
	struct station station = start_station(NOBODY, NOBODY);
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_child child = OAT_CHILD_NONE;

	CU_ASSERT_EQUAL(
	    call(path, "secret", NULL, &child, error), OAT_UNAVAILABLE);
	OAT_ASSERT_THAT(
	    strstr(error, "not root listens there") != NULL, "%s", error);
	CU_ASSERT_EQUAL(child.fd, -1);
	/* It was told nothing. */
	CU_ASSERT_EQUAL(end_station(&station), 1);
}

static const char *const good_orders[] = { OAT_VERSION, OPTIONS, "", "" };

static void
send_texts(int fd, const char *const *texts, size_t count)
{
	struct oat_wire out = { 0 };
	size_t i;

	for (i = 0; i < count; i++)
		oat_wire_put_text(&out, texts[i]);
	CU_ASSERT_EQUAL(
	    oat_wire_send(&out, fd, oat_deadline_in_ms(OAT_LONG_MS)), OAT_OK);
	oat_wire_free(&out);
}

/* A pair is of who made it. The exit status with orders that are good. */
static int
run_for(uid_t orders, uid_t serves)
{
	int pair[2] = { -1, -1 }, code;

	CU_ASSERT_EQUAL_FATAL(seteuid(orders), 0);
	CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
	send_texts(pair[0], good_orders, 4);
	(void)close(pair[0]);
	code = run_courier(pair[1], serves);
	(void)close(pair[1]);
	return code;
}

static void
hide_reports(int *ret_fd)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	*ret_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	(void)dup2(null, STDERR_FILENO);
	(void)close(null);
}

static void
show_reports(int fd)
{
	(void)dup2(fd, STDERR_FILENO);
	(void)close(fd);
}

static void
test_courier_unit_is_ordered_by_root_and_is_not_root(void)
{
	int file = open("/dev/null", O_RDWR | O_CLOEXEC), reports;

	CU_ASSERT_EQUAL(run_for(0, NOBODY), 0);
	hide_reports(&reports);
	CU_ASSERT_EQUAL(run_for(NOBODY, NOBODY), 1);
	CU_ASSERT_EQUAL(run_for(0, 0), 1);
	CU_ASSERT_EQUAL(run_courier(file, NOBODY), 1); /* no socket at all */
	show_reports(reports);
	(void)close(file);
}

/* --- orders that are none ------------------------------------------------ */

/* What a caller that sends these texts as orders is answered. */
static void
check_refused(const char *const *texts, size_t count, const char *expected)
{
	struct station station = start_station(0, NOBODY);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char error[OAT_DATABASE_ERROR_MAX] = "", answer[OAT_VERIFIER_MAX] = "";
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct oat_child child = OAT_CHILD_NONE;

	memcpy(address.sun_path, path, sizeof(path));
	child.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(
	    connect(child.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	send_texts(child.fd, texts, count);
	CU_ASSERT_EQUAL(
	    oat_courier_verifier(&child, "AAAAAAAAAAAA", soon, answer, error),
	    OAT_UNAVAILABLE);
	OAT_ASSERT_THAT(strstr(error, expected) != NULL, "%s", error);
	oat_child_end(&child);
	CU_ASSERT_EQUAL(end_station(&station), 1);
}

static void
test_courier_unit_orders_of_another_version_are_answered_with_the_way_out(void)
{
	static const char *const other[] = { "0", OPTIONS, "", "" };
	static const char *const none[] = { "" };

	check_refused(other, 4, "try-restart oat-watch.service");
	check_refused(none, 1, "try-restart oat-watch.service");
}

static void
test_courier_unit_orders_are_checked_again(void)
{
	static char long_password[OAT_WIRE_MAX / 2];
	const char *const tries[][5] = {
		{ OAT_VERSION, OPTIONS, "", "", "more" },
		{ OAT_VERSION, OPTIONS, "", NULL },
		{ OAT_VERSION, OPTIONS, long_password, "" },
		{ OAT_VERSION, "host=db1 dbname=oat user=oat_web-1", "", "" },
		{ OAT_VERSION, "options=-cx dbname=oat user=oat_web-1", "",
		    "" },
	};
	static const struct {
		size_t count;
		const char *expected;
	} cases[] = {
		{ 5, "make no sense" },
		{ 3, "make no sense" },
		{ 4, "make no sense" },
		{ 4, "sslmode" },
		{ 4, "options" },
	};
	size_t i;

	memset(long_password, 'x', sizeof(long_password) - 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(tries[i], cases[i].count, cases[i].expected);
}

/* --- nobody there -------------------------------------------------------- */

static void
test_courier_unit_nobody_listens_is_said_with_the_way_out(void)
{
	static char longer[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	static const char *const cases[][2] = {
		{ "/nonexistent/\x1bx", "/nonexistent/\\x1bx: No such file" },
		{ longer, "File name too long" },
	};
	char error[OAT_DATABASE_ERROR_MAX] = "";
	struct oat_child child = OAT_CHILD_NONE;
	size_t i;

	memset(longer, 'x', sizeof(longer) - 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(call(cases[i][0], NULL, NULL, &child, error),
		    OAT_UNAVAILABLE);
		OAT_ASSERT_THAT(oat_is_one_line(error) &&
				    strstr(error, cases[i][1]) != NULL,
		    "%s", error);
		OAT_ASSERT_THAT(
		    strstr(error, "systemctl restart oat-courier.socket") !=
			NULL,
		    "%s", error);
		CU_ASSERT_EQUAL(child.fd, -1);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_courier_unit_gets_its_orders_and_serves),
	OAT_TEST(test_courier_unit_ends_when_the_other_side_is_gone),
	OAT_TEST(
	    test_courier_unit_that_ends_unasked_is_said_with_where_to_look),
	OAT_TEST(test_courier_unit_only_a_listener_of_roots_gets_orders),
	OAT_TEST(test_courier_unit_is_ordered_by_root_and_is_not_root),
	OAT_TEST(
	    test_courier_unit_orders_of_another_version_are_answered_with_the_way_out),
	OAT_TEST(test_courier_unit_orders_are_checked_again),
	OAT_TEST(test_courier_unit_nobody_listens_is_said_with_the_way_out),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "courier_unit", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
