/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - no link is followed, whoever changes names meanwhile
 *   - only file systems of kinds that are known to be local are entered
 *   - what cannot be entered is told, and hides nothing else
 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MOUNTS "/proc/self/mountinfo"

/* A mounted file system; proc(5), mountinfo. */
struct mount {
	dev_t device;
	bool local;
	bool parts; /* directories of it may have devices of their own */
};

struct walker {
	const struct oat_walk *walk;
	struct mount *mounts;
	size_t count;
	char path[PATH_MAX];
	bool incomplete;
};

static bool
is_among(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static struct mount
describe(dev_t device, const char *type)
{
	static const char *const local[] = { "ext2", "ext3", "ext4", "xfs",
		"btrfs", "bcachefs", "zfs", "f2fs", "jfs", "nilfs2", "reiserfs",
		"tmpfs", "ramfs", "overlay", "aufs", "squashfs", "erofs",
		"iso9660", "udf", "vfat", "exfat", "ntfs3", "ubifs", NULL };
	static const char *const parts[] = { "btrfs", "bcachefs", NULL };

	return (struct mount){ device, is_among(type, local),
		is_among(type, parts) };
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
static bool
parse_mount(const char *line, struct mount *ret_mount)
{
	const char *rest = strstr(line, " - ");
	unsigned major_number, minor_number;
	char type[64];

	if (rest == NULL || sscanf(rest, " - %63s", type) != 1 ||
	    sscanf(line, "%*d %*d %u:%u ", &major_number, &minor_number) != 2)
		return false;
	*ret_mount = describe(makedev(major_number, minor_number), type);
	return true;
}

static enum oat_status
read_mounts(struct walker *walker)
{
	enum oat_status status = OAT_OK;
	struct mount mount, *moved;
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	file = fopen(MOUNTS, "re");
	if (file == NULL)
		return OAT_SYSTEM;
	while (status == OAT_OK && getline(&line, &size, file) != -1) {
		if (!parse_mount(line, &mount))
			continue;
		moved = reallocarray(
		    walker->mounts, walker->count + 1, sizeof(*walker->mounts));
		if (moved == NULL) {
			status = OAT_NOMEM;
			continue;
		}
		walker->mounts = moved;
		walker->mounts[walker->count++] = mount;
	}
	free(line);
	(void)fclose(file);
	return status;
}

static const struct mount *
find_mount(const struct walker *walker, dev_t device)
{
	size_t i;

	for (i = 0; i < walker->count; i++)
		if (walker->mounts[i].device == device)
			return &walker->mounts[i];
	return NULL;
}

/* A device that no mount has is a part of the file system around it. */
static bool
may_enter(
    const struct walker *walker, dev_t device, const struct mount **ret_mount)
{
	const struct mount *around = *ret_mount;
	const struct mount *mount = find_mount(walker, device);

	if (mount == NULL)
		return around != NULL && around->parts;
	*ret_mount = mount;
	return mount->local;
}

/* As deep as OAT_WALK_DEPTH_MAX. NOLINTBEGIN(misc-no-recursion) */
static enum oat_status walk_directory(struct walker *walker, int fd,
    size_t length, const struct mount *mount, int depth);

/* The directory `path` is, now that the name has been looked at. */
static enum oat_status
enter(struct walker *walker, int parent, const char *name,
    const struct stat *st, size_t length, const struct mount *mount, int depth)
{
	int fd;

	if ((walker->walk->except != NULL &&
		strcmp(walker->path, walker->walk->except) == 0) ||
	    !may_enter(walker, st->st_dev, &mount))
		return OAT_OK;
	fd = depth < OAT_WALK_DEPTH_MAX
		 ? openat(parent, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		 : -1;
	if (fd < 0) {
		walker->incomplete =
		    walker->incomplete || depth >= OAT_WALK_DEPTH_MAX ||
		    (errno != ENOENT && errno != ENOTDIR && errno != ELOOP);
		return OAT_OK;
	}
	return walk_directory(walker, fd, length, mount, depth + 1);
}

static enum oat_status
visit(struct walker *walker, int parent, const char *name, size_t length,
    const struct mount *mount, int depth)
{
	size_t size = strlen(name);
	enum oat_status status;
	struct stat st;

	if (length + 1 + size >= sizeof(walker->path)) {
		walker->incomplete = true;
		return OAT_OK;
	}
	walker->path[length] = '/';
	memcpy(walker->path + length + 1, name, size + 1);
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) !=
	    0)
		return OAT_OK;
	status = walker->walk->take(walker->path, &st, walker->walk->context);
	if (status == OAT_OK && S_ISDIR(st.st_mode))
		status = enter(
		    walker, parent, name, &st, length + 1 + size, mount, depth);
	return status;
}

/* Takes the descriptor over. `length` is of the path, without a last slash. */
static enum oat_status
walk_directory(struct walker *walker, int fd, size_t length,
    const struct mount *mount, int depth)
{
	enum oat_status status = OAT_OK;
	struct dirent *entry;
	DIR *dir;

	dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return OAT_NOMEM;
	}
	while (status == OAT_OK && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		status = visit(
		    walker, dirfd(dir), entry->d_name, length, mount, depth);
	}
	(void)closedir(dir);
	return status;
}

/* NOLINTEND(misc-no-recursion) */

static enum oat_status
begin(struct walker *walker)
{
	size_t length = strlen(walker->walk->from);
	const struct mount *mount = NULL;
	struct stat st;
	int fd;

	if (length >= sizeof(walker->path))
		return OAT_RANGE;
	fd = open(walker->walk->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return OAT_SYSTEM;
	if (fstat(fd, &st) != 0 || !may_enter(walker, st.st_dev, &mount)) {
		(void)close(fd);
		errno = EXDEV;
		return OAT_SYSTEM;
	}
	memcpy(walker->path, walker->walk->from, length + 1);
	if (length > 0 && walker->path[length - 1] == '/')
		length--;
	return walk_directory(walker, fd, length, mount, 0);
}

enum oat_status
oat_walk_files(const struct oat_walk *walk)
{
	struct walker *walker;
	enum oat_status status;

	walker = calloc(1, sizeof(*walker));
	if (walker == NULL)
		return OAT_NOMEM;
	walker->walk = walk;
	status = read_mounts(walker);
	if (status == OAT_OK)
		status = begin(walker);
	if (status == OAT_OK && walker->incomplete)
		status = OAT_RANGE;
	free(walker->mounts);
	free(walker);
	return status;
}
