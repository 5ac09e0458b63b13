/* SPDX-License-Identifier: MIT */
/* Groups by name and number: those of the snapshot, and each token's own. */
#include <errno.h>

#include "answer.h"
#include "common/name.h"
#include "find.h"
#include "nss_oat.h"
#include "pack.h"
#include "source.h"

static enum oat_status
pack(enum oat_status status, const struct oat_nss_found *found,
    struct group *ret_group, char *buffer, size_t size)
{
	if (status != OAT_OK)
		return status;
	return oat_nss_pack_group(&found->record, ret_group, buffer, size);
}

enum nss_status
_nss_oat_getgrnam_r(const char *name, struct group *ret_group, char *buffer,
    size_t size, int *errnop)
{
	struct oat_nss_found found;
	enum oat_status status;
	int saved = errno;

	if (!oat_name_is_group(name))
		return oat_nss_not_ours(errnop);
	status = oat_nss_find_name(&oat_nss_source, name, &found);
	status = pack(status, &found, ret_group, buffer, size);
	return oat_nss_answer(status, saved, errnop);
}

enum nss_status
_nss_oat_getgrgid_r(
    gid_t gid, struct group *ret_group, char *buffer, size_t size, int *errnop)
{
	struct oat_nss_found found;
	enum oat_status status;
	int saved = errno;

	if (!oat_id_is_ours(gid))
		return oat_nss_not_ours(errnop);
	status = oat_nss_find_id(&oat_nss_source, gid, &found);
	status = pack(status, &found, ret_group, buffer, size);
	return oat_nss_answer(status, saved, errnop);
}
