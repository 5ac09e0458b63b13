/* SPDX-License-Identifier: MIT */
/*
 * Look-ups through nsswitch, timed.
 *
 *	nss write DIR N		a snapshot of N identities, as DIR/identities;
 *				the same as DIR/passwd and DIR/group
 *	nss time SERVICE OP N	nanoseconds of one OP, with SERVICE alone in
 *				nsswitch, over keys of those N at random
 *	nss fresh SERVICE N	one getpwnam(3), for timing the whole process
 *
 * OP: name, name-miss, name-last, uid, uid-miss, group, gid, groups, foreign.
 */
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/snapshot_write.h"

#define FIRST_ID 100000
#define USERS_GID 99999
#define KEYS 65536
#define SECONDS 0.5
#define BATCHES 20

extern int __nss_configure_lookup(const char *database, const char *services);

static char keys[KEYS][OAT_LOGIN_MAX + 1];
static uint32_t ids[KEYS];

static void
name_of(uint32_t number, char *ret_name)
{
	snprintf(ret_name, OAT_LOGIN_MAX + 1, "oat-acme-t%07u", number);
}

static void
write_snapshot(const char *path, const struct oat_group *group,
    const struct oat_identity *identities, size_t count)
{
	struct oat_snapshot_info info = { .generation = 1, .as_of_us = 1 };
	void *image;
	size_t size;

	strcpy(info.home_root, "/var/lib/oat/home");
	if (oat_snapshot_build(
		&info, group, 1, identities, count, &image, &size) != OAT_OK ||
	    oat_snapshot_publish(path, image, size) != OAT_OK)
		err(1, "%s", path);
	free(image);
}

static int
write_all(const char *folder, size_t count)
{
	struct oat_group group = { .name = "oat-users", .gid = USERS_GID };
	struct oat_identity *identities = calloc(count, sizeof(*identities));
	uint32_t gid = USERS_GID;
	char path[4096];
	FILE *passwd, *groups;
	size_t i;

	snprintf(path, sizeof(path), "%s/passwd", folder);
	passwd = fopen(path, "w");
	snprintf(path, sizeof(path), "%s/group", folder);
	groups = fopen(path, "w");
	if (identities == NULL || passwd == NULL || groups == NULL)
		err(1, "%s", folder);
	fprintf(groups, "oat-users:*:%u:", gid);
	for (i = 0; i < count; i++) {
		name_of((uint32_t)i, identities[i].login);
		strcpy(identities[i].shell, "/bin/sh");
		identities[i].uid = FIRST_ID + (uint32_t)i;
		identities[i].active = true;
		identities[i].expires_at = OAT_NEVER;
		identities[i].groups = &gid;
		identities[i].group_count = 1;
		fprintf(passwd,
		    "%s:*:%u:%u:oat acme/%s:/var/lib/oat/home/%s:"
		    "/bin/sh\n",
		    identities[i].login, identities[i].uid, identities[i].uid,
		    identities[i].login + strlen("oat-acme-"),
		    identities[i].login);
		fprintf(groups, "%s%s", i > 0 ? "," : "", identities[i].login);
	}
	fprintf(groups, "\n");
	for (i = 0; i < count; i++)
		fprintf(groups, "%s:*:%u:\n", identities[i].login,
		    identities[i].uid);
	if (fclose(passwd) != 0 || fclose(groups) != 0)
		err(1, "%s", folder);
	snprintf(path, sizeof(path), "%s/identities", folder);
	write_snapshot(path, &group, identities, count);
	free(identities);
	return 0;
}

/* The keys of one operation; the same for every service. */
static void
choose_keys(const char *op, uint32_t count)
{
	uint64_t state = 1;
	uint32_t number;
	size_t i;

	for (i = 0; i < KEYS; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		number = (uint32_t)((state >> 33) % count);
		if (strstr(op, "last") != NULL)
			number = count - 1;
		if (strstr(op, "miss") != NULL)
			number += count;
		name_of(number, keys[i]);
		ids[i] = FIRST_ID + number;
		if (strcmp(op, "foreign") == 0)
			strcpy(keys[i], "www-data");
	}
}

/* One look-up; answers whether something was found. */
static int
look_up(const char *op, size_t i)
{
	static char buffer[1 << 20];
	struct passwd passwd, *user = NULL;
	struct group group, *found = NULL;
	gid_t list[64];
	int n = 64;

	if (strncmp(op, "uid", 3) == 0)
		(void)getpwuid_r(
		    ids[i], &passwd, buffer, sizeof(buffer), &user);
	else if (strcmp(op, "group") == 0)
		(void)getgrnam_r(
		    keys[i], &group, buffer, sizeof(buffer), &found);
	else if (strcmp(op, "gid") == 0)
		(void)getgrgid_r(
		    ids[i], &group, buffer, sizeof(buffer), &found);
	else if (strcmp(op, "groups") == 0)
		return getgrouplist(keys[i], ids[i], list, &n) > 1;
	else
		(void)getpwnam_r(
		    keys[i], &passwd, buffer, sizeof(buffer), &user);
	return user != NULL || found != NULL;
}

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Nanoseconds of one look-up, over `batch` of them. */
static double
time_batch(const char *op, size_t batch, size_t *found)
{
	double begin = now();
	size_t i;

	for (i = 0; i < batch; i++)
		*found += (size_t)look_up(op, i % KEYS);
	return (now() - begin) * 1e9 / (double)batch;
}

/* The least of many batches: what the machine's other work cannot add to. */
static int
time_op(const char *op, uint32_t count)
{
	double least, time, begin;
	size_t batch, found = 0, all = 0;

	choose_keys(op, count);
	least = time_batch(op, 64, &found);
	batch = (size_t)(SECONDS * 1e9 / BATCHES / least) + 1;
	for (begin = now(); now() - begin < SECONDS;) {
		time = time_batch(op, batch, &found);
		all += batch;
		if (time < least)
			least = time;
	}
	printf("%.0f\t%s\n", least,
	    found == all + 64 ? "found"
	    : found == 0      ? "missing"
			      : "mixed");
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc == 4 && strcmp(argv[1], "write") == 0)
		return write_all(argv[2], strtoul(argv[3], NULL, 10));
	if (argc < 4)
		errx(2, "usage: nss write DIR N | time SERVICE OP N | "
			"fresh SERVICE N");
	__nss_configure_lookup("passwd", argv[2]);
	__nss_configure_lookup("group", argv[2]);
	__nss_configure_lookup("initgroups", argv[2]);
	if (strcmp(argv[1], "time") == 0 && argc == 5)
		return time_op(argv[3], (uint32_t)strtoul(argv[4], NULL, 10));
	name_of((uint32_t)strtoul(argv[3], NULL, 10) - 1, keys[0]);
	return look_up("name", 0) ? 0 : 1;
}
