/* SPDX-License-Identifier: MIT */
/*
 * oat_orders_read(): the input is such a message, as it is and behind the right
 * version. What is accepted can be sent on, and says the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/orders.h"

#define INPUT_MAX 8192 /* bytes; a socket takes them without a reader */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pair {
	int writer, reader;
};

static struct pair
open_pair(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		abort();
	return (struct pair){ fds[0], fds[1] };
}

static void
close_pair(const struct pair *pair)
{
	(void)close(pair->writer);
	(void)close(pair->reader);
}

static void
write_all(int fd, const void *data, size_t size)
{
	if (size > 0 && write(fd, data, size) != (ssize_t)size)
		abort();
}

static void
receive(const struct pair *pair, struct oat_wire *ret_in)
{
	if (oat_wire_receive(ret_in, pair->reader, oat_deadline_in_ms(1000)) !=
	    OAT_OK)
		abort();
}

/* A message of these fields, with the version as the first one or without. */
static void
make_message(
    bool has_version, const uint8_t *data, size_t size, struct oat_wire *ret_in)
{
	struct oat_wire version = { 0 };
	struct pair pair = open_pair();
	const size_t header = sizeof(uint32_t);
	uint32_t length = (uint32_t)size;

	if (has_version)
		oat_wire_put_text(&version, OAT_VERSION);
	if (has_version)
		length += (uint32_t)(version.length - header);
	write_all(pair.writer, &length, sizeof(length));
	if (has_version)
		write_all(pair.writer, version.bytes + header,
		    version.length - header);
	write_all(pair.writer, data, size);
	receive(&pair, ret_in);
	oat_wire_free(&version);
	close_pair(&pair);
}

static void
check_same_again(const struct oat_setup *setup)
{
	const struct oat_orders orders = oat_setup_orders(setup);
	struct oat_setup again = { .conninfo = NULL };
	char error[OAT_ORDERS_ERROR_MAX] = "";
	struct pair pair = open_pair();
	struct oat_wire in = { 0 };

	if (oat_orders_send(pair.writer, &orders, oat_deadline_in_ms(1000)) !=
	    OAT_OK)
		abort();
	receive(&pair, &in);
	if (oat_orders_read(&in, &again, error) != OAT_OK ||
	    strcmp(again.config.database, setup->config.database) != 0 ||
	    strcmp(again.password, setup->password) != 0 ||
	    strcmp(again.next_password, setup->next_password) != 0)
		abort();
	oat_wire_free(&in);
	oat_setup_free(&again);
	close_pair(&pair);
}

/* Printable ASCII, and some of it. */
static void
check_error(const char *error)
{
	size_t i, n = strnlen(error, OAT_ORDERS_ERROR_MAX);

	if (n == 0 || n == OAT_ORDERS_ERROR_MAX)
		abort();
	for (i = 0; i < n; i++)
		if (error[i] < ' ' || error[i] > '~')
			abort();
}

static void
read_message(bool has_version, const uint8_t *data, size_t size)
{
	struct oat_setup setup = { .conninfo = NULL };
	char error[OAT_ORDERS_ERROR_MAX] = "";
	struct oat_wire in = { 0 };

	make_message(has_version, data, size, &in);
	if (oat_orders_read(&in, &setup, error) != OAT_OK)
		check_error(error);
	else if (setup.conninfo == NULL)
		abort();
	else
		check_same_again(&setup);
	oat_wire_free(&in);
	oat_setup_free(&setup);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	read_message(false, data, size);
	read_message(true, data, size);
	return 0;
}
