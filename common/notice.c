/* SPDX-License-Identifier: MIT */
#include "notice.h"

#include "expiry.h"
#include "name.h"
#include "snapshot.h"

#include <stdio.h>

/* When its access ends here; OAT_NEVER when that is not known, either. */
static int64_t
end_of(const char *path, const char *login)
{
	struct oat_snapshot snapshot;
	struct oat_record record;
	enum oat_status status;

	if (oat_snapshot_open(path, &snapshot, NULL) != OAT_OK)
		return OAT_NEVER;
	status = oat_snapshot_find_name(&snapshot, login, &record);
	oat_snapshot_close(&snapshot);
	if (status != OAT_OK || record.kind != OAT_RECORD_IDENTITY)
		return OAT_NEVER;
	return record.expires_at;
}

char *
oat_notice_expiry(char dst[OAT_NOTICE_MAX], const char *snapshot,
    const char *login, int64_t now, uint32_t within_s)
{
	char date[OAT_EXPIRY_TEXT_MAX], distance[OAT_EXPIRY_TEXT_MAX];
	struct oat_name_parts parts;
	int64_t end;

	dst[0] = '\0';
	if (within_s == 0 || !oat_name_split(login, &parts))
		return dst;
	end = end_of(snapshot, login);
	/* Policy let them in: what has ended is the snapshot's news of it. */
	if (end <= now || !oat_expiry_is_due(end, now, within_s))
		return dst;
	(void)snprintf(dst, OAT_NOTICE_MAX, "oat: %s/%s expires %s, %s",
	    parts.organization, parts.token, oat_expiry_date(date, end),
	    oat_expiry_distance(distance, end, now));
	return dst;
}
