/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: every identity and group of this host in one file without
 * secrets, written by `oat sync`, read by the NSS module and the program.
 *
 * The reader keeps these rules, whatever bytes the file holds and whatever
 * happens to it meanwhile:
 *
 *  - it never crashes, loops or reads outside; the file is read(2), never
 *    mapped, because a mapping of a truncated file is a SIGBUS;
 *  - every block it uses carries a check that binds the block to its place in
 *    this very snapshot. A changed, misplaced or torn byte is OAT_UNAVAILABLE,
 *    never OAT_NOTFOUND and never somebody else;
 *  - the file counts only if it is regular, root's, and writable by root
 *    alone;
 *  - no allocation but for oat_snapshot_load(), and libc only.
 */
#ifndef OAT_SNAPSHOT_H
#define OAT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "identity.h"
#include "name.h"
#include "status.h"

/* A process may answer from a version that was replaced so long ago. */
#define OAT_SNAPSHOT_BEHIND_MS 100

#define OAT_HOME_ROOT_MAX 239 /* bytes, without the NUL */

/* What the snapshot says about itself. */
struct oat_snapshot_info {
	uint64_t generation; /* of the database, when the answer was made */
	int64_t as_of_us;    /* the server's clock then, epoch microseconds */
	uint32_t flags;	     /* kept for the program; the reader ignores them */
	uint32_t group_count;
	uint32_t identity_count;
	char home_root[OAT_HOME_ROOT_MAX + 1]; /* homes are <root>/<login> */
};

/* An open snapshot. Members are the reader's own, but for info. */
struct oat_snapshot {
	struct oat_snapshot_info info;
	int fd;			    /* owned; -1 when all is in memory */
	const unsigned char *bytes; /* all of the file, or NULL */
	const uint32_t *shortcuts;  /* behind them, or NULL */
	uint64_t size;		    /* of the file, in bytes */
	uint64_t check;		    /* of the header; seeds all others */
	uint32_t name_buckets, id_buckets;
	uint64_t records, lists; /* where they begin */
	size_t mapped;		 /* bytes at `bytes` to unmap; 0: not ours */
};

enum oat_record_kind {
	OAT_RECORD_GROUP = 1,
	OAT_RECORD_IDENTITY = 2, /* and its own group, same name and number */
};

/* A user or a group. Plain data. */
struct oat_record {
	enum oat_record_kind kind;
	char name[OAT_GROUP_MAX + 1];
	uint32_t id;
	bool active;	    /* and what follows: identities only */
	int64_t expires_at; /* epoch seconds, or OAT_NEVER */
	char shell[OAT_SHELL_MAX + 1];
	uint32_t group_count; /* supplementary groups */
	uint64_t groups;      /* where their list is */
};

/*
 * Open the snapshot for a few look-ups, each of which reads a few hundred
 * bytes. `ret_stat` may be NULL; otherwise it tells one version of the file
 * from another.
 * OAT_OK, and oat_snapshot_close() closes it; OAT_UNAVAILABLE when there is no
 * such file or it cannot be used; errno says why: what open(2) said, EPERM for
 * the wrong kind, owner or mode, EBADMSG for contents that are not a snapshot.
 */
enum oat_status oat_snapshot_open(
    const char *path, struct oat_snapshot *ret_snapshot, struct stat *ret_stat);

/*
 * Take an open snapshot into private memory and close the file: for many
 * look-ups. Blocks are still checked whenever they are used. It takes the
 * file's size and a tenth of that for shortcuts (snapshot_shortcuts.h).
 * OAT_OK; OAT_NOMEM or OAT_UNAVAILABLE, and it is open as before.
 */
enum oat_status oat_snapshot_load(struct oat_snapshot *snapshot);

/*
 * A snapshot that is in memory already; the bytes are borrowed.
 * OAT_OK; OAT_UNAVAILABLE with errno EBADMSG.
 */
enum oat_status oat_snapshot_from_bytes(
    const void *bytes, size_t size, struct oat_snapshot *ret_snapshot);

/* Closes or frees; keeps errno. NULL and a closed one are accepted. */
void oat_snapshot_close(struct oat_snapshot *snapshot);

/*
 * Find a user or group by its name or number. A token is found once, as an
 * identity; whoever looks for groups takes it as its own group.
 * OAT_OK; OAT_NOTFOUND; OAT_UNAVAILABLE, with errno, when a block that had to
 * be read is damaged. Unless it is OAT_OK, *ret_record holds anything.
 */
enum oat_status oat_snapshot_find_name(const struct oat_snapshot *snapshot,
    const char *name, struct oat_record *ret_record);
enum oat_status oat_snapshot_find_id(const struct oat_snapshot *snapshot,
    uint32_t id, struct oat_record *ret_record);

/*
 * The record after *cursor, ascending by number; *cursor is 0 for the first
 * and moves on success only.
 * OAT_OK; OAT_NOTFOUND after the last; OAT_UNAVAILABLE as above.
 */
enum oat_status oat_snapshot_next(const struct oat_snapshot *snapshot,
    uint64_t *cursor, struct oat_record *ret_record);

/*
 * The supplementary gids of an identity, ascending: each is given to `take`
 * until it answers something else than OAT_OK, which is then the result. The
 * list's check is known only at its end, so whoever collects must drop what it
 * collected unless the result is OAT_OK or its own.
 * OAT_OK; OAT_UNAVAILABLE as above; what `take` answered.
 */
enum oat_status oat_snapshot_groups(const struct oat_snapshot *snapshot,
    const struct oat_record *record,
    enum oat_status (*take)(uint32_t gid, void *arg), void *arg);

/*
 * Check every byte: each record, each index, and that both find each record.
 * For a writer and for `oat doctor`. OAT_OK; OAT_UNAVAILABLE.
 */
enum oat_status oat_snapshot_verify(const struct oat_snapshot *snapshot);

#endif
