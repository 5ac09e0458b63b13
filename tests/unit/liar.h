/* SPDX-License-Identifier: MIT */
/* What answers in place of the network child, once that has been replaced. */
#ifndef OAT_TESTS_LIAR_H
#define OAT_TESTS_LIAR_H

/*
 * Wait for a question, answer with one message, stay. `fields` is a text that
 * says what the message is made of: digits are a u32 of that value, 'L' a u64,
 * 't' a short text, 'l' one of 5,000 bytes, 'n' one with a NUL, 'e' an escape
 * sequence, 'R' the mark of a row, '-' the empty text. Fit for
 * oat_child_start().
 */
void oat_liar_answer(int fd, void *fields);

#endif
