/* SPDX-License-Identifier: MIT */
#include "common/mint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/argon2id.h"
#include "common/token.h"
#include "common/verifier.h"
#include "tests/runner.h"
#include "tests/unit/command.h"

static char folder[] = "/tmp/oat-test-mint-XXXXXX";
static char path[64];

static int
set_up(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/token", folder);
	return 0;
}

static int
tear_down(void)
{
	return rmdir(folder);
}

/* Run with these arguments behind the subcommand's name. */
static struct command
mint(void (*prepare)(void), char *a, char *b, char *c, char *d)
{
	struct command command = { .main = oat_mint_main,
		.argv = { "mint", a, b, c, d },
		.prepare = prepare };

	command_run(&command);
	return command;
}

static void
read_file(char *text, size_t size)
{
	int fd = open(path, O_RDONLY);

	CU_ASSERT_TRUE_FATAL(fd != -1);
	command_collect(fd, text, size);
}

static mode_t
file_mode(void)
{
	struct stat st = { 0 };

	CU_ASSERT_EQUAL(lstat(path, &st), 0);
	return st.st_mode;
}

static bool
file_exists(void)
{
	return access(path, F_OK) == 0;
}

/* Is the verifier that of the token? Both are texts by themselves. */
static bool
belong_together(const char *verifier_text, const char *token_text)
{
	struct oat_verifier verifier;
	struct oat_token token;
	bool right = false;

	return oat_verifier_parse(verifier_text, &verifier) == OAT_OK &&
	       oat_token_parse(token_text, &token) == OAT_OK &&
	       oat_argon2id_check(NULL, &verifier, &token, &right) == OAT_OK &&
	       right;
}

/* The next line of a text, without its end; NULL when there is none. */
static char *
next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

static void
test_mint_token_file_gets_the_token_and_stdout_the_verifier(void)
{
	struct command command = mint(NULL, "--token-file", path, NULL, NULL);
	char token[128], *out = command.out, *in = token;

	CU_ASSERT_EQUAL(command.code, 0);
	CU_ASSERT_STRING_EQUAL(command.err, "");
	CU_ASSERT_EQUAL(file_mode(), S_IFREG | 0600);
	read_file(token, sizeof(token));
	CU_ASSERT_EQUAL(strlen(token), OAT_TOKEN_LENGTH + 1);
	CU_ASSERT_PTR_NULL(strstr(command.out, token + 17));
	CU_ASSERT_TRUE(belong_together(next_line(&out), next_line(&in)));
	CU_ASSERT_STRING_EQUAL(out, "");
	unlink(path);
}

static void
test_mint_verifier_has_the_documented_parameters(void)
{
	struct command command = mint(NULL, "--token-file", path, NULL, NULL);

	CU_ASSERT_EQUAL(strncmp(command.out + OAT_SELECTOR_LENGTH,
			    "$argon2id$v=19$m=7168,t=5,p=1$", 30),
	    0);
	unlink(path);
}

static void
test_mint_count_writes_tokens_and_verifiers_in_the_same_order(void)
{
	struct command command =
	    mint(NULL, "--count", "3", "--token-file", path);
	char tokens[512], *out = command.out, *in = tokens;
	int i;

	CU_ASSERT_EQUAL(command.code, 0);
	read_file(tokens, sizeof(tokens));
	for (i = 0; i < 3; i++)
		OAT_ASSERT_THAT(
		    belong_together(next_line(&out), next_line(&in)), "line %d",
		    i);
	CU_ASSERT_STRING_EQUAL(out, "");
	CU_ASSERT_STRING_EQUAL(in, "");
	unlink(path);
}

static void
test_mint_json_prints_objects_one_a_line(void)
{
	struct command command = mint(NULL, "--json", "--count=2", NULL, NULL);
	char *out = command.out, *line, expected[512];
	char selector[OAT_SELECTOR_LENGTH + 1], verifier[OAT_VERIFIER_MAX];
	char token[OAT_TOKEN_LENGTH + 1];
	int i;

	CU_ASSERT_EQUAL(command.code, 0);
	CU_ASSERT_STRING_EQUAL(command.err, "");
	for (i = 0; i < 2; i++) {
		line = next_line(&out);
		CU_ASSERT_PTR_NOT_NULL_FATAL(line);
		CU_ASSERT_EQUAL_FATAL(
		    sscanf(line,
			"{\"selector\":\"%12[^\"]\",\"verifier\":\"%194[^\"]\""
			",\"token\":\"%55[^\"]\"",
			selector, verifier, token),
		    3);
		snprintf(expected, sizeof(expected),
		    "{\"selector\":\"%s\",\"verifier\":\"%s\","
		    "\"token\":\"%s\"}",
		    selector, verifier, token);
		CU_ASSERT_STRING_EQUAL(line, expected);
		CU_ASSERT_EQUAL(strncmp(selector, verifier, 12), 0);
		CU_ASSERT_TRUE(belong_together(verifier, token));
	}
	CU_ASSERT_STRING_EQUAL(out, "");
}

