/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - deleted identities are found by the snapshot, others by their number
 *   - what a file is called is shown, and never believed
 *   - nothing is changed, and what cannot be looked at is told
 */
#include "residue.h"

#include "escape.h"
#include "paths.h"
#include "process.h"
#include "report.h"
#include "snapshot.h"
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define SHOWN_MAX (4 * PATH_MAX)
#define NOTE_MAX 512

enum exit_code { CLEAN = 0, FAILED = 1, WRONG_USAGE = 2, LEFT = 3 };

struct residue {
	bool json;
	char login[OAT_LOGIN_MAX + 1]; /* "" when only the number is known */
	uint32_t uid;
	char home[PATH_MAX]; /* "" likewise */
	size_t found;
	bool failed;
};

/* --- telling ---------------------------------------------------------------
 */

/* One thing. The name may be anybody's choice; the note is ours. */
static void
tell(struct residue *residue, const char *kind, const char *name,
    const char *note)
{
	char shown[SHOWN_MAX], quoted[2 * SHOWN_MAX];

	residue->found++;
	oat_escape_sentence(shown, sizeof(shown), name);
	if (!residue->json)
		printf("%-8s %s%s%s\n", kind, shown, *note == '\0' ? "" : "  ",
		    note);
	else
		printf("{\"kind\":\"%s\",\"name\":\"%s\",\"note\":\"%s\"}\n",
		    kind, oat_escape_json(quoted, shown), note);
}

static void
fail(struct residue *residue, const char *what)
{
	residue->failed = true;
	oat_report(LOG_ERR, "residue", "%s: %s", what, strerror(errno));
}

/* --- processes -------------------------------------------------------------
 */

/* What was run, as far as the process has left that as it was. */
static void
read_command(pid_t pid, char *ret_text, size_t size)
{
	char path[64];
	ssize_t n = -1, i;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, ret_text, size - 1);
		(void)close(fd);
	}
	for (i = 0; i + 1 < n; i++)
		if (ret_text[i] == '\0')
			ret_text[i] = ' ';
	ret_text[n < 0 ? 0 : n] = '\0';
}

static void
tell_process(struct residue *residue, const struct oat_process *process)
{
	bool own = oat_process_is_of(process, residue->uid);
	char command[NOTE_MAX], name[NOTE_MAX + 32], note[64] = "";

	if (process->zombie || (!own && process->login != residue->uid))
		return;
	read_command(process->pid, command, sizeof(command));
	(void)snprintf(name, sizeof(name), "%d %s", (int)process->pid, command);
	if (!own)
		(void)snprintf(note, sizeof(note), "(uid %u, by its login)",
		    process->effective);
	tell(residue, "process", name, note);
}

static void
look_for_processes(struct residue *residue)
{
	struct oat_process *list = NULL;
	size_t i, count = 0;

	if (oat_process_list(&list, &count) != OAT_OK) {
		fail(residue, "/proc");
		return;
	}
	for (i = 0; i < count; i++)
		tell_process(residue, &list[i]);
	free(list);
}

/* --- what runs again -------------------------------------------------------
 */

/* Folders in which each file is of its owner, or of who it is named for. */
static const struct spool {
	const char *kind, *folder;
} spools[] = {
	{ "cron", "/var/spool/cron/crontabs" },
	{ "cron", "/var/spool/cron" },
	{ "at", "/var/spool/cron/atjobs" },
	{ "at", "/var/spool/at" },
	{ "linger", "/var/lib/systemd/linger" },
};

#define SPOOLS (sizeof(spools) / sizeof(spools[0]))

/* Was it told as what it is? */
static bool
is_in_spool(const char *path)
{
	size_t i, length = (size_t)(strrchr(path, '/') - path);

	for (i = 0; i < SPOOLS; i++)
		if (strlen(spools[i].folder) == length &&
		    strncmp(spools[i].folder, path, length) == 0)
			return true;
	return false;
}

