/* SPDX-License-Identifier: MIT */
#include "common/pamstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runner.h"

static char etc[64], vendor[80];
static struct oat_pam_folders folders;
static struct oat_pam_stack stack;

static int
set_up(void)
{
	snprintf(etc, sizeof(etc), "/tmp/oat-pam-XXXXXX");
	if (mkdtemp(etc) == NULL)
		return -1;
	snprintf(vendor, sizeof(vendor), "%s/vendor", etc);
	folders = (struct oat_pam_folders){ { etc, vendor } };
	return mkdir(vendor, 0700);
}

static int
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", etc);
	return system(command);
}

static void
put(const char *folder, const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs(text, file);
	fclose(file);
}

/* "type:module(options)@file:line/substacks ..." */
static const char *
spell(void)
{
	static char text[4096];
	const struct oat_pam_line *line;
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < stack.count; i++) {
		line = &stack.lines[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s%c:%s%s%s%s@%s:%u", i > 0 ? " " : "", "axps"[line->type],
		    line -> module, line -> options[0] != '\0' ? "(" : "",
		    line->options, line->options[0] != '\0' ? ")" : "",
		    strrchr(line->file, '/') + 1, line->number);
		if (line->substacks > 0)
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "/%u", line->substacks);
	}
	return text;
}

static void
expect(const char *service, const char *expected)
{
	enum oat_status status;

	oat_pam_stack_free(&stack);
	status = oat_pam_stack_read(&folders, service, &stack);
	OAT_ASSERT_THAT(status == OAT_OK && strcmp(spell(), expected) == 0,
	    "%d: %s", (int)status, spell());
}

static void
test_pamstack_lines_are_read_as_libpam_does(void)
{
	static const struct {
		const char *text, *expected;
	} samples[] = {
		{ "", "" },
		{ "# auth required pam_x.so\n\n", "" },
		{ "auth required pam_x.so a b # c\n", "a:pam_x.so(a b)@s:1" },
		{ "\tAUTH\tRequired pam_x.so", "a:pam_x.so@s:1" },
		{ "-session optional pam_x.so", "s:pam_x.so@s:1" },
		{ "account [success=1 default=ignore]\tpam_x.so q=[a b]\n",
		    "x:pam_x.so(q=[a b])@s:1" },
		{ "auth required \\\n pam_x.so \\\n one\nauth required p.so\n",
		    "a:pam_x.so(one)@s:1 a:p.so@s:4" },
		{ "auth required pam_x.so \\ # why\n\n", "a:pam_x.so@s:1" },
		{ "auth required\nauth\nnonsense required pam_x.so\n", "" },
		{ "auth sometimes pam_x.so\n", "" },
		{ "auth required pam_x.so \\", "" },
		{ "@include none\n@include\nauth include none\n", "" },
		{ "auth required /lib/security/pam_x.so\r\n",
		    "a:/lib/security/pam_x.so@s:1" },
	};
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		put(etc, "s", samples[i].text);
		expect("s", samples[i].expected);
	}
}

static void
test_pamstack_includes_are_followed(void)
{
	put(etc, "common",
	    "auth required a1.so\naccount required x1.so\n"
	    "auth required a2.so\n");
	put(etc, "s", "@include common\nauth required a3.so\n");
	expect("s", "a:a1.so@common:1 x:x1.so@common:2 a:a2.so@common:3 "
		    "a:a3.so@s:2");
	put(etc, "s", "auth include common\nsession include common\n");
	expect("s", "a:a1.so@common:1 a:a2.so@common:3");
	put(etc, "s", "auth substack common\nauth required a3.so\n");
	expect("s", "a:@s:1 a:a1.so@common:1/1 a:a2.so@common:3/1 "
		    "a:a3.so@s:2");
	put(etc, "outer", "auth include s\n");
	expect("outer", "a:@s:1 a:a1.so@common:1/1 a:a2.so@common:3/1 "
			"a:a3.so@s:2");
}

static void
test_pamstack_an_administrators_file_hides_the_vendors(void)
{
	put(vendor, "v", "auth required vendor.so\n");
	expect("v", "a:vendor.so@v:1");
	put(etc, "v", "auth required mine.so\n");
	expect("v", "a:mine.so@v:1");
	put(vendor, "common-v", "auth required vendor.so\n");
	put(etc, "v", "@include common-v\n");
	expect("v", "a:vendor.so@common-v:1");
	CU_ASSERT_EQUAL(
	    oat_pam_stack_read(&folders, "none", &stack), OAT_NOTFOUND);
}

