/* SPDX-License-Identifier: MIT */
#include "tests/unit/refreshed.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runner.h"
#include "tests/unit/population.h"

void
refreshed_set_program(const char *body)
{
	FILE *file;

	(void)unlink(oat_population_program);
	file = fopen(oat_population_program, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fprintf(file,
	    "#!/bin/sh\nPATH=/usr/bin:/bin\nfolder=%s\n"
	    "duration=${duration:-0.01}\n"
	    "echo \"$@\" >>$folder/log\n%s\n",
	    oat_population_folder, body);
	CU_ASSERT_EQUAL(fchmod(fileno(file), 0755), 0);
	(void)fclose(file);
}

void
refreshed_path(const char *name, char ret_path[128])
{
	snprintf(ret_path, 128, "%s/%s", oat_population_folder, name);
}

void
refreshed_begin(const char *body)
{
	static const char *const names[] = { "run/sync-attempted",
		"run/sync-succeeded", "run/sync-failed", "log" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		refreshed_path(names[i], path);
		(void)unlink(path);
	}
	(void)rmdir(oat_population_run);
	refreshed_set_program(body);
}

int
refreshed_runs(void)
{
	char path[128], line[64];
	FILE *file;
	int count = 0;

	refreshed_path("log", path);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		CU_ASSERT_STRING_EQUAL(line, "sync --max-age 1\n");
		count++;
	}
	(void)fclose(file);
	return count;
}

enum oat_status
refreshed_wait(uint32_t ms, uint64_t since_ns, bool *ret_satisfied)
{
	return oat_refresh_wait(oat_population_run, oat_population_program,
	    since_ns, oat_deadline_in_ms(ms), ret_satisfied);
}

struct oat_refresh_times
refreshed_times(void)
{
	struct oat_refresh_times times = { 0, 0, 0 };

	CU_ASSERT_EQUAL(oat_refresh_times(oat_population_run, &times), OAT_OK);
	return times;
}

void
refreshed_await_run(void)
{
	struct oat_deadline late = oat_deadline_in_ms(2000);

	while (refreshed_runs() == 0 && !oat_deadline_passed(late))
		usleep(2000);
	CU_ASSERT_EQUAL(refreshed_runs(), 1);
}
