/* SPDX-License-Identifier: MIT */
#include "tests/unit/people.h"

#include "common/process.h"
#include "common/snapshot_write.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID_MIN 1900000000
#define UID_MAX 1949999999

uint32_t people_base;

static struct oat_snapshot snapshot;
static struct oat_config config;
static void *image;

static struct oat_identity
person(const char *name, uint32_t uid, bool active, int64_t expires_at)
{
	struct oat_identity identity = {
		.uid = uid, .active = active, .expires_at = expires_at
	};

	snprintf(identity.login, sizeof(identity.login), "oat-acme-%s", name);
	snprintf(identity.shell, sizeof(identity.shell), "/bin/sh");
	return identity;
}

static int
make_people(void)
{
	const struct oat_snapshot_info info = { .generation = 1,
		.home_root = "/srv/oat" };
	const struct oat_group group = { "oat-acme", PEOPLE_GROUP };
	const struct oat_identity people[] = {
		person("active", PEOPLE_ACTIVE, true, OAT_NEVER),
		person("revoked", PEOPLE_REVOKED, false, OAT_NEVER),
		person("expired", PEOPLE_EXPIRED, false, 1763600000),
		person("second", PEOPLE_SECOND, false, OAT_NEVER),
		person("outside", PEOPLE_OUTSIDE, false, OAT_NEVER),
	};
	size_t size = 0;

	config.uid_min = UID_MIN;
	config.uid_max = UID_MAX;
	return oat_snapshot_build(&info, &group, 1, people,
		   sizeof(people) / sizeof(people[0]), &image,
		   &size) != OAT_OK ||
	       oat_snapshot_from_bytes(image, size, &snapshot) != OAT_OK;
}

int
people_set_up(void)
{
	people_base = UID_MIN + (uint32_t)getpid() * 10;
	return make_people();
}

int
people_tear_down(void)
{
	free(image);
	return 0;
}

struct oat_policy
people_policy(enum oat_terminate terminate)
{
	config.terminate_sessions = terminate;
	return (struct oat_policy){ .snapshot = &snapshot, .config = &config };
}

bool
people_are_possible(void)
{
	if (geteuid() == 0)
		return true;
	oat_skip("not root");
	return false;
}

static void
become(uint32_t uid)
{
	if (uid != 0 &&
	    (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
		_exit(1);
	/* A change of ids clears it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

_Noreturn void
people_sleep(void)
{
	(void)execl("/bin/sleep", "sleep", "1000", (char *)NULL);
	_exit(1);
}

pid_t
people_start(uint32_t uid, void (*body)(void), const char *script)
{
	int ready[2];
	char byte;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (body != NULL)
			body();
		become(uid);
		if (script == NULL)
			people_sleep();
		(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(1);
	}
	/* The end of file: nobody has it any more who is still the test. */
	(void)close(ready[1]);
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 0);
	(void)close(ready[0]);
	return pid;
}

void
people_clean(uint32_t uid)
{
	pid_t pid = fork();

	if (pid == 0) {
		become(uid);
		/* As root it would be the end of the machine. */
		if (getuid() >= 65536 && geteuid() == getuid())
			(void)kill(-1, SIGKILL);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

bool
people_lives(pid_t pid)
{
	struct oat_process *list = NULL;
	const struct oat_process *found;
	size_t count = 0;
	bool lives;

	CU_ASSERT_EQUAL_FATAL(oat_process_list(&list, &count), OAT_OK);
	found = oat_process_find(list, count, pid);
	lives = found != NULL && !found->zombie;
	free(list);
	return lives;
}

bool
people_goes(pid_t pid)
{
	uint64_t until = oat_now_ms() + OAT_LONG_MS;

	while (people_lives(pid) && oat_now_ms() < until)
		usleep(5000);
	return !people_lives(pid);
}

void
people_stop(pid_t pid)
{
	if (pid > 1)
		(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

bool
people_log_in(uint32_t uid)
{
	char text[16];
	int fd, n;
	bool done;

	fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = snprintf(text, sizeof(text), "%u", uid);
	done = write(fd, text, (size_t)n) == n;
	(void)close(fd);
	return done;
}

static bool
try_to_log_in(void)
{
	return people_log_in(PEOPLE_REVOKED);
}

bool
people_can_log_in(void)
{
	if (oat_in_copy(try_to_log_in))
		return true;
	oat_skip("the kernel keeps no login uid, or does not let us set it");
	return false;
}