static void
look_in_spool(struct residue *residue, const struct spool *spool)
{
	struct dirent *entry;
	char path[PATH_MAX];
	struct stat st;
	DIR *dir;

	dir = opendir(spool->folder);
	if (dir == NULL) {
		if (errno != ENOENT)
			fail(residue, spool->folder);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) != 0 ||
		    S_ISDIR(st.st_mode) ||
		    (st.st_uid != residue->uid &&
			(residue->login[0] == '\0' ||
			    strcmp(entry->d_name, residue->login) != 0)))
			continue;
		(void)snprintf(
		    path, sizeof(path), "%s/%s", spool->folder, entry->d_name);
		tell(residue, spool->kind, path, "");
	}
	(void)closedir(dir);
}

/* Is the login a word of the line, as in its column for the user? */
static bool
has_word(const char *line, const char *word)
{
	static const char blanks[] = " \t\n";
	size_t length = strlen(word), n;

	for (line += strspn(line, blanks); *line != '\0' && *line != '#';
	     line += n + strspn(line + n, blanks)) {
		n = strcspn(line, blanks);
		if (n == length && strncmp(line, word, n) == 0)
			return true;
	}
	return false;
}

static void
look_in_table(struct residue *residue, const char *path)
{
	char *line = NULL, name[PATH_MAX + 16];
	unsigned number = 0;
	size_t size = 0;
	FILE *file;

	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (getline(&line, &size, file) != -1) {
		number++;
		if (!has_word(line, residue->login))
			continue;
		(void)snprintf(name, sizeof(name), "%s:%u", path, number);
		tell(residue, "cron", name, "");
	}
	free(line);
	(void)fclose(file);
}

/* Tables of the whole host that run something as this user. */
static void
look_in_tables(struct residue *residue)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	if (residue->login[0] == '\0')
		return;
	look_in_table(residue, "/etc/crontab");
	dir = opendir("/etc/cron.d");
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(
		    path, sizeof(path), "/etc/cron.d/%s", entry->d_name);
		look_in_table(residue, path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
look_for_jobs(struct residue *residue)
{
	size_t i;

	for (i = 0; i < SPOOLS; i++)
		look_in_spool(residue, &spools[i]);
	look_in_tables(residue);
}

/* --- the home --------------------------------------------------------------
 */

/* A file or folder below the home; says so when it is there. */
static void
look_in_home(struct residue *residue, const char *kind, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", residue->home, name) <
		sizeof(path) &&
	    lstat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > 0))
		tell(residue, kind, path, "");
}

static enum oat_status
count_file(const char *path, const struct stat *st, void *context)
{
	(void)path;
	(void)st;
	++*(size_t *)context;
	return OAT_OK;
}

static void
look_at_home(struct residue *residue)
{
	size_t files = 0;
	struct oat_walk walk = {
		.from = residue->home, .take = count_file, .context = &files
	};
	char note[64];
	struct stat st;

	if (residue->home[0] == '\0' || lstat(residue->home, &st) != 0)
		return;
	(void)oat_walk_files(&walk);
	(void)snprintf(note, sizeof(note), "(%zu files)", files);
	tell(residue, "home", residue->home, note);
	look_in_home(residue, "ssh", ".ssh/authorized_keys");
	look_in_home(residue, "ssh", ".ssh/authorized_keys2");
	look_in_home(residue, "ssh", ".ssh/rc");
	look_in_home(residue, "unit", ".config/systemd/user");
	look_in_home(residue, "unit", ".local/share/systemd/user");
}

/* --- everywhere else -------------------------------------------------------
 */

static enum oat_status
take_file(const char *path, const struct stat *st, void *context)
{
	struct residue *residue = context;
	const char *note = "";

	if (st->st_uid != residue->uid && st->st_gid != residue->uid)
		return OAT_OK;
	if (S_ISREG(st->st_mode) && (st->st_mode & (S_ISUID | S_ISGID)) != 0)
		note = "(runs as its owner or group)";
	else if (st->st_uid != residue->uid)
		note = "(by its group)";
	/* The home itself has a line of its own. */
	if (strcmp(path, residue->home) != 0 &&
	    (S_ISDIR(st->st_mode) || !is_in_spool(path)))
		tell(residue, "file", path, note);
	return OAT_OK;
}

