/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a snapshot, for its reader and its writer alone.
 *
 *	header		 320 bytes
 *	index of names	  64 bytes a bucket
 *	index of numbers  64 bytes a bucket
 *	records		  a multiple of 64 bytes each, ascending by number
 *	lists of groups	  a multiple of 8 bytes each, to the end of the file
 *
 * Numbers are in the host's byte order: the file never leaves the host, and
 * another order is another magic. Every block begins or ends with its check.
 */
#ifndef OAT_SNAPSHOT_FORMAT_H
#define OAT_SNAPSHOT_FORMAT_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "snapshot.h"

#define OAT_SNAPSHOT_MAGIC UINT64_C(0x31006469a774616f) /* "oat", id, 1 */
#define OAT_SNAPSHOT_ENTRIES 7				/* of one bucket */
#define OAT_SNAPSHOT_WORD 8  /* of checks and lists */
#define OAT_SNAPSHOT_LINE 64 /* of records: most touch one cache line */

struct oat_snapshot_header {
	uint64_t magic;
	uint64_t size; /* of the file */
	uint64_t generation;
	int64_t as_of_us;
	uint64_t content; /* check of records and lists, so that the header's
			     is of this snapshot alone */
	uint64_t lists;	  /* where they begin */
	uint32_t name_buckets, id_buckets; /* at least 1 each */
	uint32_t group_count, identity_count;
	uint32_t flags, zero;
	char home_root[OAT_HOME_ROOT_MAX + 1];
	uint64_t check; /* of all before */
};

/*
 * Entries fill a bucket from the front; `where` 0 is none. A full bucket goes
 * on in the next one, the last in the first.
 */
struct oat_snapshot_bucket {
	uint64_t check; /* of all after */
	struct {
		uint32_t key;	/* half of the name's hash; the number */
		uint32_t where; /* 1 + lines from the first record */
	} entry[OAT_SNAPSHOT_ENTRIES];
};

/*
 * Then name and shell, without NULs, then zeros to a whole line; the check
 * covers all of it. Supplementary gids lie elsewhere, since only initgroups(3)
 * wants them: a check, the gids, zeros to a whole word. Neighbours with the
 * same groups share a list.
 */
struct oat_snapshot_record {
	uint64_t check;
	uint32_t id;
	uint8_t kind; /* enum oat_record_kind */
	uint8_t active;
	uint8_t name_length, shell_length;
	int64_t expires_at;
	uint32_t group_count;
	uint32_t groups; /* words from the first list to theirs */
};

_Static_assert(sizeof(struct oat_snapshot_header) == 320, "as documented");
_Static_assert(sizeof(struct oat_snapshot_bucket) == 64, "a cache line");
_Static_assert(sizeof(struct oat_snapshot_record) == 32, "as documented");

/* The longest record: two lines and a half, in whole lines. */
#define OAT_SNAPSHOT_RECORD_MAX 192
_Static_assert(
    sizeof(struct oat_snapshot_record) + OAT_GROUP_MAX + OAT_SHELL_MAX <=
	OAT_SNAPSHOT_RECORD_MAX,
    "as documented");

/*
 * The check: 64 bits, eight bytes at a step, each step a bijection of the
 * state and of the word. So any change confined to one word, such as a
 * byte or a burst of bits, is found for certain, any other but once in 2^64.
 * Against that a CRC-32 misses one in 2^32, and its table costs a fresh process
 * more than the whole look-up. It is no defence against an author: whoever can
 * write the file is root.
 */
static inline uint64_t
oat_snapshot_mix(uint64_t state, uint64_t word)
{
	state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return state ^ (state >> 32);
}

/* Where a check starts: for a block at `offset` of the snapshot `seed`. */
static inline uint64_t
oat_snapshot_seed(uint64_t seed, uint64_t offset)
{
	return oat_snapshot_mix(seed, offset + OAT_SNAPSHOT_WORD);
}

/* Go on with `size` bytes, a multiple of the word, at any address. */
static inline uint64_t
oat_snapshot_check(uint64_t state, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		state = oat_snapshot_mix(state, word);
		bytes += sizeof(word);
	}
	return state;
}

/*
 * Hashes are seeded by the snapshot: its time is in there, so nobody can choose
 * names that fall into one bucket. At most OAT_GROUP_MAX bytes count; `length`
 * is at most that.
 */
static inline uint64_t
oat_snapshot_hash_name(uint64_t seed, const char *name, size_t length)
{
	uint64_t words[OAT_GROUP_MAX / sizeof(uint64_t)] = { 0 };

	memcpy(words, name, length);
	seed = oat_snapshot_check(seed, words, sizeof(words));
	return oat_snapshot_mix(seed, length);
}

static inline uint64_t
oat_snapshot_hash_id(uint64_t seed, uint32_t id)
{
	return oat_snapshot_mix(oat_snapshot_mix(seed, id), 0);
}

/* The bucket where a hash begins; its upper half is the name's key. */
static inline uint32_t
oat_snapshot_first_bucket(uint64_t hash, uint32_t buckets)
{
	return (uint32_t)(((hash & UINT32_MAX) * buckets) >> 32);
}

/*
 * `size` bytes at `offset`, the only way to them: in memory, or read into
 * scratch. NULL, with errno, when they cannot be read or are not all there.
 */
const unsigned char *oat_snapshot_view(const struct oat_snapshot *snapshot,
    uint64_t offset, size_t size, unsigned char *scratch);

/* The bucket at `offset`, checked. OAT_OK; OAT_UNAVAILABLE with errno. */
enum oat_status oat_snapshot_read_bucket(const struct oat_snapshot *snapshot,
    uint64_t offset, struct oat_snapshot_bucket *ret_bucket);

/* OAT_UNAVAILABLE, with errno EBADMSG. */
static inline enum oat_status
oat_snapshot_damaged(void)
{
	errno = EBADMSG;
	return OAT_UNAVAILABLE;
}

/* Bytes of a record, and of a list of gids; none for no gids. */
static inline size_t
oat_snapshot_record_size(size_t name_length, size_t shell_length)
{
	size_t size = sizeof(struct oat_snapshot_record) + name_length +
		      shell_length + OAT_SNAPSHOT_LINE - 1;

	return size - size % OAT_SNAPSHOT_LINE;
}

static inline uint64_t
oat_snapshot_list_size(uint64_t group_count)
{
	if (group_count == 0)
		return 0;
	return (1 + (group_count + 1) / 2) * OAT_SNAPSHOT_WORD;
}

#endif
