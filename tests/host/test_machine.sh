#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The machine after a disposable host was used, failed or was killed. This runs
# on the machine itself and starts another test as it would be started by hand.

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
	cut -d ' ' -f 2,3 /proc/mounts | sort
	ip -o link | cut -d : -f 2
	hostname
}

expect_untouched()
{
	run diff <(printf '%s\n' "$before") <(state_of_machine)
	expect_status 0
}

# Processes of a laboratory are those below its program.
no_laboratory_runs()
{
	! pgrep -f "$lab_build/tests/host/(enter|host) .*$1" >/dev/null
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

test_a_run_that_is_killed_leaves_nothing_behind()
{
	tests/host/test_lab.sh killed-run >/dev/null 2>&1 &
	is_running()
	{
		! no_laboratory_runs killed-run
	}
	wait_for 10 is_running || fail "the run did not start"
	kill -KILL $!
	wait $! 2>/dev/null
	wait_for 5 no_laboratory_runs killed-run ||
		fail "processes remain: $(pgrep -af killed-run)"
	expect_untouched
}

cd "$lab_top" || exit 1
lab_make host-tools
if why=$(lab_obstacle); then
	lab_not_here "$why"
fi
before=$(state_of_machine)
run_tests "$@"
