/* SPDX-License-Identifier: MIT */
/*
 * Look-ups through nsswitch, timed.
 *
 *	nss write DIR N		a snapshot of N identities, as DIR/identities;
 *				the same as DIR/passwd and DIR/group
 *	nss time SERVICE OP N K	nanoseconds of one OP, with SERVICE alone in
 *				nsswitch, over K random keys of those N: the
 *				least and the median of many batches
 *	nss ask SERVICE OP N K	each of the K keys once
 *	nss fresh SERVICE N	one getpwnam(3), for timing the whole process
 *
 * OP: name, name-miss, name-last, uid, uid-miss, group, group-miss, gid,
 * groups, foreign. SERVICE "-" is what nsswitch.conf says, through nscd if it
 * runs.
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
#define KEYS_MAX 65536
#define SECONDS 0.2
#define BATCH_SECONDS 0.0005 /* less than a slice of a busy machine's time */
#define BATCHES_MAX 4096     /* when the first was slow */
#define BATCH_MIN 16	     /* look-ups: some keys are early in a file */

extern int __nss_configure_lookup(const char *database, const char *services);

static char keys[KEYS_MAX][OAT_LOGIN_MAX + 1];
static uint32_t ids[KEYS_MAX];
static size_t key_count;

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

	for (i = 0; i < key_count; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		number = (uint32_t)((state >> 33) % count);
		if (strstr(op, "last") != NULL)
			number = count - 1;
		if (strstr(op, "miss") != NULL)
			number += count;
		name_of(number, keys[i]);
		ids[i] = FIRST_ID + number;
		if (strcmp(op, "foreign") == 0)
			strcpy(keys[i], "nobody-at-all");
	}
}

/* One look-up; answers whether something was found. */
static int
look_up(const char *op, size_t i)
{
	static char buffer[4 << 20]; /* for a group of 100,000 */
	struct passwd passwd, *user = NULL;
	struct group group, *found = NULL;
	gid_t list[64];
	int n = 64;

	if (strncmp(op, "uid", 3) == 0)
		(void)getpwuid_r(
		    ids[i], &passwd, buffer, sizeof(buffer), &user);
	else if (strncmp(op, "group", 5) == 0 && strcmp(op, "groups") != 0)
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

/* Nanoseconds of one look-up, over `batch` of them; the keys go round. */
static double
time_batch(const char *op, size_t batch, size_t *found)
{
	static size_t key;
	double begin = now();
	size_t i;

	for (i = 0; i < batch; i++) {
		*found += (size_t)look_up(op, key);
		key = key + 1 == key_count ? 0 : key + 1;
	}
	return (now() - begin) * 1e9 / (double)batch;
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* The machine's other work can add to the least of many batches only little. */
static int
time_op(const char *op)
{
	static double times[BATCHES_MAX];
	size_t batch, count = 0, found = 0, asked = 4;
	double begin;

	begin = time_batch(op, asked, &found); /* loads the module */
	begin = time_batch(op, asked, &found);
	asked *= 2;
	batch = (size_t)(BATCH_SECONDS * 1e9 / begin) + BATCH_MIN;
	for (begin = now(); now() - begin < SECONDS && count < BATCHES_MAX;) {
		times[count++] = time_batch(op, batch, &found);
		asked += batch;
	}
	qsort(times, count, sizeof(*times), compare);
	printf("%.0f\t%.0f\t%s\n", times[0], times[count / 2],
	    found == asked ? "found"
	    : found == 0   ? "missing"
			   : "mixed");
	return 0;
}

static int
ask_op(const char *op)
{
	size_t i, found = 0;

	for (i = 0; i < key_count; i++)
		found += (size_t)look_up(op, i);
	printf("%zu\n", found);
	return 0;
}

static void
configure(const char *service)
{
	if (strcmp(service, "-") == 0)
		return;
	__nss_configure_lookup("passwd", service);
	__nss_configure_lookup("group", service);
	__nss_configure_lookup("initgroups", service);
}

int
main(int argc, char *argv[])
{
	uint32_t count = argc > 3 ? (uint32_t)atol(argv[argc > 5 ? 4 : 3]) : 0;

	if (argc == 4 && strcmp(argv[1], "write") == 0)
		return write_all(argv[2], count);
	if (argc == 4 && strcmp(argv[1], "fresh") == 0) {
		configure(argv[2]);
		name_of(count - 1, keys[0]);
		(void)look_up("name", 0);
		return 0;
	}
	if (argc != 6)
		errx(2, "usage: nss write DIR N | fresh SERVICE N | "
			"time SERVICE OP N K | ask SERVICE OP N K");
	key_count = strtoul(argv[5], NULL, 10);
	if (key_count == 0 || key_count > KEYS_MAX)
		errx(2, "keys: 1 to %d", KEYS_MAX);
	configure(argv[2]);
	choose_keys(argv[3], count);
	return strcmp(argv[1], "ask") == 0 ? ask_op(argv[3]) : time_op(argv[3]);
}
