/* SPDX-License-Identifier: MIT */
/* What the log says, what the holder is told, and what nobody ever sees. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
play(struct oat_application *application, const char *what,
    enum oat_call_name name, int flags)
{
	oat_stage_play(what);
	oat_journal_clear();
	oat_application_start(
	    application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	pam_set_item(application->pamh, PAM_RHOST, "10.1.2.3");
	(void)oat_application_call(application, name, flags);
	oat_application_end(application);
}

/* --- the log
 * ------------------------------------------------------------------ */

static void
test_pam_log_line_has_the_fields_of_the_contract_in_order(void)
{
	static const struct {
		enum oat_call_name name;
		const char *play;
		const char *line;
		int priority;
	} cases[] = {
		{ OAT_AUTHENTICATE, "verdict=4\n",
		    "pam_oat(sshd:auth): accepted login=oat-acme-ci"
		    " selector=" OAT_GOOD_SELECTOR " reason=- rhost=10.1.2.3",
		    LOG_INFO },
		{ OAT_AUTHENTICATE, "verdict=3\nreason=expired\n",
		    "pam_oat(sshd:auth): refused login=oat-acme-ci"
		    " selector=" OAT_GOOD_SELECTOR
		    " reason=expired rhost=10.1.2.3",
		    LOG_NOTICE },
		{ OAT_AUTHENTICATE, "verdict=2\nreason=unknown_token\n",
		    "pam_oat(sshd:auth): refused login=oat-acme-ci"
		    " selector=" OAT_GOOD_SELECTOR
		    " reason=unknown_token rhost=10.1.2.3",
		    LOG_NOTICE },
		{ OAT_AUTHENTICATE,
		    "verdict=1\nreason=unavailable\ndetail=db1: no route\n",
		    "pam_oat(sshd:auth): refused login=oat-acme-ci"
		    " selector=" OAT_GOOD_SELECTOR
		    " reason=unavailable rhost=10.1.2.3"
		    " detail=db1: no route",
		    LOG_ERR },
		{ OAT_AUTHENTICATE, "verdict=4\ndetail=event lost\n",
		    "pam_oat(sshd:auth): accepted login=oat-acme-ci"
		    " selector=" OAT_GOOD_SELECTOR
		    " reason=- rhost=10.1.2.3 detail=event lost",
		    LOG_ERR },
		{ OAT_ACCOUNT, "verdict=4\n",
		    "pam_oat(sshd:account): accepted login=oat-acme-ci"
		    " selector=- reason=- rhost=10.1.2.3",
		    LOG_INFO },
		{ OAT_ACCOUNT, "verdict=3\nreason=deactivated\n",
		    "pam_oat(sshd:account): refused login=oat-acme-ci"
		    " selector=- reason=deactivated rhost=10.1.2.3",
		    LOG_NOTICE },
		{ OAT_OPEN, "verdict=4\ndetail=event lost: disk full\n",
		    "pam_oat(sshd:session): unrecorded login=oat-acme-ci"
		    " selector=- reason=- rhost=10.1.2.3"
		    " event=session.opened detail=event lost: disk full",
		    LOG_ERR },
	};
	struct oat_application application;
	char text[256];
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(
		    text, sizeof(text), "behave=answer\n%s", cases[i].play);
		play(&application, text, cases[i].name, 0);
		CU_ASSERT(oat_journal_lines() == 1);
		OAT_ASSERT_THAT(strcmp(oat_journal_last(), cases[i].line) == 0,
		    "'%s', not '%s'", oat_journal_last(), cases[i].line);
		OAT_ASSERT_THAT(oat_journal_priority() ==
				    (LOG_AUTHPRIV | cases[i].priority),
		    "%s: %d", cases[i].line, oat_journal_priority());
	}
}

static void
test_pam_log_has_nothing_about_a_session_that_was_recorded(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	play(&application, OAT_STAGE_ALLOW, OAT_OPEN, 0);
	CU_ASSERT(oat_journal_lines() == 0);
	play(&application, OAT_STAGE_ALLOW, OAT_CLOSE, 0);
	CU_ASSERT(oat_journal_lines() == 0);
}

