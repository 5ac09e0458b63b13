/* SPDX-License-Identifier: MIT */
/*
 * libnss_nothing.so.2, which knows nobody: what is left of a look-up is glibc's
 * own work and the loading of a module. The floor of every measurement.
 */
#include <errno.h>

#include "nss_oat/nss_oat.h"

#define EXPORT OAT_NSS_EXPORT

EXPORT enum nss_status _nss_nothing_getpwnam_r(const char *name,
    struct passwd *ret_passwd, char *buffer, size_t size, int *errnop);
EXPORT enum nss_status _nss_nothing_getpwuid_r(uid_t uid,
    struct passwd *ret_passwd, char *buffer, size_t size, int *errnop);
EXPORT enum nss_status _nss_nothing_getgrnam_r(const char *name,
    struct group *ret_group, char *buffer, size_t size, int *errnop);
EXPORT enum nss_status _nss_nothing_getgrgid_r(
    gid_t gid, struct group *ret_group, char *buffer, size_t size, int *errnop);
EXPORT enum nss_status
_nss_nothing_initgroups_dyn(const char *user, gid_t group, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop);

static enum nss_status
nobody(int *errnop)
{
	*errnop = ENOENT;
	return NSS_STATUS_NOTFOUND;
}

enum nss_status
_nss_nothing_getpwnam_r(const char *name, struct passwd *ret_passwd,
    char *buffer, size_t size, int *errnop)
{
	(void)name;
	(void)ret_passwd;
	(void)buffer;
	(void)size;
	return nobody(errnop);
}

enum nss_status
_nss_nothing_getpwuid_r(uid_t uid, struct passwd *ret_passwd, char *buffer,
    size_t size, int *errnop)
{
	(void)uid;
	(void)ret_passwd;
	(void)buffer;
	(void)size;
	return nobody(errnop);
}

enum nss_status
_nss_nothing_getgrnam_r(const char *name, struct group *ret_group, char *buffer,
    size_t size, int *errnop)
{
	(void)name;
	(void)ret_group;
	(void)buffer;
	(void)size;
	return nobody(errnop);
}

enum nss_status
_nss_nothing_getgrgid_r(
    gid_t gid, struct group *ret_group, char *buffer, size_t size, int *errnop)
{
	(void)gid;
	(void)ret_group;
	(void)buffer;
	(void)size;
	return nobody(errnop);
}

enum nss_status
_nss_nothing_initgroups_dyn(const char *user, gid_t group, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop)
{
	(void)user;
	(void)group;
	(void)start;
	(void)size;
	(void)groupsp;
	(void)limit;
	return nobody(errnop);
}
