/* SPDX-License-Identifier: MIT */
#include "tests/unit/confined.h"

#include "common/child.h"
#include "common/deadline.h"
#include "common/sandbox.h"
#include "common/wire.h"
#include "tests/process.h"
#include "tests/runner.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct oat_account nobody = { 65534, 65534 };

struct errand {
	enum oat_status (*enter)(void);
	const struct oat_attempt *attempt;
};

/* The answer goes over the socket as the prover's does. */
static void
try_inside(int fd, void *context)
{
	const struct errand *errand = context;
	struct oat_wire in = { 0 }, out = { 0 };
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);

	if (errand->enter() != OAT_OK ||
	    oat_wire_receive(&in, fd, soon) != OAT_OK)
		return;
	oat_wire_put_u32(&out, errand->attempt->body());
	(void)oat_wire_send(&out, fd, soon);
	oat_wire_free(&in);
	oat_wire_free(&out);
}

void
oat_attempt_inside(enum oat_status (*enter)(void),
    const struct oat_attempt *attempt, bool expected)
{
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	struct errand errand = { enter, attempt };
	struct oat_wire in = { 0 }, out = { 0 };
	struct oat_child child = OAT_CHILD_NONE;
	uint32_t could = 42;

	CU_ASSERT_EQUAL_FATAL(
	    oat_child_start(&nobody, 0, try_inside, &errand, &child), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_send(&out, child.fd, soon), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_receive(&in, child.fd, soon), OAT_OK);
	CU_ASSERT_EQUAL(oat_wire_get_u32(&in, &could), OAT_OK);
	OAT_ASSERT_THAT(could == expected, "%s", attempt->what);
	oat_wire_free(&in);
	oat_wire_free(&out);
	oat_child_end(&child);
}

bool
oat_filters_are_here(void)
{
	unsigned action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

const char *oat_confined_conninfo = "host=/run/oat-test dbname=oat user=oat";

enum oat_status
oat_enter_network(void)
{
	struct oat_conninfo *conninfo;
	char error[OAT_CONNINFO_ERROR_MAX];
	enum oat_status status;

	if (oat_conninfo_parse(oat_confined_conninfo, true, &conninfo, error) !=
	    OAT_OK)
		return OAT_INVALID;
	status = oat_sandbox_network(conninfo);
	oat_conninfo_free(conninfo);
	return status;
}