static void
test_pam_debug_logs_steps(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_stage_service("sshd", "debug");
	play(&application, OAT_STAGE_ALLOW, OAT_OPEN, 0);
	CU_ASSERT(oat_journal_lines() == 1);
	CU_ASSERT(oat_journal_priority() == (LOG_AUTHPRIV | LOG_DEBUG));
	CU_ASSERT(oat_journal_has("pam_oat(sshd:session): debug login="));
}

/* Is the line what one printable line of bounded length must be? */
static void
assert_one_line(const char *what)
{
	const char *line = oat_journal_last(), *p;

	CU_ASSERT(oat_journal_lines() == 1);
	OAT_ASSERT_THAT(strlen(line) < 2048, "%s: %zu", what, strlen(line));
	for (p = line; *p >= ' ' && *p <= '~'; p++)
		continue;
	OAT_ASSERT_THAT(*p == '\0', "%s: byte %d of %s", what, *p, line);
}

static void
test_pam_case_44_hostile_items_are_one_escaped_line(void)
{
	static char long_text[4097];
	static const char *const texts[] = { "%s%n%x", "a\nb", "\x1b[31mred",
		"x reason=- rhost=forged", "\\x41", "\"'`$(id)", "\xc3\xa9\xff",
		long_text };
	static const int items[] = { PAM_RHOST, PAM_TTY, PAM_RUSER };
	struct oat_application application;
	size_t i, j;

	if (!oat_stage_set())
		return;
	memset(long_text, '\n', sizeof(long_text) - 1);
	for (i = 0; i < COUNT(texts); i++) {
		oat_journal_clear();
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
		for (j = 0; j < COUNT(items); j++)
			CU_ASSERT(pam_set_item(application.pamh, items[j],
				      texts[i]) == PAM_SUCCESS);
		CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE,
			      0) == PAM_SUCCESS);
		oat_application_end(&application);
		assert_one_line(texts[i]);
	}
	CU_ASSERT(oat_stage_asked() == COUNT(texts));
	CU_ASSERT(oat_stage_saw(" rhost=a\\x0ab tty=a\\x0ab ruser=a\\x0ab "));
	CU_ASSERT(oat_stage_saw(" rhost=x\\x20reason=-\\x20rhost=forged "));
	CU_ASSERT(oat_stage_saw(" rhost=%s%n%x tty=%s%n%x "));
}

/* libpam's own pam_syslog would print the service as it came. */
static void
test_pam_case_44_hostile_service_is_one_escaped_line(void)
{
	static char long_text[4097];
	static const char *const services[] = { "%s%n%x", "a\nb: accepted",
		"x:auth): accepted login=oat-acme-ci", "\x1b]0;title\x07",
		long_text };
	struct oat_application application;
	size_t i;

	if (!oat_stage_set())
		return;
	memset(long_text, 'x', sizeof(long_text) - 1);
	oat_stage_service("other", "");
	for (i = 0; i < COUNT(services); i++) {
		oat_journal_clear();
		oat_application_start(
		    &application, "other", "oat-acme-ci", OAT_GOOD_TOKEN);
		CU_ASSERT(pam_set_item(application.pamh, PAM_SERVICE,
			      services[i]) == PAM_SUCCESS);
		CU_ASSERT(oat_application_call(&application, OAT_AUTHENTICATE,
			      0) == PAM_SUCCESS);
		oat_application_end(&application);
		assert_one_line(services[i]);
	}
	CU_ASSERT(
	    oat_stage_saw(" service=x:auth):\\x20accepted\\x20login=oat-"));
}

static void
test_pam_case_44_hostile_option_is_one_escaped_line(void)
{
	struct oat_application application;

	if (!oat_stage_set())
		return;
	oat_stage_service("sshd", "\x1b[31m%s%n\xff");
	play(&application, OAT_STAGE_ALLOW, OAT_ACCOUNT, 0);
	assert_one_line("option");
}

