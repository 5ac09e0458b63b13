/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *  - the host's wait, handlers, mask and children stay as they were
 *  - the program starts with an empty environment and three descriptors
 *  - the program is root alone, whoever ran the setuid host
 *  - the host's lowest limits do not reach the program, nor what a user can do
 *    to its time and to its life
 *  - a host that is full of descriptors can start it
 *  - the program dies with its host, and leaves no zombie
 *  - ending is bounded, however the program behaves
 *
 * Between clone(2) and execve(2) only system calls are made: the host may have
 * threads, whose locks nobody will ever release in the copy (signal-safety(7)).
 * Where glibc would signal those threads (setresuid), the call is raw. The
 * second step is a vfork(2) of the copy: sshd's pages are not copied twice.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"
#include "inherited.h"

#define EXIT_NOT_STARTED 127 /* as a shell says it; nobody looks */
#define FD_MAX_BY_HAND 65536 /* closed singly on Linux before 5.9 */

/* What to run, and on which descriptor: -1 for none. */
struct plan {
	const char *path;
	const char *const *argv;
	int socket;
	pid_t caller; /* whose death is the program's; unused when detached */
};

/* A fork(2) that runs no pthread_atfork(3) handlers of the host. */
static pid_t
clone_process(int exit_signal)
{
#if defined(__s390__) || defined(__s390x__)
	return (pid_t)syscall(SYS_clone, 0, exit_signal, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, exit_signal, 0, 0, 0, 0);
#endif
}

/*
 * The second step. ThreadSanitizer's vfork(2) is a fork(3) with hooks that wait
 * for locks which another thread of the host had: there it is as the first.
 */
#if defined(__SANITIZE_THREAD__)
#define FORK_PROGRAM() clone_process(SIGCHLD)
#else
#define FORK_PROGRAM() vfork()
#endif

/*
 * Under su the real user is still the invoker, who could signal the program
 * and who would make execve(2) drop the parent-death signal. All three ids are
 * 0, so the 16-bit calls of old platforms do as well.
 */
static bool
become_root_alone(void)
{
	if (geteuid() != 0)
		return true;
	(void)syscall(SYS_setgroups, 0, NULL); /* a user namespace may refuse */
	return syscall(SYS_setresgid, 0, 0, 0) == 0 &&
	       syscall(SYS_setresuid, 0, 0, 0) == 0;
}

/*
 * By the raw call: libc refuses its own two signals, 32 and 33, and a caller
 * that was started by posix_spawn(3), as by make(1), has them ignored.
 */
static void
reset_signals(void)
{
	static const unsigned char by_default[64]; /* a kernel sigaction */
	int number;

	/* SIGKILL and SIGSTOP refuse; they need no reset. */
	for (number = 1; number < NSIG; number++)
		(void)syscall(
		    SYS_rt_sigaction, number, by_default, NULL, (NSIG - 1) / 8);
}

static void
close_from(int first)
{
	int fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
#endif
	for (fd = first; fd < FD_MAX_BY_HAND; fd++)
		(void)close(fd);
}

/*
 * Descriptors 0 and 1 become the socket, or /dev/null as 2 does. None has to be
 * free: the host may have as many as the program's limit allows, and more.
 */
static bool
arrange_descriptors(int socket)
{
	int first = 0, fd;

	/* The socket is above 2. */
	if (socket != -1) {
		if (syscall(SYS_dup3, socket, STDIN_FILENO, 0) == -1 ||
		    syscall(SYS_dup3, socket, STDOUT_FILENO, 0) == -1)
			return false;
		first = STDERR_FILENO;
	}
	close_from(first);
	for (fd = first; fd <= STDERR_FILENO; fd++)
		if (syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* What the clone and the program have in common. */
static bool
leave_host(const struct plan *plan)
{
	reset_signals();
	if (!become_root_alone())
		return false;
	oat_inherited_reset_limits();
	(void)umask(022);
	if (!arrange_descriptors(plan->socket) || chdir("/") != 0)
		return false;
	oat_inherited_reset_treatment();
	return true;
}

/*
 * Die with the parent. The signal is set for later; a parent that went before
 * that is no longer the parent. A change of ids would clear it: do it last.
 */
static bool
tie_to(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
	       getppid() == parent;
}

_Noreturn static void
become_program(const struct plan *plan)
{
	static char *const no_environment[] = { NULL };
	sigset_t empty;

	(void)sigemptyset(&empty);
	(void)sigprocmask(SIG_SETMASK, &empty, NULL);
	/* execve(2) has promised since POSIX.1 not to write through argv. */
	(void)execve(
	    plan->path, (char *const *)(uintptr_t)plan->argv, no_environment);
	_exit(EXIT_NOT_STARTED);
}

/*
 * The clone's only work: wait for the program, and kill it when its host says
 * so. A SIGTERM for the host's whole process group says nothing.
 */
_Noreturn static void
watch(pid_t program, pid_t caller)
{
	siginfo_t info;
	sigset_t wanted;

	(void)sigemptyset(&wanted);
	(void)sigaddset(&wanted, SIGCHLD);
	(void)sigaddset(&wanted, SIGTERM);
	for (;;) {
		if (sigwaitinfo(&wanted, &info) == SIGTERM &&
		    info.si_pid == caller) {
			(void)kill(-program, SIGKILL);
			(void)kill(program, SIGKILL);
		}
		if (waitpid(program, NULL, WNOHANG) == program)
			_exit(0);
	}
}

_Noreturn static void
supervise(const struct plan *plan)
{
	pid_t self = getpid(), program;

	if (!leave_host(plan) || !tie_to(plan->caller))
		_exit(EXIT_NOT_STARTED);
	program = FORK_PROGRAM();
	if (program == 0) {
		/* A terminal's ^C is for the host, not for the program. */
		if (setsid() != -1 && tie_to(self))
			become_program(plan);
		_exit(EXIT_NOT_STARTED);
	}
	if (program == -1)
		_exit(EXIT_NOT_STARTED);
	watch(program, plan->caller);
}

/* The clone ends at once and answers with an errno, 0 for success. */
_Noreturn static void
release(const struct plan *plan)
{
	pid_t program;

	if (!leave_host(plan) || setsid() == -1)
		_exit(errno);
	program = FORK_PROGRAM();
	if (program == 0)
		become_program(plan);
	_exit(program == -1 ? errno : 0);
}

/*
 * All signals are blocked around it: no handler of the host runs in the copy.
 * On Linux sigprocmask(2) concerns the calling thread alone.
 */
static pid_t
clone_into(void (*body)(const struct plan *), const struct plan *plan)
{
	sigset_t all, before;
	pid_t pid;
	int saved;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	pid = clone_process(0);
	if (pid == 0)
		body(plan);
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid;
}

/* A host that waits with __WALL may have been faster: then -1. */
static int
collect(pid_t pid)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, (int)__WCLONE) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (errno != EINTR)
			return -1;
	}
}

