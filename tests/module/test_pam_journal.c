/* SPDX-License-Identifier: MIT */
/* The log line's fields, where journald listens; and where it does not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "common/journal.h"
#include "tests/module/application.h"
#include "tests/module/journal.h"
#include "tests/module/journald.h"
#include "tests/module/stage.h"
#include "tests/process.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define REFUSED "behave=answer\nverdict=3\nreason=expired\ndetail=gone, alas\n"
#define REFUSED_LINE                                    \
	"pam_oat(sshd:auth): refused login=oat-acme-ci" \
	" selector=" OAT_GOOD_SELECTOR                  \
	" reason=expired rhost=10.1.2.3 detail=gone, alas"

/* One call on a handle that sshd might have; its code. */
static int
call(enum oat_call_name name, const char *typed)
{
	struct oat_application application;
	int code;

	oat_application_start(&application, "sshd", "oat-acme-ci", typed);
	pam_set_item(application.pamh, PAM_RHOST, "10.1.2.3");
	pam_set_item(application.pamh, PAM_TTY, "ssh");
	code = oat_application_call(&application, name, 0);
	oat_application_end(&application);
	return code;
}

static bool
set_stage(void)
{
	if (!oat_stage_set())
		return false;
	oat_journald_start();
	return true;
}

/* --- what it is told ------------------------------------------------------ */

static void
test_pam_journal_entry_has_the_line_and_its_fields(void)
{
	char wanted[1024];
	const char *entry;

	if (!set_stage())
		return;
	oat_stage_play(REFUSED);
	CU_ASSERT(call(OAT_AUTHENTICATE, OAT_GOOD_TOKEN) == PAM_PERM_DENIED);
	entry = oat_journald_next();
	snprintf(wanted, sizeof(wanted),
	    "\nMESSAGE=" REFUSED_LINE "\nPRIORITY=5\nSYSLOG_FACILITY=10\n"
	    "SYSLOG_IDENTIFIER=%s\nOAT_VERDICT=refused\n"
	    "OAT_LOGIN=oat-acme-ci\nOAT_SELECTOR=" OAT_GOOD_SELECTOR "\n"
	    "OAT_REASON=expired\nOAT_RHOST=10.1.2.3\nOAT_SERVICE=sshd\n"
	    "OAT_PHASE=auth\nOAT_TTY=ssh\nOAT_DETAIL=gone, alas\n",
	    program_invocation_short_name);
	CU_ASSERT_FATAL(entry != NULL);
	OAT_ASSERT_THAT(strcmp(entry, wanted) == 0, "%s", entry);
	CU_ASSERT_PTR_NULL(oat_journald_next());
	CU_ASSERT(oat_journal_lines() == 0);
	oat_journald_stop();
}

static void
test_pam_journal_entry_leaves_out_what_has_no_value(void)
{
	const char *entry;

	if (!set_stage())
		return;
	CU_ASSERT(call(OAT_ACCOUNT, NULL) == PAM_SUCCESS);
	entry = oat_journald_next();
	CU_ASSERT_FATAL(entry != NULL);
	CU_ASSERT(strstr(entry, "\nOAT_VERDICT=accepted\n") != NULL);
	CU_ASSERT(strstr(entry, "\nPRIORITY=6\n") != NULL);
	CU_ASSERT(strstr(entry, "\nOAT_PHASE=account\n") != NULL);
	CU_ASSERT_PTR_NULL(strstr(entry, "\nOAT_SELECTOR="));
	CU_ASSERT_PTR_NULL(strstr(entry, "\nOAT_REASON="));
	CU_ASSERT_PTR_NULL(strstr(entry, "\nOAT_RUSER="));
	CU_ASSERT_PTR_NULL(strstr(entry, "\nOAT_DETAIL="));
	oat_journald_stop();
}

static void
test_pam_journal_entry_of_a_lost_event_names_it(void)
{
	const char *entry;

	if (!set_stage())
		return;
	oat_stage_play("behave=answer\nverdict=4\ndetail=event lost: x\n");
	CU_ASSERT(call(OAT_CLOSE, NULL) == PAM_SUCCESS);
	entry = oat_journald_next();
	CU_ASSERT_FATAL(entry != NULL);
	CU_ASSERT(strstr(entry, "\nPRIORITY=3\n") != NULL);
	CU_ASSERT(strstr(entry, "\nOAT_VERDICT=unrecorded\n") != NULL);
	CU_ASSERT(strstr(entry, "\nOAT_EVENT=session.closed\n") != NULL);
	CU_ASSERT(strstr(entry, "\nOAT_DETAIL=event lost: x\n") != NULL);
	oat_journald_stop();
}

