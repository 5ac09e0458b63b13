/* SPDX-License-Identifier: MIT */
/*
 * enter PROGRAM [ARGUMENT...]: run a program in a laboratory of its own, new
 * mount, pid, net, uts and ipc namespaces, and answer its exit status.
 *
 * No mount made inside reaches the machine, also when we start in a chroot,
 * where unshare(1) cannot say so: "/" is no mount point there. When this
 * process, the pid 1 below it or the program ends, the kernel ends everything
 * that was started inside.
 */
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define NOT_PERMITTED 125 /* exit status: this machine has no laboratories */

static int
exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
open_directory(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		err(NOT_PERMITTED, "open %s", path);
	return fd;
}

/*
 * Propagation is a property of mount points, so it is set at the root of the
 * namespace: setns(2) to the namespace we are in leads there, and two
 * descriptors lead back into the chroot.
 */
static void
make_mounts_private(void)
{
	int root = open_directory("/"), cwd = open_directory(".");
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (self != -1)
		(void)setns(self, CLONE_NEWNS);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		err(NOT_PERMITTED, "make mounts private");
	if (fchdir(root) == -1 || chroot(".") == -1 || fchdir(cwd) == -1)
		err(NOT_PERMITTED, "return to the root directory");
	close(root);
	close(cwd);
	close(self);
}

/* pid 1 of the laboratory: start the program, reap orphans, end with it. */
static int
be_first(char *argv[])
{
	pid_t program, pid;
	int status;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		NULL) == -1)
		err(NOT_PERMITTED, "mount /proc");
	program = fork();
	if (program == -1)
		err(NOT_PERMITTED, "fork");
	if (program == 0) {
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	do
		pid = wait(&status);
	while (pid != program && (pid != -1 || errno == EINTR));
	return pid == program ? exit_status(status) : EXIT_FAILURE;
}

int
main(int argc, char *argv[])
{
	pid_t first;
	int status;

	if (argc < 2)
		errx(2, "usage: enter program [argument ...]");
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS |
		    CLONE_NEWIPC) == -1)
		err(NOT_PERMITTED, "new namespaces");
	make_mounts_private();
	first = fork();
	if (first == -1)
		err(NOT_PERMITTED, "fork");
	if (first == 0)
		return be_first(argv + 1);
	while (waitpid(first, &status, 0) == -1)
		if (errno != EINTR)
			err(EXIT_FAILURE, "wait");
	return exit_status(status);
}
