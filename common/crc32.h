/* SPDX-License-Identifier: MIT */
/* CRC-32 of IEEE 802.3, the one of zlib's crc32(), for tokens and snapshots. */
#ifndef OAT_CRC32_H
#define OAT_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of so many bytes. It finds accidents, not attackers. */
uint32_t oat_crc32(const void *data, size_t size);

/*
 * The same in pieces: begin with 0, give each answer to the next call, and the
 * last answer is the checksum of all.
 */
uint32_t oat_crc32_update(uint32_t crc, const void *data, size_t size);

#endif