static void
look_for_files(struct residue *residue)
{
	const struct oat_walk walk = { .from = "/",
		.except = residue->home[0] != '\0' ? residue->home : NULL,
		.take = take_file,
		.context = residue };
	enum oat_status status;

	status = oat_walk_files(&walk);
	if (status == OAT_OK)
		return;
	residue->failed = true;
	oat_report(LOG_ERR, "residue", "files: %s",
	    status == OAT_RANGE	   ? "some directories could not be entered"
	    : status == OAT_SYSTEM ? strerror(errno)
				   : oat_status_text(status));
}

/* --- who -------------------------------------------------------------------
 */

/* A number of ours; 0 when it is none. */
static uint32_t
read_uid(const char *text)
{
	unsigned long uid;
	char *end;

	if (text[0] < '1' || text[0] > '9')
		return 0;
	errno = 0;
	uid = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || uid < OAT_ID_MIN || uid > OAT_ID_MAX)
		return 0;
	return (uint32_t)uid;
}

static enum oat_status
find_record(const char *who, uint32_t uid, struct oat_record *ret_record,
    char *ret_home_root)
{
	struct oat_snapshot snapshot;
	enum oat_status status;

	status = oat_snapshot_open(OAT_PATH_IDENTITIES, &snapshot, NULL);
	if (status != OAT_OK)
		return status;
	status = uid != 0 ? oat_snapshot_find_id(&snapshot, uid, ret_record)
			  : oat_snapshot_find_name(&snapshot, who, ret_record);
	if (status == OAT_OK && ret_record->kind != OAT_RECORD_IDENTITY)
		status = OAT_NOTFOUND;
	memcpy(ret_home_root, snapshot.info.home_root, OAT_HOME_ROOT_MAX + 1);
	oat_snapshot_close(&snapshot);
	return status;
}

/* By the snapshot; a number is good without one. */
static enum oat_status
find(struct residue *residue, const char *who)
{
	char home_root[OAT_HOME_ROOT_MAX + 1] = "", shown[OAT_ESCAPED_MAX];
	struct oat_record record;
	enum oat_status status;

	residue->uid = read_uid(who);
	status = find_record(who, residue->uid, &record, home_root);
	if (status == OAT_OK) {
		residue->uid = record.id;
		memcpy(residue->login, record.name, strlen(record.name) + 1);
		(void)snprintf(residue->home, sizeof(residue->home), "%s/%s",
		    home_root, residue->login);
	}
	if (status == OAT_OK || residue->uid != 0)
		return OAT_OK;
	if (status == OAT_NOTFOUND)
		oat_report(LOG_ERR, "residue",
		    "%s is no identity that this host was ever told of; if it "
		    "was, give its number, as stat(1) shows it",
		    oat_escape(shown, sizeof(shown), who));
	else
		oat_report(LOG_ERR, "residue", OAT_PATH_IDENTITIES ": %s",
		    strerror(errno));
	return status;
}

static int
usage(void)
{
	fprintf(stderr, "usage: oat residue [--json] LOGIN | UID\n");
	return WRONG_USAGE;
}

int
oat_residue_main(int argc, char *argv[])
{
	struct residue residue = { .json = argc == 3 &&
					   strcmp(argv[1], "--json") == 0 };

	if (argc != (residue.json ? 3 : 2) || argv[argc - 1][0] == '-')
		return usage();
	if (geteuid() != 0) {
		oat_report(LOG_ERR, "residue", "run it as root");
		return FAILED;
	}
	if (find(&residue, argv[argc - 1]) != OAT_OK)
		return FAILED;
	/* It reads the names of all files; others have work to do. */
	(void)setpriority(PRIO_PROCESS, 0, 19);
	look_for_processes(&residue);
	look_for_jobs(&residue);
	look_at_home(&residue);
	look_for_files(&residue);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fail(&residue, "standard output");
		return FAILED;
	}
	if (residue.failed)
		return FAILED;
	return residue.found > 0 ? LEFT : CLEAN;
}
