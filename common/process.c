/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - what a process calls itself is never taken for what the kernel says
 *   - a process whose first thread has ended is alive while others run
 *   - a signal reaches the process that was looked at, or none
 */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LIST_FIRST 256 /* processes; room is doubled */
#define FILE_BYTES                                                 \
	1024 /* of a file's beginning: all that is wanted is there \
	      */

/* proc(5), stat: counted from the state, which follows the name. */
#define STAT_SESSION 3
#define STAT_TERMINAL 4
#define STAT_THREADS 17
#define STAT_STARTED 19

/* The beginning of /proc/<pid>/<name> as text. OAT_OK; OAT_NOTFOUND. */
static enum oat_status
read_file(pid_t pid, const char *name, char ret_text[FILE_BYTES])
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return OAT_NOTFOUND;
	do {
		n = read(fd, ret_text, FILE_BYTES - 1);
	} while (n < 0 && errno == EINTR);
	(void)close(fd);
	if (n <= 0)
		return OAT_NOTFOUND;
	ret_text[n] = '\0';
	return OAT_OK;
}

/*
 * What follows "\n<key>:" in /proc/<pid>/status. The kernel escapes newlines in
 * the name that a process gave itself.
 */
static const char *
find_value(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at == NULL ? NULL : at + strlen(key);
}

static uint32_t
read_number(pid_t pid, const char *name)
{
	char text[FILE_BYTES];
	uint32_t number;

	if (read_file(pid, name, text) != OAT_OK ||
	    sscanf(text, "%" SCNu32, &number) != 1)
		return OAT_PROCESS_NO_LOGIN;
	return number;
}

/* The field of /proc/<pid>/stat, counted from the state; NULL if missing. */
static const char *
stat_field(const char *text, int number)
{
	const char *at = strrchr(text, ')'); /* a name may hold anything */

	if (at == NULL)
		return NULL;
	for (at++; number >= 0; number--) {
		at = strchr(at, ' ');
		if (at == NULL)
			return NULL;
		at++;
	}
	return at;
}

static uint64_t
stat_number(const char *text, int number)
{
	const char *field = stat_field(text, number);

	return field == NULL ? 0 : strtoull(field, NULL, 10);
}

/* A zombie counts as long as another of its threads runs. */
static bool
is_over(pid_t pid, char state)
{
	char text[FILE_BYTES];

	if (state != 'Z' && state != 'X')
		return false;
	return read_file(pid, "stat", text) != OAT_OK ||
	       stat_number(text, STAT_THREADS) <= 1;
}

static enum oat_status
look_at(pid_t pid, struct oat_process *ret_process)
{
	struct oat_process process = { .pid = pid };
	const char *state, *parent, *uids;
	char text[FILE_BYTES];
	int parent_pid;

	if (read_file(pid, "status", text) != OAT_OK)
		return OAT_NOTFOUND;
	state = find_value(text, "\nState:\t");
	parent = find_value(text, "\nPPid:\t");
	uids = find_value(text, "\nUid:\t");
	if (state == NULL || parent == NULL || uids == NULL ||
	    sscanf(parent, "%d", &parent_pid) != 1 ||
	    sscanf(uids, "%" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32,
		&process.real, &process.effective, &process.saved,
		&process.fs) != 4)
		return OAT_NOTFOUND;
	process.parent = parent_pid;
	process.zombie = is_over(pid, *state);
	process.login = read_number(pid, "loginuid");
	*ret_process = process;
	return OAT_OK;
}