/* --- the holder
 * ----------------------------------------------------------------- */

static void
test_pam_holder_is_told_what_may_be_told(void)
{
	static const struct {
		const char *config;
		const char *play;
		int flags;
		const char *shown;
	} cases[] = {
		{ "", "verdict=3\nreason=expired\nmessage=oat: acme/ci gone\n",
		    0, "error: oat: acme/ci gone\n" },
		{ "explain_denials = no\n",
		    "verdict=3\nreason=expired\nmessage=oat: acme/ci gone\n", 0,
		    "" },
		/* sudo always asks for silence; a denial is told all the same.
		 */
		{ "", "verdict=3\nreason=expired\nmessage=oat: acme/ci gone\n",
		    PAM_SILENT, "error: oat: acme/ci gone\n" },
		/* The secret was wrong: nothing, whatever the program says. */
		{ "", "verdict=2\nreason=wrong_secret\nmessage=oat: hint\n", 0,
		    "" },
		{ "", "verdict=1\nreason=unavailable\nmessage=oat: db1\n", 0,
		    "error: oat: token service unreachable,"
		    " token not checked\n" },
		{ "", "verdict=1\nreason=unavailable\n", PAM_SILENT,
		    "error: oat: token service unreachable,"
		    " token not checked\n" },
		{ "", "verdict=0\nmessage=oat: inside\n", 0, "" },
		{ "", "verdict=4\nmessage=oat: acme/ci ends soon\n", 0,
		    "info: oat: acme/ci ends soon\n" },
		{ "", "verdict=4\nmessage=oat: acme/ci ends soon\n", PAM_SILENT,
		    "" },
		{ "", "verdict=4\n", 0, "" },
	};
	static const enum oat_call_name names[] = { OAT_AUTHENTICATE,
		OAT_ACCOUNT };
	struct oat_application application;
	char text[256];
	int former;
	size_t i;

	if (!oat_stage_set())
		return;
	former = oat_swap_stdout(open("/dev/null", O_WRONLY | O_CLOEXEC));
	for (i = 0; i < COUNT(names) * COUNT(cases); i++) {
		oat_stage_configure(cases[i / 2].config);
		snprintf(
		    text, sizeof(text), "behave=answer\n%s", cases[i / 2].play);
		play(&application, text, names[i % 2], cases[i / 2].flags);
		OAT_ASSERT_THAT(
		    strcmp(application.shown, cases[i / 2].shown) == 0,
		    "%s: '%s', not '%s'", text, application.shown,
		    cases[i / 2].shown);
	}
	(void)oat_swap_stdout(former);
}

/* A descriptor of a kind, or -1; and what must be closed with it. */
static int
open_kind(const char *kind, int *ret_other)
{
	int ends[2] = { -1, -1 };

	if (strcmp(kind, "null") == 0)
		ends[0] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (strcmp(kind, "terminal") == 0)
		ends[0] = open("/dev/ptmx", O_RDWR | O_CLOEXEC);
	if (strcmp(kind, "pipe") == 0)
		CU_ASSERT(pipe(ends) == 0);
	if (strcmp(kind, "socket") == 0)
		CU_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	if (strcmp(kind, "file") == 0)
		ends[0] = open(OAT_STAGE_SEEN, O_RDWR | O_CREAT, 0600);
	*ret_other = ends[1];
	return ends[0];
}

/* su(1) would print it there: into what a program reads, or a file. */
static void
test_pam_holder_is_told_news_only_where_no_program_reads(void)
{
	static const struct {
		const char *kind;
		const char *shown;
	} cases[] = {
		{ "null", "info: soon\n" },
		{ "terminal", "info: soon\n" },
		{ "pipe", "" },
		{ "socket", "" },
		{ "file", "" },
		{ "closed", "" },
	};
	struct oat_application application;
	int former, other;
	size_t i;

	if (!oat_stage_set())
		return;
	for (i = 0; i < COUNT(cases); i++) {
		former = oat_swap_stdout(open_kind(cases[i].kind, &other));
		play(&application, "behave=answer\nverdict=4\nmessage=soon\n",
		    OAT_OPEN, 0);
		(void)oat_swap_stdout(former);
		close(other);
		OAT_ASSERT_THAT(strcmp(application.shown, cases[i].shown) == 0,
		    "%s: '%s'", cases[i].kind, application.shown);
	}
}

