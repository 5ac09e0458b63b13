/* SPDX-License-Identifier: MIT */
/* Where things are on a host. The Makefile gives the directories. */
#ifndef OAT_PATHS_H
#define OAT_PATHS_H

#if !defined(OAT_SYSCONFDIR) || !defined(OAT_LOCALSTATEDIR) ||             \
    !defined(OAT_SBINDIR) || !defined(OAT_RUNSTATEDIR) ||                  \
    !defined(OAT_LIBDIR) || !defined(OAT_PAMDIR) || !defined(OAT_STACK) || \
    !defined(OAT_SSHD_CONFIG)
#error "the Makefile defines OAT_SYSCONFDIR and its companions"
#endif

#define OAT_PATH_PROGRAM OAT_SBINDIR "/oat"
#define OAT_PATH_COURIER OAT_LIBDIR "/oat/courier.so" /* courier_load.c */
#define OAT_PATH_PAM_MODULE OAT_PAMDIR "/pam_oat.so"
#define OAT_PATH_NSS_MODULE OAT_LIBDIR "/libnss_oat.so.2"
#define OAT_PATH_STACK OAT_STACK	     /* the lines for pam.d */
#define OAT_PATH_SSHD_CONFIG OAT_SSHD_CONFIG /* the lines for sshd */
#define OAT_PATH_SUDOERS OAT_SYSCONFDIR "/sudoers.d/oat"
#define OAT_PATH_CONFIG OAT_SYSCONFDIR "/oat/oat.conf"
#define OAT_PATH_PASSWORD OAT_SYSCONFDIR "/oat/password" /* oat enroll's */

#define OAT_PATH_STATE OAT_LOCALSTATEDIR "/lib/oat"	 /* root 0755 */
#define OAT_PATH_IDENTITIES OAT_PATH_STATE "/identities" /* root 0644 */
#define OAT_PATH_SPOOL OAT_PATH_STATE "/spool"		 /* root 0700 */
#define OAT_PATH_HOME OAT_PATH_STATE "/home"		 /* root 0755 */

#define OAT_PATH_RUN OAT_RUNSTATEDIR "/oat" /* root 0755, made when missing */
#define OAT_PATH_SOCKET OAT_PATH_RUN "/courier" /* of oat-courier.socket */

#define OAT_SYSTEM_USER "_oat"

#endif
