/* SPDX-License-Identifier: MIT */
#include "tests/unit/powercut/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOTES_MAX 64
#define FILES_MAX 16
#define BYTES_MAX 65536
#define FILLINGS 4 /* nothing, half, all, zeros */

enum kind { CREATE, WRITE, MODE, SYNC, RENAME, UNLINK, SYNC_FOLDER };

struct note {
	enum kind kind;
	size_t file;
	char name[NAME_MAX + 1], to[NAME_MAX + 1];
	size_t size; /* of WRITE */
	mode_t mode;
};

/* A file, by what is on disk and what was written since. */
struct file {
	ino_t inode;  /* 0: removed, and its number may be another's */
	bool initial; /* it was there, all of it on disk */
	unsigned char bytes[BYTES_MAX];
	size_t synced, size; /* bytes on disk, bytes altogether */
	mode_t synced_mode, mode;
};

struct names {
	struct {
		char name[NAME_MAX + 1];
		size_t file;
	} entries[FILES_MAX];
	size_t count;
};

static struct {
	bool on, fsyncs;
	char folder[PATH_MAX];
	dev_t device;
	struct note notes[NOTES_MAX];
	size_t count;
	struct file files[FILES_MAX];
	size_t file_count;
	struct names names; /* on disk */
} tape;

/* --- noting -------------------------------------------------------------- */

static struct note *
add_note(enum kind kind, size_t file)
{
	struct note *note = &tape.notes[tape.count];

	if (tape.count == NOTES_MAX)
		abort();
	tape.count++;
	memset(note, 0, sizeof(*note));
	note->kind = kind;
	note->file = file;
	return note;
}

static size_t
file_of(ino_t inode)
{
	size_t i;

	for (i = 0; i < tape.file_count; i++)
		if (tape.files[i].inode == inode)
			return i;
	if (i == FILES_MAX)
		abort();
	memset(&tape.files[i], 0, sizeof(tape.files[i]));
	tape.files[i].inode = inode;
	tape.file_count++;
	return i;
}

static void
set_name(char *dst, const char *path)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(dst, NAME_MAX + 1, "%s", slash ? slash + 1 : path);
}

/* Is it a file in the folder, or the folder? */
static bool
concerns(int fd, struct stat *ret_st)
{
	char link[64], target[PATH_MAX];
	ssize_t n;

	if (!tape.on || fstat(fd, ret_st) != 0 || ret_st->st_dev != tape.device)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	return strncmp(target, tape.folder, strlen(tape.folder)) == 0;
}

static void
note_creation(int fd, const char *path, int flags)
{
	struct note *note;
	struct stat st;
	size_t i;

	if (fd == -1 || (flags & O_EXCL) == 0 || !concerns(fd, &st) ||
	    !S_ISREG(st.st_mode))
		return;
	for (i = 0; i < tape.file_count; i++)
		if (tape.files[i].inode == st.st_ino)
			tape.files[i].inode = 0;
	note = add_note(CREATE, file_of(st.st_ino));
	note->mode = st.st_mode & 07777;
	set_name(note->name, path);
}

int
openat(int folder, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;
	int fd;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	fd = (int)syscall(SYS_openat, folder, path, flags, mode);
	note_creation(fd, path, flags);
	return fd;
}

int
open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return openat(AT_FDCWD, path, flags, mode);
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	ssize_t n = syscall(SYS_write, fd, bytes, size);
	struct file *file;
	struct stat st;

	if (n <= 0 || !concerns(fd, &st))
		return n;
	add_note(WRITE, file_of(st.st_ino))->size = (size_t)n;
	file = &tape.files[file_of(st.st_ino)];
	if (file->size + (size_t)n > BYTES_MAX)
		abort();
	memcpy(file->bytes + file->size, bytes, (size_t)n);
	file->size += (size_t)n;
	return n;
}

int
fchmod(int fd, mode_t mode)
{
	int result = (int)syscall(SYS_fchmod, fd, mode);
	struct stat st;

	if (result == 0 && concerns(fd, &st) && S_ISREG(st.st_mode))
		add_note(MODE, file_of(st.st_ino))->mode = mode;
	return result;
}

int
fsync(int fd)
{
	int result = (int)syscall(SYS_fsync, fd);
	struct stat st;

	if (result != 0 || !tape.fsyncs || !concerns(fd, &st))
		return result;
	if (S_ISDIR(st.st_mode))
		(void)add_note(SYNC_FOLDER, 0);
	else
		(void)add_note(SYNC, file_of(st.st_ino));
	return result;
}

