/* SPDX-License-Identifier: MIT */
/*
 * The program's way to the courier's side of the dialogue: courier.so, loaded
 * in the child, when it has become _oat. libpq brings some twenty-five shared
 * objects; here they cost neither root's processes nor Argon2's anything, and a
 * flaw in their start-up code runs without privileges. Whatever was loaded is
 * confined before it sees a byte of a server's.
 */
#include "courier_child.h"

#include "deadline.h"
#include "paths.h"
#include "sandbox.h"
#include "wire.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 1000

/* The one answer of a courier that has nothing to ask with. */
static void
apologize(int fd, const char *why)
{
	struct oat_deadline deadline = oat_deadline_in_ms(ANSWER_MS);
	struct oat_wire in = { 0 }, out = { 0 };

	if (oat_wire_receive(&in, fd, deadline) == OAT_OK) {
		oat_wire_put_u32(&out, OAT_UNAVAILABLE);
		oat_wire_put_text(&out, why);
		(void)oat_wire_send(&out, fd, deadline);
	}
	oat_wire_free(&in);
	oat_wire_free(&out);
}

void
oat_courier_serve(int fd, void *context)
{
	const struct oat_orders *orders = context;
	void (*serve)(int fd, void *context);
	const char *version;
	void *library;

	library = dlopen(OAT_PATH_COURIER, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		apologize(fd, OAT_PATH_COURIER ": cannot be loaded; install "
					       "oat again, and libpq5");
		return;
	}
	version = dlsym(library, "oat_courier_version");
	*(void **)&serve = dlsym(library, "oat_courier_serve");
	if (version == NULL || serve == NULL ||
	    strcmp(version, OAT_VERSION) != 0) {
		apologize(fd,
		    OAT_PATH_COURIER ": of another version than "
				     "the program; install oat again");
		return;
	}
	if (oat_sandbox_network(orders->conninfo) != OAT_OK) {
		apologize(fd, "the process that asks the database could not "
			      "be confined: seccomp(2) or landlock(7) failed");
		return;
	}
	serve(fd, context);
}
