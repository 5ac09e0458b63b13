/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - the password is in its file and in no output; the statement has its SCRAM
 *     verifier
 *   - run again it changes nothing, and its statement is as good as the first:
 *     a password or key that is there stays
 *   - a configuration that names a database is never rewritten, and one that is
 *     written was found acceptable first
 *   - the files are there before the statement that needs them is printed
 */
#include "enroll.h"

#include "clientkey.h"
#include "enroll_options.h"
#include "hostkeys.h"
#include "lock.h"
#include "paths.h"
#include "replace.h"
#include "report.h"
#include "rootfile.h"
#include "scram.h"
#include "setup.h"
#include "value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <unistd.h>

#define CONFIG_MAX 65536 /* bytes of what is there; config.c's own bound */

enum exit_code { DONE = 0, FAILED = 1 };

struct enrollment {
	struct oat_enroll_options options;
	struct oat_account account;
	char *text; /* of the configuration; owned */
	size_t size;
	bool is_new; /* the text is to be written */
	struct oat_config config;
	struct oat_conninfo *conninfo; /* owned */
	char verifier[OAT_SCRAM_MAX];  /* "" for none */
};

__attribute__((format(printf, 1, 2))) static bool
fail(const char *format, ...)
{
	char line[OAT_SETUP_ERROR_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	oat_report(LOG_ERR, "enroll", "%s", line);
	return false;
}

static void
tell(const char *what, const char *path)
{
	fprintf(stderr, "oat enroll: %s %s\n", what, path);
}

/* --- the configuration --------------------------------------------------- */

/* What is there, "" when nothing is. */
static bool
read_config(struct enrollment *e)
{
	char error[OAT_CONFIG_ERROR_MAX];

	if (access(OAT_PATH_CONFIG, F_OK) == -1 && errno == ENOENT) {
		e->text = calloc(1, 1);
		return e->text != NULL || fail("out of memory");
	}
	if (oat_rootfile_read(OAT_PATH_CONFIG, CONFIG_MAX, &e->text, &e->size,
		error, sizeof(error)) == OAT_OK)
		return true;
	return fail("%s", error);
}

/* The value of `database` that --database asks for; to be freed, or NULL. */
static char *
make_database(const struct enrollment *e)
{
	const char *folder = OAT_SYSCONFDIR "/oat",
		   *given = e->options.database;
	char *text = NULL;
	int length;

	if (e->options.certificate)
		length = asprintf(&text,
		    "%s user=%s sslcert=%s/%s.pem sslkey=%s/%s.key", given,
		    e->options.role, folder, e->options.name, folder,
		    e->options.name);
	else
		length = asprintf(&text, "%s user=%s", given, e->options.role);
	return length >= 0 ? text : NULL;
}

/* Lines that name it, behind what is there. */
static bool
add_lines(struct enrollment *e, const char *database)
{
	char *text = NULL;
	int length;

	length = asprintf(&text,
	    "%.*s%s# oat.conf(5), by oat enroll\ndatabase = %s\n%s",
	    (int)e->size, e->text, e->size > 0 ? "\n" : "", database,
	    e->options.certificate ? ""
				   : "password_file = " OAT_PATH_PASSWORD "\n");
	if (length < 0)
		return fail("out of memory");
	oat_rootfile_free(e->text, e->size);
	e->text = text;
	e->size = (size_t)length;
	e->is_new = true;
	return true;
}

/* The text as a configuration, with a database. */
static bool
parse_config(struct enrollment *e, char *ret_error)
{
	oat_config_free(&e->config);
	return oat_config_parse(OAT_PATH_CONFIG, e->text, e->size, &e->config,
		   ret_error) == OAT_OK;
}

/* It may be the same command again; another database is for people. */
static bool
agree(struct enrollment *e)
{
	char error[OAT_CONFIG_ERROR_MAX] = "out of memory";
	char *database = make_database(e);
	bool done;

	if (database == NULL)
		return fail("out of memory");
	if (parse_config(e, error))
		done = strcmp(e->config.database, database) == 0 ||
		       fail(OAT_PATH_CONFIG ": names a database already; edit "
					    "it, or leave out --database");
	else
		done = add_lines(e, database) &&
		       (parse_config(e, error) || fail("%s", error));
	free(database);
	return done;
}

/* Is it a way to the database, and this host's? */
static bool
check_config(struct enrollment *e)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "out of memory";

	if (oat_conninfo_parse(e->config.database,
		e->config.password_file != NULL, &e->conninfo, error) != OAT_OK)
		return fail("%s%s", error,
		    e->is_new ? "; user, sslcert and sslkey are added here"
			      : "");
	if (strcmp(oat_conninfo_user(e->conninfo), e->options.role) != 0)
		return fail(OAT_PATH_CONFIG
		    ": database: user is %s, and host "
		    "%s has the role %s; correct it, or --name",
		    oat_conninfo_user(e->conninfo), e->options.name,
		    e->options.role);
	return true;
}

