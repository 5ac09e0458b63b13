/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target without its fuzzer: .../fuzz_<what> runs it on every file of
 * tests/fuzz/corpus/<what>. Built by any compiler with sanitizers; what those
 * find, or the target itself, ends the program, and the last line on standard
 * error is then the input.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CORPUS "tests/fuzz/corpus/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target may do without. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In memory of exactly its size, so that a byte beyond is one too many. */
static void
replay(const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat status;
	uint8_t *data;
	size_t size;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fprintf(stderr, "%s\n", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &status) == -1)
		err(1, "%s", path);
	size = (size_t)status.st_size;
	data = malloc(size > 0 ? size : 1);
	if (data == NULL || read(fd, data, size) != (ssize_t)size)
		err(1, "%s", path);
	(void)close(fd);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int
main(int argc, char *argv[])
{
	const char *what = argc > 0 ? strstr(argv[0], "/fuzz_") : NULL;
	struct dirent **entries;
	char folder[PATH_MAX];
	int i, count;

	if (what == NULL)
		errx(2, "not called .../fuzz_<what>");
	(void)snprintf(
	    folder, sizeof(folder), CORPUS "%s", what + strlen("/fuzz_"));
	count = scandir(folder, &entries, is_visible, alphasort);
	if (count <= 0)
		errx(2, "%s: no inputs", folder);
	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	for (i = 0; i < count; i++) {
		replay(folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	printf("%s: %d passed, 0 failed, 0 skipped\n", argv[0], count);
	return 0;
}
