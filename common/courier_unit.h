/* SPDX-License-Identifier: MIT */
/*
 * The courier as a program of its own, which systemd starts for each connection
 * to a socket that root alone may open: then a sync has neither a network nor,
 * for that, another user to become. Elsewhere it is forked (courier.h), and a
 * login's always is.
 *
 * The orders are the first message; what follows is the same dialogue.
 */
#ifndef OAT_COURIER_UNIT_H
#define OAT_COURIER_UNIT_H

#include "courier.h"

/*
 * Connect to the courier that listens at `path`, and give it its orders, by the
 * deadline. OAT_OK, ended with oat_child_end(), which hangs up;
 * OAT_UNAVAILABLE, and ret_error (OAT_DATABASE_ERROR_MAX bytes) says in one
 * printable line what is wrong and how to mend it: nobody listens, or one does
 * who is not root, and gets no password.
 */
enum oat_status
oat_courier_call(const char *path, const struct oat_orders *orders,
    struct oat_deadline deadline, struct oat_child *ret_child, char *ret_error);

/*
 * `oat courier`: serve the connection that is standard input until the other
 * side, which must be root, hangs up; that ends it at once, whatever it does.
 */
int oat_courier_main(int argc, char *argv[]);

#endif
