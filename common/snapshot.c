/* SPDX-License-Identifier: MIT */
/*
 * Opening a snapshot, taking it into memory, and the one way to its bytes. The
 * rules are in snapshot.h; each is a test of tests/unit/test_snapshot.c.
 */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot_format.h"
#include "snapshot_shortcuts.h"

/* Of a huge page; copies of less have none. */
#define LARGE_BYTES ((size_t)2 << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; not in a libc before 2.35 */
#endif

static enum oat_status
read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	unsigned char *bytes = buffer;
	ssize_t n;

	while (size > 0) {
		n = pread(fd, bytes, size, (off_t)offset);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return OAT_UNAVAILABLE;
		if (n == 0) /* shorter than it was */
			return oat_snapshot_damaged();
		bytes += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return OAT_OK;
}

const unsigned char *
oat_snapshot_view(const struct oat_snapshot *snapshot, uint64_t offset,
    size_t size, unsigned char *scratch)
{
	if (offset > snapshot->size || size > snapshot->size - offset) {
		errno = EBADMSG;
		return NULL;
	}
	if (snapshot->bytes != NULL)
		return snapshot->bytes + offset;
	if (read_at(snapshot->fd, scratch, size, offset) != OAT_OK)
		return NULL;
	return scratch;
}

static uint64_t
first_record(const struct oat_snapshot_header *header)
{
	return sizeof(*header) +
	       ((uint64_t)header->name_buckets + header->id_buckets) *
		   sizeof(struct oat_snapshot_bucket);
}

static bool
is_sound(const struct oat_snapshot_header *header, uint64_t size)
{
	uint64_t check = oat_snapshot_check(OAT_SNAPSHOT_MAGIC, header,
	    offsetof(struct oat_snapshot_header, check));

	return header->magic == OAT_SNAPSHOT_MAGIC && header->check == check &&
	       header->size == size && header->name_buckets > 0 &&
	       header->id_buckets > 0 &&
	       first_record(header) <= header->lists && header->lists <= size &&
	       header->lists % OAT_SNAPSHOT_LINE == 0 &&
	       header->home_root[OAT_HOME_ROOT_MAX] == '\0';
}

/* Fill in what the header says; fd, bytes and size are there. */
static enum oat_status
take_header(struct oat_snapshot *snapshot)
{
	struct oat_snapshot_header header;
	unsigned char scratch[sizeof(header)];
	const unsigned char *bytes;

	bytes = oat_snapshot_view(snapshot, 0, sizeof(header), scratch);
	if (bytes == NULL)
		return OAT_UNAVAILABLE;
	memcpy(&header, bytes, sizeof(header));
	if (!is_sound(&header, snapshot->size))
		return oat_snapshot_damaged();
	snapshot->info.generation = header.generation;
	snapshot->info.as_of_us = header.as_of_us;
	snapshot->info.flags = header.flags;
	snapshot->info.group_count = header.group_count;
	snapshot->info.identity_count = header.identity_count;
	memcpy(snapshot->info.home_root, header.home_root,
	    sizeof(header.home_root));
	snapshot->check = header.check;
	snapshot->name_buckets = header.name_buckets;
	snapshot->id_buckets = header.id_buckets;
	snapshot->records = first_record(&header);
	snapshot->lists = header.lists;
	return OAT_OK;
}