static bool
load_config(struct enrollment *e)
{
	char error[OAT_CONFIG_ERROR_MAX] = "out of memory";

	if (e->options.database != NULL &&
	    strpbrk(e->options.database, "\n\r#") != NULL)
		return fail("--database: one line, without #");
	if (!read_config(e))
		return false;
	if (e->options.database == NULL && !parse_config(e, error))
		return fail("%s; or give it with --database", error);
	return (e->options.database == NULL || agree(e)) && check_config(e);
}

/* After the secrets: a host that has it has all that it names. */
static bool
write_config(const struct enrollment *e)
{
	if (!e->is_new)
		return true;
	if (oat_replace_file(OAT_PATH_CONFIG, e->text, e->size, 0, 0600) !=
	    OAT_OK)
		return fail(OAT_PATH_CONFIG ": %s", strerror(errno));
	tell("wrote", OAT_PATH_CONFIG);
	return true;
}

/* --- how the host proves who it is --------------------------------------- */

/* The password that is there, or a new one that now is. */
static bool
have_password(const struct enrollment *e, char password[OAT_PASSWORD_MAX])
{
	const char *path = e->config.password_file;
	char error[OAT_PASSWORD_ERROR_MAX];

	if (access(path, F_OK) == 0 || errno != ENOENT)
		return oat_password_load(path, password, error) == OAT_OK ||
		       fail("%s", error);
	if (oat_password_make(password) != OAT_OK ||
	    oat_password_store(path, password, e->account.gid) != OAT_OK)
		return fail("%s: %s", path, strerror(errno));
	tell("wrote", path);
	return true;
}

static bool
prepare_password(struct enrollment *e)
{
	char password[OAT_PASSWORD_MAX] = "";
	bool done;

	done = have_password(e, password);
	if (done && oat_scram_verifier(password, e->verifier) != OAT_OK)
		done = fail("%s: not a password of ASCII characters; remove "
			    "it, and run this again for a new one",
		    e->config.password_file);
	explicit_bzero(password, sizeof(password));
	return done;
}

/* Beside the certificate to come: its name, with .csr for its ending. */
static bool
prepare_certificate(const struct enrollment *e)
{
	const char *key = oat_conninfo_value(e->conninfo, "sslkey");
	const char *certificate = oat_conninfo_value(e->conninfo, "sslcert");
	char request[OAT_VALUE_PATH_MAX + 8], error[OAT_CLIENTKEY_ERROR_MAX];
	const char *ending = strrchr(certificate, '.');
	size_t stem = strlen(certificate);
	bool made;

	if (ending != NULL && strchr(ending, '/') == NULL)
		stem = (size_t)(ending - certificate);
	(void)snprintf(request, sizeof(request), "%.*s.csr",
	    (int)(stem < OAT_VALUE_PATH_MAX ? stem : OAT_VALUE_PATH_MAX),
	    certificate);
	if (oat_clientkey_make(key, e->account.gid, &made, error) != OAT_OK ||
	    oat_clientkey_request(key, e->options.role, request, error) !=
		OAT_OK)
		return fail("%s", error);
	if (made)
		tell("wrote", key);
	tell("wrote", request);
	if (access(certificate, F_OK) == -1)
		tell("have that signed, for root:_oat 0640 at", certificate);
	return true;
}

