/* SPDX-License-Identifier: MIT */
/*
 * How long certificates last, and why one is not believed. certificate.c alone
 * knows OpenSSL; it runs in the unprivileged network child.
 */
#ifndef OAT_CERTIFICATE_H
#define OAT_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

/*
 * When the certificates of a PEM file end, in epoch seconds: the latest, since
 * a file of authorities may hold one that has been replaced.
 * OAT_OK; OAT_INVALID when there is no certificate in it; OAT_SYSTEM with
 * errno when it cannot be opened.
 */
enum oat_status oat_certificate_file_end(const char *path, int64_t *ret_end);

/*
 * The certificate at the other end of a connection (OpenSSL's SSL object):
 * when it ends, 0 when there is none, and in ret_why of `size` bytes why the
 * authorities of a PEM file do not vouch for it, "" when they do. `crl` is a
 * file of revocation lists, or NULL. The host name is not looked at.
 */
void oat_certificate_of_peer(void *tls, const char *authorities,
    const char *crl, int64_t *ret_end, char *ret_why, size_t size);

#endif
