/* SPDX-License-Identifier: MIT */
/*
 * memory PID...: how often does the text on standard input stand in the memory
 * of these processes? "PID COUNT" for each; a process that is gone is left out.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE (1 << 20)

static char secret[256];
static char piece[PIECE];

static unsigned
count_in(const char *bytes, size_t size)
{
	size_t length = strlen(secret);
	const char *at = bytes, *end = bytes + size;
	unsigned count = 0;

	while ((at = memmem(at, (size_t)(end - at), secret, length)) != NULL) {
		count++;
		at += length;
	}
	return count;
}

/* Pieces overlap by what a text that lies across two of them needs. */
static unsigned
count_between(int fd, unsigned long from, unsigned long to)
{
	size_t overlap = strlen(secret) - 1, size;
	unsigned count = 0;
	ssize_t n;

	while (from + overlap < to) {
		size = to - from < PIECE ? to - from : PIECE;
		n = pread(fd, piece, size, (off_t)from);
		if (n <= (ssize_t)overlap)
			break;
		count += count_in(piece, (size_t)n);
		from += (unsigned long)n - overlap;
	}
	return count;
}

static void
count_in_process(const char *pid)
{
	char path[64], line[512], mode[8];
	unsigned long from, to;
	unsigned count = 0;
	FILE *maps;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	(void)snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (maps == NULL || fd == -1)
		return;
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 &&
		    mode[0] == 'r')
			count += count_between(fd, from, to);
	(void)fclose(maps);
	(void)close(fd);
	printf("%s %u\n", pid, count);
}

int
main(int argc, char *argv[])
{
	int i;

	if (argc < 2 || fgets(secret, sizeof(secret), stdin) == NULL)
		errx(2, "usage: memory pid ... < text");
	secret[strcspn(secret, "\n")] = '\0';
	if (secret[0] == '\0')
		errx(2, "no text");
	for (i = 1; i < argc; i++)
		count_in_process(argv[i]);
	return 0;
}
