/* SPDX-License-Identifier: MIT */
/*
 * A spool whose files hold anything: pieces of the input, cut at form feeds,
 * each a file. What is sent is an array of one printable object a file; what is
 * not sent is put aside, and nothing is lost.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/event.h"
#include "common/reply.h"
#include "common/spool.h"

#define FILES_MAX 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

/* Of a file of the spool, or of one that was put aside. */
static void
path_of(char path[160], int number, const char *suffix)
{
	(void)snprintf(path, 160,
	    "%s/001795889583.%09d-00000000-0000-4000-8000-000000000000.event%s",
	    folder, number, suffix);
}

static void
remove_files(void)
{
	char path[160];
	int i;

	for (i = 0; i < FILES_MAX; i++) {
		path_of(path, i, "");
		(void)unlink(path);
		path_of(path, i, ".bad");
		(void)unlink(path);
	}
}

static void
remove_folder(void)
{
	remove_files();
	(void)rmdir(folder);
}

static void
set_up(void)
{
	(void)snprintf(
	    folder, sizeof(folder), "/dev/shm/oat-fuzz-%d", (int)getpid());
	if (mkdir(folder, 0700) != 0)
		abort();
	(void)atexit(remove_folder);
}

static void
write_file(int number, const uint8_t *data, size_t size)
{
	char path[160];
	int fd;

	path_of(path, number, "");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)close(fd);
}

static int
write_files(const uint8_t *data, size_t size)
{
	const uint8_t *cut;
	size_t length;
	int count = 0;

	while (count < FILES_MAX) {
		cut = memchr(data, '\f', size);
		length = cut != NULL ? (size_t)(cut - data) : size;
		write_file(count++, data, length);
		if (cut == NULL)
			break;
		data = cut + 1;
		size -= length + 1;
	}
	return count;
}

static void
check_batch(const struct oat_batch *batch)
{
	size_t i, n = strlen(batch->events);

	if (n < 2 || batch->events[0] != '[' || batch->events[n - 1] != ']' ||
	    batch->count == 0 || batch->count > OAT_SPOOL_BATCH_MAX)
		abort();
	for (i = 0; i < n; i++)
		if (batch->events[i] < ' ' || batch->events[i] > '~')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_spool spool;
	struct oat_batch batch;
	size_t sent = 0, aside = 0, now, files;

	if (folder[0] == '\0')
		set_up();
	files = (size_t)write_files(data, size);
	if (oat_spool_open(folder, &spool) != OAT_OK)
		abort();
	for (;; aside += now) {
		now = 0;
		if (oat_spool_read(&spool, OAT_SPOOL_BATCH_MAX,
			OAT_EVENT_MAX + 2, &batch, &now) != OAT_OK)
			break;
		check_batch(&batch);
		sent += batch.count;
		if (oat_spool_remove(&spool, &batch) != OAT_OK)
			abort();
		oat_batch_free(&batch);
	}
	aside += now;
	oat_spool_close(&spool);
	if (sent + aside != files)
		abort();
	remove_files();
	return 0;
}
