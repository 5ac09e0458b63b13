/* SPDX-License-Identifier: MIT */
/* libnss_oat.so.2 as a file, and as something that comes and goes. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/snapshot_write.h"
#include "tests/module/elffile.h"
#include "tests/process.h"
#include "tests/runner.h"

#define ROUNDS 300
#define SETTLED 10 /* rounds after which nothing grows any more */
#define LOOKUPS 40 /* enough for a private copy */
#define PAGES_SLACK 16

/* Beside the folder that this program is in. */
static const char *
module_path(void)
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
	CU_ASSERT_TRUE_FATAL(snprintf(path, sizeof(path), "%s/libnss_oat.so.2",
				 self) < PATH_MAX);
	return path;
}

static void
test_nss_module_needs_libc_alone(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	oat_skip("sanitizers bring libraries of their own");
#else
	struct oat_elffile file;

	CU_ASSERT_FATAL(oat_elffile_read(module_path(), &file));
	CU_ASSERT_STRING_EQUAL(file.needed, "libc.so.6");
	CU_ASSERT_STRING_EQUAL(file.soname, "libnss_oat.so.2");
	CU_ASSERT_FALSE(file.runpath);
#endif
}

static void
test_nss_module_exports_its_entry_points_alone(void)
{
	struct oat_elffile file;

	CU_ASSERT_FATAL(oat_elffile_read(module_path(), &file));
	CU_ASSERT_STRING_EQUAL(file.exports,
	    "_nss_oat_endgrent _nss_oat_endpwent _nss_oat_getgrent_r"
	    " _nss_oat_getgrgid_r _nss_oat_getgrnam_r _nss_oat_getpwent_r"
	    " _nss_oat_getpwnam_r _nss_oat_getpwuid_r"
	    " _nss_oat_initgroups_dyn _nss_oat_setgrent _nss_oat_setpwent");
}

static void
test_nss_module_is_hardened(void)
{
	struct oat_elffile file;

	CU_ASSERT_FATAL(oat_elffile_read(module_path(), &file));
	CU_ASSERT(file.bind_now);
	CU_ASSERT(file.relro);
	CU_ASSERT_FALSE(file.executable_stack);
	CU_ASSERT_FALSE(file.text_relocations);
}

/* A snapshot where the module looks for it, for this process alone. */
static bool
publish(void)
{
	struct oat_snapshot_info info = { .home_root = "/srv/oat" };
	struct oat_identity one = {
		.login = "oat-acme-ci", .uid = 70001, .shell = "/bin/sh"
	};
	enum oat_status status;
	size_t size;
	void *image;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", OAT_LOCALSTATEDIR "/lib", "tmpfs", 0, NULL) == -1 ||
	    mkdir(OAT_PATH_STATE, 0755) == -1 ||
	    oat_snapshot_build(&info, NULL, 0, &one, 1, &image, &size) !=
		OAT_OK)
		return false;
	status = oat_snapshot_publish(OAT_PATH_IDENTITIES, image, size);
	free(image);
	return status == OAT_OK;
}

static long
pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long all = -1;

	if (file != NULL) {
		if (fscanf(file, "%ld", &all) != 1)
			all = -1;
		(void)fclose(file);
	}
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	all = 0; /* they keep what was freed for a while, and notes */
#endif
	return all;
}

/* Load it, look up often enough for a copy, let it go. */
static bool
come_and_go(const char *path)
{
	void *module = dlopen(path, RTLD_NOW);
	enum nss_status (*look_up)(
	    const char *, struct passwd *, char *, size_t, int *);
	struct passwd passwd;
	char buffer[256];
	int i, error;

	if (module == NULL)
		return false;
	*(void **)&look_up = dlsym(module, "_nss_oat_getpwnam_r");
	for (i = 0; i < LOOKUPS; i++)
		if (look_up("oat-acme-ci", &passwd, buffer, sizeof(buffer),
			&error) != NSS_STATUS_SUCCESS ||
		    passwd.pw_uid != 70001)
			return false;
	return dlclose(module) == 0;
}

/* 0, or the number of what went wrong. */
static int
come_and_go_often(const char *path)
{
	long settled = 0;
	int i;

	if (!publish())
		return 1;
	for (i = 0; i < ROUNDS; i++) {
		if (!come_and_go(path))
			return 2;
		if (i == SETTLED)
			settled = pages();
	}
	if (pages() > settled + PAGES_SLACK)
		return 3;
	/* Whoever is in it, or has what it gave, meets nothing gone. */
	return dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL ? 4 : 0;
}

static void
case_11_nss_module_loaded_and_let_go_300_times_does_not_grow(void)
{
	const char *path = module_path();
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		oat_skip("only root can mount");
		return;
	}
	pid = fork();
	if (pid == 0)
		_exit(come_and_go_often(path));
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	OAT_ASSERT_THAT(status == 0, "status %x", status);
}

static void *
come_and_go_in_a_thread(void *path)
{
	return come_and_go(path) ? path : NULL;
}

static bool
load_in_a_thread_and_exit_in_main(void)
{
	char path[PATH_MAX];
	void *result = NULL;
	pthread_t thread;

	strcpy(path, module_path());
	(void)fflush(NULL);
	if (publish() &&
	    pthread_create(&thread, NULL, come_and_go_in_a_thread, path) == 0 &&
	    pthread_join(thread, &result) == 0 && result != NULL)
		exit(0); /* with destructors, unlike the copy's own end */
	return false;
}

static void
case_11_nss_module_loaded_in_a_thread_and_exit_in_main(void)
{
	if (geteuid() != 0)
		oat_skip("only root can mount");
	else
		CU_ASSERT(oat_in_copy(load_in_a_thread_and_exit_in_main));
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_nss_module_needs_libc_alone),
	OAT_TEST(test_nss_module_exports_its_entry_points_alone),
	OAT_TEST(test_nss_module_is_hardened),
	OAT_TEST(case_11_nss_module_loaded_and_let_go_300_times_does_not_grow),
	OAT_TEST(case_11_nss_module_loaded_in_a_thread_and_exit_in_main),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "nss_module", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
