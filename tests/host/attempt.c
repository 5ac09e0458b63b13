/* SPDX-License-Identifier: MIT */
/*
 * attempt PHASE SERVICE LOGIN [COUNT]: a PAM application that asks once, and
 * tells what it got. PHASE is auth, with the token from standard input, or
 * account. Output: "CODE MS", and after it each message, a line each. What is
 * left in the process afterwards, a descriptor or a child, is an error.
 *
 * With COUNT it asks so often in one process, and tells of the first hundred
 * and of the rest "CODE MS KB DESCRIPTORS": the code that came, where it was
 * always the same, the milliseconds of one call, its memory, what is open.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define WARM_UP 100
#define RHOST "192.0.2.1"

static char token[256];
static char said[8192]; /* messages of the last call */

/* libpam knows no const where it takes the conversation's answers. */
static int
converse(int count, const struct pam_message **messages,
    struct pam_response **ret_responses, void *context)
{
	struct pam_response *responses;
	size_t used;
	int i;

	(void)context;
	responses = calloc((size_t)count, sizeof(*responses));
	if (responses == NULL)
		return PAM_BUF_ERR;
	for (i = 0; i < count; i++) {
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
			responses[i].resp = strdup(token);
			continue;
		}
		used = strlen(said);
		(void)snprintf(
		    said + used, sizeof(said) - used, "%s\n", messages[i]->msg);
	}
	*ret_responses = responses;
	return PAM_SUCCESS;
}

static int
ask(const char *phase, const char *service, const char *login)
{
	struct pam_conv conv = { converse, NULL };
	pam_handle_t *pamh;
	int code;

	said[0] = '\0';
	code = pam_start(service, login, &conv, &pamh);
	if (code != PAM_SUCCESS)
		errx(1, "pam_start: %d", code);
	(void)pam_set_item(pamh, PAM_RHOST, RHOST);
	code = strcmp(phase, "auth") == 0 ? pam_authenticate(pamh, 0)
					  : pam_acct_mgmt(pamh, 0);
	(void)pam_end(pamh, code);
	return code;
}

static double
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		(void)closedir(dir);
	return count;
}

static long
resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
		err(1, "/proc/self/statm");
	(void)fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
check_childless(void)
{
	if (waitpid(-1, NULL, WNOHANG | (int)__WALL) != -1 || errno != ECHILD)
		errx(1, "a child is left");
}

static void
ask_many(const char *phase, const char *service, const char *login, long count)
{
	double begin = now_ms();
	int code = -1, one;
	long i;

	for (i = 1; i <= count; i++) {
		one = ask(phase, service, login);
		code = i == 1 || one == code ? one : -1;
		if (i != WARM_UP && i != count)
			continue;
		printf("%d %.2f %ld %d\n", code, (now_ms() - begin) / (double)i,
		    resident_kb(), open_descriptors());
	}
}

static void
read_token(void)
{
	if (fgets(token, sizeof(token), stdin) == NULL)
		token[0] = '\0';
	token[strcspn(token, "\n")] = '\0';
}

int
main(int argc, char *argv[])
{
	int before, code;
	double begin;

	if (argc < 4)
		errx(2, "usage: attempt PHASE SERVICE LOGIN [COUNT] <TOKEN");
	if (strcmp(argv[1], "auth") == 0)
		read_token();
	(void)fclose(stdin); /* a descriptor below 3, as some hosts have it */
	if (argc == 5) {
		ask_many(argv[1], argv[2], argv[3], strtol(argv[4], NULL, 10));
		check_childless();
		return 0;
	}
	openlog("attempt", LOG_NDELAY, LOG_AUTHPRIV); /* syslog(3) keeps it */
	before = open_descriptors();
	begin = now_ms();
	code = ask(argv[1], argv[2], argv[3]);
	printf("%d %.0f\n%s", code, now_ms() - begin, said);
	if (open_descriptors() != before)
		errx(1, "a descriptor is left open");
	check_childless();
	return 0;
}
