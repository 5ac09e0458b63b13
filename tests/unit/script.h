/* SPDX-License-Identifier: MIT */
/*
 * For the tests of spawn.h the program is /bin/sh with a script that looks
 * around, so that what it finds is what `oat` would find.
 */
#ifndef OAT_TESTS_SCRIPT_H
#define OAT_TESTS_SCRIPT_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/spawn.h"

#define OAT_SCRIPT_OUTPUT_MAX 8192 /* bytes, NUL included */

/* oat_spawn_start() of /bin/sh -c `script`. */
enum oat_status
oat_script_start(const char *script, struct oat_spawn *ret_spawn);

/* All that the program writes until it ends; NULL when it does not end. */
char *oat_script_read_all(int fd, char output[OAT_SCRIPT_OUTPUT_MAX]);

/* The line that the program writes first, as a number; 0 when it is none. */
pid_t oat_script_read_pid(int fd);

/* Run a script to its end; its output, or NULL. */
char *oat_script_run(const char *script, char output[OAT_SCRIPT_OUTPUT_MAX]);

/* Does the script end with exactly this output? */
bool oat_script_says(const char *script, const char *expected);

/* The same as an assertion that shows both. */
void oat_script_assert_says(const char *script, const char *expected);

#endif
