/* SPDX-License-Identifier: MIT */
#include "setup.h"

#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void
say(char *ret_error, const char *text)
{
	(void)snprintf(ret_error, OAT_SETUP_ERROR_MAX, "%s", text);
}

enum oat_status
oat_setup_load_password(struct oat_setup *setup, char *ret_error)
{
	char error[OAT_PASSWORD_ERROR_MAX];
	enum oat_status status;

	if (setup->config.password_file == NULL)
		return OAT_OK;
	status = oat_password_load_both(setup->config.password_file,
	    setup->password, setup->next_password, error);
	if (status != OAT_OK)
		say(ret_error, error);
	return status;
}

static enum oat_status
load_conninfo(const char *path, struct oat_setup *setup, char *ret_error)
{
	char error[OAT_CONNINFO_ERROR_MAX] = "out of memory";
	enum oat_status status;

	status = oat_conninfo_parse(setup->config.database,
	    setup->config.password_file != NULL, &setup->conninfo, error);
	if (status != OAT_OK)
		(void)snprintf(
		    ret_error, OAT_SETUP_ERROR_MAX, "%s: %s", path, error);
	return status;
}

enum oat_status
oat_setup_load_options(
    const char *path, struct oat_setup *ret_setup, char *ret_error)
{
	char error[OAT_CONFIG_ERROR_MAX] = "out of memory";
	enum oat_status status;

	status = oat_config_load(path, &ret_setup->config, error);
	if (status != OAT_OK) {
		say(ret_error, error);
		return status;
	}
	return load_conninfo(path, ret_setup, ret_error);
}

enum oat_status
oat_setup_load(const char *path, struct oat_setup *ret_setup, char *ret_error)
{
	enum oat_status status;

	status = oat_setup_load_options(path, ret_setup, ret_error);
	if (status == OAT_OK)
		status = oat_setup_load_password(ret_setup, ret_error);
	return status;
}

static const char *
text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

struct oat_orders
oat_setup_orders(const struct oat_setup *setup)
{
	return (struct oat_orders){
		.conninfo = setup->conninfo,
		.database = setup->config.database,
		.password = text_or_null(setup->password),
		.next_password = text_or_null(setup->next_password),
	};
}

void
oat_setup_forget_password(struct oat_setup *setup)
{
	explicit_bzero(setup->password, sizeof(setup->password));
	explicit_bzero(setup->next_password, sizeof(setup->next_password));
}

void
oat_setup_free(struct oat_setup *setup)
{
	oat_setup_forget_password(setup);
	oat_conninfo_free(setup->conninfo);
	setup->conninfo = NULL;
	oat_config_free(&setup->config);
}

enum oat_status
oat_setup_account(struct oat_account *ret_account, char *ret_error)
{
	switch (oat_account_find(OAT_SYSTEM_USER, ret_account)) {
	case OAT_OK:
		return OAT_OK;
	case OAT_NOTFOUND:
		say(ret_error,
		    "system user " OAT_SYSTEM_USER " does not exist; run "
		    "systemd-sysusers, or: useradd --system --user-group "
		    "--home-dir /nonexistent --shell "
		    "/usr/sbin/nologin " OAT_SYSTEM_USER);
		return OAT_UNAVAILABLE;
	case OAT_INVALID:
		say(ret_error,
		    "system user " OAT_SYSTEM_USER " has uid or gid 0; give it "
		    "numbers of its own");
		return OAT_UNAVAILABLE;
	case OAT_NOMEM:
	case OAT_RANGE:
	case OAT_TIMEOUT:
	case OAT_UNAVAILABLE:
	case OAT_SYSTEM:
		break;
	}
	(void)snprintf(
	    ret_error, OAT_SETUP_ERROR_MAX, "/etc/passwd: %s", strerror(errno));
	return OAT_UNAVAILABLE;
}
