/* SPDX-License-Identifier: MIT */
#include "enroll_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LABEL_LENGTH 63 /* bytes; sql: hosts_labels_ck */
#define WRONG_USAGE 2

#define USAGE                                                    \
	"usage: oat enroll [--name NAME] [--labels LABEL,...]\n" \
	"           [--database CONNINFO [--certificate]]\n"

#define LOWER_ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"

/* A letter or digit, then those and `marks`, at most so long. */
static bool
is_word(const char *text, size_t length, size_t most, const char *marks)
{
	size_t i;

	if (length == 0 || length > most ||
	    strchr(LOWER_ALNUM, text[0]) == NULL)
		return false;
	for (i = 0; i < length; i++)
		if (strchr(LOWER_ALNUM, text[i]) == NULL &&
		    strchr(marks, text[i]) == NULL)
			return false;
	return true;
}

static bool
are_labels(const char *text)
{
	size_t length;

	for (; *text != '\0'; text += length + (text[length] == ',')) {
		length = strcspn(text, ",");
		if (!is_word(text, length, LABEL_LENGTH, "_.-") ||
		    (text[length] == ',' && text[length + 1] == '\0'))
			return false;
	}
	return true;
}

/* The name given, or the host's own in small letters. */
static bool
set_name(struct oat_enroll_options *ret_options, const char *given)
{
	char own[OAT_ENROLL_NAME_LENGTH + 2] = "";
	size_t i;

	if (given == NULL) {
		/* A name that was cut fills it all, and is refused. */
		(void)gethostname(own, sizeof(own) - 1);
		for (i = 0; own[i] != '\0'; i++)
			if (own[i] >= 'A' && own[i] <= 'Z')
				own[i] = (char)(own[i] - 'A' + 'a');
		given = own;
	}
	if (!is_word(given, strlen(given), OAT_ENROLL_NAME_LENGTH, ".-"))
		return false;
	(void)snprintf(ret_options->name, sizeof(ret_options->name), "%.*s",
	    OAT_ENROLL_NAME_LENGTH, given);
	(void)snprintf(ret_options->role, sizeof(ret_options->role),
	    OAT_ENROLL_ROLE_PREFIX "%.*s", OAT_ENROLL_NAME_LENGTH, given);
	return true;
}

static int
wrong_usage(const char *what)
{
	fprintf(stderr, "oat enroll: %s\n" USAGE, what);
	return WRONG_USAGE;
}

int
oat_enroll_options(
    int argc, char *argv[], struct oat_enroll_options *ret_options)
{
	static const struct option table[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "labels", required_argument, NULL, 'l' },
		{ "database", required_argument, NULL, 'd' },
		{ "certificate", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	const char *name = NULL;
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'n')
			name = optarg;
		else if (option == 'l')
			ret_options->labels = optarg;
		else if (option == 'd')
			ret_options->database = optarg;
		else if (option == 'c')
			ret_options->certificate = true;
		else
			return wrong_usage(
			    "unknown option, or no value for it");
	}
	if (optind < argc)
		return wrong_usage("takes no arguments beside its options");
	if (ret_options->certificate && ret_options->database == NULL)
		return wrong_usage("--certificate is for a new oat.conf, with "
				   "--database");
	if (!are_labels(ret_options->labels))
		return wrong_usage("labels are at most 63 of a-z 0-9 _ . and "
				   "-, with commas between");
	if (!set_name(ret_options, name))
		return wrong_usage("a host's name is at most 59 of a-z 0-9 . "
				   "and -; give one with --name");
	return 0;
}
