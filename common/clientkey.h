/* SPDX-License-Identifier: MIT */
/*
 * A key for this host's client certificate, and the request for an authority to
 * sign. openssl(1) makes both: a program of its own, run with fixed arguments,
 * is less to trust and to maintain than a library in ours.
 */
#ifndef OAT_CLIENTKEY_H
#define OAT_CLIENTKEY_H

#include <stdbool.h>
#include <sys/types.h>

#include "status.h"

#define OAT_CLIENTKEY_ERROR_MAX 400 /* bytes of an error text */

/*
 * Make sure that there is a private key at `key_path` (EC, P-256): one that is
 * there stays. A new one belongs to this process's user and `gid`, mode 0640;
 * it is nowhere else on disk.
 * OAT_OK, and whether it was made; OAT_UNAVAILABLE, and ret_error says why.
 */
enum oat_status oat_clientkey_make(
    const char *key_path, gid_t gid, bool *ret_made, char *ret_error);

/*
 * Write a request for `role`, its common name, to `request_path`, mode 0644.
 * OAT_OK; OAT_UNAVAILABLE, and ret_error says why.
 */
enum oat_status oat_clientkey_request(const char *key_path, const char *role,
    const char *request_path, char *ret_error);

#endif
