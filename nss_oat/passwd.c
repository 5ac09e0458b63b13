/* SPDX-License-Identifier: MIT */
/* Users by name and number. A name or number that is not ours costs nothing. */
#include <errno.h>

#include "answer.h"
#include "common/mark.h"
#include "common/name.h"
#include "find.h"
#include "nss_oat.h"
#include "pack.h"
#include "source.h"

OAT_MARK;

static enum oat_status
pack(enum oat_status status, const struct oat_nss_found *found,
    struct passwd *ret_passwd, char *buffer, size_t size)
{
	if (status != OAT_OK)
		return status;
	if (found->record.kind != OAT_RECORD_IDENTITY)
		return OAT_NOTFOUND;
	return oat_nss_pack_passwd(found, ret_passwd, buffer, size);
}

enum nss_status
_nss_oat_getpwnam_r(const char *name, struct passwd *ret_passwd, char *buffer,
    size_t size, int *errnop)
{
	struct oat_nss_found found;
	enum oat_status status;
	int saved = errno;

	if (!oat_name_is_login(name))
		return oat_nss_not_ours(errnop);
	status = oat_nss_find_name(&oat_nss_source, name, &found);
	status = pack(status, &found, ret_passwd, buffer, size);
	return oat_nss_answer(status, saved, errnop);
}

enum nss_status
_nss_oat_getpwuid_r(uid_t uid, struct passwd *ret_passwd, char *buffer,
    size_t size, int *errnop)
{
	struct oat_nss_found found;
	enum oat_status status;
	int saved = errno;

	if (!oat_id_is_ours(uid))
		return oat_nss_not_ours(errnop);
	status = oat_nss_find_id(&oat_nss_source, uid, &found);
	status = pack(status, &found, ret_passwd, buffer, size);
	return oat_nss_answer(status, saved, errnop);
}
