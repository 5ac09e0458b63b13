/* SPDX-License-Identifier: MIT */
/*
 * Case 61: how the four files are built that an installation brings. Of the
 * modules' libraries and exports test_pam_guest.c and test_nss_module.c tell
 * more.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/module/elffile.h"
#include "tests/runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Beside the folder that this program is in. */
static const char *
built(const char *name)
{
	static char path[PATH_MAX];
	char self[PATH_MAX], *cut;
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	CU_ASSERT_TRUE_FATAL(n > 0);
	self[n] = '\0';
	cut = strstr(self, "/tests/module/");
	CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
	*cut = '\0';
	CU_ASSERT_TRUE_FATAL(
	    snprintf(path, sizeof(path), "%s/%s", self, name) < PATH_MAX);
	return path;
}

static const struct {
	const char *name;
	bool is_program;
	bool fortified; /* libnss_oat copies nothing that libc would check */
	const char *needed; /* at most these */
	const char *exports;
} files[] = {
	{ "oat", true, true,
	    "libargon2.so.1 libc.so.6 ld-linux-x86-64.so.2"
	    " ld-linux-aarch64.so.1 ld64.so.2",
	    "" },
	{ "courier.so", false, true,
	    "libpq.so.5 libssl.so.3 libcrypto.so.3 libssl.so.1.1"
	    " libcrypto.so.1.1 libc.so.6",
	    "oat_courier_serve oat_courier_version" },
	{ "pam_oat.so", false, true, "libpam.so.0 libc.so.6", NULL },
	{ "libnss_oat.so.2", false, false, "libc.so.6", NULL },
};

/* A build for a sanitizer, or to measure, is not the one that is installed. */
static bool
is_another_build(void)
{
	char line[4096] = "";
	FILE *flags = fopen(built("flags"), "re");

	CU_ASSERT_PTR_NOT_NULL_FATAL(flags);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), flags));
	(void)fclose(flags);
	if (strstr(line, "-fstack-protector") != NULL &&
	    strstr(line, "-fsanitize") == NULL)
		return false;
	oat_skip("built without the usual hardening");
	return true;
}

/* Is every word of the list among the allowed ones? */
static bool
are_among(const char *list, const char *allowed)
{
	char copy[1024], *rest = copy, *word;

	(void)snprintf(copy, sizeof(copy), "%s", list);
	while ((word = strsep(&rest, " ")) != NULL)
		if (word[0] != '\0' && strstr(allowed, word) == NULL)
			return false;
	return true;
}

static void
test_built_files_case_61_are_hardened(void)
{
	struct oat_elffile file;
	size_t i;

	if (is_another_build())
		return;
	for (i = 0; i < COUNT(files); i++) {
		CU_ASSERT_FATAL(oat_elffile_read(built(files[i].name), &file));
		OAT_ASSERT_THAT(file.relro, "%s", files[i].name);
		OAT_ASSERT_THAT(file.bind_now, "%s", files[i].name);
		OAT_ASSERT_THAT(!file.executable_stack, "%s", files[i].name);
		OAT_ASSERT_THAT(!file.writable_code, "%s", files[i].name);
		OAT_ASSERT_THAT(!file.text_relocations, "%s", files[i].name);
		OAT_ASSERT_THAT(file.stack_protected, "%s", files[i].name);
		OAT_ASSERT_THAT(file.landing_pads, "%s", files[i].name);
		OAT_ASSERT_THAT(
		    file.fortified || !files[i].fortified, "%s", files[i].name);
		OAT_ASSERT_THAT(file.is_program == files[i].is_program, "%s",
		    files[i].name);
	}
}

static void
test_built_files_case_61_need_what_is_documented_from_where_libc_looks(void)
{
	struct oat_elffile file;
	size_t i;

	if (is_another_build())
		return;
	for (i = 0; i < COUNT(files); i++) {
		CU_ASSERT_FATAL(oat_elffile_read(built(files[i].name), &file));
		OAT_ASSERT_THAT(are_among(file.needed, files[i].needed),
		    "%s: %s", files[i].name, file.needed);
		OAT_ASSERT_THAT(!file.runpath, "%s", files[i].name);
		OAT_ASSERT_THAT(files[i].exports == NULL ||
				    strcmp(file.exports, files[i].exports) == 0,
		    "%s: %s", files[i].name, file.exports);
	}
}

static void
test_built_files_case_61_give_nobody_rights(void)
{
	struct oat_elffile file;
	size_t i;

	for (i = 0; i < COUNT(files); i++) {
		CU_ASSERT_FATAL(oat_elffile_read(built(files[i].name), &file));
		OAT_ASSERT_THAT((file.mode & 06000) == 0, "%s: %o",
		    files[i].name, file.mode);
	}
}

/* What cannot be seen in a file is seen in how it was compiled. */
static void
test_built_files_case_61_are_compiled_as_documented(void)
{
	static const char *const wanted[] = {
		"-fvisibility=hidden",
		"-fstack-protector-strong",
		"-fstack-clash-protection",
		"-D_FORTIFY_SOURCE=3",
		"-fPIC",
#if defined(__x86_64__)
		"-fcf-protection"
#endif
	};
	char line[4096] = "";
	FILE *flags;
	size_t i;

	if (is_another_build())
		return;
	flags = fopen(built("flags"), "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(flags);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), flags));
	(void)fclose(flags);
	for (i = 0; i < COUNT(wanted); i++)
		OAT_ASSERT_THAT(
		    strstr(line, wanted[i]) != NULL, "%s", wanted[i]);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_built_files_case_61_are_hardened),
	OAT_TEST(
	    test_built_files_case_61_need_what_is_documented_from_where_libc_looks),
	OAT_TEST(test_built_files_case_61_give_nobody_rights),
	OAT_TEST(test_built_files_case_61_are_compiled_as_documented),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "built_files", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