static enum oat_status
check_file(int fd, struct stat *ret_stat)
{
	if (fstat(fd, ret_stat) == -1)
		return OAT_UNAVAILABLE;
	if (!S_ISREG(ret_stat->st_mode) || ret_stat->st_uid != 0 ||
	    (ret_stat->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		errno = EPERM;
		return OAT_UNAVAILABLE;
	}
	return OAT_OK;
}

enum oat_status
oat_snapshot_open(
    const char *path, struct oat_snapshot *ret_snapshot, struct stat *ret_stat)
{
	struct oat_snapshot snapshot = { .bytes = NULL };
	struct stat st;

	/* O_NONBLOCK: a FIFO in its place must not make anybody wait. */
	snapshot.fd = open(
	    path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (snapshot.fd == -1)
		return OAT_UNAVAILABLE;
	if (check_file(snapshot.fd, &st) != OAT_OK)
		goto fail;
	snapshot.size = (uint64_t)st.st_size;
	if (take_header(&snapshot) != OAT_OK)
		goto fail;
	if (ret_stat != NULL)
		*ret_stat = st;
	*ret_snapshot = snapshot;
	return OAT_OK;
fail:
	oat_snapshot_close(&snapshot);
	return OAT_UNAVAILABLE;
}

static void *
map_pages(size_t size, int flags)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/*
 * Random look-ups in 10 MiB of small pages spend half their time on TLB misses:
 * huge pages, as far as there are any, from the first byte on. Where a mapping
 * begins is otherwise anywhere, and up to 4 MiB of it would lie in small ones.
 * All at once: the small ones at its end would cost a fault each, and together
 * more than the copy.
 */
static void *
map_large(size_t size)
{
	unsigned char *memory = map_pages(size + LARGE_BYTES, 0);
	size_t before;

	if (memory == NULL)
		return NULL;
	before = (size_t)(-(uintptr_t)memory % LARGE_BYTES);
	if (before > 0)
		(void)munmap(memory, before);
	memory += before;
	(void)munmap(memory + size, LARGE_BYTES - before);
	(void)madvise(memory, size, MADV_HUGEPAGE);
	(void)madvise(memory, size, MADV_POPULATE_WRITE);
	return memory;
}

/* Memory for a copy. */
static void *
map_memory(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (size < LARGE_BYTES)
		return map_pages(size, MAP_POPULATE);
	return map_large((size + page - 1) / page * page);
}

/*
 * The file comes first in a copy, at the start of a huge page: the kernel,
 * which may have it in huge pages, too, takes three times as long to copy to
 * elsewhere.
 */
static size_t
shortcuts_offset(const struct oat_snapshot *snapshot)
{
	size_t size = (size_t)snapshot->size + OAT_SNAPSHOT_LINE - 1;

	return size - size % OAT_SNAPSHOT_LINE;
}

static size_t
copy_size(const struct oat_snapshot *snapshot)
{
	return shortcuts_offset(snapshot) + oat_shortcuts_size(snapshot);
}

/* Fill the copy's memory from the file of the open one. */
static enum oat_status
fill_copy(const struct oat_snapshot *snapshot, unsigned char *memory,
    struct oat_snapshot *loaded)
{
	unsigned char *shortcuts = memory + shortcuts_offset(snapshot);
	enum oat_status status;

	status = read_at(snapshot->fd, memory, (size_t)snapshot->size, 0);
	if (status == OAT_OK)
		status = take_header(loaded);
	if (status == OAT_OK && loaded->check != snapshot->check)
		status = oat_snapshot_damaged(); /* rewritten meanwhile */
	if (status != OAT_OK)
		return status;
	oat_shortcuts_put(loaded, (uint32_t *)(void *)shortcuts);
	/* Nothing in the host's process shall be able to change it. */
	if (mprotect(memory, copy_size(snapshot), PROT_READ) == -1)
		return OAT_NOMEM;
	return OAT_OK;
}

enum oat_status
oat_snapshot_load(struct oat_snapshot *snapshot)
{
	struct oat_snapshot loaded = *snapshot;
	enum oat_status status;
	unsigned char *memory;

	if (snapshot->fd == -1)
		return OAT_OK;
	memory = snapshot->size > SIZE_MAX / 2
		     ? NULL
		     : map_memory(copy_size(snapshot));
	if (memory == NULL)
		return OAT_NOMEM;
	loaded.bytes = memory;
	loaded.shortcuts =
	    (const uint32_t *)(void *)(memory + shortcuts_offset(snapshot));
	loaded.fd = -1;
	loaded.mapped = copy_size(snapshot);
	status = fill_copy(snapshot, memory, &loaded);
	if (status != OAT_OK) {
		oat_snapshot_close(&loaded);
		return status;
	}
	oat_snapshot_close(snapshot);
	*snapshot = loaded;
	return OAT_OK;
}

enum oat_status
oat_snapshot_from_bytes(
    const void *bytes, size_t size, struct oat_snapshot *ret_snapshot)
{
	struct oat_snapshot snapshot = {
		.fd = -1,
		.bytes = bytes,
		.size = size,
	};

	if (take_header(&snapshot) != OAT_OK)
		return OAT_UNAVAILABLE;
	*ret_snapshot = snapshot;
	return OAT_OK;
}

void
oat_snapshot_close(struct oat_snapshot *snapshot)
{
	int saved = errno;

	if (snapshot == NULL)
		return;
	if (snapshot->mapped > 0)
		(void)munmap(
		    (void *)(uintptr_t)snapshot->bytes, snapshot->mapped);
	if (snapshot->fd != -1)
		(void)close(snapshot->fd);
	*snapshot = (struct oat_snapshot){ .fd = -1 };
	errno = saved;
}
