/* SPDX-License-Identifier: MIT */
#include "tests/module/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/module/journal.h"
#include "tests/runner.h"

/* The folder of this build: this program is in its tests/module/. */
static bool
build_path(const char *name, char ret_path[PATH_MAX])
{
	char self[PATH_MAX], *cut;
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n == -1)
		return false;
	self[n] = '\0';
	cut = strstr(self, "/tests/module/");
	if (cut == NULL)
		return false;
	*cut = '\0';
	return snprintf(ret_path, PATH_MAX, "%s/%s", self, name) < PATH_MAX;
}

/*
 * Asked for once, before the stage is entered: in the new mount namespace
 * /proc/self/exe still names the file by the old one, which in a chroot is
 * another path.
 */
const char *
oat_stage_module(void)
{
	static char path[PATH_MAX];

	return path[0] != '\0' || build_path("pam_oat.so", path) ? path : NULL;
}

static bool
write_all(const char *path, mode_t mode, const char *bytes, size_t size)
{
	int fd;
	bool done;

	(void)remove(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd == -1)
		return false;
	done = write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0;
	close(fd);
	return done;
}

void
oat_stage_write(const char *path, mode_t mode, const char *text)
{
	OAT_ASSERT_THAT(
	    write_all(path, mode, text, strlen(text)), "%s: %m", path);
}

/* Where everybody may read it: the checkout may lie in root's home. */
#define STAGED_MODULE OAT_SBINDIR "/pam_oat.so"

/* A private file system where files of this host are. */
static bool
cover(const char *path)
{
	return mount("oat-test", path, "tmpfs", MS_NOSUID, "mode=0755") == 0;
}

static bool
install_file(const char *from, const char *to)
{
	static char bytes[8 << 20];
	ssize_t n;
	int fd;

	fd = open(from, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, bytes, sizeof(bytes));
	close(fd);
	return n > 0 && write_all(to, 0755, bytes, (size_t)n);
}

static bool
write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd != -1 && write(fd, text, strlen(text)) > 0;

	close(fd);
	return done;
}

/* In a user namespace somebody who is not root may do the same. */
static bool
become_root_of_our_own(void)
{
	char uid_map[64], gid_map[64];

	if (geteuid() == 0)
		return unshare(CLONE_NEWNS) == 0;
	snprintf(uid_map, sizeof(uid_map), "0 %u 1", (unsigned)geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", (unsigned)getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       write_proc("/proc/self/uid_map", uid_map) &&
	       write_proc("/proc/self/setgroups", "deny") &&
	       write_proc("/proc/self/gid_map", gid_map);
}

static bool
enter(void)
{
	char program[PATH_MAX], folder[] = OAT_PATH_PROGRAM;

	*strrchr(folder, '/') = '\0';
	(void)umask(022);
	return oat_stage_module() != NULL &&
	       build_path("tests/module/program/oat", program) &&
	       become_root_of_our_own() &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       cover(folder) && install_file(program, OAT_PATH_PROGRAM) &&
	       install_file(oat_stage_module(), STAGED_MODULE) &&
	       cover("/run") && cover("/etc") && mkdir("/etc/oat", 0755) == 0 &&
	       mkdir(OAT_STAGE_PAM_D, 0755) == 0;
}

void
oat_stage_configure(const char *lines)
{
	char text[4096];

	snprintf(text, sizeof(text),
	    "database = host=/run/postgresql dbname=oat user=oat_test\n"
	    "fail_delay = 0ms\n%s",
	    lines);
	oat_stage_write(OAT_PATH_CONFIG, 0600, text);
}

void
oat_stage_play(const char *play)
{
	oat_stage_write(OAT_STAGE_PLAY, 0600, play);
}

void
oat_stage_service(const char *name, const char *arguments)
{
	char path[PATH_MAX], text[8 * PATH_MAX];
	const char *module = STAGED_MODULE;

	snprintf(path, sizeof(path), OAT_STAGE_PAM_D "/%s", name);
	snprintf(text, sizeof(text),
	    "auth [success=done ignore=1 default=die] %s %s\n"
	    "auth requisite pam_deny.so\n"
	    "auth requisite pam_debug.so auth=bad_item cred=bad_item\n"
	    "account [success=done ignore=1 default=die] %s %s\n"
	    "account requisite pam_deny.so\n"
	    "account requisite pam_debug.so acct=bad_item\n"
	    "session [success=done ignore=1 default=die] %s %s\n"
	    "session requisite pam_deny.so\n"
	    "session requisite pam_debug.so open_session=bad_item"
	    " close_session=bad_item\n",
	    module, arguments, module, arguments, module, arguments);
	oat_stage_write(path, 0644, text);
}

bool
oat_stage_set(void)
{
	static enum { NOT_TRIED, ENTERED, IMPOSSIBLE } state = NOT_TRIED;

	if (state == NOT_TRIED)
		state = enter() ? ENTERED : IMPOSSIBLE;
	if (state == IMPOSSIBLE) {
		oat_skip("no mount namespace to be had");
		return false;
	}
	oat_stage_write("/etc/passwd", 0644,
	    "root:x:0:0:root:/root:/bin/sh\n"
	    "oat-local-user:x:1000:1000::/home/oat-local-user:/bin/sh\n");
	oat_stage_configure("");
	oat_stage_play(OAT_STAGE_ALLOW);
	(void)unlink(OAT_STAGE_SEEN);
	oat_stage_service("sshd", "");
	oat_journal_clear();
	return true;
}

/* What the program was asked so far, one line a request. */
static const char *
seen(void)
{
	static char text[1 << 20];
	ssize_t n;
	int fd;

	fd = open(OAT_STAGE_SEEN, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (fd != -1)
		close(fd);
	return text;
}

unsigned
oat_stage_asked(void)
{
	const char *at;
	unsigned lines = 0;

	for (at = seen(); (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

bool
oat_stage_saw(const char *text)
{
	return strstr(seen(), text) != NULL;
}
