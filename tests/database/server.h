/* SPDX-License-Identifier: MIT */
/*
 * A private PostgreSQL server and the process that watches over it.
 *
 * The keeper is a child of the test program in a session of its own. It makes
 * the cluster in a new folder below /dev/shm, if that has room, or /tmp, keeps
 * the server, and ends both when its socket to the test program closes:
 * whether the program returned, was interrupted or was killed. The server dies
 * with its keeper.
 */
#ifndef OAT_TESTS_DATABASE_SERVER_H
#define OAT_TESTS_DATABASE_SERVER_H

#include <stddef.h>
#include <sys/types.h>

struct oat_server {
	char folder[64];  /* mode 0700; the unix socket is in here */
	char bindir[512]; /* PostgreSQL's programs */
	pid_t keeper;	  /* 0 when there is none */
	int fd;		  /* the socket to it, CLOEXEC */
};

/*
 * Make and start a cluster: unix socket only, trust, superuser "postgres", no
 * fsync. Run by root it belongs to `postgres` or `nobody`. Programs come from
 * OAT_PG_BINDIR, or the newest /usr/lib/postgresql/ * /bin.
 * 0; -1 after a line on stderr that says why.
 */
int oat_server_start(struct oat_server *ret_server);

/* End it, wait, and remove its folder. Fine when there is none. */
void oat_server_stop(struct oat_server *server);

/*
 * Shut down cleanly and come back as a read-only standby without a primary;
 * `select pg_promote()` ends that. 0; -1 after a line on stderr.
 */
int oat_server_become_standby(struct oat_server *server);

#endif
