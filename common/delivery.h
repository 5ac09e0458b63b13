/* SPDX-License-Identifier: MIT */
/* Sending the spool: events leave it when the database has them, not before. */
#ifndef OAT_DELIVERY_H
#define OAT_DELIVERY_H

#include "child.h"
#include "deadline.h"
#include "status.h"

/* Bytes of an error text, NUL included. */
#define OAT_DELIVERY_ERROR_MAX 600

/*
 * Send everything in the folder, oldest first. One event that the database can
 * never take does not hold back the others: it is put aside, as are files that
 * are no events; *ret_aside says how many, in every case.
 * OAT_OK; otherwise what is left stays, and ret_error (OAT_DELIVERY_ERROR_MAX
 * bytes) says why: OAT_NOMEM; OAT_TIMEOUT; OAT_UNAVAILABLE; OAT_SYSTEM.
 */
enum oat_status oat_delivery_run(const char *folder, struct oat_child *courier,
    struct oat_deadline deadline, size_t *ret_aside, char *ret_error);

#endif
