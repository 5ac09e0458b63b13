/* SPDX-License-Identifier: MIT */
/* The fuzzer's bytes, taken from the front as decisions. */
#ifndef OAT_FUZZ_INPUT_H
#define OAT_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct oat_input {
	const uint8_t *data;
	size_t left;
};

/* 0 at the end, as often as it is asked. */
static inline unsigned
oat_input_byte(struct oat_input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

static inline unsigned
oat_input_word(struct oat_input *input)
{
	unsigned high = oat_input_byte(input);

	return high << 8 | oat_input_byte(input);
}

#endif
