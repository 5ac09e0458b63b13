/* SPDX-License-Identifier: MIT */
/*
 * The cluster of a test program, and a fresh database for each of its tests.
 *
 *	CU_SuiteInfo oat_suites[] = {
 *		{ "grants", oat_cluster_start, NULL, oat_cluster_begin,
 *		    oat_cluster_end, tests },
 *		CU_SUITE_INFO_NULL,
 *	};
 *
 * The schema is installed once, from sql/ or OAT_TEST_SQL, into a template.
 * Roles belong to the whole cluster: those that a test made are dropped with
 * its database.
 */
#ifndef OAT_TESTS_DATABASE_CLUSTER_H
#define OAT_TESTS_DATABASE_CLUSTER_H

#include <stdbool.h>

/* 0; -1 after saying why. The second start, and later ones, do nothing. */
int oat_cluster_start(void);

/* As above, without the schema: for the tests of the installation itself. */
int oat_cluster_start_bare(void);

/* Before and after a test. */
void oat_cluster_begin(void);
void oat_cluster_end(void);

/* The same server as a read-only standby; see server.h. */
int oat_cluster_become_standby(void);

/* The folder with install.sql, and the one of socket and server log. */
const char *oat_cluster_sql(void);
const char *oat_cluster_folder(void);

/*
 * Run a program of PostgreSQL's against the cluster (its PGHOST and PGUSER
 * are set), as the superuser `postgres`. Returns its exit status; *ret_output,
 * if wanted, is what it printed on stdout and stderr, until the test ends.
 */
int oat_cluster_program(const char *const argv[], char **ret_output);

/* Has the server written a line with this into its log yet? */
bool oat_cluster_log_has(const char *text);

/* psql -v ON_ERROR_STOP=1 -f sql/install.sql, as a role, into a database. */
int
oat_cluster_install(const char *role, const char *database, char **ret_output);

/* The database of the running test. */
const char *oat_cluster_database(void);

#endif
