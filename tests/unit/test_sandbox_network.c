/* SPDX-License-Identifier: MIT */
/*
 * oat_sandbox_network(): each thing that it must forbid is tried, and what
 * libpq needs is used. A call that a kernel does not have at all would pass for
 * a refused one: what the filter is for, every kernel that runs this has.
 */
#include "common/sandbox.h"

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/confined.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define LANDLOCK_VERSION 1 /* flag of landlock_create_ruleset(2) */
#define LANDLOCK_WITH_PORTS 4

/* Which a test may set before the child is forked. */
static const char *conninfo_text = "host=/run/oat-test dbname=oat user=oat";

static enum oat_status
enter(void)
{
	struct oat_conninfo *conninfo;
	char error[OAT_CONNINFO_ERROR_MAX];
	enum oat_status status;

	if (oat_conninfo_parse(conninfo_text, true, &conninfo, error) != OAT_OK)
		return OAT_INVALID;
	status = oat_sandbox_network(conninfo);
	oat_conninfo_free(conninfo);
	return status;
}

static bool
filters_are_missing(void)
{
	if (oat_filters_are_here())
		return false;
	oat_skip("no filters of system calls in this kernel");
	return true;
}

static bool
landlock_is_at_least(int version)
{
	return syscall(444, NULL, 0, LANDLOCK_VERSION) >= version;
}

/* --- calls that are not there -------------------------------------------- */

struct call {
	const char *name;
	long number;
	long arguments[6];
};

#define CALL(name, ...)             \
	{                           \
#name, SYS_##name,  \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
#define HERE AT_FDCWD
#define PATH (long)"/tmp/oat-test-sandbox"
#define OTHER (long)"/tmp/oat-test-sandbox-2"

/* With arguments that only a filter, or rights, can object to. */
static const struct call forbidden[] = {
	/* programs and processes */
	CALL(execve, (long)"/bin/true", 0, 0),
	CALL(execveat, HERE, (long)"/bin/true", 0, 0, 0),
	CALL(clone, SIGCHLD, 0, 0, 0, 0),
	CALL(clone3, 0, 0),
	CALL(unshare, CLONE_NEWUSER),
	CALL(setns, 0, 0),
	CALL(wait4, -1, 0, 0, 0),
#ifdef SYS_fork
	CALL(fork, 0),
	CALL(vfork, 0),
#endif
	/* others, and what this process is */
	CALL(kill, 0, 0),
	CALL(tkill, 1, 0),
	CALL(tgkill, 1, 1, 0),
	CALL(rt_sigqueueinfo, 1, 0, 0),
	CALL(pidfd_open, 1, 0),
	CALL(ptrace, 0, 0, 0, 0),
	CALL(process_vm_readv, 1, 0, 0, 0, 0, 0),
	CALL(process_vm_writev, 1, 0, 0, 0, 0, 0),
	CALL(kcmp, 1, 1, 0, 0, 0),
	CALL(prlimit64, 0, RLIMIT_NOFILE, 0, 0),
	CALL(setpriority, 0, 0, 0),
	CALL(sched_setaffinity, 1, 0, 0),
	CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0),
	CALL(seccomp, 0, 0, 0),
	CALL(personality, -1),
	CALL(setuid, 65534),
	CALL(setgroups, 0, 0),
	CALL(capset, 0, 0),
	CALL(umask, 0),
	CALL(chdir, (long)"/"),
	CALL(chroot, (long)"/"),
	/* files */
	CALL(mkdirat, HERE, PATH, 0700),
	CALL(mknodat, HERE, PATH, S_IFIFO | 0600, 0),
	CALL(unlinkat, HERE, PATH, 0),
	CALL(linkat, HERE, PATH, HERE, OTHER, 0),
	CALL(symlinkat, PATH, HERE, OTHER),
	CALL(renameat2, HERE, PATH, HERE, OTHER, 0),
	CALL(fchmodat, HERE, PATH, 0777),
	CALL(fchownat, HERE, PATH, 0, 0, 0),
	CALL(truncate, PATH, 0),
	CALL(ftruncate, 0, 0),
	CALL(fallocate, 0, 0, 0, 1),
	CALL(utimensat, HERE, PATH, 0, 0),
	CALL(setxattr, PATH, 0, 0, 0, 0),
	CALL(openat2, HERE, PATH, 0, 0),
	CALL(name_to_handle_at, HERE, PATH, 0, 0, 0),
	CALL(memfd_create, PATH, 0),
	CALL(inotify_init1, 0),
	CALL(fanotify_init, 0, 0),
	CALL(mount, 0, PATH, 0, 0, 0),
	CALL(umount2, PATH, 0),
	CALL(pivot_root, 0, 0),
	/* a server's sockets, and pairs */
	CALL(bind, 0, 0, 0),
	CALL(listen, 0, 0),
	CALL(accept4, 0, 0, 0, 0),
	CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, 0),
	/* the kernel's own */
	CALL(bpf, 0, 0, 0),
	CALL(perf_event_open, 0, 0, 0, 0, 0),
	CALL(userfaultfd, 0),
	CALL(io_uring_setup, 1, 0),
	CALL(io_setup, 1, 0),
	CALL(keyctl, 0, 0, 0, 0, 0),
	CALL(add_key, 0, 0, 0, 0, 0),
	CALL(request_key, 0, 0, 0, 0),
	CALL(init_module, 0, 0, 0),
	CALL(finit_module, 0, 0, 0),
	CALL(kexec_load, 0, 0, 0, 0),
	CALL(reboot, 0, 0, 0, 0),
	CALL(syslog, 0, 0, 0),
	CALL(quotactl, 0, 0, 0, 0),
	CALL(shmget, 0, 1, 0600),
	CALL(msgget, 0, 0600),
	CALL(semget, 0, 1, 0600),
	CALL(mq_open, PATH, 0, 0, 0),
	CALL(timer_create, 0, 0, 0),
	CALL(timerfd_create, 0, 0),
	CALL(eventfd2, 0, 0),
	CALL(epoll_create1, 0),
	CALL(settimeofday, 0, 0),
	CALL(sethostname, 0, 0),
	/* known calls, with what makes others of them */
	CALL(openat, HERE, (long)"/dev/null", O_WRONLY),
	CALL(openat, HERE, (long)"/dev/null", O_RDWR),
	CALL(openat, HERE, (long)"/dev/null", O_RDONLY | O_TRUNC),
	CALL(openat, HERE, PATH, O_RDONLY | O_CREAT, 0600),
	CALL(openat, HERE, (long)"/tmp", O_TMPFILE | O_RDWR, 0600),
