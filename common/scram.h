/* SPDX-License-Identifier: MIT */
/*
 * What PostgreSQL keeps of a password: the verifier of SCRAM-SHA-256 (RFC 5802,
 * RFC 7677), in the form that ALTER ROLE ... PASSWORD takes as it is. Made on
 * the host, so that its password never leaves it: not in a statement, and not
 * in a server's log of statements.
 *
 * libpq has PQencryptPasswordConn() for this, which wants an open connection;
 * a host that is being enrolled has none, and root loads no libpq. So the forty
 * lines of the RFC are here.
 */
#ifndef OAT_SCRAM_H
#define OAT_SCRAM_H

#include <stdint.h>

#include "status.h"

#define OAT_SCRAM_SALT 16 /* bytes, as PostgreSQL */

/*
 * Iterations make guessing a password harder, at the client's cost, for each
 * connection: PostgreSQL's number for one that somebody chose. Nobody guesses
 * 190 random bits, so one that oat_password_make() made needs but one, the
 * least that PostgreSQL takes; thousands would cost a login milliseconds.
 */
#define OAT_SCRAM_ITERATIONS 4096
#define OAT_SCRAM_ITERATIONS_RANDOM 1
#define OAT_SCRAM_ITERATIONS_MAX 9999

/* Bytes of a verifier, NUL included. */
#define OAT_SCRAM_MAX 134

/*
 * The verifier of a password, with a salt from getrandom(2) and as many
 * iterations as it needs. OAT_OK; OAT_INVALID for a password that is empty or
 * not ASCII: what PostgreSQL makes of that (SASLprep, RFC 4013) is not done
 * here; OAT_SYSTEM.
 */
enum oat_status
oat_scram_verifier(const char *password, char ret_verifier[OAT_SCRAM_MAX]);

/*
 * The same with a given salt and number of iterations, 1 to
 * OAT_SCRAM_ITERATIONS_MAX. OAT_OK; OAT_INVALID.
 */
enum oat_status oat_scram_verifier_salted(const char *password,
    const uint8_t salt[OAT_SCRAM_SALT], unsigned iterations,
    char ret_verifier[OAT_SCRAM_MAX]);

#endif
