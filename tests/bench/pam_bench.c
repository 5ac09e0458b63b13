/* SPDX-License-Identifier: MIT */
/*
 * pam_bench ROUNDS: how long does one PAM authentication take?
 *
 * Standard input has a line for each contestant: SERVICE LOGIN PASSWORD. They
 * take turns, so that whatever else the machine does meets all of them alike.
 * A round is a line of output: microseconds of each, from pam_start(3) to
 * pam_end(3), tab-separated. The first round warms up and is not shown.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <security/pam_appl.h>

#define CONTESTANTS_MAX 8

struct contestant {
	char service[64];
	char login[64];
	char password[128];
};

static int
converse(int count, const struct pam_message **messages,
    struct pam_response **ret_responses, void *password)
{
	struct pam_response *responses;
	int i;

	responses = calloc((size_t)count, sizeof(*responses));
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
		    messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			responses[i].resp = strdup(password);
	*ret_responses = responses;
	return PAM_SUCCESS;
}

static void
authenticate(struct contestant *contestant)
{
	struct pam_conv conv = { converse, contestant->password };
	pam_handle_t *pamh;
	int code;

	code = pam_start(contestant->service, contestant->login, &conv, &pamh);
	if (code == PAM_SUCCESS)
		code = pam_authenticate(pamh, 0);
	if (code != PAM_SUCCESS)
		errx(1, "%s, %s: refused with code %d", contestant->service,
		    contestant->login, code);
	(void)pam_end(pamh, code);
}

static double
now_us(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static size_t
read_contestants(struct contestant contestants[CONTESTANTS_MAX])
{
	struct contestant *one;
	size_t count = 0;

	for (one = contestants; count < CONTESTANTS_MAX; one++, count++)
		if (scanf("%63s %63s %127s", one->service, one->login,
			one->password) != 3)
			break;
	return count;
}

int
main(int argc, char *argv[])
{
	struct contestant contestants[CONTESTANTS_MAX];
	size_t i, count = read_contestants(contestants);
	long round, rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	double begin, end;

	if (rounds < 1 || count == 0)
		errx(2, "usage: pam_bench ROUNDS <CONTESTANTS");
	for (round = 0; round <= rounds; round++)
		for (i = 0; i < count; i++) {
			begin = now_us();
			authenticate(&contestants[i]);
			end = now_us();
			if (round > 0)
				printf("%.0f%c", end - begin,
				    i + 1 < count ? '\t' : '\n');
		}
	return 0;
}
