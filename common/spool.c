/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - an event is either whole on disk or was never promised
 *   - a full spool refuses the new event and keeps the old ones
 *   - one bad file does not hold back the others
 *   - what was killed half-way leaves nothing that is ever sent
 */
#include "spool.h"

#include "event.h"
#include "folder.h"
#include "reply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".event"
#define BAD_SUFFIX ".bad"
#define TEMPORARY ".new-"  /* hidden until renamed */
#define TEMPORARY_AGE_S 60 /* older ones belong to a process that is gone */

static int
open_folder(const char *folder)
{
	return oat_folder_open(folder, 0700);
}

static int
is_event(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > strlen(SUFFIX) &&
	       strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static int
is_any(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	       strcmp(entry->d_name, "..") != 0;
}

/* 10,000 names take 2 to 4 ms; fewer take less. */
static enum oat_status
count_names(const char *folder, int (*counts)(const struct dirent *entry),
    size_t *ret_count)
{
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	dir = opendir(folder);
	if (dir == NULL && errno != ENOENT)
		return OAT_SYSTEM;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (counts(entry))
			count++;
	if (dir != NULL)
		(void)closedir(dir);
	*ret_count = count;
	return OAT_OK;
}

enum oat_status
oat_spool_count(const char *folder, size_t *ret_count)
{
	return count_names(folder, is_event, ret_count);
}

static int
is_temporary(const struct dirent *entry)
{
	return strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) == 0;
}

/* --- keeping ------------------------------------------------------------- */

static int
write_all(int fd, const char *bytes, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, bytes, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

static int
write_file(int dir, const char *name, const char *json)
{
	int fd, result;

	fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	result = write_all(fd, json, strlen(json));
	if (result == 0)
		result = fsync(fd);
	oat_folder_close(fd);
	return result;
}

/* Write it under another name, then give it this one, all of it durable. */
static enum oat_status
keep(int dir, const char *name, const char *json)
{
	char temporary[NAME_MAX + 1];
	int saved;

	(void)snprintf(temporary, sizeof(temporary), TEMPORARY "%s", name);
	if (write_file(dir, temporary, json) == 0 &&
	    renameat(dir, temporary, dir, name) == 0 && fsync(dir) == 0)
		return OAT_OK;
	saved = errno;
	(void)unlinkat(dir, temporary, 0);
	errno = saved;
	return OAT_SYSTEM;
}

enum oat_status
oat_spool_add(const char *folder, const char *event_id, const char *json)
{
	enum oat_status status;
	struct timespec now;
	size_t count = 0;
	char name[128];
	int dir;

	dir = open_folder(folder);
	if (dir < 0)
		return OAT_SYSTEM;
	/* Names sort as events happened, as far as the clock is right. */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(name, sizeof(name), "%012lld.%09ld-%.64s" SUFFIX,
	    (long long)now.tv_sec, now.tv_nsec, event_id);
	status = count_names(folder, is_any, &count);
	if (status == OAT_OK && count >= OAT_SPOOL_EVENTS_MAX)
		status = OAT_RANGE;
	if (status == OAT_OK)
		status = keep(dir, name, json);
	oat_folder_close(dir);
	return status;
}

static const char *
way_out(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "make room there (df, df -i)";
	case EROFS:
		return "mount it writable";
	case EPERM:
	case ENOTDIR:
		return "it must be a folder of root, mode 0700";
	default:
		return "see whether its disk is well";
	}
}

char *
oat_spool_explain(
    char *dst, size_t size, const char *folder, enum oat_status status)
{
	int error = errno;

	if (status == OAT_RANGE)
		(void)snprintf(dst, size,
		    "%.200s: full, %d files; let `oat sync` reach the database"
		    ", and look at what ends in " BAD_SUFFIX ", then remove it",
		    folder, OAT_SPOOL_EVENTS_MAX);
	else if (status == OAT_SYSTEM)
		(void)snprintf(dst, size, "%.200s: %s; %s", folder,
		    strerror(error), way_out(error));
	else
		(void)snprintf(
		    dst, size, "%.200s: %s", folder, oat_status_text(status));
	return dst;
}

/* --- sending ------------------------------------------------------------- */

void
oat_batch_free(struct oat_batch *batch)
{
	size_t i;

	for (i = 0; i < batch->count; i++)
		free(batch->names[i]);
	free(batch->events);
	memset(batch, 0, sizeof(*batch));
}

/* OAT_NOTFOUND when it is gone; OAT_INVALID when it is none to be opened. */
static enum oat_status
open_event(int dir, const char *name, int *ret_fd)
{
	int fd;

	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return OAT_NOTFOUND;
	if (fd < 0) /* a link, a socket, a device that is not there */
		return errno == ELOOP || errno == ENXIO ? OAT_INVALID
							: OAT_SYSTEM;
	*ret_fd = fd;
	return OAT_OK;
}

