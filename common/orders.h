/* SPDX-License-Identifier: MIT */
/*
 * The first message that root sends a courier of systemd's: by which options
 * and passwords it asks. Both are of one build; after an upgrade a courier may
 * hear from the program before it, which is why the version comes first.
 */
#ifndef OAT_ORDERS_H
#define OAT_ORDERS_H

#include "courier.h"
#include "deadline.h"
#include "setup.h"
#include "status.h"
#include "wire.h"

#define OAT_ORDERS_ERROR_MAX OAT_CONNINFO_ERROR_MAX

/* As oat_wire_send(). */
enum oat_status oat_orders_send(
    int fd, const struct oat_orders *orders, struct oat_deadline deadline);

/*
 * What such a message says, checked as the host's own configuration is: the
 * options as read and parsed, and the passwords. OAT_OK; OAT_NOMEM; or
 * OAT_INVALID, OAT_RANGE and what oat_conninfo_parse() answers, and ret_error
 * (OAT_ORDERS_ERROR_MAX bytes) says why. The setup, zero-initialised, is freed
 * by the caller in every case.
 */
enum oat_status oat_orders_read(
    struct oat_wire *in, struct oat_setup *ret_setup, char *ret_error);

#endif
