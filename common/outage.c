/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *  - after a silence nobody asks for the back-off, then one does
 *  - who comes while one asks shares what it learns, within its own deadline
 *  - any answer ends it at once; a silence that began before that is none
 *  - a short silence, a refusal and an error of this host are no outage
 *  - whatever lies in the folder locks nobody out
 */
#include "outage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "escape.h"
#include "folder.h"
#include "lock.h"
#include "stamp.h"

/* Under OAT_PATH_RUN. A record is renamed into its place, and so is whole. */
#define FILE_ANSWERED "database-answered" /* a stamp: the last answer */
#define FILE_SILENT "database-silent"	  /* a record: three times, a text */
#define FILE_PROBE "database-probe"	  /* a lock, and a stamp: until when */

#define RETRY_MS 10
#define CAUSE_MAX 512
#define RECORD_MAX (CAUSE_MAX + 80)

/* No timeout is longer, of a login or of a sync; config.c. */
#define GIVEN_MAX_MS 600000

/* The silence that was met last, and how the first of them began. */
struct record {
	uint64_t first_ns; /* the outage began */
	uint64_t asked_ns; /* the last question began */
	uint64_t ended_ns; /* and was given up */
	char why[CAUSE_MAX];
};

/* --- the record ---------------------------------------------------------- */

static bool
parse_record(const char *text, struct record *ret_record)
{
	struct record record;
	int used = 0;

	if (sscanf(text, "%20" SCNu64 " %20" SCNu64 " %20" SCNu64 " %n",
		&record.first_ns, &record.asked_ns, &record.ended_ns,
		&used) != 3 ||
	    record.first_ns > record.asked_ns ||
	    record.asked_ns > record.ended_ns ||
	    record.ended_ns > oat_stamp_now_ns())
		return false;
	oat_escape_again(record.why, sizeof(record.why), text + used);
	*ret_record = record;
	return true;
}

/* What is on file: only this user can have written it. */
static bool
read_record(int folder, struct record *ret_record)
{
	char text[RECORD_MAX];
	struct stat st;
	ssize_t n = -1;
	int fd;

	fd = openat(folder, FILE_SILENT,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid())
		n = read(fd, text, sizeof(text) - 1);
	oat_folder_close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_record(text, ret_record);
}

/* Is there an outage? Not when somebody was answered after the silence began.
 */
static bool
is_silent(int folder, struct record *ret_record)
{
	return read_record(folder, ret_record) &&
	       ret_record->asked_ns >= oat_stamp_get(folder, FILE_ANSWERED);
}

