/* SPDX-License-Identifier: MIT */
/*
 * refusals SAMPLES WORKERS: can refusals be told apart by their time, and what
 * do they cost?
 *
 * Standard input has a line for each kind of attempt: NAME SERVICE LOGIN
 * PASSWORD; "_" in a name is a blank, "-" the empty password. The kinds are
 * tried in an order drawn anew each round, by so many processes at once, so
 * that whatever else the machine does meets all of them alike. Every attempt
 * must be refused.
 *
 * The first kind is compared with each of the others by the test of Mann,
 * Whitney and Wilcoxon: p is how likely two samples are to differ so much when
 * there is no difference at all. Then a few attempts of each kind alone show
 * what processes they start: CPU of all of them, and the largest one's memory.
 */
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define KINDS_MAX 16
#define COSTS 20 /* attempts of a kind, to see what they cost */

struct kind {
	char name[64];
	char service[64];
	char login[64];
	char password[1100];
	double *ms; /* owned; one for each sample */
	size_t count;
};

/* A worker's word on one attempt. */
struct sample {
	size_t kind;
	double ms;
};

static struct kind kinds[KINDS_MAX];
static size_t kind_count;

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
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = strdup(password);
	*ret_responses = responses;
	return PAM_SUCCESS;
}

static double
now_ms(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* The PAM phase alone, without pam_start(3) and pam_end(3). */
static double
attempt(struct kind *kind)
{
	struct pam_conv conv = { converse, kind->password };
	pam_handle_t *pamh;
	double began, took;
	int code;

	if (pam_start(kind->service, kind->login, &conv, &pamh) != PAM_SUCCESS)
		errx(1, "%s: pam_start failed", kind->name);
	(void)pam_fail_delay(pamh, 0);
	began = now_ms();
	code = pam_authenticate(pamh, 0);
	took = now_ms() - began;
	if (code != PAM_AUTH_ERR && code != PAM_PERM_DENIED)
		errx(1, "%s: code %d is no refusal", kind->name, code);
	(void)pam_end(pamh, code);
	return took;
}

static void
read_kinds(void)
{
	struct kind *kind = kinds;
	char *p;

	while (kind_count < KINDS_MAX &&
	       scanf("%63s %63s %63s %1099s", kind->name, kind->service,
		   kind->login, kind->password) == 4) {
		if (strcmp(kind->password, "-") == 0)
			kind->password[0] = '\0';
		for (p = kind->name; *p != '\0'; p++)
			if (*p == '_')
				*p = ' ';
		kind++;
		kind_count++;
	}
}

/* --- samples
 * ------------------------------------------------------------------ */

static void
shuffle(size_t order[KINDS_MAX])
{
	size_t i, j, swap;

	for (i = 0; i < kind_count; i++)
		order[i] = i;
	for (i = kind_count - 1; i > 0; i--) {
		j = (size_t)rand() % (i + 1);
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
}

static void
work(int out, long rounds, unsigned seed)
{
	size_t order[KINDS_MAX], i;
	struct sample sample;

	srand(seed);
	while (rounds-- > 0) {
		shuffle(order);
		for (i = 0; i < kind_count; i++) {
			sample.kind = order[i];
			sample.ms = attempt(&kinds[order[i]]);
			if (write(out, &sample, sizeof(sample)) !=
			    sizeof(sample))
				err(1, "write");
		}
	}
}

static void
collect(long samples, long workers)
{
	struct sample sample;
	struct kind *kind;
	int ends[2];
	long i;

	if (pipe(ends) == -1)
		err(1, "pipe");
	for (i = 0; i < workers; i++)
		if (fork() == 0) {
			work(ends[1], (samples + workers - 1) / workers,
			    (unsigned)i + 1);
			_exit(0);
		}
	(void)close(ends[1]);
	while (read(ends[0], &sample, sizeof(sample)) == sizeof(sample)) {
		kind = &kinds[sample.kind];
		kind->ms =
		    realloc(kind->ms, (kind->count + 1) * sizeof(*kind->ms));
		if (kind->ms == NULL)
			err(1, "memory");
		kind->ms[kind->count++] = sample.ms;
	}
	while (wait(NULL) != -1)
		continue;
}

/* --- the test of Mann, Whitney and Wilcoxon
 * ------------------------------------- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How many of b are below x, half of those that are equal; b is sorted. */
static double
below(const struct kind *b, double x)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < b->count && b->ms[i] <= x; i++)
		sum += b->ms[i] < x ? 1 : 0.5;
	return sum;
}

static double
probability(const struct kind *a, const struct kind *b)
{
	double n = (double)a->count, m = (double)b->count, u = 0, z;
	size_t i;

	for (i = 0; i < a->count; i++)
		u += below(b, a->ms[i]);
	z = (u - n * m / 2) / sqrt(n * m * (n + m + 1) / 12);
	return erfc(fabs(z) / sqrt(2));
}

static void
report_times(void)
{
	struct kind *kind;
	size_t i;

	printf("%-34s %7s %9s %9s %9s %8s\n", "refused", "samples", "least ms",
	    "median", "most", "p");
	for (i = 0; i < kind_count; i++) {
		kind = &kinds[i];
		qsort(kind->ms, kind->count, sizeof(*kind->ms), compare);
		printf("%-34s %7zu %9.2f %9.2f %9.2f ", kind->name, kind->count,
		    kind->ms[0], kind->ms[kind->count / 2],
		    kind->ms[kind->count - 1]);
		if (i == 0)
			printf("%8s\n", "-");
		else
			printf("%8.3f\n", probability(&kinds[0], kind));
	}
}

/* --- cost
 * --------------------------------------------------------------------- */

static double
cpu_ms(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) /
		   1e3;
}

/* In a process of its own, which has no other children. */
static void
cost(struct kind *kind)
{
	struct rusage self, children;
	int i;

	for (i = 0; i < COSTS; i++)
		(void)attempt(kind);
	(void)getrusage(RUSAGE_SELF, &self);
	(void)getrusage(RUSAGE_CHILDREN, &children);
	printf("%-34s %12.2f %12.2f %12.1f\n", kind->name,
	    cpu_ms(&self) / COSTS, cpu_ms(&children) / COSTS,
	    (double)children.ru_maxrss / 1024);
}

static void
report_costs(void)
{
	size_t i;

	printf("\n%-34s %12s %12s %12s\n", "an attempt costs", "caller ms",
	    "program ms", "largest MiB");
	for (i = 0; i < kind_count; i++) {
		fflush(stdout);
		if (fork() == 0) {
			cost(&kinds[i]);
			fflush(stdout);
			_exit(0);
		}
		(void)wait(NULL);
	}
}

int
main(int argc, char *argv[])
{
	if (argc != 3)
		errx(2, "usage: refusals samples workers < kinds");
	read_kinds();
	if (kind_count < 2)
		errx(2, "nothing to compare");
	collect(strtol(argv[1], NULL, 10), strtol(argv[2], NULL, 10));
	report_times();
	report_costs();
	return 0;
}