static void
test_pamstack_includes_without_end_are_refused(void)
{
	put(etc, "a", "@include b\n");
	put(etc, "b", "auth include a\n");
	CU_ASSERT_EQUAL(oat_pam_stack_read(&folders, "a", &stack), OAT_INVALID);
	put(etc, "c", "auth substack c\n");
	CU_ASSERT_EQUAL(oat_pam_stack_read(&folders, "c", &stack), OAT_INVALID);
}

static void
test_pamstack_garbage_is_no_crash(void)
{
	static const char *const texts[] = { "[", "auth [ x", "auth [] x",
		"auth [=] x", "auth [success=] x", "auth [success=99999999] x",
		"auth [success=-1] x", "\\", "\\\n\\\n", "@include /",
		"@include ..", "auth include /dev/zero",
		"auth required pam_x.so [", "-", "- - -" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(etc, "s", texts[i]);
		oat_pam_stack_free(&stack);
		(void)oat_pam_stack_read(&folders, "s", &stack);
		CU_ASSERT_TRUE(stack.count <= 1);
	}
}

static void
test_pamstack_control_says_what_is_done(void)
{
	/* success, ignore, auth_err, perm_denied, authinfo_unavail,
	 * system_err: Ignore, Ok, Done, Bad, dIe, Reset, or a number */
	static const struct {
		const char *control, *actions;
	} samples[] = {
		{ "required", "OIBBBB" },
		{ "requisite", "OIXXXX" },
		{ "sufficient", "DIIIII" },
		{ "optional", "OIIIII" },
		{ "SUFFICIENT", "DIIIII" },
		{ "[success=done ignore=ignore default=die]", "DIXXXX" },
		{ "[default=die success=ok]", "OXXXXX" },
		{ "[success=2 default=ignore]", "2IIIII" },
		{ "[success=ok]", "OBBBBB" },
		{ "[]", "BBBBBB" },
		{ "[perm_denied=reset auth_err=1 default=done]", "DD1RDD" },
		{ "[authinfo_unavail=ignore default=die]", "XXXXIX" },
		{ "[system_err=bad default=ok]", "OOOOOB" },
		{ "[success=sometimes default=ok]", "BOOOOO" },
		{ "[successes=ok default=die]", "XXXXXX" },
		{ "[ success=ok  default=die ]", "OXXXXX" },
	};
	char text[128], actions[OAT_PAM_CODES + 1];
	size_t i, code;
	int action;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		snprintf(text, sizeof(text), "auth %s pam_x.so\n",
		    samples[i].control);
		put(etc, "s", text);
		expect("s", "a:pam_x.so@s:1");
		for (code = 0; code < OAT_PAM_CODES; code++) {
			action = stack.lines[0].action[code];
			actions[code] = action > 0 ? (char)('0' + action)
						   : "IODBXR"[-action];
		}
		actions[OAT_PAM_CODES] = '\0';
		OAT_ASSERT_THAT(strcmp(actions, samples[i].actions) == 0,
		    "%s does %s", samples[i].control, actions);
	}
}

static void
test_pamstack_module_is_known_by_its_name(void)
{
	struct oat_pam_line line = { .module = "pam_oat.so" };

	CU_ASSERT_TRUE(oat_pam_line_is(&line, "pam_oat.so"));
	CU_ASSERT_FALSE(oat_pam_line_is(&line, "pam_oath.so"));
	strcpy(line.module, "/lib/security/pam_oat.so");
	CU_ASSERT_TRUE(oat_pam_line_is(&line, "pam_oat.so"));
	strcpy(line.module, "/lib/pam_oat.so/pam_x.so");
	CU_ASSERT_FALSE(oat_pam_line_is(&line, "pam_oat.so"));
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_pamstack_lines_are_read_as_libpam_does),
	OAT_TEST(test_pamstack_includes_are_followed),
	OAT_TEST(test_pamstack_an_administrators_file_hides_the_vendors),
	OAT_TEST(test_pamstack_includes_without_end_are_refused),
	OAT_TEST(test_pamstack_garbage_is_no_crash),
	OAT_TEST(test_pamstack_control_says_what_is_done),
	OAT_TEST(test_pamstack_module_is_known_by_its_name),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "pamstack", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
