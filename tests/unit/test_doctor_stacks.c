/* SPDX-License-Identifier: MIT */
/* The stacks of Debian, wired and miswired in every way we have thought of. */
#include "common/doctor_stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "tests/runner.h"
#include "tests/unit/admitted.h"
#include "tests/unit/told.h"

#define AUTH "auth [success=done ignore=ignore default=die] pam_oat.so\n"
#define ACCOUNT "account [success=ok ignore=ignore default=die] pam_oat.so\n"
#define SESSION "session [success=ok ignore=1 default=1] pam_oat.so\n"
#define HOME "session optional pam_mkhomedir.so umask=0077\n"
#define WIRED AUTH ACCOUNT SESSION HOME

#define GUARD \
	"[success=1 default=ignore] pam_succeed_if.so quiet user !~ oat-*\n"
#define GUARDED "auth " GUARD AUTH "account " GUARD ACCOUNT

/* What pam-auth-update(8) makes of the profile. */
#define PROFILE_AUTH                                              \
	"auth " GUARD                                             \
	"auth [success=2 ignore=ignore default=die] pam_oat.so\n" \
	"auth [success=1 default=ignore] pam_unix.so nullok\n"    \
	"auth requisite pam_deny.so\nauth required pam_permit.so\n"
#define COMMON                                                        \
	"@include common-auth\naccount required pam_nologin.so\n"     \
	"@include common-account\nsession required pam_loginuid.so\n" \
	"@include common-session\n"
#define ROOTOK "auth sufficient pam_rootok.so\n"
#define SU_L                                             \
	"auth include su\naccount include su\n"          \
	"session optional pam_keyinit.so force revoke\n" \
	"session include su\n"

static const struct {
	const char *name, *text;
} debian[] = {
	{ "common-auth",
	    "auth [success=1 default=ignore] pam_unix.so nullok\n"
	    "auth requisite pam_deny.so\nauth required pam_permit.so\n"
	    "auth optional pam_cap.so\n" },
	{ "common-account",
	    "account [success=1 new_authtok_reqd=done default=ignore] "
	    "pam_unix.so\naccount requisite pam_deny.so\n"
	    "account required pam_permit.so\n" },
	{ "common-session",
	    "session [default=1] pam_permit.so\nsession requisite "
	    "pam_deny.so\nsession required pam_permit.so\n"
	    "session required pam_unix.so\n" },
	{ "sshd", WIRED COMMON },
	{ "sudo", WIRED COMMON },
	{ "su", ROOTOK WIRED COMMON },
	{ "su-l", SU_L },
};

#define FILES (sizeof(debian) / sizeof(debian[0]))

static char etc[64];
static struct oat_pam_folders folders;

static int
set_up(void)
{
	snprintf(etc, sizeof(etc), "/tmp/oat-stacks-XXXXXX");
	folders = (struct oat_pam_folders){ { etc, "/nonexistent" } };
	return mkdtemp(etc) == NULL;
}

static int
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", etc);
	return system(command);
}

static void
put(const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", etc, name);
	if (text == NULL) {
		(void)unlink(path);
		return;
	}
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	fclose(file);
}

static void
put_debian(void)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		put(debian[i].name, debian[i].text);
}

static void
check(struct oat_doctor *doctor, const void *context)
{
	oat_doctor_stacks_in(doctor, context);
}

static char *
judge(size_t *ret_bad)
{
	return oat_told_by(check, &folders, ret_bad);
}

/* --- what is well -------------------------------------------------------- */

static const struct {
	const char *name, *text;
} fine[] = {
	{ "sshd", WIRED COMMON },
	{ "sshd", COMMON }, /* with common-auth and its like, below */
	{ "sshd", "account sufficient pam_localuser.so\n" WIRED COMMON },
	{ "sshd", "auth required pam_faillock.so preauth\n" WIRED COMMON },
	{ "sshd", AUTH ACCOUNT "session optional pam_oat.so\n" HOME COMMON },
	{ "sshd", AUTH ACCOUNT "session [success=ok ignore=9 default=9] "
			       "pam_oat.so\n" HOME },
	{ "sudo", AUTH ACCOUNT COMMON },
	{ "sudo", "-auth [success=done ignore=ignore default=die] pam_oat.so "
		  "use_first_pass debug\n" ACCOUNT COMMON },
	{ "su-l", ROOTOK WIRED COMMON },
	{ "su", ROOTOK WIRED COMMON "auth required pam_oath.so "
				    "usersfile=/etc/users.oath\n" },
};

