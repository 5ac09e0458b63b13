/* SPDX-License-Identifier: MIT */
/*
 * For the child with libpq, which parses what a server sends. Two layers that
 * know nothing of each other: a list of system calls, and what of files and
 * ports Landlock leaves. The list is of what is allowed, and refuses as a
 * kernel without the call would: libraries then do what they did before it
 * came, so that the list outlives them. What it has to hold, each a test:
 *   - no program, no process, no thread
 *   - no signal to others, nor tracing, nor their memory or limits
 *   - no file is written, created, removed, or opened for writing
 *   - no socket but to be a client with
 *   - nothing of the kernel that a client has no use for
 */
#include "sandbox.h"

#include "filter.h"
#include "landlock.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define ALWAYS 0, 0, 0
#define ONLY(argument, value) argument, ~0U, value

/* The flags of open(2) that are more than reading. */
#define MORE_THAN_READING \
	(O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
#define READING(argument) argument, MORE_THAN_READING, O_RDONLY

static const struct oat_filter_rule asking[] = {
	/* A dialogue, most often used first. */
	{ SYS_read, ALWAYS },
	{ SYS_write, ALWAYS },
	{ SYS_close, ALWAYS },
	{ SYS_futex, ALWAYS },
	{ SYS_getpid, ALWAYS },
	{ SYS_ppoll, ALWAYS },
	{ SYS_clock_gettime, ALWAYS },
#ifdef SYS_poll
	{ SYS_poll, ALWAYS },
#endif
#ifdef SYS_recvfrom
	{ SYS_recvfrom, ALWAYS },
	{ SYS_sendto, ALWAYS },
#endif
#ifdef SYS_recv
	{ SYS_recv, ALWAYS },
	{ SYS_send, ALWAYS },
#endif
/* A client's sockets; not netlink: the resolver does without. */
#ifdef SYS_socket
	{ SYS_socket, ONLY(0, AF_INET) },
	{ SYS_socket, ONLY(0, AF_INET6) },
	{ SYS_socket, ONLY(0, AF_UNIX) },
	{ SYS_connect, ALWAYS },
	{ SYS_getsockname, ALWAYS },
	{ SYS_getpeername, ALWAYS },
	{ SYS_getsockopt, ALWAYS },
	{ SYS_setsockopt, ALWAYS },
	{ SYS_shutdown, ALWAYS },
	{ SYS_sendmsg, ALWAYS },
	{ SYS_recvmsg, ALWAYS },
	{ SYS_sendmmsg, ALWAYS },
	{ SYS_recvmmsg, ALWAYS },
#endif
#ifdef SYS_recvmmsg_time64
	{ SYS_recvmmsg_time64, ALWAYS },
#endif
#ifdef SYS_socketcall /* all of the above in one, as libc for i386 asks */
	{ SYS_socketcall, ALWAYS },
#endif
#ifdef SYS_select
	{ SYS_select, ALWAYS },
#endif
#ifdef SYS__newselect
	{ SYS__newselect, ALWAYS },
#endif
	{ SYS_pselect6, ALWAYS },
#ifdef SYS_ppoll_time64
	{ SYS_ppoll_time64, ALWAYS },
	{ SYS_pselect6_time64, ALWAYS },
#endif
	/* Not F_SETOWN and FIOSETOWN: they send signals. */
	{ SYS_ioctl, ONLY(1, FIONREAD) },
	{ SYS_ioctl, ONLY(1, FIONBIO) },
	{ SYS_ioctl, ONLY(1, SIOCGIFINDEX) }, /* fe80::1%eth0 */
	{ SYS_ioctl, ONLY(1, TCGETS) },
	{ SYS_fcntl, ONLY(1, F_DUPFD) },
	{ SYS_fcntl, ONLY(1, F_DUPFD_CLOEXEC) },
	{ SYS_fcntl, ONLY(1, F_GETFD) },
	{ SYS_fcntl, ONLY(1, F_SETFD) },
	{ SYS_fcntl, ONLY(1, F_GETFL) },
	{ SYS_fcntl, ONLY(1, F_SETFL) },
#ifdef SYS_fcntl64
	{ SYS_fcntl64, ONLY(1, F_DUPFD) },
	{ SYS_fcntl64, ONLY(1, F_DUPFD_CLOEXEC) },
	{ SYS_fcntl64, ONLY(1, F_GETFD) },
	{ SYS_fcntl64, ONLY(1, F_SETFD) },
	{ SYS_fcntl64, ONLY(1, F_GETFL) },
	{ SYS_fcntl64, ONLY(1, F_SETFL) },
#endif
/* Reading files; openat2(2) hides its flags from filters. */
#ifdef SYS_open
	{ SYS_open, READING(1) },
	{ SYS_access, ALWAYS },
	{ SYS_readlink, ALWAYS },
#endif
	{ SYS_openat, READING(2) },
	{ SYS_faccessat, ALWAYS },
#ifdef SYS_faccessat2
	{ SYS_faccessat2, ALWAYS },
#endif
	{ SYS_readlinkat, ALWAYS },
	{ SYS_lseek, ALWAYS },
#ifdef SYS__llseek
	{ SYS__llseek, ALWAYS },
#endif
	{ SYS_readv, ALWAYS },
	{ SYS_writev, ALWAYS },
	{ SYS_pread64, ALWAYS },
	{ SYS_getdents64, ALWAYS },
	{ SYS_getcwd, ALWAYS },
#ifdef SYS_stat
	{ SYS_stat, ALWAYS },
	{ SYS_lstat, ALWAYS },
#endif
#ifdef SYS_fstat
	{ SYS_fstat, ALWAYS },
#endif
#ifdef SYS_newfstatat
	{ SYS_newfstatat, ALWAYS },
#endif
#ifdef SYS_stat64
	{ SYS_stat64, ALWAYS },
	{ SYS_lstat64, ALWAYS },
	{ SYS_fstat64, ALWAYS },
#endif
#ifdef SYS_fstatat64
	{ SYS_fstatat64, ALWAYS },
#endif
#ifdef SYS_statx
	{ SYS_statx, ALWAYS },
#endif
	{ SYS_statfs, ALWAYS },
	{ SYS_fstatfs, ALWAYS },
	/* Memory, libraries included: the resolver's are loaded when asked. */
	{ SYS_brk, ALWAYS },
#ifdef SYS_mmap
	{ SYS_mmap, ALWAYS },
#endif
#ifdef SYS_mmap2
	{ SYS_mmap2, ALWAYS },
#endif
	{ SYS_munmap, ALWAYS },
	{ SYS_mprotect, ALWAYS },
	{ SYS_mremap, ALWAYS },
	{ SYS_madvise, ALWAYS },
	{ SYS_mlock, ALWAYS },
	{ SYS_munlock, ALWAYS },
	/* What a process asks about itself, and its own signals. */
	{ SYS_getrandom, ALWAYS },
#ifdef SYS_time
	{ SYS_time, ALWAYS },
#endif
	{ SYS_gettimeofday, ALWAYS },
	{ SYS_clock_getres, ALWAYS },
	{ SYS_nanosleep, ALWAYS },
	{ SYS_clock_nanosleep, ALWAYS },
#ifdef SYS_clock_gettime64
	{ SYS_clock_gettime64, ALWAYS },
	{ SYS_clock_nanosleep_time64, ALWAYS },
	{ SYS_futex_time64, ALWAYS },
#endif
	{ SYS_gettid, ALWAYS },
	{ SYS_getppid, ALWAYS },
	{ SYS_getuid, ALWAYS },
	{ SYS_geteuid, ALWAYS },
	{ SYS_getgid, ALWAYS },
	{ SYS_getegid, ALWAYS },
#ifdef SYS_getuid32
	{ SYS_getuid32, ALWAYS },
	{ SYS_geteuid32, ALWAYS },
	{ SYS_getgid32, ALWAYS },
	{ SYS_getegid32, ALWAYS },
#endif
	{ SYS_uname, ALWAYS },
	{ SYS_sysinfo, ALWAYS },
	{ SYS_getrusage, ALWAYS },
	{ SYS_times, ALWAYS },
	{ SYS_sched_yield, ALWAYS },
	{ SYS_sched_getaffinity, ALWAYS },
	{ SYS_rt_sigaction, ALWAYS },
	{ SYS_rt_sigprocmask, ALWAYS },
	{ SYS_rt_sigpending, ALWAYS },
	{ SYS_rt_sigtimedwait, ALWAYS },
	{ SYS_rt_sigreturn, ALWAYS },
	{ SYS_restart_syscall, ALWAYS },
	{ SYS_exit, ALWAYS },
	{ SYS_exit_group, ALWAYS },
};

#define DNS_PORT 53
#define PORTS_MAX (OAT_CONNINFO_SERVERS_MAX + 1)

/*
 * What is there to be read anyhow, by anybody: libraries, the resolver's and
 * OpenSSL's files, the processor's properties. Links are followed once, here.
 */
static const char *const system_files[] = { OAT_SYSCONFDIR, "/etc", "/usr",
	"/lib", "/lib64", "/etc/resolv.conf", "/etc/hosts", "/dev/null",
	"/dev/random", "/dev/urandom", "/proc/sys/crypto",
	"/sys/devices/system/cpu" };

/* And the administrator's, wherever they are. */
static const char *const file_keys[] = { "sslrootcert", "sslcert", "sslkey",
	"sslcrl", "sslcrldir" };

#define SYSTEM_FILES (sizeof(system_files) / sizeof(system_files[0]))
#define FILE_KEYS (sizeof(file_keys) / sizeof(file_keys[0]))

static const char *
value_of(const struct oat_setting *settings, const char *key)
{
	for (; settings->key != NULL; settings++)
		if (strcmp(settings->key, key) == 0)
			return settings->value;
	return NULL;
}

static enum oat_status
confine(const struct oat_conninfo *conninfo)
{
	struct oat_setting settings[OAT_CONNINFO_SETTINGS_MAX] = { { 0 } };
	const char *files[SYSTEM_FILES + FILE_KEYS], *host, *port;
	uint16_t ports[PORTS_MAX] = { DNS_PORT };
	struct oat_reach reach = { files, SYSTEM_FILES, ports, 1, false };
	size_t i;

	memcpy(files, system_files, sizeof(system_files));
	for (i = 0; i < oat_conninfo_servers(conninfo); i++) {
		(void)oat_conninfo_settings(conninfo, i, settings);
		host = value_of(settings, "host");
		port = value_of(settings, "port");
		if (host != NULL && host[0] == '@')
			reach.abstract_sockets = true;
		if (port != NULL)
			ports[reach.port_count++] =
			    (uint16_t)strtoul(port, NULL, 10);
	}
	/* The same for every server. */
	for (i = 0; i < FILE_KEYS; i++)
		files[reach.file_count++] = value_of(settings, file_keys[i]);
	return oat_landlock_enter(&reach);
}

enum oat_status
oat_sandbox_network(const struct oat_conninfo *conninfo)
{
	enum oat_status status;

	status = confine(conninfo);
	if (status == OAT_OK)
		status = oat_filter_install(
		    asking, sizeof(asking) / sizeof(asking[0]), ENOSYS);
	return status;
}
