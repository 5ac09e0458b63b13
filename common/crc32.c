/* SPDX-License-Identifier: MIT */
#include "crc32.h"

#define POLYNOMIAL UINT32_C(0xedb88320) /* of IEEE 802.3, reflected */

/* The remainder of four bits at a time: small enough to be seen correct. */
static const uint32_t nibbles[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8,
	0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, POLYNOMIAL,
	0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278,
	0xbdbdf21c };

uint32_t
oat_crc32_update(uint32_t crc, const void *data, size_t size)
{
	const unsigned char *byte = data;
	size_t i;

	crc = ~crc;
	for (i = 0; i < size; i++) {
		crc ^= byte[i];
		crc = crc >> 4 ^ nibbles[crc & 0xf];
		crc = crc >> 4 ^ nibbles[crc & 0xf];
	}
	return ~crc;
}

uint32_t
oat_crc32(const void *data, size_t size)
{
	return oat_crc32_update(0, data, size);
}
