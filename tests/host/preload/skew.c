/* SPDX-License-Identifier: MIT */
/*
 * For /etc/ld.so.preload of a disposable host: whoever asks for the time of day
 * is told one that is as many seconds off as /etc/skew says. The clocks that
 * only run forward are right.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static time_t
skew(void)
{
	static time_t seconds;
	static int known;
	char text[32] = "";
	int fd;

	if (known)
		return seconds;
	fd = open("/etc/skew", O_RDONLY | O_CLOEXEC);
	if (fd != -1 && read(fd, text, sizeof(text) - 1) > 0)
		seconds = (time_t)strtol(text, NULL, 10);
	if (fd != -1)
		(void)close(fd);
	known = 1;
	return seconds;
}

EXPORT int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (result == 0 &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += skew();
	return result;
}

EXPORT time_t
time(time_t *ret_now)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret_now != NULL)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

EXPORT int
gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
	struct timespec now = { 0, 0 };

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	ret_now->tv_sec = now.tv_sec;
	ret_now->tv_usec = now.tv_nsec / 1000;
	return 0;
}
