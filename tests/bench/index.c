/* SPDX-License-Identifier: MIT */
/*
 * index FILE FIELD: the index that libnss-cache wants of a FILE of lines with
 * colons, by field FIELD (0 is the first), on standard output: lines of one
 * length, sorted, each the key, a NUL, the line's offset, and NULs.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char *key;
	char offset[24];
};

static int
compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return strcmp(left->key, right->key);
}

static char *
field_of(char *line, long field)
{
	char *key = NULL;

	for (; field >= 0; field--)
		key = strsep(&line, ":\n");
	return key;
}

static struct entry *
read_entries(FILE *file, long field, size_t *ret_count)
{
	struct entry *entries = NULL;
	size_t count = 0, size = 0, offset = 0;
	char *line = NULL, *key;
	ssize_t length;

	while ((length = getline(&line, &size, file)) > 0) {
		entries = reallocarray(entries, count + 1, sizeof(*entries));
		key = field_of(line, field);
		if (entries == NULL || key == NULL)
			errx(1, "line %zu: no such field", count + 1);
		entries[count].key = strdup(key);
		snprintf(entries[count].offset, sizeof(entries[count].offset),
		    "%zu", offset);
		offset += (size_t)length;
		count++;
	}
	free(line);
	*ret_count = count;
	return entries;
}

static size_t
width_of(const struct entry *entry)
{
	return strlen(entry->key) + strlen(entry->offset);
}

int
main(int argc, char *argv[])
{
	FILE *file = argc == 3 ? fopen(argv[1], "r") : NULL;
	struct entry *entries;
	size_t i, j, count, width = 0;

	if (file == NULL)
		errx(2, "usage: index FILE FIELD");
	entries = read_entries(file, strtol(argv[2], NULL, 10), &count);
	qsort(entries, count, sizeof(*entries), compare);
	for (i = 0; i < count; i++)
		if (width_of(&entries[i]) > width)
			width = width_of(&entries[i]);
	for (i = 0; i < count; i++) {
		printf("%s%c%s%c", entries[i].key, 0, entries[i].offset, 0);
		for (j = width_of(&entries[i]); j < width; j++)
			putchar(0);
		putchar('\n');
	}
	return ferror(stdout) != 0;
}
