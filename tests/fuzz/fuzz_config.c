/* SPDX-License-Identifier: MIT */
/* oat_config_parse(): a complete configuration, or one line that says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
is_complete(const struct oat_config *config)
{
	return config->database != NULL && config->database[0] != '\0' &&
	       config->home_root != NULL && config->home_root[0] == '/' &&
	       (config->password_file == NULL ||
		   config->password_file[0] == '/') &&
	       config->timeout_ms >= 100 && config->timeout_ms <= 60000 &&
	       config->fail_delay_ms <= 10000 &&
	       config->expiry_notice_s <= 365 * 86400 &&
	       oat_id_is_ours(config->uid_min) &&
	       oat_id_is_ours(config->uid_max) &&
	       config->uid_min <= config->uid_max;
}

static int
is_one_line(const char *text)
{
	size_t n = strnlen(text, OAT_CONFIG_ERROR_MAX);

	return n > 0 && n < OAT_CONFIG_ERROR_MAX && strchr(text, '\n') == NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oat_config config;
	char error[OAT_CONFIG_ERROR_MAX] = "";

	if (oat_config_parse(
		"fuzz", (const char *)data, size, &config, error) == OAT_OK) {
		if (!is_complete(&config))
			abort();
		oat_config_free(&config);
	} else if (!is_one_line(error))
		abort();
	return 0;
}
