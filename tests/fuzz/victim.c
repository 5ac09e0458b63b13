/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/victim.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/snapshot_format.h"
#include "common/snapshot_write.h"
#include "nss_oat/nss_oat.h"
#include "nss_oat/source.h"
#include "tests/fuzz/seal.h"

#define MEMBERS 5
#define NOBODY 79999 /* a number of ours that nobody has */

static char folder[64], path[96];

/* In the place of the module's own, which is weak; nobody can sync here. */
const struct oat_nss_source oat_nss_source = {
	.path = path,
	.run = "/nonexistent",
	.program = "/nonexistent",
	.config = "/nonexistent",
};

static unsigned char *images[2];
static size_t sizes[2];

/* --- the folder ---------------------------------------------------------- */

static void
write_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		err(1, "%s", file);
	(void)close(fd);
}

static void
become_root(void)
{
	char map[64];

	if (geteuid() == 0)
		return;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (unshare(CLONE_NEWUSER) == -1)
		err(1, "not root, and no user namespaces");
	write_text("/proc/self/uid_map", map);
}

static void
remove_all(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
}

static void
build(int version)
{
	struct oat_snapshot_info info = { .home_root = "/srv/oat" };
	struct oat_group groups[OAT_VICTIM_GROUPS] = {
		{ "oat-users", OAT_VICTIM_GID },
		{ "oat-acme", OAT_VICTIM_GID + 1 },
		{ "oat-g-deploy", OAT_VICTIM_GID + 2 },
	};
	uint32_t gids[OAT_VICTIM_GROUPS] = { OAT_VICTIM_GID, OAT_VICTIM_GID + 1,
		OAT_VICTIM_GID + 2 };
	struct oat_identity members[MEMBERS] = { 0 };
	void *image;
	size_t i;

	info.generation = (uint64_t)version;
	for (i = 0; i < MEMBERS; i++) {
		snprintf(members[i].login, sizeof(members[i].login),
		    "oat-acme-t%zu", i);
		strcpy(members[i].shell, version == 0 ? "/bin/sh" : "/bin/ash");
		members[i].uid = OAT_VICTIM_UID + (uint32_t)i;
		members[i].active = true;
		members[i].groups = gids;
		members[i].group_count = OAT_VICTIM_GROUPS;
	}
	if (oat_snapshot_build(&info, groups, OAT_VICTIM_GROUPS, members,
		MEMBERS, &image, &sizes[version]) != OAT_OK)
		errx(1, "no snapshot");
	images[version] = image;
}

void
oat_victim_set_up(void)
{
	become_root();
	(void)umask(022);
	strcpy(folder, "/tmp/oat-fuzz-XXXXXX");
	if (mkdtemp(folder) == NULL || atexit(remove_all) != 0)
		err(1, "%s", folder);
	snprintf(path, sizeof(path), "%s/identities", folder);
	build(0);
	build(1);
}

void
oat_victim_forget(void)
{
	struct passwd passwd;
	char buffer[512];
	int error;

	(void)unlink(path);
	(void)_nss_oat_getpwuid_r(
	    NOBODY, &passwd, buffer, sizeof(buffer), &error);
}

/* --- the file ------------------------------------------------------------ */

static void
write_file(const unsigned char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd == -1 || write(fd, bytes, size) != (ssize_t)size)
		err(1, "%s", path);
	(void)close(fd);
}

static void
force(unsigned char *bytes, size_t size, bool blocks)
{
	struct oat_snapshot snapshot;

	oat_seal_header(bytes, size);
	if (blocks && oat_snapshot_from_bytes(bytes, size, &snapshot) == OAT_OK)
		oat_seal_blocks(bytes, &snapshot);
}

bool
oat_victim_change(struct oat_input *input)
{
	unsigned how = oat_input_byte(input), changes = how >> 4;
	size_t size = sizes[how & 1], at;
	unsigned char *bytes = malloc(size);
	bool forced;

	if (bytes == NULL)
		err(1, NULL);
	memcpy(bytes, images[how & 1], size);
	for (; changes > 0; changes--) {
		at = oat_input_word(input) % size;
		bytes[at] = (unsigned char)oat_input_byte(input);
	}
	if ((how & 2) != 0)
		size = oat_input_word(input) % (size + 1);
	forced = (how & 4) != 0 && size >= sizeof(struct oat_snapshot_header);
	if (forced)
		force(bytes, size, (how & 8) != 0);
	write_file(bytes, size);
	free(bytes);
	return forced;
}