/* --- secrets
 * ----------------------------------------------------------------------- */

#define CANARY_MASK 0x55

/* The token's secret part, kept so that this program does not contain it. */
static const char *
unmask(char masked[], size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		masked[i] = (char)(masked[i] ^ CANARY_MASK);
	return masked;
}

/* How often are these bytes in this process's writable memory? */
static unsigned
count_in_memory(char *masked, size_t size)
{
	static char buffer[1 << 16];
	FILE *maps = fopen("/proc/self/maps", "re");
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long from, to, at;
	unsigned count = 0;
	char line[512], *p;
	size_t i;
	ssize_t n;

	while (fgets(line, sizeof(line), maps) != NULL) {
		/* A sanitizer's shadow has terabytes, and no text. */
		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 ||
		    to - from > 1UL << 30)
			continue;
		for (at = from; at < to; at += sizeof(buffer) / 2) {
			if (at <= (unsigned long)buffer &&
			    (unsigned long)buffer < at + sizeof(buffer))
				continue;
			n = pread(fd, buffer, sizeof(buffer), (off_t)at);
			for (p = buffer; n > 0 && p + size <= buffer + n; p++) {
				for (i = 0; i < size; i++)
					if (p[i] != (masked[i] ^ CANARY_MASK))
						break;
				count += i == size;
			}
			explicit_bzero(buffer, sizeof(buffer));
		}
	}
	fclose(maps);
	close(fd);
	return count;
}

static void
test_pam_case_43_token_is_nowhere_afterwards(void)
{
	static const char *const plays[] = { OAT_STAGE_ALLOW,
		"behave=answer\nverdict=2\nreason=wrong_secret\n",
		"behave=exit\n", "behave=partial\n" };
	char masked[] = OAT_GOOD_TOKEN, typed[sizeof(masked)];
	size_t length = sizeof(masked) - 1, i;
	struct oat_application application;
	unsigned before;

	if (!oat_stage_set())
		return;
	oat_stage_service("sshd", "debug");
	unmask(masked, length); /* masks it */
	/* The secret alone: the selector may be anywhere. */
	before = count_in_memory(masked + 17, 32);
	for (i = 0; i < COUNT(plays); i++) {
		memcpy(typed, masked, sizeof(masked));
		oat_stage_play(plays[i]);
		oat_application_start(
		    &application, "sshd", "oat-acme-ci", unmask(typed, length));
		(void)oat_application_call(&application, OAT_AUTHENTICATE, 0);
		oat_application_end(&application);
		CU_ASSERT(!oat_journal_has(typed + 17));
		explicit_bzero(typed, sizeof(typed));
		OAT_ASSERT_THAT(count_in_memory(masked + 17, 32) == before,
		    "%s: %u, before %u", plays[i],
		    count_in_memory(masked + 17, 32), before);
	}
	CU_ASSERT(oat_stage_asked() == COUNT(plays));
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_pam_log_line_has_the_fields_of_the_contract_in_order),
	OAT_TEST(test_pam_log_has_nothing_about_a_session_that_was_recorded),
	OAT_TEST(test_pam_debug_logs_steps),
	OAT_TEST(test_pam_case_44_hostile_items_are_one_escaped_line),
	OAT_TEST(test_pam_case_44_hostile_service_is_one_escaped_line),
	OAT_TEST(test_pam_case_44_hostile_option_is_one_escaped_line),
	OAT_TEST(test_pam_holder_is_told_what_may_be_told),
	OAT_TEST(test_pam_holder_is_told_news_only_where_no_program_reads),
	OAT_TEST(test_pam_case_43_token_is_nowhere_afterwards),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_log", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
