/* SPDX-License-Identifier: MIT */
/*
 * What the program needs before it can ask the database: configuration, the
 * system user, the connection options, the password. Read as root, checked,
 * and each failure told in one line that names the way out.
 */
#ifndef OAT_SETUP_H
#define OAT_SETUP_H

#include "child.h"
#include "config.h"
#include "conninfo.h"
#include "courier.h"
#include "password.h"
#include "status.h"

#define OAT_SETUP_ERROR_MAX 600 /* bytes of an error text, NUL included */

/* Zero-initialise; everything is owned and wiped by oat_setup_free(). */
struct oat_setup {
	struct oat_config config;
	struct oat_conninfo *conninfo;
	char password[OAT_PASSWORD_MAX];      /* "" for none */
	char next_password[OAT_PASSWORD_MAX]; /* "" for none; password.h */
};

/*
 * Read everything. OAT_OK; OAT_NOMEM; OAT_INVALID or OAT_UNAVAILABLE, and
 * ret_error (OAT_SETUP_ERROR_MAX bytes) says what, where and how to mend it.
 * The struct is freed by the caller in every case.
 */
enum oat_status
oat_setup_load(const char *path, struct oat_setup *ret_setup, char *ret_error);

/*
 * The same in two parts, for who starts a child between them that must not have
 * the password: all but that; that, to be given what the first one read.
 */
enum oat_status oat_setup_load_options(
    const char *path, struct oat_setup *ret_setup, char *ret_error);
enum oat_status
oat_setup_load_password(struct oat_setup *setup, char *ret_error);

/* What the courier is sent off with; the setup keeps what it names. */
struct oat_orders oat_setup_orders(const struct oat_setup *setup);

/* Wipe the passwords alone: the child that needs them has its copy. */
void oat_setup_forget_password(struct oat_setup *setup);

void oat_setup_free(struct oat_setup *setup);

/*
 * The system user OAT_SYSTEM_USER. OAT_OK; OAT_UNAVAILABLE with ret_error as
 * above.
 */
enum oat_status
oat_setup_account(struct oat_account *ret_account, char *ret_error);

#endif
