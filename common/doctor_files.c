/* SPDX-License-Identifier: MIT */
#include "doctor_checks.h"

#include "paths.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --- one file ------------------------------------------------------------ */

/* A number of a user or group, or its name; `ours` is that of _oat. */
static const char *
owner_name(unsigned id, unsigned ours, char dst[16])
{
	if (id == 0)
		return "root";
	if (id == ours) /* 0 when there is none */
		return OAT_SYSTEM_USER;
	(void)snprintf(dst, 16, "%u", id);
	return dst;
}

static void
refuse_missing(struct oat_doctor *doctor, const char *check, const char *path)
{
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, check, path, "%s",
	    strerror(errno));
}

static void
refuse_type(struct oat_doctor *doctor, const char *check, const char *path,
    const struct stat *st)
{
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, check, path, "%s",
	    S_ISLNK(st->st_mode) ? "a symbolic link"
				 : "of another kind than it should be");
	oat_fix(&doctor->findings, OAT_FIX_WORDS,
	    "put the thing itself in its place");
}

/* Can _oat read it, as far as the file itself says? */
static bool
is_for_oat(const struct oat_doctor *doctor, const struct stat *st)
{
	return !doctor->has_account || (st->st_mode & S_IROTH) != 0 ||
	       ((st->st_mode & S_IRGRP) != 0 &&
		   st->st_gid == doctor->account.gid);
}

static void
refuse_owner(struct oat_doctor *doctor, const char *check, const char *path,
    const struct oat_doctor_rules *rules, const struct stat *st)
{
	const char *group = rules->mode == 0640 ? OAT_SYSTEM_USER : "root";
	char word[OAT_FINDING_FIX_MAX / 2], user[16], its_group[16];
	const char *why = "root alone may change it";

	if (st->st_uid == 0 && (st->st_mode & rules->forbidden) == 0)
		why = OAT_SYSTEM_USER " must be able to read it";
	else if (st->st_uid == 0 && (st->st_mode & S_IWOTH) == 0 &&
		 (st->st_mode & S_IROTH & rules->forbidden) != 0)
		why = "not everybody may read it";
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, check, path,
	    "owner %s:%s, mode %04o: %s",
	    owner_name(st->st_uid, doctor->account.uid, user),
	    owner_name(st->st_gid, doctor->account.gid, its_group),
	    (unsigned)st->st_mode & 07777, why);
	if (oat_fix_quote(word, sizeof(word), path)[0] != '\0')
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "chown root:%s %s && chmod %04o %s", group, word,
		    (unsigned)rules->mode, word);
}

bool
oat_doctor_check_file(struct oat_doctor *doctor, const char *check,
    const char *path, const struct oat_doctor_rules *rules,
    struct stat *ret_stat)
{
	struct stat st;

	if ((rules->no_link ? lstat(path, &st) : stat(path, &st)) != 0) {
		refuse_missing(doctor, check, path);
		return false;
	}
	if ((st.st_mode & S_IFMT) != rules->type) {
		refuse_type(doctor, check, path, &st);
		return false;
	}
	if (st.st_uid != 0 || (st.st_mode & rules->forbidden) != 0 ||
	    (rules->for_oat && !is_for_oat(doctor, &st))) {
		refuse_owner(doctor, check, path, rules, &st);
		return false;
	}
	if (ret_stat != NULL)
		*ret_stat = st;
	return true;
}

void
oat_doctor_needs_root(
    struct oat_doctor *doctor, const char *check, const char *subject)
{
	oat_found(&doctor->findings, OAT_LEVEL_SKIPPED, check, subject,
	    "not looked at: it takes root");
}

void
oat_doctor_needs_configuration(
    struct oat_doctor *doctor, const char *check, const char *subject)
{
	oat_found(&doctor->findings, OAT_LEVEL_SKIPPED, check, subject,
	    doctor->root ? "not asked: mend the configuration first"
			 : "not asked: it takes root");
}

/* --- the configuration --------------------------------------------------- */

static const struct oat_doctor_rules private_rules = {
	.type = S_IFREG, .forbidden = 077, .mode = 0600, .no_link = true
};

/* What a message says behind the name of the file and its line. */
static const char *
after_path(const char *error)
{
	size_t length = strlen(OAT_PATH_CONFIG);

	if (strncmp(error, OAT_PATH_CONFIG, length) != 0)
		return error;
	error += length;
	error += strspn(error, ":0123456789");
	return error + strspn(error, " ");
}

