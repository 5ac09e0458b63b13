/* SPDX-License-Identifier: MIT */
/*
 * Making the checks of a snapshot right again, so that its reader goes on past
 * them: what is left for it to refuse is a hostile writer's.
 */
#ifndef OAT_FUZZ_SEAL_H
#define OAT_FUZZ_SEAL_H

#include <stddef.h>

#include "common/snapshot.h"

/* The header; `size` is at least its size. */
void oat_seal_header(unsigned char *bytes, size_t size);

/* All that may be buckets, and records of one line; its header is sound. */
void oat_seal_blocks(unsigned char *bytes, const struct oat_snapshot *snapshot);

#endif
