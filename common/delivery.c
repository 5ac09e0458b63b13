/* SPDX-License-Identifier: MIT */
#include "delivery.h"

#include "courier.h"
#include "spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct delivery {
	const char *folder;
	struct oat_child *courier;
	struct oat_deadline deadline;
	size_t batch_max; /* 1 while looking for the event that is refused */
	size_t aside;
	char *error;
};

static enum oat_status
fail(const struct delivery *delivery, enum oat_status status)
{
	(void)snprintf(delivery->error, OAT_DELIVERY_ERROR_MAX, "%.200s: %s",
	    delivery->folder,
	    status == OAT_SYSTEM ? strerror(errno) : oat_status_text(status));
	return status;
}

/*
 * The database can take nothing of a batch in which one event is unreadable to
 * it: send them one by one, and put aside the one that is refused alone.
 */
static enum oat_status
refused(struct delivery *delivery, const struct oat_batch *batch)
{
	enum oat_status status;

	if (batch->count > 1) {
		delivery->batch_max = 1;
		return OAT_OK;
	}
	status = oat_spool_put_aside(delivery->folder, batch);
	if (status != OAT_OK)
		return fail(delivery, status);
	delivery->aside++;
	return OAT_OK;
}

static enum oat_status
send_batch(struct delivery *delivery, const struct oat_batch *batch)
{
	char error[OAT_DATABASE_ERROR_MAX];
	enum oat_status status;
	uint32_t count;

	status = oat_courier_record(delivery->courier, batch->events,
	    delivery->deadline, &count, error);
	if (status == OAT_INVALID)
		return refused(delivery, batch);
	if (status != OAT_OK) {
		(void)snprintf(
		    delivery->error, OAT_DELIVERY_ERROR_MAX, "%s", error);
		return status;
	}
	status = oat_spool_remove(delivery->folder, batch);
	return status == OAT_OK ? OAT_OK : fail(delivery, status);
}

static enum oat_status
send_all(struct delivery *delivery)
{
	struct oat_batch batch;
	enum oat_status status;
	size_t aside = 0;

	for (;;) {
		status = oat_spool_read(delivery->folder, delivery->batch_max,
		    OAT_COURIER_EVENTS_MAX, &batch, &aside);
		delivery->aside += aside;
		if (status == OAT_NOTFOUND)
			return OAT_OK;
		if (status != OAT_OK)
			return fail(delivery, status);
		status = send_batch(delivery, &batch);
		oat_batch_free(&batch);
		if (status != OAT_OK)
			return status;
	}
}

enum oat_status
oat_delivery_run(const char *folder, struct oat_child *courier,
    struct oat_deadline deadline, size_t *ret_aside, char *ret_error)
{
	struct delivery delivery = { folder, courier, deadline,
		OAT_SPOOL_BATCH_MAX, 0, ret_error };
	enum oat_status status;

	status = send_all(&delivery);
	*ret_aside = delivery.aside;
	return status;
}
