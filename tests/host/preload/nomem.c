/* SPDX-License-Identifier: MIT */
/*
 * For /etc/ld.so.preload of a disposable host: the allocation of that number,
 * in each process of the program named oat, fails. /etc/nomem has the number;
 * a + after it: all later ones, too. That it happened is told by
 * /run/nomem.hit. Children count on from where their parent was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* glibc's own, for who replaces them. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static long wanted = -1, count; /* wanted is 0 for never */
static int for_ever;
static char *hit; /* or NULL */

static void
map_hit(void)
{
	int fd = open("/run/nomem.hit", O_RDWR | O_CLOEXEC);
	void *map;

	if (fd == -1)
		return;
	map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	hit = map == MAP_FAILED ? NULL : map;
}

static void
configure(void)
{
	char text[32] = "", *end;
	int fd;

	wanted = 0;
	if (strcmp(program_invocation_short_name, "oat") != 0)
		return;
	fd = open("/etc/nomem", O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0) {
		wanted = strtol(text, &end, 10);
		for_ever = *end == '+';
	}
	(void)close(fd);
	map_hit();
}

static int
fails(void)
{
	if (wanted == -1)
		configure();
	if (wanted == 0)
		return 0;
	count++;
	if (count != wanted && (!for_ever || count < wanted))
		return 0;
	if (hit != NULL)
		*hit = 1;
	errno = ENOMEM;
	return 1;
}

EXPORT void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

EXPORT void *
calloc(size_t number, size_t size)
{
	return fails() ? NULL : __libc_calloc(number, size);
}

EXPORT void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
