/* SPDX-License-Identifier: MIT */
#include "tests/module/journald.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/journal.h"
#include "tests/runner.h"

static const struct sockaddr_un address = { AF_UNIX, OAT_JOURNAL_SOCKET };
static int listener = -1;

void
oat_journald_remove(void)
{
	(void)unlink(OAT_JOURNAL_SOCKET);
	(void)rmdir(OAT_JOURNAL_SOCKET);
}

void
oat_journald_start(void)
{
	(void)mkdir("/run/systemd", 0755);
	(void)mkdir("/run/systemd/journal", 0755);
	oat_journald_remove();
	listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	OAT_ASSERT_THAT(bind(listener, (const struct sockaddr *)&address,
			    sizeof(address)) == 0 &&
			    chmod(OAT_JOURNAL_SOCKET, 0666) == 0,
	    "%s: %m", OAT_JOURNAL_SOCKET);
}

void
oat_journald_stop(void)
{
	(void)close(listener);
	listener = -1;
}

void
oat_journald_fill(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	while (sendto(fd, "X=1\n", 4, MSG_DONTWAIT,
		   (const struct sockaddr *)&address, sizeof(address)) == 4)
		continue;
	OAT_ASSERT_THAT(errno == EAGAIN, "%m");
	(void)close(fd);
}

const char *
oat_journald_next(void)
{
	static char text[16384];
	ssize_t n;

	n = recv(listener, text + 1, sizeof(text) - 2, MSG_DONTWAIT);
	if (n < 0)
		return NULL;
	text[0] = '\n';
	text[n + 1] = '\0';
	OAT_ASSERT_THAT(strlen(text) == (size_t)n + 1, "a NUL in %s", text);
	return text;
}