#ifdef SYS_open
	CALL(open, (long)"/dev/null", O_WRONLY),
	CALL(open, PATH, O_RDONLY | O_CREAT, 0600),
	CALL(creat, PATH, 0600),
#endif
	CALL(socket, AF_NETLINK, SOCK_RAW, 0),
	CALL(socket, AF_PACKET, SOCK_DGRAM, 0),
	CALL(socket, AF_VSOCK, SOCK_STREAM, 0),
	CALL(socket, AF_ALG, SOCK_SEQPACKET, 0),
	CALL(fcntl, 0, F_SETOWN, 1),
	CALL(fcntl, 0, F_SETSIG, SIGKILL),
	CALL(fcntl, 0, F_SETPIPE_SZ, 1 << 20),
	CALL(ioctl, 3, FIOSETOWN, 0),
	CALL(ioctl, 0, TIOCSTI, (long)"x"),
};

static const struct call *call;

static bool
call_is_there(void)
{
	const long *a = call->arguments;

	return syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]) !=
		   -1 ||
	       errno != ENOSYS;
}

static void
test_sandbox_network_refuses_each_call_that_asking_does_not_need(void)
{
	struct oat_attempt attempt = { NULL, call_is_there };
	size_t i;

	if (filters_are_missing())
		return;
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		call = &forbidden[i];
		attempt.what = call->name;
		oat_attempt_inside(enter, &attempt, false);
	}
}

#if defined(__x86_64__) && !defined(__ILP32__)
static bool
x32_getpid_is_there(void)
{
	return syscall(0x40000000 | SYS_getpid) != -1 || errno != ENOSYS;
}
#endif

/* Bit 30 makes the same number a call of another interface. */
static void
test_sandbox_network_knows_no_second_numbering(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	static const struct oat_attempt attempt = { "x32",
		x32_getpid_is_there };

	oat_attempt_inside(enter, &attempt, false);
#endif
}

/* --- the same by libc's names -------------------------------------------- */

static void *
do_nothing(void *argument)
{
	return argument;
}

static bool
thread_can_be_started(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, do_nothing, NULL) == 0;
}

static bool
process_can_be_made(void)
{
	return fork() != -1;
}

static bool
shell_can_be_run(void)
{
	return system("true") == 0;
}

static bool
parent_can_be_signalled(void)
{
	return kill(getppid(), 0) == 0;
}

static bool
temporary_file_can_be_made(void)
{
	char path[] = "/tmp/oat-test-XXXXXX";

	return mkstemp(path) != -1;
}

static bool
file_can_be_written(void)
{
	return fopen("/dev/null", "w") != NULL ||
	       fopen("/dev/null", "a") != NULL ||
	       fopen("/dev/null", "r+") != NULL;
}

static void
test_sandbox_network_lets_libc_do_no_more(void)
{
	static const struct oat_attempt attempts[] = {
		{ "thread", thread_can_be_started },
		{ "fork", process_can_be_made },
		{ "system", shell_can_be_run },
		{ "kill", parent_can_be_signalled },
		{ "mkstemp", temporary_file_can_be_made },
		{ "fopen", file_can_be_written },
	};
	size_t i;

	if (filters_are_missing())
		return;
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		oat_attempt_inside(enter, &attempts[i], false);
}

/* --- what Landlock leaves ------------------------------------------------- */

static bool
can_read(const char *path)
{
	int fd = open(path, O_RDONLY);

	return fd != -1 || errno != EACCES;
}

static bool
processes_can_be_read(void)
{
	return can_read("/proc/self/status") || can_read("/proc/1/cmdline");
}