static int terminal = -1;

static void
stderr_is_a_terminal(void)
{
	dup2(open(ptsname(terminal), O_RDWR | O_NOCTTY), STDERR_FILENO);
}

static void
test_mint_terminal_shows_the_token(void)
{
	struct command command;
	char shown[256] = "", *end, *out;
	int keep;

	terminal = posix_openpt(O_RDWR | O_NOCTTY);
	if (terminal == -1 || grantpt(terminal) == -1 ||
	    unlockpt(terminal) == -1) {
		oat_skip("no pseudo terminal");
		return;
	}
	keep = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	command = mint(stderr_is_a_terminal, NULL, NULL, NULL, NULL);
	CU_ASSERT_EQUAL(command.code, 0);
	CU_ASSERT_TRUE(read(terminal, shown, sizeof(shown) - 1) > 0);
	end = strpbrk(shown, "\r\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	*end = '\0';
	out = command.out;
	CU_ASSERT_TRUE(belong_together(next_line(&out), shown));
	close(keep);
	close(terminal);
}

static void
test_mint_without_a_terminal_explains_and_makes_nothing(void)
{
	struct command command = mint(NULL, NULL, NULL, NULL, NULL);

	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_STRING_EQUAL(command.out, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "not a terminal"));
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "--token-file"));
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "--json"));
}

static void
test_mint_existing_file_is_never_touched(void)
{
	struct command command;
	char text[64];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	CU_ASSERT_EQUAL(write(fd, "precious", 8), 8);
	close(fd);
	command = mint(NULL, "--token-file", path, NULL, NULL);
	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_STRING_EQUAL(command.out, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, path));
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "already exists"));
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "name another file"));
	read_file(text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "precious");
	CU_ASSERT_EQUAL(file_mode(), S_IFREG | 0644);
	unlink(path);
}

static void
test_mint_link_to_nowhere_is_not_followed(void)
{
	struct command command;
	char target[96];

	snprintf(target, sizeof(target), "%s-target", path);
	CU_ASSERT_EQUAL(symlink(target, path), 0);
	command = mint(NULL, "--token-file", path, NULL, NULL);
	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_STRING_EQUAL(command.out, "");
	CU_ASSERT_EQUAL(access(target, F_OK), -1);
	unlink(path);
}

static void
test_mint_folder_that_is_missing_is_named(void)
{
	struct command command =
	    mint(NULL, "--token-file", "/nonexistent/token", NULL, NULL);

	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_STRING_EQUAL(command.out, "");
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(command.err, "/nonexistent/token: cannot keep tokens "
				"there: No such file or directory"));
}

static void
strict_umask(void)
{
	umask(0777);
}

static void
loose_umask(void)
{
	umask(0);
}

static void
test_mint_file_is_private_whatever_the_umask(void)
{
	static void (*const umasks[])(void) = { strict_umask, loose_umask };
	size_t i;

	for (i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(
		    mint(umasks[i], "--token-file", path, NULL, NULL).code, 0);
		CU_ASSERT_EQUAL(file_mode(), S_IFREG | 0600);
		unlink(path);
	}
}

static void
full_stdout(void)
{
	dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
}

static void
closed_stdout(void)
{
	close(STDOUT_FILENO);
}

static void
read_only_stdout(void)
{
	dup2(open("/dev/null", O_RDONLY), STDOUT_FILENO);
}

static void
broken_stdout(void)
{
	int fds[2];

	if (pipe(fds) == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
	}
}

static void
test_mint_stdout_that_takes_nothing_fails_and_leaves_no_file(void)
{
	static void (*const faults[])(void) = { full_stdout, closed_stdout,
		read_only_stdout, broken_stdout };
	struct command command;
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		command = mint(faults[i], "--token-file", path, NULL, NULL);
		OAT_ASSERT_THAT(command.code == 1, "fault %zu", i);
		OAT_ASSERT_THAT(
		    strncmp(command.err, "oat mint: standard output", 25) == 0,
		    "fault %zu: %s", i, command.err);
		OAT_ASSERT_THAT(!file_exists(), "fault %zu", i);
		command = mint(faults[i], "--json", NULL, NULL, NULL);
		OAT_ASSERT_THAT(command.code == 1, "fault %zu, json", i);
		OAT_ASSERT_THAT(strstr(command.err, "oat_") == NULL,
		    "fault %zu shows a token: %s", i, command.err);
	}
}