/* --- once, whatever journald does ----------------------------------------- */

static void
absent(void)
{
	oat_journald_stop();
	oat_journald_remove();
}

static void
a_file(void)
{
	absent();
	oat_stage_write(OAT_JOURNAL_SOCKET, 0666, "");
}

static void
a_folder(void)
{
	absent();
	(void)mkdir(OAT_JOURNAL_SOCKET, 0777);
}

static void
a_fifo(void)
{
	absent();
	(void)mkfifo(OAT_JOURNAL_SOCKET, 0666);
}

static void
test_pam_journal_line_is_written_once_to_journald_or_to_syslog(void)
{
	static const struct {
		const char *name;
		void (*break_it)(void);
	} cases[] = {
		{ "not there", absent },
		{ "gone", oat_journald_stop },
		{ "not reading", oat_journald_fill },
		{ "a file", a_file },
		{ "a folder", a_folder },
		{ "a fifo", a_fifo },
	};
	int descriptors;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		if (!set_stage())
			return;
		cases[i].break_it();
		oat_stage_play(REFUSED);
		descriptors = oat_open_descriptors();
		CU_ASSERT(
		    call(OAT_AUTHENTICATE, OAT_GOOD_TOKEN) == PAM_PERM_DENIED);
		CU_ASSERT(oat_open_descriptors() == descriptors);
		OAT_ASSERT_THAT(oat_journal_lines() == 1, "%s: %u lines",
		    cases[i].name, oat_journal_lines());
		OAT_ASSERT_THAT(strcmp(oat_journal_last(), REFUSED_LINE) == 0,
		    "%s: %s", cases[i].name, oat_journal_last());
		CU_ASSERT(
		    oat_journal_priority() == (LOG_AUTHPRIV | LOG_NOTICE));
		oat_journald_stop();
	}
	oat_journald_remove();
}

/* Queues are of 10 datagrams and more (net.unix.max_dgram_qlen). */
static void
test_pam_journal_that_does_not_read_delays_nobody(void)
{
	unsigned written = 0, i;

	if (!set_stage())
		return;
	/* Blocked in sendto(2), it would stand still here for ever. */
	for (i = 0; i < 600; i++)
		CU_ASSERT(call(OAT_AUTHENTICATE, "malformed") == PAM_AUTH_ERR);
	while (oat_journald_next() != NULL)
		written++;
	CU_ASSERT(written > 0 && oat_journal_lines() > 0);
	CU_ASSERT(written + oat_journal_lines() == 600);
	oat_journald_stop();
}

static struct oat_application waiting;

static bool
without_descriptors(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(STDERR_FILENO) != -1)
		continue;
	return oat_application_call(&waiting, OAT_AUTHENTICATE, 0) ==
		   PAM_SYSTEM_ERR &&
	       oat_journal_lines() == 1 && oat_journald_next() == NULL;
}

static void
test_pam_journal_case_9_full_descriptor_table_goes_to_syslog(void)
{
	if (!set_stage())
		return;
	oat_application_start(&waiting, "sshd", "oat-acme-ci", OAT_GOOD_TOKEN);
	CU_ASSERT(oat_in_copy(without_descriptors));
	oat_application_end(&waiting);
	oat_journald_stop();
}

/* --- a filtered caller ---------------------------------------------------- */

/*
 * Killed for a new socket, as syslog(3) with an open one is not. (libpam has
 * one of its own for the audit system, AF_NETLINK.)
 */