/* Every key but this one has a value of its own when it is not written. */
static void
tell_fault(const char *error, unsigned line, void *context)
{
	struct oat_doctor *doctor = context;
	const char *why = after_path(error);
	char subject[OAT_FINDING_SUBJECT_MAX];

	(void)snprintf(subject, sizeof(subject),
	    line > 0 ? OAT_PATH_CONFIG ":%u" : OAT_PATH_CONFIG, line);
	oat_found(
	    &doctor->findings, OAT_LEVEL_FAILURE, "config", subject, "%s", why);
	if (line == 0 || strncmp(why, "database:", 9) == 0)
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "write the line as oat.conf(5) says");
	else
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "sed -i '%us/^/#/' " OAT_PATH_CONFIG, line);
}

static bool
read_config(struct oat_doctor *doctor)
{
	const struct oat_config_faults faults = { tell_fault, doctor };
	char error[OAT_CONFIG_ERROR_MAX] = "out of memory";
	char why[OAT_CONNINFO_ERROR_MAX] = "out of memory";
	struct oat_setup *setup = &doctor->setup;
	enum oat_status status;

	status =
	    oat_config_examine(OAT_PATH_CONFIG, &faults, &setup->config, error);
	if (status == OAT_INVALID)
		return false;
	if (status != OAT_OK) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "config",
		    OAT_PATH_CONFIG, "%s", after_path(error));
		return false;
	}
	status = oat_conninfo_parse(setup->config.database,
	    setup->config.password_file != NULL, &setup->conninfo, why);
	if (status == OAT_OK)
		return true;
	oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "config",
	    OAT_PATH_CONFIG, "%s", why);
	oat_fix(&doctor->findings, OAT_FIX_WORDS,
	    "write the line `database` as oat.conf(5) says");
	return false;
}

static bool
check_config(struct oat_doctor *doctor)
{
	static const struct oat_doctor_rules folder = {
		.type = S_IFDIR, .forbidden = 022, .mode = 0755, .no_link = true
	};
	struct stat st;

	if (lstat(OAT_PATH_CONFIG, &st) != 0 && errno == ENOENT) {
		refuse_missing(doctor, "config", OAT_PATH_CONFIG);
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "write it as oat.conf(5) says; chmod 0600 it");
		return false;
	}
	if (!oat_doctor_check_file(
		doctor, "config", OAT_SYSCONFDIR "/oat", &folder, NULL) ||
	    !oat_doctor_check_file(
		doctor, "config", OAT_PATH_CONFIG, &private_rules, NULL))
		return false;
	if (!doctor->root) {
		oat_doctor_needs_root(doctor, "config", OAT_PATH_CONFIG);
		return false;
	}
	if (!read_config(doctor))
		return false;
	oat_found(&doctor->findings, OAT_LEVEL_OK, "config", OAT_PATH_CONFIG,
	    "root's alone, understood, %zu server%s",
	    oat_conninfo_servers(doctor->setup.conninfo),
	    oat_conninfo_servers(doctor->setup.conninfo) == 1 ? "" : "s");
	return true;
}

/* --- what it names ------------------------------------------------------- */

static bool
check_password(struct oat_doctor *doctor)
{
	static const struct oat_doctor_rules rules = {
		.type = S_IFREG, .forbidden = 027, .mode = 0640, .no_link = true
	};
	const char *path = doctor->setup.config.password_file;
	char error[OAT_PASSWORD_ERROR_MAX];

	if (path == NULL)
		return true;
	if (!oat_doctor_check_file(doctor, "password", path, &rules, NULL)) {
		if (doctor->findings.last.fix_kind == OAT_FIX_NONE)
			oat_fix(&doctor->findings, OAT_FIX_WORDS,
			    "set a new one with oat.enroll_host(name, "
			    "password => ...) and write it there, "
			    "root:" OAT_SYSTEM_USER " 0640");
		return false;
	}
	if (oat_password_load(path, doctor->setup.password, error) != OAT_OK) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "password",
		    path, "%s", error);
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "write the role's password into it, as its one line");
		return false;
	}
	oat_found(&doctor->findings, OAT_LEVEL_OK, "password", path,
	    "root's, closed to others");
	return true;
}

/* Certificates are no secret: others may read, nobody may change them. */
static void
check_tls_files(struct oat_doctor *doctor)
{
	static const struct {
		const char *key;
		struct oat_doctor_rules rules;
	} files[] = {
		{ "sslrootcert", { .type = S_IFREG,
				     .forbidden = 022,
				     .mode = 0640,
				     .for_oat = true } },
		{ "sslcert", { .type = S_IFREG,
				 .forbidden = 022,
				 .mode = 0640,
				 .for_oat = true } },
		{ "sslkey", { .type = S_IFREG,
				.forbidden = 027,
				.mode = 0640,
				.for_oat = true } },
		{ "sslcrl", { .type = S_IFREG,
				.forbidden = 022,
				.mode = 0640,
				.for_oat = true } },
	};
	const char *path;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path = oat_conninfo_value(doctor->setup.conninfo, files[i].key);
		if (path == NULL || !oat_doctor_check_file(doctor, files[i].key,
					path, &files[i].rules, NULL))
			continue;
		oat_found(&doctor->findings, OAT_LEVEL_OK, files[i].key, path,
		    "root's, " OAT_SYSTEM_USER " may read it");
	}
}

