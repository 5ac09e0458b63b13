/* SPDX-License-Identifier: MIT */
/*
 * The program's own children: forked without exec, confined, spoken to over
 * one socket. In the style of OpenSSH's privilege separation.
 */
#ifndef OAT_CHILD_H
#define OAT_CHILD_H

#include <sys/types.h>

#include "status.h"

/* Bytes of what a child speaks to, NUL included. */
#define OAT_CHILD_PEER_MAX 256

/* A running child: fd is -1 when it was dismissed, or the caller has it. */
struct oat_child {
	pid_t pid; /* -1 once it is collected, or when it is not ours */
	int fd;	   /* owned; a stream socket, close-on-exec */
	char peer[OAT_CHILD_PEER_MAX]; /* for messages; "" when nobody */
};

#define OAT_CHILD_NONE     \
	{                  \
		-1, -1, "" \
	}

/* Who the children are; read from /etc/passwd, never through NSS. */
struct oat_account {
	uid_t uid;
	gid_t gid;
};

/*
 * Find the system user that children become.
 * OAT_OK; OAT_NOTFOUND when /etc/passwd has no such name; OAT_INVALID when it
 * is uid or gid 0; OAT_SYSTEM when the file cannot be read.
 */
enum oat_status
oat_account_find(const char *name, struct oat_account *ret_account);

/*
 * Fork. The child keeps only its socket and descriptors 0-2 on /dev/null, can
 * dump no core, gains no privileges, dies with its parent, and is `account`
 * (unchanged when the program does not run as root). Then it runs
 * body(fd, context) and exits; a failure of any step is an exit before body.
 * `memory_bytes` bounds its address space beyond what it has now; 0 for none.
 * OAT_OK, and *ret_child is given to oat_child_end(); OAT_SYSTEM.
 */
enum oat_status oat_child_start(const struct oat_account *account,
    size_t memory_bytes, void (*body)(int fd, void *context), void *context,
    struct oat_child *ret_child);

/*
 * The same on a socket that is here already, which the caller keeps, too:
 * ret_child->fd is -1.
 */
enum oat_status oat_child_start_on(int fd, const struct oat_account *account,
    size_t memory_bytes, void (*body)(int fd, void *context), void *context,
    struct oat_child *ret_child);

/*
 * Close the socket and kill; the kernel takes its memory apart while its parent
 * goes on. To be collected with oat_child_end(). Accepts any child.
 */
void oat_child_dismiss(struct oat_child *child);

/* Dismiss and collect. Accepts one that was never started. */
void oat_child_end(struct oat_child *child);

#endif