/* A whole file as text. Statuses as open_event(). */
static enum oat_status
read_event(int dir, const char *name, char ret_json[OAT_EVENT_MAX])
{
	enum oat_status status;
	size_t length = 0;
	ssize_t n = 0;
	int fd = -1;

	status = open_event(dir, name, &fd);
	if (status != OAT_OK)
		return status;
	while (length < OAT_EVENT_MAX) {
		n = read(fd, ret_json + length, OAT_EVENT_MAX - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	/* What cannot be read now may be as good as any. */
	if (n < 0 && errno != EISDIR)
		status = OAT_SYSTEM;
	oat_folder_close(fd);
	if (status != OAT_OK)
		return status;
	if (length == OAT_EVENT_MAX)
		return OAT_INVALID;
	ret_json[length] = '\0';
	return strlen(ret_json) == length && oat_event_is_object(ret_json)
		   ? OAT_OK
		   : OAT_INVALID;
}

static int
put_aside(int dir, const char *name)
{
	char bad[NAME_MAX + 1];

	(void)snprintf(bad, sizeof(bad), "%.200s" BAD_SUFFIX, name);
	return renameat(dir, name, dir, bad);
}

/* What a killed writer left is no event: nobody was told that it is kept. */
static void
remove_stale(int dir)
{
	struct dirent **entries;
	struct stat st;
	int i, n;

	n = scandirat(dir, ".", &entries, is_temporary, NULL);
	for (i = 0; i < n; i++) {
		if (fstatat(dir, entries[i]->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - st.st_mtime > TEMPORARY_AGE_S)
			(void)unlinkat(dir, entries[i]->d_name, 0);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

enum oat_status
oat_spool_open(const char *folder, struct oat_spool *ret_spool)
{
	struct oat_spool spool = { .folder = open_folder(folder) };
	int n;

	if (spool.folder < 0)
		return OAT_SYSTEM;
	remove_stale(spool.folder);
	n = scandirat(spool.folder, ".", &spool.entries, is_event, alphasort);
	if (n < 0) {
		oat_folder_close(spool.folder);
		return OAT_SYSTEM;
	}
	spool.count = (size_t)n;
	*ret_spool = spool;
	return OAT_OK;
}

void
oat_spool_close(struct oat_spool *spool)
{
	while (spool->count > 0)
		free(spool->entries[--spool->count]);
	free(spool->entries);
	oat_folder_close(spool->folder);
	*spool = (struct oat_spool){ .folder = -1 };
}

/* A batch in the making. */
struct filling {
	struct oat_batch batch;
	size_t max, size; /* the bounds: events, bytes of array */
	size_t length;	  /* bytes of array so far */
	size_t aside;	  /* files put aside */
};

/* Append one event to the array. OAT_OK; OAT_RANGE when it is full. */
static enum oat_status
append(struct filling *filling, const char *name, const char *json)
{
	struct oat_batch *batch = &filling->batch;
	size_t length = strlen(json);
	char *end = batch->events + filling->length, *copy;

	/* A bracket or comma before it; a bracket and the NUL at the end. */
	if (batch->count == filling->max ||
	    filling->length + length + 3 > filling->size)
		return OAT_RANGE;
	copy = strdup(name);
	if (copy == NULL)
		return OAT_NOMEM;
	*end = batch->count == 0 ? '[' : ',';
	memcpy(end + 1, json, length);
	memcpy(end + 1 + length, "]", 2);
	filling->length += length + 1;
	batch->names[batch->count++] = copy;
	return OAT_OK;
}

/* One file: into the batch, aside, or skipped when it has gone. */
static enum oat_status
take_file(struct filling *filling, int dir, const char *name)
{
	char json[OAT_EVENT_MAX];
	enum oat_status status;

	status = read_event(dir, name, json);
	if (status == OAT_OK)
		return append(filling, name, json);
	if (status == OAT_NOTFOUND)
		return OAT_OK;
	if (status != OAT_INVALID)
		return status;
	if (put_aside(dir, name) == 0)
		filling->aside++;
	return OAT_OK;
}

static enum oat_status
fill(struct filling *filling, struct oat_spool *spool)
{
	enum oat_status status = OAT_OK;

	filling->batch.events = malloc(filling->size);
	if (filling->batch.events == NULL)
		return OAT_NOMEM;
	for (; spool->next < spool->count; spool->next++) {
		status = take_file(filling, spool->folder,
		    spool->entries[spool->next]->d_name);
		if (status == OAT_RANGE)
			break;
		if (status != OAT_OK)
			return status;
	}
	return filling->batch.count == 0 ? OAT_NOTFOUND : OAT_OK;
}

enum oat_status
oat_spool_read(struct oat_spool *spool, size_t max, size_t size,
    struct oat_batch *ret_batch, size_t *ret_aside)
{
	struct filling filling = { .size = size };
	enum oat_status status;

	filling.max = max < OAT_SPOOL_BATCH_MAX ? max : OAT_SPOOL_BATCH_MAX;
	status = fill(&filling, spool);
	*ret_aside = filling.aside;
	if (status == OAT_OK)
		*ret_batch = filling.batch;
	else
		oat_batch_free(&filling.batch);
	return status;
}

static int
remove_file(int dir, const char *name)
{
	return unlinkat(dir, name, 0);
}

/* Do something to each file of a batch, durably; one that is gone is fine. */
static enum oat_status
each_file(const struct oat_spool *spool, const struct oat_batch *batch,
    int (*act)(int dir, const char *name))
{
	enum oat_status status = OAT_OK;
	size_t i;

	for (i = 0; i < batch->count; i++)
		if (act(spool->folder, batch->names[i]) != 0 && errno != ENOENT)
			status = OAT_SYSTEM;
	return fsync(spool->folder) == 0 ? status : OAT_SYSTEM;
}

enum oat_status
oat_spool_remove(const struct oat_spool *spool, const struct oat_batch *batch)
{
	return each_file(spool, batch, remove_file);
}

enum oat_status
oat_spool_put_aside(
    const struct oat_spool *spool, const struct oat_batch *batch)
{
	return each_file(spool, batch, put_aside);
}
