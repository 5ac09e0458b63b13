#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The machine after a disposable host was used, failed or was killed. This runs
# on the machine itself, perhaps a chroot without /proc, and starts another test
# as it would be started by hand.

# shellcheck source=tests/host/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# Names, kinds, modes, owners, sizes and times; and what accounts are.
state_of_machine()
{
	find /etc /usr -xdev -name __pycache__ -prune -o \
	    -printf '%p %y %m %U:%G %s %T@ %l\n' 2>/dev/null | sort
	cat /etc/passwd /etc/group /etc/shadow /etc/nsswitch.conf
	ls -ld /var/lib/oat /run/oat /dev/log /mnt/* 2>/dev/null
	[ ! -e /proc/mounts ] || cut -d ' ' -f 2,3 /proc/mounts | sort
	ip -o link | cut -d : -f 2
	hostname
}

expect_untouched()
{
	state_of_machine >"$scratch/after"
	run diff "$scratch/before" "$scratch/after"
	expect_status 0
}

test_a_run_leaves_the_machine_untouched()
{
	run tests/host/test_lab.sh
	expect_status 0
	expect_out ' passed, 0 failed'
	expect_untouched
}

test_an_installation_leaves_the_machine_untouched()
{
	run tests/host/test_install.sh
	expect_status 0
	expect_untouched
}

# Every process of the run inherits descriptor 8 and with it the lock.
test_a_run_that_is_killed_leaves_nothing_behind()
{
	local output=$scratch/output lock=$scratch/lock

	(
		flock 8
		exec tests/host/test_lab.sh
	) 8>"$lock" >"$output" 2>&1 &
	wait_for 30 grep -q '^ok ' "$output" || fail "the run did not start"
	run flock -n "$lock" true
	expect_failure
	kill -KILL $!
	wait $! 2>/dev/null
	wait_for 10 flock -n "$lock" true || fail "processes remain"
	expect_untouched
}

cd "$lab_top" || exit 1
lab_make host-tools
if why=$(lab_obstacle); then
	lab_not_here "$why"
fi
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
state_of_machine >"$scratch/before"
run_tests "$@"