static bool
state_can_be_read(void)
{
	return can_read("/var") || can_read("/tmp");
}

static bool
root_can_be_listed(void)
{
	return can_read("/");
}

static void
test_sandbox_network_reads_nothing_beyond_its_folders(void)
{
	static const struct oat_attempt attempts[] = {
		{ "/proc", processes_can_be_read },
		{ "/var", state_can_be_read },
		{ "/", root_can_be_listed },
	};
	size_t i;

	if (!landlock_is_at_least(1)) {
		oat_skip("no Landlock in this kernel");
		return;
	}
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		oat_attempt_inside(enter, &attempts[i], false);
}

/* A file outside of all folders that are read anyhow. */
static char *
write_file(char path[], int *ret_fd)
{
	*ret_fd = mkstemp(path);
	CU_ASSERT_FATAL(*ret_fd != -1);
	CU_ASSERT_EQUAL(fchmod(*ret_fd, 0644), 0);
	return path;
}

static char authority[] = "/tmp/oat-test-ca-XXXXXX";

static bool
authority_can_be_read(void)
{
	return can_read(authority);
}

static void
test_sandbox_network_reads_the_files_of_its_configuration(void)
{
	static const struct oat_attempt attempt = { "sslrootcert",
		authority_can_be_read };
	const char *before = conninfo_text;
	char text[256];
	int fd;

	(void)snprintf(text, sizeof(text),
	    "host=db dbname=oat user=oat sslmode=verify-full sslrootcert=%s",
	    write_file(authority, &fd));
	if (landlock_is_at_least(1))
		oat_attempt_inside(enter, &attempt, false);
	conninfo_text = text;
	oat_attempt_inside(enter, &attempt, true);
	conninfo_text = before;
	(void)close(fd);
	(void)unlink(authority);
}

/* --- ports ---------------------------------------------------------------- */

static int port;

static int
listen_somewhere(int family)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_FATAL(fd != -1);
	CU_ASSERT_EQUAL(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL(listen(fd, 4), 0);
	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	port = ntohs(address.sin_port);
	return fd;
}

static bool
port_can_be_reached(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static void
test_sandbox_network_connects_to_its_servers_ports_alone(void)
{
	static const struct oat_attempt attempt = { "connect",
		port_can_be_reached };
	const char *before = conninfo_text;
	int listener = listen_somewhere(AF_INET);
	char text[256];

	if (landlock_is_at_least(LANDLOCK_WITH_PORTS))
		oat_attempt_inside(enter, &attempt, false);
	(void)snprintf(text, sizeof(text),
	    "host=db1,127.0.0.1 port=1,%d dbname=oat user=oat sslmode="
	    "verify-full sslrootcert=/etc/passwd",
	    port);
	conninfo_text = text;
	oat_attempt_inside(enter, &attempt, true);
	conninfo_text = before;
	(void)close(listener);
}

/* --- what it is there for ------------------------------------------------- */

static bool
name_can_be_resolved(void)
{
	struct addrinfo *found = NULL;
	bool resolved = getaddrinfo("localhost", "5432", NULL, &found) == 0;

	if (found != NULL)
		freeaddrinfo(found);
	return resolved;
}

static bool
library_can_be_loaded(void)
{
	return dlopen("libresolv.so.2", RTLD_NOW) != NULL;
}

static bool
openssl_files_can_be_read(void)
{
	return access("/etc/passwd", R_OK) == 0 && can_read("/etc/passwd") &&
	       can_read("/usr/lib") && can_read("/dev/urandom");
}

static bool
unix_socket_can_be_tried(void)
{
	struct sockaddr_un address = { AF_UNIX, "/run/oat-test/nowhere" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd != -1 &&
	       connect(fd, (struct sockaddr *)&address, sizeof(address)) ==
		   -1 &&
	       errno == ENOENT;
}

static bool
memory_can_be_had(void)
{
	unsigned char *bytes = malloc(8 << 20);

	if (bytes != NULL)
		memset(bytes, 1, 8 << 20);
	free(bytes);
	return bytes != NULL;
}

static void
test_sandbox_network_leaves_what_libpq_needs(void)
{
	static const struct oat_attempt attempts[] = {
		{ "resolver", name_can_be_resolved },
		{ "library", library_can_be_loaded },
		{ "files", openssl_files_can_be_read },
		{ "unix socket", unix_socket_can_be_tried },
		{ "memory", memory_can_be_had },
	};
	size_t i;

	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		oat_attempt_inside(enter, &attempts[i], true);
}

static CU_TestInfo tests[] = {
	OAT_TEST(
	    test_sandbox_network_refuses_each_call_that_asking_does_not_need),
	OAT_TEST(test_sandbox_network_knows_no_second_numbering),
	OAT_TEST(test_sandbox_network_lets_libc_do_no_more),
	OAT_TEST(test_sandbox_network_reads_nothing_beyond_its_folders),
	OAT_TEST(test_sandbox_network_reads_the_files_of_its_configuration),
	OAT_TEST(test_sandbox_network_connects_to_its_servers_ports_alone),
	OAT_TEST(test_sandbox_network_leaves_what_libpq_needs),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "sandbox_network", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
