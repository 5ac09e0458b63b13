/* SPDX-License-Identifier: MIT */
/*
 * What a power cut can leave of a folder. The functions by which a program
 * changes files are replaced in the test (disk.c): they do what they are
 * for, and note it. Afterwards each state is laid out that a disk may be in at
 * any moment: of the names, any of the changes since the folder was last
 * synced, and of each file, since it was, nothing, half, all, or zeros.
 */
#ifndef OAT_TESTS_POWERCUT_DISK_H
#define OAT_TESTS_POWERCUT_DISK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Begin: what is in the folder now is on disk. `fsyncs` false: fsync(2) is not
 * noted, for a test of the test.
 */
void powercut_begin(const char *folder, bool fsyncs);

/*
 * End, and lay out each state in a new folder, for `check` to look at.
 * `finished`: after the last change, when the caller has been promised that it
 * is done. Returns the number of states; *ret_broken is how many were not as
 * they should.
 */
size_t powercut_end(
    bool (*check)(const char *folder, bool finished), size_t *ret_broken);

#endif