int
renameat(int from, const char *name, int to, const char *new_name)
{
	int result = (int)syscall(SYS_renameat2, from, name, to, new_name, 0);
	struct note *note;
	struct stat st;

	if (result == 0 && tape.on &&
	    fstatat(to, new_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		note = add_note(RENAME, file_of(st.st_ino));
		set_name(note->name, name);
		set_name(note->to, new_name);
	}
	return result;
}

int
rename(const char *name, const char *new_name)
{
	return renameat(AT_FDCWD, name, AT_FDCWD, new_name);
}

int
unlinkat(int folder, const char *name, int flags)
{
	int result = (int)syscall(SYS_unlinkat, folder, name, flags);

	if (result == 0 && tape.on)
		set_name(add_note(UNLINK, 0)->name, name);
	return result;
}

int
unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

/* --- names --------------------------------------------------------------- */

static size_t
find(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (strcmp(names->entries[i].name, name) == 0)
			return i;
	return names->count;
}

static void
forget_name(struct names *names, const char *name)
{
	size_t i = find(names, name);

	if (i < names->count)
		names->entries[i] = names->entries[--names->count];
}

static void
put_name(struct names *names, const char *name, size_t file)
{
	forget_name(names, name);
	if (names->count == FILES_MAX)
		abort();
	(void)snprintf(
	    names->entries[names->count].name, NAME_MAX + 1, "%s", name);
	names->entries[names->count++].file = file;
}

static bool
is_about_names(enum kind kind)
{
	return kind == CREATE || kind == RENAME || kind == UNLINK;
}

/* A rename takes the file along, whatever became of the name it had. */
static void
apply(struct names *names, const struct note *note)
{
	if (note->kind != CREATE)
		forget_name(names, note->name);
	if (note->kind != UNLINK)
		put_name(names, note->kind == CREATE ? note->name : note->to,
		    note->file);
}

/* --- states -------------------------------------------------------------- */

/* What became of the changes that no fsync(2) has put on disk. */
struct fate {
	unsigned names; /* a bit for each change of names */
	int filling;	/* of files */
};

/* Files as they are after so many notes; sizes count what was written then. */
static void
play_files(size_t until, size_t size[FILES_MAX])
{
	const struct note *note;
	struct file *file;
	size_t i, f;

	for (f = 0; f < tape.file_count; f++) {
		file = &tape.files[f];
		size[f] = file->synced = file->initial ? file->size : 0;
	}
	for (i = 0; i < until; i++) {
		note = &tape.notes[i];
		if (is_about_names(note->kind) && note->kind != CREATE)
			continue;
		if (note->kind == SYNC_FOLDER)
			continue;
		f = note->file;
		file = &tape.files[f];
		if (note->kind == CREATE)
			file->mode = file->synced_mode = note->mode;
		else if (note->kind == WRITE)
			size[f] += note->size;
		else if (note->kind == MODE)
			file->mode = note->mode;
		else {
			file->synced = size[f];
			file->synced_mode = file->mode;
		}
	}
}

static void
write_file(const char *folder, const char *name, const struct file *file,
    size_t size, int filling)
{
	static const unsigned char zeros[BYTES_MAX];
	char path[PATH_MAX + NAME_MAX + 2];
	size_t pending = size - file->synced;
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	if (out == NULL)
		abort();
	(void)fwrite(file->bytes, 1, file->synced, out);
	if (filling == 1)
		pending /= 2;
	if (filling == 3)
		(void)fwrite(zeros, 1, pending, out);
	else if (filling > 0)
		(void)fwrite(file->bytes + file->synced, 1, pending, out);
	(void)fclose(out);
	(void)chmod(path, filling == 0 ? file->synced_mode : file->mode);
}

static void
clear_folder(const char *folder)
{
	char command[PATH_MAX + 16];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0 || mkdir(folder, 0700) != 0)
		abort();
}

static void
lay_out(const char *folder, size_t until, struct fate fate)
{
	struct names names = tape.names, synced = tape.names;
	size_t size[FILES_MAX], i;
	unsigned bit = 0;

	for (i = 0; i < until; i++) {
		if (tape.notes[i].kind == SYNC_FOLDER) {
			bit = 0;
			names = synced;
		} else if (is_about_names(tape.notes[i].kind)) {
			apply(&synced, &tape.notes[i]);
			if ((fate.names & 1U << bit++) != 0)
				apply(&names, &tape.notes[i]);
		}
	}
	play_files(until, size);
	clear_folder(folder);
	for (i = 0; i < names.count; i++)
		write_file(folder, names.entries[i].name,
		    &tape.files[names.entries[i].file],
		    size[names.entries[i].file], fate.filling);
}

/* How many changes of names are not on disk after so many notes? */
static unsigned
pending_names(size_t until)
{
	unsigned pending = 0;
	size_t i;

	for (i = 0; i < until; i++)
		if (tape.notes[i].kind == SYNC_FOLDER)
			pending = 0;
		else if (is_about_names(tape.notes[i].kind))
			pending++;
	return pending;
}

/* --- from outside -------------------------------------------------------- */

/* What is there already: files without a number, all of it on disk. */
static void
take_stock(void)
{
	char path[PATH_MAX + NAME_MAX + 2];
	struct dirent *entry;
	struct file *file;
	struct stat st;
	FILE *in;
	DIR *dir = opendir(tape.folder);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", tape.folder, entry->d_name);
		if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		file = &tape.files[file_of(st.st_ino)];
		file->initial = true;
		in = fopen(path, "r");
		if (in == NULL)
			abort();
		file->size = fread(file->bytes, 1, BYTES_MAX, in);
		(void)fclose(in);
		file->mode = file->synced_mode = st.st_mode & 07777;
		put_name(&tape.names, entry->d_name, file_of(st.st_ino));
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void
powercut_begin(const char *folder, bool fsyncs)
{
	struct stat st;

	memset(&tape, 0, sizeof(tape));
	if (realpath(folder, tape.folder) == NULL || stat(folder, &st) != 0)
		abort();
	tape.device = st.st_dev;
	tape.fsyncs = fsyncs;
	take_stock();
	tape.on = true;
}

size_t
powercut_end(
    bool (*check)(const char *folder, bool finished), size_t *ret_broken)
{
	char folder[PATH_MAX];
	size_t until, states = 0, broken = 0;
	struct fate fate;

	tape.on = false;
	if (snprintf(folder, sizeof(folder), "%s.after", tape.folder) >=
	    (int)sizeof(folder))
		abort();
	for (until = 0; until <= tape.count; until++)
		for (fate.names = 0; fate.names < 1U << pending_names(until);
		     fate.names++)
			for (fate.filling = 0; fate.filling < FILLINGS;
			     fate.filling++) {
				lay_out(folder, until, fate);
				states++;
				if (!check(folder, until == tape.count))
					broken++;
			}
	*ret_broken = broken;
	return states;
}