static void
test_stacks_of_the_manual_are_well(void)
{
	size_t i, bad;
	char *told;

	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		put_debian();
		put(fine[i].name, fine[i].text);
		if (strcmp(fine[i].text, COMMON) == 0) {
			put("common-auth",
			    "auth [success=2 ignore=ignore default=die] "
			    "pam_oat.so\n"
			    "auth [success=1 default=ignore] pam_unix.so\n"
			    "auth requisite pam_deny.so\n"
			    "auth required pam_permit.so\n");
			put("common-account",
			    ACCOUNT "account required pam_unix.so\n");
			put("common-session",
			    "session required pam_unix.so\n" SESSION HOME);
			put("sudo", COMMON);
			put("su", ROOTOK COMMON);
		}
		told = judge(&bad);
		OAT_ASSERT_THAT(
		    bad == 0, "%s of %s: %s", fine[i].name, fine[i].text, told);
		free(told);
	}
}

/* --- what is not --------------------------------------------------------- */

static const struct broken {
	const char *name, *text;
	const char *line, *why; /* of the first that is told */
	size_t count;
} not_terminal[] = {
	{ "sshd", "auth sufficient pam_oat.so\n" ACCOUNT SESSION HOME COMMON,
	    "FAIL  pam.sshd", "auth: sufficient passes a denial over", 1 },
	{ "sshd", AUTH "account sufficient pam_oat.so\n" SESSION HOME COMMON,
	    "FAIL  pam.sshd", "account: sufficient passes a denial over", 1 },
	{ "sudo", "auth optional pam_oat.so\n" ACCOUNT COMMON, "FAIL  pam.sudo",
	    "passes a denial over", 1 },
	{ "sudo", AUTH "account optional pam_oat.so\n" COMMON, "FAIL  pam.sudo",
	    "account: optional passes a denial over", 1 },
	{ "sudo", AUTH "account required pam_oat.so\n" COMMON, "warn  pam.sudo",
	    "account: required goes on after a denial", 1 },
	{ "sudo", "auth required pam_oat.so\n" ACCOUNT COMMON, "warn  pam.sudo",
	    "auth: required goes on after a denial", 1 },
	{ "sudo",
	    "auth [success=done ignore=ignore authinfo_unavail=ignore "
	    "default=die] pam_oat.so\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "passes a denial over", 1 },
	{ "sudo",
	    "auth [success=done ignore=ignore perm_denied=1 default=die] "
	    "pam_oat.so\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "passes a denial over", 1 },
	{ "sudo", "auth substack inner\naccount include inner\n" COMMON,
	    "FAIL  pam.sudo", "a substack, where a denial ends that alone", 1 },
}, not_enough[] = {
	{ "sudo", "auth requisite pam_oat.so\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "a right token is not enough", 1 },
	{ "sudo",
	    "auth [success=1 ignore=ignore default=die] pam_oat.so\n" ACCOUNT
		COMMON,
	    "FAIL  pam.sudo", "a right token is not enough", 1 },
	{ "sudo",
	    "auth [success=die ignore=ignore default=die] pam_oat.so\n" ACCOUNT
		COMMON,
	    "FAIL  pam.sudo", "a right token is not enough", 1 },
	{ "sudo",
	    AUTH "account [success=die ignore=ignore default=die] "
		 "pam_oat.so\n" COMMON,
	    "FAIL  pam.sudo", "refuses whom the module lets in", 1 },
	{ "sudo",
	    AUTH "account [success=done ignore=ignore default=die] "
		 "pam_oat.so\n" COMMON,
	    "warn  pam.sudo", "skips what stands behind it", 1 },
}, noticed[] = {
	{ "sudo", "auth [success=done default=die] pam_oat.so\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "decides about everybody else", 1 },
	{ "sudo",
	    AUTH
	    "account [success=ok ignore=ok default=die] pam_oat.so\n" COMMON,
	    "FAIL  pam.sudo", "decides about everybody else", 1 },
	{ "sshd", AUTH ACCOUNT SESSION COMMON, "FAIL  pam.sshd",
	    "for everybody else pam_loginuid.so of", 2 },
	/* it ends before the first line of common-session, which jumps */
	{ "sudo",
	    AUTH ACCOUNT "session sufficient pam_oat.so\n"
			 "@include common-session\n",
	    "warn  pam.sudo", "skips what stands behind it", 1 },
	{ "sudo",
	    "auth [success=done ignore=1 default=die] pam_oat.so\n"
	    "auth required pam_sss.so\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "for everybody else pam_sss.so of", 1 },
	{ "sshd",
	    AUTH ACCOUNT "session [success=ok ignore=2 default=1] "
			 "pam_oat.so\n" HOME COMMON,
	    "FAIL  pam.sshd", "for everybody else pam_loginuid.so of", 1 },
}, missing[] = {
	{ "sshd", AUTH SESSION HOME COMMON, "FAIL  pam.sshd",
	    "no account line of pam_oat", 1 },
	{ "sudo",
	    "account [success=1 default=ignore] pam_access.so\n" AUTH
	    "account requisite pam_deny.so\n" COMMON,
	    "FAIL  pam.sudo", "no account line of pam_oat", 1 },
	{ "su",
	    "auth [success=2 default=ignore] pam_rootok.so\n"
	    "auth [success=1 default=ignore] pam_unix.so\n"
	    "auth requisite pam_deny.so\n" COMMON,
	    "warn  pam.su ", "no pam_oat", 1 },
	{ "sshd", ACCOUNT SESSION HOME COMMON, "FAIL  pam.sshd",
	    "no auth line of pam_oat", 1 },
	{ "sshd", AUTH ACCOUNT COMMON, "warn  pam.sshd",
	    "no session line of pam_oat", 1 },
	{ "sudo", AUTH COMMON, "FAIL  pam.sudo", "no account line", 1 },
	{ "sshd", COMMON, "FAIL  pam.sshd", "no pam_oat", 1 },
	{ "sudo", COMMON, "warn  pam.sudo", "no pam_oat", 1 },
	{ "su", ROOTOK COMMON, "warn  pam.su ", "no pam_oat", 1 },
	{ "login", COMMON, "warn  pam.login", "no pam_oat", 1 },
	{ "cron", COMMON, "warn  pam.cron", "no pam_oat", 1 },
	{ "su-l", ROOTOK COMMON, "warn  pam.su-l", "no pam_oat", 1 },
	{ "sshd", AUTH ACCOUNT "session optional pam_oat.so\n" COMMON,
	    "warn  pam.sshd", "no pam_mkhomedir", 1 },
}, misplaced[] = {
	{ "sshd", "@include common-auth\n" WIRED COMMON, "FAIL  pam.sshd",
	    "below pam_unix.so", 1 },
	{ "sshd", "auth required pam_sss.so\n" WIRED COMMON, "FAIL  pam.sshd",
	    "below pam_sss.so", 1 },
	{ "su", WIRED ROOTOK COMMON, "FAIL  pam.su ", "above pam_rootok", 2 },
	{ "su", ROOTOK "@include common-auth\n" WIRED COMMON, "FAIL  pam.su ",
	    "below pam_unix.so", 2 },
	{ "sshd", "account sufficient pam_unix.so\n" WIRED COMMON,
	    "FAIL  pam.sshd", "pam_unix.so of", 1 },
	{ "sshd",
	    "account [success=2 default=ignore] pam_access.so\n" WIRED
	    "account required pam_permit.so\n" COMMON,
	    "FAIL  pam.sshd", "pam_access.so of", 1 },
	/* the guard of the manual goes along */
	{ "sudo", "auth required pam_unix.so\n" GUARDED COMMON,
	    "FAIL  pam.sudo", "below pam_unix.so", 1 },
	{ "sudo", "account sufficient pam_unix.so\n" GUARDED COMMON,
	    "FAIL  pam.sudo", "pam_unix.so of", 1 },
	{ "su", "auth [success=3 default=ignore] pam_access.so\n" AUTH ACCOUNT
		SESSION HOME "auth [success=2 default=ignore] "
			     "pam_rootok.so\n" COMMON,
	    "FAIL  pam.su ", "above pam_rootok", 2 },
	/* to a jump a substack is one line */
	{ "sshd",
	    "account [success=2 default=ignore] pam_access.so\n"
	    "account substack common-account\n" WIRED COMMON,
	    "FAIL  pam.sshd", "pam_access.so of", 1 },
}, twice[] = {
	{ "su-l", WIRED SU_L, "warn  pam.su-l", "wired twice", 4 },
	{ "sudo", WIRED ACCOUNT COMMON, "warn  pam.sudo", "wired twice", 1 },
	{ "sudo", GUARDED ACCOUNT COMMON, "warn  pam.sudo", "wired twice", 1 },
	{ "sudo", ACCOUNT GUARDED COMMON, "warn  pam.sudo", "wired twice", 1 },
	{ "sudo", AUTH ACCOUNT GUARDED COMMON, "warn  pam.sudo", "wired twice",
	    2 },
	/* a jump that is no guard of ours alone: words */
	{ "sudo",
	    AUTH ACCOUNT
	    "account [success=2 default=ignore] pam_succeed_if.so uid >= "
	    "1000\naccount required pam_sss.so\n" ACCOUNT
	    "@include common-account\n",
	    "warn  pam.sudo", "wired twice", 1 },
	{ "sudo",
	    AUTH ACCOUNT "account [success=ok ignore=1 default=die] "
			 "pam_oat.so\naccount required pam_sss.so\n" COMMON,
	    "warn  pam.sudo", "wired twice", 1 },
	/* in a file that pam-auth-update looks after */
	{ "common-auth", PROFILE_AUTH, "warn  pam.sshd", "/sshd:1: auth: wired",
	    4 },
	{ "common-auth", AUTH PROFILE_AUTH, "warn  pam.sshd",
	    "/sshd:1: auth: wired", 9 },
}, misspelled[] = {
	{ "sudo",
	    "auth [success=done ignore=ignore default=die] pam_oath.so\n"
	    "account [success=ok ignore=ignore default=die] "
	    "pam_oath.so\n" COMMON,
	    "FAIL  pam.sudo", "pam_oath is another module", 2 },
	{ "sudo",
	    "auth [success=done ignore=ignore default=die] pam_oat.so "
	    "nullok\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "options nullok", 1 },
	{ "sudo",
	    "auth [success=done ignore=ignore default=die] pam_oat.so "
	    "debug use_first_passs\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "options debug use_first_passs", 1 },
	{ "sudo",
	    "auth [success=done ignore=ignore default=die] "
	    "/nonexistent/pam_oat.so\n" ACCOUNT COMMON,
	    "FAIL  pam.sudo", "/nonexistent/pam_oat.so does not exist", 1 },
}, included[] = {
	{ "common-auth", "auth sufficient pam_oat.so\n", "FAIL",
	    "common-auth:1: auth: sufficient passes a denial over", 4 },
};

static void
put_broken(const struct broken *broken)
{
	put_debian();
	put("login", NULL);
	put("cron", NULL);
	put("inner", strstr(broken->text, "inner") ? WIRED : NULL);
	put(broken->name, broken->text);
	if (strcmp(broken->name, "common-auth") == 0 &&
	    strstr(broken->text, "pam_unix") == NULL) {
		put("sshd", ACCOUNT SESSION HOME COMMON);
		put("sudo", ACCOUNT SESSION HOME COMMON);
		put("su", ROOTOK ACCOUNT SESSION HOME COMMON);
		put("su-l", NULL);
	}
}

/* Type what is said, and say again; nobody who got in is out. */
static char *
type_fixes(const struct broken *broken, char *told, size_t *bad, bool at_once)
{
	unsigned in = admitted_by(&folders);
	const char *at;
	size_t tries;

	for (tries = 0; tries < 24 && *bad > 0; tries++) {
		for (at = told; oat_told_type_fix(
			 at, OAT_PATH_STACK, "pam_oat/stacks/oat");) {
			OAT_ASSERT_THAT((in & ~admitted_by(&folders)) == 0,
			    "%s: %s: somebody is out after %s", broken->name,
			    broken->text, at);
			at = strstr(at, "; fix: ") + 1;
			if (!at_once)
				break;
		}
		if (at == told)
			break;
		free(told);
		told = judge(bad);
	}
	return told;
}

/*
 * It is named; and who types what is said, the first of it or all of it, again
 * and again, ends with nothing said, or with words.
 */
static void
expect_named_and_mended(const struct broken *broken, size_t count)
{
	size_t i, bad;
	char *told;

	for (i = 0; i < 2 * count; i++, broken += i % 2 == 0) {
		put_broken(broken);
		told = judge(&bad);
		OAT_ASSERT_THAT(bad == broken->count &&
				    strncmp(told, broken->line,
					strlen(broken->line)) == 0 &&
				    strstr(told, broken->why) != NULL,
		    "%s: %s: %zu: %s", broken->name, broken->text, bad, told);
		told = type_fixes(broken, told, &bad, i % 2 == 1);
		OAT_ASSERT_THAT(bad == 0 || strstr(told, "; do: ") != NULL,
		    "%s: %s: %s", broken->name, broken->text, told);
		free(told);
	}
}

#define EXPECT_NAMED_AND_MENDED(samples) \
	expect_named_and_mended(samples, sizeof(samples) / sizeof(samples[0]))

static void
test_stacks_denial_that_does_not_end_the_stack_is_named(void)
{
	EXPECT_NAMED_AND_MENDED(not_terminal);
}

static void
test_stacks_right_token_that_is_not_enough_is_named(void)
{
	EXPECT_NAMED_AND_MENDED(not_enough);
}

static void
test_stacks_what_everybody_else_would_notice_is_named(void)
{
	EXPECT_NAMED_AND_MENDED(noticed);
}

static void
test_stacks_missing_line_is_named(void)
{
	EXPECT_NAMED_AND_MENDED(missing);
}

static void
test_stacks_line_in_the_wrong_place_is_named(void)
{
	EXPECT_NAMED_AND_MENDED(misplaced);
}

static void
test_stacks_wired_twice_is_named(void)
{
	EXPECT_NAMED_AND_MENDED(twice);
}

static void
test_stacks_misspelled_module_or_option_is_named(void)
{
	EXPECT_NAMED_AND_MENDED(misspelled);
}

static void
test_stacks_line_in_what_others_include_is_named_for_each(void)
{
	EXPECT_NAMED_AND_MENDED(included);
}

/* The lines that a fix writes are those that are installed. */
static void
test_stacks_shipped_lines_are_the_file(void)
{
	const char *const lines[] = { oat_doctor_shipped[OAT_PAM_AUTH],
		oat_doctor_shipped[OAT_PAM_ACCOUNT],
		oat_doctor_shipped[OAT_PAM_SESSION], oat_doctor_shipped_home };
	FILE *file = fopen("pam_oat/stacks/oat", "r");
	char line[256];
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (i = 0; i < 4; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, sizeof(line), file));
		line[strcspn(line, "\n")] = '\0';
		CU_ASSERT_STRING_EQUAL(line, lines[i]);
	}
	CU_ASSERT_PTR_NULL(fgets(line, sizeof(line), file));
	fclose(file);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_stacks_of_the_manual_are_well),
	OAT_TEST(test_stacks_denial_that_does_not_end_the_stack_is_named),
	OAT_TEST(test_stacks_right_token_that_is_not_enough_is_named),
	OAT_TEST(test_stacks_what_everybody_else_would_notice_is_named),
	OAT_TEST(test_stacks_missing_line_is_named),
	OAT_TEST(test_stacks_line_in_the_wrong_place_is_named),
	OAT_TEST(test_stacks_wired_twice_is_named),
	OAT_TEST(test_stacks_misspelled_module_or_option_is_named),
	OAT_TEST(test_stacks_line_in_what_others_include_is_named_for_each),
	OAT_TEST(test_stacks_shipped_lines_are_the_file),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "doctor_stacks", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