/*
 * Without it nothing can be asked. It is public, and comes from where the
 * statement goes.
 */
static void
tell_of_authority(const struct enrollment *e)
{
	const char *authority = oat_conninfo_value(e->conninfo, "sslrootcert");

	if (authority != NULL && access(authority, F_OK) == -1 &&
	    errno == ENOENT)
		tell("put the certificate of the database's authority, for "
		     "root:_oat 0640, at",
		    authority);
}

static bool
prepare_proof(struct enrollment *e)
{
	char error[OAT_SETUP_ERROR_MAX];

	if (oat_setup_account(&e->account, error) != OAT_OK)
		return fail("%s", error);
	if (oat_conninfo_value(e->conninfo, "sslkey") != NULL)
		return prepare_certificate(e);
	return e->config.password_file == NULL || prepare_password(e);
}

/* --- the statement ------------------------------------------------------- */

/* Every value was found to need no quoting beyond these marks. */
static void
write_statement(const struct enrollment *e, const char *keys, FILE *out)
{
	fprintf(out, "select oat.enroll_host('%s'", e->options.name);
	if (e->options.labels[0] != '\0')
		fprintf(out, ",\n    labels => '{%s}'", e->options.labels);
	if (e->verifier[0] != '\0')
		fprintf(out, ",\n    password => '%s'", e->verifier);
	if (keys[0] != '\0')
		fprintf(out, ",\n    ssh_host_keys => '{%s}'", keys);
	fprintf(out, ");\n");
}

static bool
print_statement(const struct enrollment *e)
{
	size_t size = 0, count = 0;
	char *keys = NULL;
	FILE *out;
	bool done;

	out = open_memstream(&keys, &size);
	if (out != NULL)
		count = oat_hostkeys_write(OAT_HOSTKEYS_PATTERN, out);
	if (out == NULL || fclose(out) != 0) {
		free(keys);
		return fail("out of memory");
	}
	if (count == 0)
		tell("no keys like", OAT_HOSTKEYS_PATTERN);
	write_statement(e, keys, stdout);
	done = fflush(stdout) == 0 && ferror(stdout) == 0;
	free(keys);
	return done || fail("standard output: %s; run this again for the "
			    "statement",
			   strerror(errno));
}

static bool
enroll(struct enrollment *e)
{
	if (!load_config(e) || !prepare_proof(e) || !write_config(e))
		return false;
	tell_of_authority(e);
	return print_statement(e);
}

/* Two at once would each print what the other one has replaced. */
static bool
run_locked(struct enrollment *e)
{
	enum oat_status status;
	int lock = -1;
	bool done;

	status = oat_lock_take(
	    OAT_PATH_RUN, "password.lock", oat_deadline_in_ms(0), &lock);
	if (status != OAT_OK)
		return fail(OAT_PATH_RUN "/password.lock: %s",
		    status == OAT_TIMEOUT
			? "the host's password is being made or changed; "
			  "run this again"
			: strerror(errno));
	done = enroll(e);
	(void)close(lock);
	return done;
}

int
oat_enroll_main(int argc, char *argv[])
{
	struct enrollment e = { .options = { .labels = "" } };
	bool done;
	int code;

	code = oat_enroll_options(argc, argv, &e.options);
	if (code != DONE)
		return code;
	if (geteuid() != 0) {
		(void)fail("run it as root");
		return FAILED;
	}
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	done = run_locked(&e);
	oat_conninfo_free(e.conninfo);
	oat_config_free(&e.config);
	oat_rootfile_free(e.text, e.size);
	return done ? DONE : FAILED;
}