static bool
become_filtered(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {
		.len = COUNT(code),
		.filter = code,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool
filtered(void)
{
	return become_filtered() &&
	       call(OAT_AUTHENTICATE, "malformed") == PAM_AUTH_ERR &&
	       oat_journal_lines() == 1 && oat_journald_next() == NULL;
}

static void
test_pam_journal_filtered_caller_sees_the_calls_of_syslog_alone(void)
{
	if (!set_stage())
		return;
	CU_ASSERT(oat_in_copy(filtered));
	oat_journald_stop();
}

/* --- hostile text, secrets ------------------------------------------------ */

/* How many fields of that name? */
static unsigned
count_fields(const char *entry, const char *name)
{
	char field[64];
	unsigned count = 0;

	snprintf(field, sizeof(field), "\n%s=", name);
	while ((entry = strstr(entry, field)) != NULL) {
		entry++;
		count++;
	}
	return count;
}

/* su's caller chooses argv[0]. */
static void
test_pam_journal_case_44_no_text_makes_a_field_of_its_own(void)
{
	static const char *const names[] = { "MESSAGE", "PRIORITY",
		"SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "OAT_VERDICT",
		"OAT_LOGIN", "OAT_SELECTOR", "OAT_RHOST", "OAT_SERVICE",
		"OAT_PHASE", "OAT_TTY", "OAT_RUSER" };
	static char hostile[] = "x\nOAT_VERDICT=accepted\nMESSAGE=\x1b%s\xff";
	char *kept = program_invocation_short_name;
	struct oat_application application;
	const char *entry;
	size_t i;

	if (!set_stage())
		return;
	oat_stage_service("other", "");
	oat_application_start(
	    &application, "other", "oat-acme-ci", OAT_GOOD_TOKEN);
	program_invocation_short_name = hostile;
	CU_ASSERT(
	    pam_set_item(application.pamh, PAM_RHOST, hostile) == PAM_SUCCESS);
	(void)pam_set_item(application.pamh, PAM_TTY, hostile);
	(void)pam_set_item(application.pamh, PAM_RUSER, hostile);
	(void)pam_set_item(application.pamh, PAM_SERVICE, hostile);
	(void)oat_application_call(&application, OAT_AUTHENTICATE, 0);
	program_invocation_short_name = kept;
	oat_application_end(&application);
	entry = oat_journald_next();
	CU_ASSERT_FATAL(entry != NULL);
	for (i = 0; i < COUNT(names); i++)
		OAT_ASSERT_THAT(count_fields(entry, names[i]) == 1, "%s: %s",
		    names[i], entry);
	CU_ASSERT(strstr(entry, "\nSYSLOG_IDENTIFIER=x\\x0aOAT_") != NULL);
	for (i = 1; entry[i] != '\0'; i++)
		CU_ASSERT(
		    entry[i] == '\n' || (entry[i] >= ' ' && entry[i] <= '~'));
	oat_journald_stop();
}

static void
test_pam_journal_case_43_token_is_in_no_entry(void)
{
	static const char *const plays[] = { OAT_STAGE_ALLOW, REFUSED,
		"behave=exit\n" };
	const char *entry;
	size_t i;

	if (!set_stage())
		return;
	oat_stage_service("sshd", "debug");
	for (i = 0; i < COUNT(plays); i++) {
		oat_stage_play(plays[i]);
		(void)call(OAT_AUTHENTICATE, OAT_GOOD_TOKEN);
		(void)call(OAT_AUTHENTICATE, OAT_GOOD_TOKEN "x");
		for (entry = oat_journald_next(); entry != NULL;
		     entry = oat_journald_next())
			CU_ASSERT_PTR_NULL(strstr(entry, OAT_GOOD_TOKEN + 17));
	}
	CU_ASSERT(oat_journal_lines() == 0);
	oat_journald_stop();
	oat_journald_remove();
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_pam_journal_entry_has_the_line_and_its_fields),
	OAT_TEST(test_pam_journal_entry_leaves_out_what_has_no_value),
	OAT_TEST(test_pam_journal_entry_of_a_lost_event_names_it),
	OAT_TEST(
	    test_pam_journal_line_is_written_once_to_journald_or_to_syslog),
	OAT_TEST(test_pam_journal_that_does_not_read_delays_nobody),
	OAT_TEST(test_pam_journal_case_9_full_descriptor_table_goes_to_syslog),
	OAT_TEST(
	    test_pam_journal_filtered_caller_sees_the_calls_of_syslog_alone),
	OAT_TEST(test_pam_journal_case_44_no_text_makes_a_field_of_its_own),
	OAT_TEST(test_pam_journal_case_43_token_is_in_no_entry),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pam_journal", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
