#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# su to a machine account: by its token, and by root without one.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

as_carol()
{
	lab_exec web-1 setsid -w runuser -u carol -- "$@"
}

test_a_local_user_becomes_the_identity_with_its_token()
{
	lab_token web-1 acme target 'web-*' su
	run_with "$token"$'\n' as_carol su - oat-acme-target -c 'id -un; pwd'
	expect_status 0
	expect_out '^(Password: *)?oat-acme-target$'
	expect_out '^/var/lib/oat/home/oat-acme-target$'
	expect_log web-1 'pam_oat\(su(-l)?:auth\): accepted login=oat-acme-target'
}

test_a_local_user_is_refused_with_a_wrong_token()
{
	lab_token web-1 acme guarded 'web-*' su
	lab_mint web-1
	run_with "$token"$'\n' as_carol su - oat-acme-guarded -c id
	expect_failure
	expect_no_out 'uid='
}

test_root_becomes_the_identity_without_a_token()
{
	lab_token web-1 acme served 'web-*' su
	run lab_exec web-1 su - oat-acme-served -c 'id -un'
	expect_status 0
	expect_equal oat-acme-served "$out"
	run lab_sql "select event, outcome from oat.activity
	    where actor = 'oat-acme-served' and event in ('login', 'access')"
	expect_equal 'access|success' "$out"
}

test_su_is_refused_without_a_grant_for_it_and_the_caller_told_why()
{
	lab_token web-1 acme sshonly 'web-*' sshd
	run_with "$token"$'\n' as_carol su - oat-acme-sshonly -c id
	expect_failure
	expect_out 'oat: acme/sshonly '
	run lab_exec web-1 su - oat-acme-sshonly -c id
	expect_failure
	expect_no_out 'uid='
}

test_su_is_told_that_the_database_is_unreachable()
{
	lab_token web-1 acme offline 'web-*' su
	lab_database_stop
	run_with "$token"$'\n' as_carol su - oat-acme-offline -c id
	lab_database_start
	expect_failure
	expect_out 'oat: token service unreachable, token not checked'
}

test_su_among_local_users_is_as_before()
{
	run lab_exec web-1 su - carol -c 'id -un'
	expect_equal carol "$out"
	run_with $'dave-password\n' as_carol su - dave -c 'id -un'
	expect_status 0
	expect_out 'dave$'
}

lab_enter "$@"
lab_standard
lab_local_user web-1 carol carol-password
lab_local_user web-1 dave dave-password
run_tests "$@"