static void
limit_file_size(rlim_t size)
{
	struct rlimit limit = { size, size };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* One and a half verifiers fit, and two tokens. */
static void
full_after_a_part(void)
{
	limit_file_size(180);
}

static void
test_mint_stdout_that_takes_a_part_fails_and_keeps_the_file(void)
{
	struct command command =
	    mint(full_after_a_part, "--count", "2", "--token-file", path);
	char tokens[256], *out = command.out, *in = tokens;

	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, path));
	CU_ASSERT_PTR_NOT_NULL(strstr(command.err, "kept"));
	CU_ASSERT_TRUE_FATAL(file_exists());
	read_file(tokens, sizeof(tokens));
	CU_ASSERT_EQUAL(strlen(tokens), 2 * (OAT_TOKEN_LENGTH + 1));
	CU_ASSERT_TRUE(belong_together(next_line(&out), next_line(&in)));
	unlink(path);
}

static void
full_for_a_token(void)
{
	limit_file_size(20);
}

static void
test_mint_disk_full_for_the_token_file_gives_out_no_verifier(void)
{
	struct command command =
	    mint(full_for_a_token, "--token-file", path, NULL, NULL);

	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_STRING_EQUAL(command.out, "");
	/* The limit cuts the message too. */
	CU_ASSERT_STRING_EQUAL(command.err, "oat mint: /tmp/oat-t");
	CU_ASSERT_FALSE(file_exists());
}

static void
closed_descriptors_and_full_after_a_part(void)
{
	close(STDIN_FILENO);
	close(STDERR_FILENO);
	full_after_a_part();
}

/* With 0 and 2 free, the token file takes neither, and gets no message. */
static void
test_mint_closed_descriptors_put_nothing_else_into_the_file(void)
{
	struct command command = mint(closed_descriptors_and_full_after_a_part,
	    "--count", "2", "--token-file", path);
	char tokens[512], *out = command.out, *in = tokens;

	CU_ASSERT_EQUAL(command.code, 1);
	CU_ASSERT_TRUE_FATAL(file_exists());
	read_file(tokens, sizeof(tokens));
	CU_ASSERT_EQUAL(strlen(tokens), 2 * (OAT_TOKEN_LENGTH + 1));
	CU_ASSERT_TRUE(belong_together(next_line(&out), next_line(&in)));
	unlink(path);
}

static void
test_mint_closed_stdout_is_refused_before_anything_is_made(void)
{
	static void (*const faults[])(
	    void) = { closed_stdout, read_only_stdout };
	struct command command;
	size_t i;

	for (i = 0; i < 2; i++) {
		command = mint(faults[i], "--json", NULL, NULL, NULL);
		OAT_ASSERT_THAT(strcmp(command.err,
				    "oat mint: standard output is closed; the "
				    "verifier goes there\n") == 0,
		    "%s", command.err);
	}
}

static void
test_mint_wrong_usage_is_2_and_makes_nothing(void)
{
	static char *const samples[][4] = {
		{ "--count", "0" },
		{ "--count", "10001" },
		{ "--count", "-1" },
		{ "--count", "1x" },
		{ "--count", "" },
		{ "--count", "99999999999999999999" },
		{ "--count" },
		{ "--token-file" },
		{ "--colour" },
		{ "-x" },
		{ "argument" },
		{ "--json", "--token-file", path },
	};
	struct command command;
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		command = mint(NULL, samples[i][0], samples[i][1],
		    samples[i][2], samples[i][3]);
		OAT_ASSERT_THAT(command.code == 2, "sample %zu", i);
		OAT_ASSERT_THAT(command.out[0] == '\0', "sample %zu", i);
		OAT_ASSERT_THAT(strstr(command.err, "usage: oat mint ") != NULL,
		    "sample %zu: %s", i, command.err);
		OAT_ASSERT_THAT(!file_exists(), "sample %zu", i);
	}
}

static CU_TestInfo tests[] = {
	OAT_TEST(test_mint_token_file_gets_the_token_and_stdout_the_verifier),
	OAT_TEST(test_mint_verifier_has_the_documented_parameters),
	OAT_TEST(test_mint_count_writes_tokens_and_verifiers_in_the_same_order),
	OAT_TEST(test_mint_json_prints_objects_one_a_line),
	OAT_TEST(test_mint_terminal_shows_the_token),
	OAT_TEST(test_mint_without_a_terminal_explains_and_makes_nothing),
	OAT_TEST(test_mint_existing_file_is_never_touched),
	OAT_TEST(test_mint_link_to_nowhere_is_not_followed),
	OAT_TEST(test_mint_folder_that_is_missing_is_named),
	OAT_TEST(test_mint_file_is_private_whatever_the_umask),
	OAT_TEST(test_mint_stdout_that_takes_nothing_fails_and_leaves_no_file),
	OAT_TEST(test_mint_stdout_that_takes_a_part_fails_and_keeps_the_file),
	OAT_TEST(test_mint_disk_full_for_the_token_file_gives_out_no_verifier),
	OAT_TEST(test_mint_closed_descriptors_put_nothing_else_into_the_file),
	OAT_TEST(test_mint_closed_stdout_is_refused_before_anything_is_made),
	OAT_TEST(test_mint_wrong_usage_is_2_and_makes_nothing),
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo oat_suites[] = {
	{ "mint", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};
