/* SPDX-License-Identifier: MIT */
/* Is a user ours to answer for? */
#ifndef OAT_PAM_WHOSE_H
#define OAT_PAM_WHOSE_H

enum oat_whose {
	OAT_WHOSE_OURS,
	OAT_WHOSE_FOREIGN, /* another name, or a user of /etc/passwd */
	OAT_WHOSE_UNKNOWN, /* our kind of name, /etc/passwd unreadable; errno */
};

/*
 * A name outside the grammar of name.h is foreign without any system call. For
 * others /etc/passwd is read, and nothing else: never NSS, whose answer about
 * our names would come from ourselves.
 */
enum oat_whose oat_whose_user(const char *name);

#endif