/* Without a record everybody finds out for themselves. */
static void
write_record(int folder, const struct record *record)
{
	char text[RECORD_MAX], name[64];
	bool whole;
	int fd, length;

	length = snprintf(text, sizeof(text),
	    "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s", record->first_ns,
	    record->asked_ns, record->ended_ns, record->why);
	(void)snprintf(
	    name, sizeof(name), "." FILE_SILENT ".%ld", (long)getpid());
	(void)unlinkat(folder, name, 0);
	fd = openat(folder, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	whole = write(fd, text, (size_t)length) == length;
	oat_folder_close(fd);
	if (!whole || renameat(folder, name, folder, FILE_SILENT) == -1)
		(void)unlinkat(folder, name, 0);
}

/* --- asking -------------------------------------------------------------- */

static void
begin(struct oat_deadline deadline, struct oat_asking *asking)
{
	asking->began_ns = oat_stamp_now_ns();
	asking->given_ms = (uint32_t)oat_deadline_left_ms(deadline);
}

void
oat_outage_ignore(struct oat_deadline deadline, struct oat_asking *ret_asking)
{
	ret_asking->probe = -1;
	begin(deadline, ret_asking);
}

static void
explain(const struct record *record, char *ret_why)
{
	uint64_t age_ms =
	    (oat_stamp_now_ns() - record->first_ns) / OAT_NS_PER_MS;

	(void)snprintf(ret_why, OAT_OUTAGE_WHY_MAX,
	    "not asked again, nobody answers since %" PRIu64 ".%" PRIu64
	    " s: %s",
	    age_ms / 1000, age_ms % 1000 / 100, record->why);
}

static bool
is_backing_off(const struct record *record)
{
	return oat_stamp_now_ns() <
	       record->ended_ns + OAT_OUTAGE_BACKOFF_MS * OAT_NS_PER_MS;
}

/* Does who holds the probe still have time? Who has none holds up nobody. */
static bool
is_awaited(int folder)
{
	uint64_t until_ns = oat_stamp_read(folder, FILE_PROBE);
	uint64_t now_ns = oat_stamp_now_ns();

	return until_ns > now_ns &&
	       until_ns - now_ns <= GIVEN_MAX_MS * OAT_NS_PER_MS;
}

/* Let the others know how long this may take. */
static void
promise(int probe, struct oat_deadline deadline)
{
	uint64_t left_ms = (uint64_t)oat_deadline_left_ms(deadline);

	(void)oat_stamp_set(
	    probe, oat_stamp_now_ns() + left_ms * OAT_NS_PER_MS);
}

/*
 * Look once. OAT_OK; OAT_UNAVAILABLE with *ret_record; OAT_RANGE when another
 * asks just now.
 */
static enum oat_status
look(int folder, struct oat_deadline deadline, struct oat_asking *asking,
    struct record *ret_record)
{
	enum oat_status status;

	if (!is_silent(folder, ret_record))
		return OAT_OK;
	if (is_backing_off(ret_record))
		return OAT_UNAVAILABLE;
	status = oat_lock_try(folder, FILE_PROBE, &asking->probe);
	if (status == OAT_UNAVAILABLE && is_awaited(folder))
		return OAT_RANGE;
	if (status != OAT_OK)
		return OAT_OK;
	promise(asking->probe, deadline);
	/* The one before may have let go of it just now, wiser. */
	if (is_silent(folder, ret_record) && !is_backing_off(ret_record))
		return OAT_OK;
	(void)close(asking->probe);
	asking->probe = -1;
	return OAT_RANGE;
}

enum oat_status
oat_outage_await(const char *run, struct oat_deadline deadline,
    struct oat_asking *asking, char *ret_why)
{
	enum oat_status status = OAT_OK;
	struct record record;
	int folder;

	folder = asking->probe == -1 ? oat_folder_open(run, 0755) : -1;
	while (folder != -1 && (status = look(folder, deadline, asking,
				    &record)) == OAT_RANGE) {
		if (oat_deadline_passed(deadline)) {
			status = OAT_UNAVAILABLE;
			break;
		}
		oat_deadline_sleep(
		    oat_deadline_min(deadline, oat_deadline_in_ms(RETRY_MS)));
	}
	if (folder != -1)
		oat_folder_close(folder);
	if (status == OAT_OK)
		begin(deadline, asking);
	else
		explain(&record, ret_why);
	return status;
}

/* --- learning ------------------------------------------------------------ */

static void
learn_silence(int folder, const struct oat_asking *asking, const char *why)
{
	struct record record = { .first_ns = asking->began_ns }, before;

	if (oat_stamp_get(folder, FILE_ANSWERED) > asking->began_ns)
		return;
	(void)snprintf(record.why, sizeof(record.why), "%s", why);
	record.asked_ns = asking->began_ns;
	if (is_silent(folder, &before)) {
		if (before.asked_ns > asking->began_ns)
			return;
		before.asked_ns = asking->began_ns;
		record = before;
	}
	record.ended_ns = oat_stamp_now_ns();
	write_record(folder, &record);
}

void
oat_outage_learn(const char *run, struct oat_asking *asking,
    enum oat_status status, uint32_t timeout_ms, const char *why)
{
	int folder = -1;

	if (status == OAT_OK ||
	    (status == OAT_TIMEOUT && asking->given_ms >= timeout_ms / 2))
		folder = oat_folder_open(run, 0755);
	if (folder != -1 && status == OAT_OK)
		(void)oat_stamp_put(folder, FILE_ANSWERED, oat_stamp_now_ns());
	else if (folder != -1)
		learn_silence(folder, asking, why);
	if (folder != -1)
		oat_folder_close(folder);
	if (asking->probe != -1)
		(void)close(asking->probe);
	asking->probe = -1;
}