/* --- the system user ----------------------------------------------------- */

/* Its shell lets nobody in. */
static bool
has_no_shell(void)
{
	struct passwd entry, *found;
	char buffer[4096];
	bool none = true;
	const char *name;
	FILE *file;

	file = fopen("/etc/passwd", "re");
	if (file == NULL)
		return true;
	while (fgetpwent_r(file, &entry, buffer, sizeof(buffer), &found) == 0)
		if (strcmp(found->pw_name, OAT_SYSTEM_USER) == 0) {
			name = strrchr(found->pw_shell, '/');
			name = name != NULL ? name + 1 : found->pw_shell;
			none = strcmp(name, "nologin") == 0 ||
			       strcmp(name, "false") == 0;
			break;
		}
	(void)fclose(file);
	return none;
}

/* A file of ours that _oat could change; false when there is none. */
static bool
find_owned(const struct oat_doctor *doctor, const char *folder, char *ret_path,
    size_t size)
{
	struct dirent *entry;
	bool found = false;
	struct stat st;
	DIR *dir;

	(void)snprintf(ret_path, size, "%s", folder);
	if (lstat(folder, &st) == 0 && st.st_uid == doctor->account.uid)
		return true;
	dir = opendir(folder);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		(void)snprintf(ret_path, size, "%s/%s", folder, entry->d_name);
		found = lstat(ret_path, &st) == 0 &&
			st.st_uid == doctor->account.uid;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

static bool
owns_nothing(struct oat_doctor *doctor)
{
	static const char *const folders[] = { OAT_SYSCONFDIR "/oat",
		OAT_PATH_STATE, OAT_PATH_SPOOL, OAT_PATH_RUN, OAT_LIBDIR "/oat",
		OAT_PATH_PROGRAM, OAT_PATH_PAM_MODULE, OAT_PATH_NSS_MODULE };
	char path[512], word[OAT_FINDING_FIX_MAX];
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (!find_owned(doctor, folders[i], path, sizeof(path)))
			continue;
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "user", path,
		    "owned by " OAT_SYSTEM_USER ", which must own nothing: "
		    "it speaks to the network");
		if (oat_fix_quote(word, sizeof(word), path)[0] != '\0')
			oat_fix(&doctor->findings, OAT_FIX_SHELL,
			    "chown root %s", word);
		return false;
	}
	return true;
}

/* It must be there, and no part of root. */
static bool
find_user(struct oat_doctor *doctor)
{
	enum oat_status status;

	status = oat_account_find(OAT_SYSTEM_USER, &doctor->account);
	doctor->has_account = status == OAT_OK;
	if (status == OAT_NOTFOUND) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "user",
		    OAT_SYSTEM_USER, "no such user in /etc/passwd");
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "useradd --system --user-group --no-create-home "
		    "--home-dir / --shell /usr/sbin/nologin " OAT_SYSTEM_USER);
	} else if (status != OAT_OK) {
		oat_found(&doctor->findings, OAT_LEVEL_FAILURE, "user",
		    OAT_SYSTEM_USER, "%s",
		    status == OAT_INVALID ? "has uid or gid 0"
					  : oat_status_text(status));
		oat_fix(&doctor->findings, OAT_FIX_WORDS,
		    "give it numbers of its own in /etc/passwd");
	}
	return doctor->has_account;
}

static void
check_user(struct oat_doctor *doctor)
{
	if (!find_user(doctor))
		return;
	if (!has_no_shell()) {
		oat_found(&doctor->findings, OAT_LEVEL_WARNING, "user",
		    OAT_SYSTEM_USER, "has a shell");
		oat_fix(&doctor->findings, OAT_FIX_SHELL,
		    "usermod --shell /usr/sbin/nologin " OAT_SYSTEM_USER);
	} else if (owns_nothing(doctor)) {
		oat_found(&doctor->findings, OAT_LEVEL_OK, "user",
		    OAT_SYSTEM_USER, "uid %u, no shell, owns no file of oat",
		    doctor->account.uid);
	}
}

void
oat_doctor_files(struct oat_doctor *doctor)
{
	check_user(doctor);
	if (!check_config(doctor))
		return;
	check_tls_files(doctor);
	doctor->configured = check_password(doctor) && doctor->has_account;
}