/*
 * Never 0, 1 or 2, even when the host has closed them: its other threads
 * would take our socket for a standard stream.
 */
static bool
lift(int *fd)
{
	int lifted;

	if (*fd > STDERR_FILENO)
		return true;
	lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (lifted == -1)
		return false;
	(void)close(*fd);
	*fd = lifted;
	return true;
}

/*
 * After unshare(CLONE_NEWPID) the first child is the new namespace's init, and
 * with it all end. Whose it is is the host's to say. The link of one that has
 * no init yet leads nowhere; before Linux 4.12 there is none.
 */
static bool
would_be_init(void)
{
	static const char ours[] = "/proc/self/ns/pid",
			  next[] = "/proc/self/ns/pid_for_children";
	struct stat here, there;

	if (stat(ours, &here) != 0 || lstat(next, &there) != 0)
		return false;
	return stat(next, &there) != 0 || here.st_ino != there.st_ino;
}

enum oat_status
oat_spawn_start(
    const char *path, const char *const argv[], struct oat_spawn *ret_spawn)
{
	struct plan plan = { .path = path, .argv = argv, .caller = getpid() };
	enum oat_status status = OAT_SYSTEM;
	int ends[2], saved;
	pid_t pid;

	if (would_be_init()) {
		errno = ENOTSUP;
		return OAT_SYSTEM;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		return OAT_SYSTEM;
	if (!lift(&ends[0]) || !lift(&ends[1]))
		goto out;
	plan.socket = ends[1];
	pid = clone_into(supervise, &plan);
	if (pid == -1)
		goto out;
	*ret_spawn = (struct oat_spawn){ .fd = ends[0], .pid = pid };
	ends[0] = -1;
	status = OAT_OK;
out:
	saved = errno;
	if (ends[0] != -1)
		(void)close(ends[0]);
	(void)close(ends[1]);
	errno = saved;
	return status;
}

/*
 * The clone holds the other end until the program is gone. POLLHUP says so
 * whatever lies unread in the socket.
 */
static bool
hung_up(int fd, struct oat_deadline deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = 0 };
	int ready;

	do {
		ready = poll(&pollfd, 1, oat_deadline_left_ms(deadline));
	} while (ready == -1 && errno == EINTR);
	return ready == 1;
}

/* Unless the host collected it, with __WALL: its number may be another's. */
static void
signal_clone(pid_t pid, int number)
{
	siginfo_t info;

	if (waitid(P_PID, (id_t)pid, &info,
		(int)(WEXITED | WNOHANG | WNOWAIT | __WCLONE)) == 0)
		(void)kill(pid, number);
}

void
oat_spawn_end(struct oat_spawn *spawn)
{
	int saved = errno;

	if (spawn->pid <= 0)
		return;
	(void)shutdown(spawn->fd, SHUT_WR);
	if (!hung_up(spawn->fd, oat_deadline_in_ms(OAT_SPAWN_GRACE_MS))) {
		signal_clone(spawn->pid, SIGTERM);
		(void)hung_up(
		    spawn->fd, oat_deadline_in_ms(OAT_SPAWN_GRACE_MS));
	}
	(void)close(spawn->fd);
	signal_clone(spawn->pid, SIGKILL);
	(void)collect(spawn->pid);
	*spawn = (struct oat_spawn){ .fd = -1, .pid = 0 };
	errno = saved;
}

enum oat_status
oat_spawn_detached(const char *path, const char *const argv[])
{
	struct plan plan = { .path = path, .argv = argv, .socket = -1 };
	pid_t pid;
	int code;

	if (would_be_init()) {
		errno = ENOTSUP;
		return OAT_SYSTEM;
	}
	pid = clone_into(release, &plan);
	if (pid == -1)
		return OAT_SYSTEM;
	code = collect(pid);
	if (code <= 0)
		return OAT_OK;
	errno = code;
	return OAT_SYSTEM;
}
