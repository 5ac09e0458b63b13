/* SPDX-License-Identifier: MIT */
#include "tests/unit/outage.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/process.h"
#include "tests/runner.h"
#include "tests/unit/population.h"

const char outage_cause[] = "db.lab:5432: no answer in time";

void
outage_path_of(const char *name, char ret_path[256])
{
	(void)snprintf(ret_path, 256, "%s/%s", oat_population_run, name);
}

/* A host on which nothing has happened yet. */
void
outage_start_afresh(void)
{
	static const char *const names[] = { "database-answered",
		"database-silent", "database-probe" };
	char path[256];
	size_t i;

	(void)mkdir(oat_population_run, 0755);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		outage_path_of(names[i], path);
		(void)unlink(path);
	}
}

void
outage_write_record(const char *text)
{
	char path[256];
	FILE *file;

	outage_path_of("database-silent", path);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	(void)fclose(file);
}

/* A silence that was given up so long ago. */
void
outage_record_silence(uint64_t ago_ns)
{
	uint64_t at_ns = oat_stamp_now_ns() - ago_ns;
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s", at_ns - 1, at_ns - 1,
	    at_ns, outage_cause);
	outage_write_record(text);
}

/* May somebody ask, who has so much time? */
enum oat_status
outage_await(uint32_t ms, struct oat_asking *asking, char *ret_why)
{
	return oat_outage_await(
	    oat_population_run, oat_deadline_in_ms(ms), asking, ret_why);
}

void
outage_learn(struct oat_asking *asking, enum oat_status status)
{
	oat_outage_learn(oat_population_run, asking, status, OUTAGE_TIMEOUT_MS,
	    outage_cause);
}

/* Somebody with all the time of a login asks, and it becomes of it what? */
void
outage_ask_once(enum oat_status status)
{
	struct oat_asking asking = OAT_ASKING_NONE;

	oat_outage_ignore(oat_deadline_in_ms(OUTAGE_TIMEOUT_MS), &asking);
	outage_learn(&asking, status);
}

bool
outage_is_free(void)
{
	struct oat_asking asking = OAT_ASKING_NONE;
	char why[OAT_OUTAGE_WHY_MAX];
	enum oat_status status;

	status = outage_await(OAT_BRIEF_MS, &asking, why);
	if (asking.probe != -1)
		(void)close(asking.probe);
	return status == OAT_OK;
}
