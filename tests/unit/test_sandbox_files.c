/* SPDX-License-Identifier: MIT */
/*
 * oat_sandbox_network(): which files and ports are left, and that these are
 * enough for libpq.
 */
#include "common/sandbox.h"

#include "tests/runner.h"
#include "tests/unit/confined.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define LANDLOCK_VERSION 1 /* flag of landlock_create_ruleset(2) */
#define LANDLOCK_WITH_PORTS 4

static bool
landlock_is_at_least(int version)
{
	return syscall(444, NULL, 0, LANDLOCK_VERSION) >= version;
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
		oat_attempt_inside(oat_enter_network, &attempts[i], false);
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
	const char *before = oat_confined_conninfo;
	char text[256];
	int fd;

	(void)snprintf(text, sizeof(text),
	    "host=db dbname=oat user=oat sslmode=verify-full sslrootcert=%s",
	    write_file(authority, &fd));
	if (landlock_is_at_least(1))
		oat_attempt_inside(oat_enter_network, &attempt, false);
	oat_confined_conninfo = text;
	oat_attempt_inside(oat_enter_network, &attempt, true);
	oat_confined_conninfo = before;
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
	const char *before = oat_confined_conninfo;
	int listener = listen_somewhere(AF_INET);
	char text[256];

	if (landlock_is_at_least(LANDLOCK_WITH_PORTS))
		oat_attempt_inside(oat_enter_network, &attempt, false);
	(void)snprintf(text, sizeof(text),
	    "host=db1,127.0.0.1 port=1,%d dbname=oat user=oat sslmode="
	    "verify-full sslrootcert=/etc/passwd",
	    port);
	oat_confined_conninfo = text;
	oat_attempt_inside(oat_enter_network, &attempt, true);
	oat_confined_conninfo = before;
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
		oat_attempt_inside(oat_enter_network, &attempts[i], true);
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_sandbox_network_reads_nothing_beyond_its_folders),
	OAT_TEST(test_sandbox_network_reads_the_files_of_its_configuration),
	OAT_TEST(test_sandbox_network_connects_to_its_servers_ports_alone),
	OAT_TEST(test_sandbox_network_leaves_what_libpq_needs),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ .pName = "sandbox_network: files and ports", .pTests = tests },
	CU_SUITE_INFO_NULL,
};
