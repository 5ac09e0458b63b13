/* SPDX-License-Identifier: MIT */
#include "delivery.h"

#include "courier.h"
#include "spool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct delivery {
	const char *folder;
	struct oat_child *courier;
	struct oat_deadline deadline;
	struct oat_spool spool;
	size_t alone; /* so many events are sent in batches of one */
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
refused(struct delivery *delivery, const struct oat_batch *batch, size_t first)
{
	enum oat_status status;

	if (batch->count > 1) {
		delivery->spool.next = first;
		delivery->alone = batch->count;
		return OAT_OK;
	}
	status = oat_spool_put_aside(&delivery->spool, batch);
	if (status != OAT_OK)
		return fail(delivery, status);
	delivery->aside++;
	return OAT_OK;
}

/* Send the batch that was read from the spool's entry `first` on. */
static enum oat_status
send_batch(
    struct delivery *delivery, const struct oat_batch *batch, size_t first)
{
	char error[OAT_DATABASE_ERROR_MAX];
	enum oat_status status;
	uint32_t count;

	if (delivery->alone > 0)
		delivery->alone--;
	status = oat_courier_record(delivery->courier, batch->events,
	    delivery->deadline, &count, error);
	if (status == OAT_INVALID)
		return refused(delivery, batch, first);
	if (status != OAT_OK) {
		(void)snprintf(
		    delivery->error, OAT_DELIVERY_ERROR_MAX, "%s", error);
		return status;
	}
	status = oat_spool_remove(&delivery->spool, batch);
	return status == OAT_OK ? OAT_OK : fail(delivery, status);
}

/* OAT_NOTFOUND when all that was there on opening has been sent. */
static enum oat_status
send_next(struct delivery *delivery)
{
	size_t first = delivery->spool.next, aside = 0;
	struct oat_batch batch;
	enum oat_status status;

	status = oat_spool_read(&delivery->spool,
	    delivery->alone > 0 ? 1 : OAT_SPOOL_BATCH_MAX,
	    OAT_COURIER_EVENTS_MAX, &batch, &aside);
	delivery->aside += aside;
	if (status == OAT_NOTFOUND)
		return status;
	if (status != OAT_OK)
		return fail(delivery, status);
	status = send_batch(delivery, &batch, first);
	oat_batch_free(&batch);
	return status;
}

/*
 * Once over what is there; *ret_sent tells whether that was anything. The
 * names are read but once: with ten thousand, a hundred times would cost more
 * than the sending.
 */
static enum oat_status
send_listed(struct delivery *delivery, bool *ret_sent)
{
	enum oat_status status;

	if (oat_spool_open(delivery->folder, &delivery->spool) != OAT_OK)
		return fail(delivery, OAT_SYSTEM);
	*ret_sent = false;
	while ((status = send_next(delivery)) == OAT_OK)
		*ret_sent = true;
	oat_spool_close(&delivery->spool);
	return status == OAT_NOTFOUND ? OAT_OK : status;
}

enum oat_status
oat_delivery_run(const char *folder, struct oat_child *courier,
    struct oat_deadline deadline, size_t *ret_aside, char *ret_error)
{
	struct delivery delivery = { .folder = folder,
		.courier = courier,
		.deadline = deadline,
		.error = ret_error };
	enum oat_status status;
	bool sent = true;

	/* Events may have come while others were sent. */
	do {
		status = send_listed(&delivery, &sent);
	} while (status == OAT_OK && sent);
	*ret_aside = delivery.aside;
	return status;
}
