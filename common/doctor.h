/* SPDX-License-Identifier: MIT */
/* `oat doctor`: the whole path of a login on this host, looked at in order. */
#ifndef OAT_DOCTOR_H
#define OAT_DOCTOR_H

/*
 * oat doctor [--json | --quiet] [--login NAME [--service SERVICE]
 *     [--rhost ADDRESS]]
 *
 * Changes nothing. As another user than root it looks at what it can, and says
 * what it cannot. Returns the exit status of oat_findings_end(); 64 for wrong
 * usage (EX_USAGE of sysexits.h), which monitoring takes for none of those.
 */
int oat_doctor_main(int argc, char *argv[]);

#endif
