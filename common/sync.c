/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here, each a test of that name:
 *   - one sync at a time on a host
 *   - a look-up that waits is served by the sync of another, if that began late
 *     enough
 */
#include "sync.h"

#include "gather.h"
#include "paths.h"
#include "refresh.h"
#include "report.h"
#include "round.h"
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define SECONDS_MAX 86400

/* What the command line asks for. */
struct order {
	const char *socket; /* NULL: not asked for */
	bool watch;
	uint32_t max_age_s; /* 0: not asked for */
	uint32_t after_s;   /* 0: not asked for */
};

/*
 * Is the last success young enough for who asked at asked_ns? A sync that was
 * under way then may have missed what the caller is looking for: once the lock
 * was waited for, only one that began later will do.
 */
static bool
young_enough(uint32_t max_age_s, uint64_t asked_ns, bool waited)
{
	uint64_t age_ns = max_age_s * UINT64_C(1000000000);
	struct oat_refresh_times times;

	if (max_age_s == 0 ||
	    oat_refresh_times(OAT_PATH_RUN, &times) != OAT_OK ||
	    times.success_ns == 0)
		return false;
	return waited ? times.success_ns >= asked_ns
		      : asked_ns - times.success_ns < age_ns;
}

static enum oat_status
run_once(struct oat_round *round, uint32_t max_age_s)
{
	uint64_t asked_ns = oat_refresh_now_ns();
	enum oat_status status;
	int lock = -1;

	if (young_enough(max_age_s, asked_ns, false))
		return OAT_OK;
	round->brief = max_age_s != 0;
	status = oat_round_load(round);
	if (status == OAT_OK)
		status = oat_round_lock(round, &lock);
	if (status != OAT_OK)
		return status;
	if (!young_enough(max_age_s, asked_ns, true))
		status = oat_round_run(round);
	(void)close(lock);
	return status;
}

/* A whole number of seconds; 0 when it is none. */
static uint32_t
read_seconds(const char *text)
{
	unsigned long seconds;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	seconds = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || seconds > SECONDS_MAX)
		return 0;
	return (uint32_t)seconds;
}

/* The option at argv[0]; how many arguments it took, or 0 when it is none. */
static int
read_option(char *const argv[], struct order *order)
{
	if (strcmp(argv[0], "--watch") == 0) {
		order->watch = true;
		return 1;
	}
	if (strcmp(argv[0], "--courier") == 0)
		return (order->socket = argv[1]) != NULL ? 2 : 0;
	if (strcmp(argv[0], "--max-age") == 0)
		return (order->max_age_s = read_seconds(argv[1])) != 0 ? 2 : 0;
	if (strcmp(argv[0], "--after") == 0)
		return (order->after_s = read_seconds(argv[1])) != 0 ? 2 : 0;
	return 0;
}

static bool
read_order(int argc, char *argv[], struct order *ret_order)
{
	int i = 1, taken = 1;

	while (i < argc && taken > 0)
		i += taken = read_option(argv + i, ret_order);
	return taken > 0 && ret_order->watch + (ret_order->max_age_s != 0) +
				    (ret_order->after_s != 0) <=
				1;
}

static int
usage(void)
{
	fprintf(stderr, "usage: oat sync [--courier SOCKET] [--max-age SECONDS "
			"| --after SECONDS | --watch]\n");
	return 2;
}

int
oat_sync_main(int argc, char *argv[])
{
	struct oat_round round = OAT_ROUND_NONE;
	struct order order = { .watch = false };
	enum oat_status status;

	if (!read_order(argc, argv, &order))
		return usage();
	if (geteuid() != 0) {
		oat_report(LOG_ERR, "sync", "run it as root");
		return 1;
	}
	round.socket = order.socket;
	if (order.after_s != 0 &&
	    oat_gather_wait(OAT_PATH_RUN, order.after_s) == OAT_NOTFOUND)
		return 0;
	status = order.watch ? oat_watch_run(&round)
			     : run_once(&round, order.max_age_s);
	oat_round_free(&round);
	return status == OAT_OK ? 0 : 1;
}
