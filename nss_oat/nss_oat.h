/* SPDX-License-Identifier: MIT */
/*
 * The entry points, as nsswitch of the GNU C Library calls them: its manual,
 * "NSS Module Function Internals". All of them keep errno on success; otherwise
 * *errnop is ENOENT with NOTFOUND, ERANGE or ENOMEM or EAGAIN with TRYAGAIN,
 * and EIO with UNAVAIL, which no caller takes for "there is no such user".
 */
#ifndef OAT_NSS_OAT_H
#define OAT_NSS_OAT_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>

#define OAT_NSS_EXPORT __attribute__((visibility("default")))

OAT_NSS_EXPORT enum nss_status _nss_oat_getpwnam_r(const char *name,
    struct passwd *ret_passwd, char *buffer, size_t size, int *errnop);
OAT_NSS_EXPORT enum nss_status _nss_oat_getpwuid_r(uid_t uid,
    struct passwd *ret_passwd, char *buffer, size_t size, int *errnop);
OAT_NSS_EXPORT enum nss_status _nss_oat_setpwent(int stayopen);
OAT_NSS_EXPORT enum nss_status _nss_oat_getpwent_r(
    struct passwd *ret_passwd, char *buffer, size_t size, int *errnop);
OAT_NSS_EXPORT enum nss_status _nss_oat_endpwent(void);

OAT_NSS_EXPORT enum nss_status _nss_oat_getgrnam_r(const char *name,
    struct group *ret_group, char *buffer, size_t size, int *errnop);
OAT_NSS_EXPORT enum nss_status _nss_oat_getgrgid_r(
    gid_t gid, struct group *ret_group, char *buffer, size_t size, int *errnop);
OAT_NSS_EXPORT enum nss_status _nss_oat_setgrent(int stayopen);
OAT_NSS_EXPORT enum nss_status _nss_oat_getgrent_r(
    struct group *ret_group, char *buffer, size_t size, int *errnop);
OAT_NSS_EXPORT enum nss_status _nss_oat_endgrent(void);

/*
 * Append the supplementary groups of a user to (*groupsp)[*start..*size), which
 * is realloc()ed as needed, to at most `limit` in all if that is positive.
 */
OAT_NSS_EXPORT enum nss_status
_nss_oat_initgroups_dyn(const char *user, gid_t group, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop);

#endif
