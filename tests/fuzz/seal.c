/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/seal.h"

#include <string.h>

#include "common/snapshot_format.h"

static void
seal(unsigned char *bytes, uint64_t seed, uint64_t offset, size_t size)
{
	uint64_t check = oat_snapshot_seed(seed, offset);

	check = oat_snapshot_check(
	    check, bytes + offset + sizeof(check), size - sizeof(check));
	memcpy(bytes + offset, &check, sizeof(check));
}

void
oat_seal_header(unsigned char *bytes, size_t size)
{
	struct oat_snapshot_header header;

	memcpy(&header, bytes, sizeof(header));
	header.magic = OAT_SNAPSHOT_MAGIC;
	header.size = size;
	header.home_root[OAT_HOME_ROOT_MAX] = '\0';
	header.check = oat_snapshot_check(OAT_SNAPSHOT_MAGIC, &header,
	    offsetof(struct oat_snapshot_header, check));
	memcpy(bytes, &header, sizeof(header));
}

void
oat_seal_blocks(unsigned char *bytes, const struct oat_snapshot *snapshot)
{
	uint64_t offset = sizeof(struct oat_snapshot_header);

	for (; offset + OAT_SNAPSHOT_LINE <= snapshot->lists;
	     offset += OAT_SNAPSHOT_LINE)
		seal(bytes, snapshot->check, offset, OAT_SNAPSHOT_LINE);
}
