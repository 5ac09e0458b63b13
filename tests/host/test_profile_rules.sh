#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What other tests say of hosts that were wired by hand holds for those that
# pam-auth-update wired. They are started as they would be by hand.

# shellcheck source=tests/host/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

passes()
{
	run env lab_wiring=lab_wire_profile "tests/host/test_$1.sh"
	expect_status 0
	expect_out ' passed, 0 failed, 0 skipped$'
}

test_ssh_through_the_profile()
{
	passes ssh
}

test_public_keys_through_the_profile()
{
	passes public_key
}

test_sudo_through_the_profile()
{
	passes sudo
}

test_su_through_the_profile()
{
	passes su
}

test_local_users_through_the_profile()
{
	passes local_users
}

cd "$lab_top" || exit 1
lab_make host-tools
if why=$(lab_obstacle); then
	lab_not_here "$why"
fi
run_tests "$@"