static int
compare_pids(const void *a, const void *b)
{
	const struct oat_process *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

static enum oat_status
add(struct oat_process **list, size_t *count, size_t *room, pid_t pid)
{
	struct oat_process *moved;
	size_t more = *room == 0 ? LIST_FIRST : *room * 2;

	if (*count == *room) {
		moved = reallocarray(*list, more, sizeof(**list));
		if (moved == NULL)
			return OAT_NOMEM;
		*list = moved;
		*room = more;
	}
	if (look_at(pid, *list + *count) == OAT_OK)
		++*count;
	return OAT_OK;
}

enum oat_status
oat_process_list(struct oat_process **ret_list, size_t *ret_count)
{
	struct oat_process *list = NULL;
	size_t count = 0, room = 0;
	enum oat_status status = OAT_OK;
	struct dirent *entry;
	DIR *proc;

	proc = opendir("/proc");
	if (proc == NULL)
		return OAT_SYSTEM;
	while (status == OAT_OK && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			status = add(&list, &count, &room, atoi(entry->d_name));
	(void)closedir(proc);
	if (status == OAT_OK && count == 0) {
		errno = ENOENT; /* a directory where /proc is not mounted */
		status = OAT_SYSTEM;
	}
	if (status != OAT_OK) {
		free(list);
		return status;
	}
	qsort(list, count, sizeof(*list), compare_pids);
	*ret_list = list;
	*ret_count = count;
	return OAT_OK;
}

struct oat_process *
oat_process_find(struct oat_process *list, size_t count, pid_t pid)
{
	const struct oat_process wanted = { .pid = pid };

	if (count == 0)
		return NULL;
	return bsearch(&wanted, list, count, sizeof(*list), compare_pids);
}

enum oat_status
oat_process_look_closer(struct oat_process *process)
{
	char text[FILE_BYTES];

	if (read_file(process->pid, "stat", text) != OAT_OK ||
	    stat_field(text, STAT_STARTED) == NULL)
		return OAT_NOTFOUND;
	process->session = (pid_t)stat_number(text, STAT_SESSION);
	process->terminal = stat_number(text, STAT_TERMINAL) != 0;
	process->started = stat_number(text, STAT_STARTED);
	process->audit = read_number(process->pid, "sessionid");
	return OAT_OK;
}

bool
oat_process_is_root(const struct oat_process *process)
{
	return process->real == 0 && process->effective == 0 &&
	       process->saved == 0 && process->fs == 0;
}

bool
oat_process_is_of(const struct oat_process *process, uint32_t uid)
{
	return process->real == uid || process->saved == uid;
}

static bool
is_still(const struct oat_process *process)
{
	struct oat_process now;

	return look_at(process->pid, &now) == OAT_OK &&
	       oat_process_look_closer(&now) == OAT_OK &&
	       now.started == process->started && now.login == process->login &&
	       now.real == process->real &&
	       now.effective == process->effective &&
	       now.saved == process->saved && now.fs == process->fs;
}

enum oat_status
oat_process_signal(const struct oat_process *process, int signal)
{
#if defined(SYS_pidfd_open) && defined(SYS_pidfd_send_signal)
	enum oat_status status = OAT_OK;
	int fd, saved;

	fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (fd < 0 && errno == ESRCH)
		return OAT_NOTFOUND;
	if (fd < 0)
		return errno == ENOSYS ? OAT_UNAVAILABLE : OAT_SYSTEM;
	/* A number given anew since then is told by what is read now. */
	if (!is_still(process))
		status = OAT_NOTFOUND;
	else if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) != 0)
		status = errno == ESRCH ? OAT_NOTFOUND : OAT_SYSTEM;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return status;
#else
	(void)process;
	(void)signal;
	(void)is_still;
	return OAT_UNAVAILABLE;
#endif
}

void
oat_process_leave_login(void)
{
	static const char nobody[] = "4294967295";
	int fd;

	fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, nobody, strlen(nobody));
	(void)close(fd);
}

uint64_t
oat_process_ticks(void)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return ticks > 0 ? (uint64_t)ticks : 100;
}

uint64_t
oat_process_now(void)
{
	struct timespec now = { 0, 0 };
	uint64_t ticks = oat_process_ticks();

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * ticks +
	       (uint64_t)now.tv_nsec * ticks / UINT64_C(1000000000);
}
