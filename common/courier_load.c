/* SPDX-License-Identifier: MIT */
/*
 * The program's way to the courier's side of the dialogue: courier.so, loaded
 * in the child, when it has become _oat. libpq brings some twenty-five shared
 * objects; here they cost neither root's processes nor Argon2's anything, and a
 * flaw in their start-up code runs without privileges. Whatever was loaded is
 * confined before it sees a byte of a server's.
 */
#include "courier_child.h"

#include "paths.h"
#include "sandbox.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

void
oat_courier_serve(int fd, void *context)
{
	const struct oat_orders *orders = context;
	void (*serve)(int fd, void *context);
	const char *version;
	void *library;

	library = dlopen(OAT_PATH_COURIER, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		oat_courier_apologize(fd,
		    OAT_PATH_COURIER ": cannot be loaded; install "
				     "oat again, and libpq5");
		return;
	}
	version = dlsym(library, "oat_courier_version");
	*(void **)&serve = dlsym(library, "oat_courier_serve");
	if (version == NULL || serve == NULL ||
	    strcmp(version, OAT_VERSION) != 0) {
		oat_courier_apologize(fd,
		    OAT_PATH_COURIER ": of another version than "
				     "the program; install oat again");
		return;
	}
	if (oat_sandbox_network(orders->conninfo) != OAT_OK) {
		oat_courier_apologize(fd,
		    "the process that asks the database could not "
		    "be confined: seccomp(2) or landlock(7) failed");
		return;
	}
	serve(fd, context);
}
