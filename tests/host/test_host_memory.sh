#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The host has no memory, or no process, at any moment of a login; or whoever
# takes part in it is killed. Nobody gets in by that, nobody waits for ever,
# nothing is left, and the next login works.
#
# Every STEP-th place is tried, of allocations fewer as they become many; with
# STEP=1 all of them are, which takes hours.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

step=${STEP:-15}
PAM_SYSTEM_ERR=4

# Each ended, with a code that is right for this token, and in time.
expect_clean()
{
	local where=$1 right=$2

	expect_in_time
	case $code in
	"$right" | "$PAM_SYSTEM_ERR" | "$PAM_AUTHINFO_UNAVAIL") ;;
	*) fail "$where: code $code" ;;
	esac
}

# --- memory ------------------------------------------------------------------

preload()
{
	lab_preload web-1 nomem
}

end_preload()
{
	lab_exec web-1 rm -f /etc/ld.so.preload /etc/nomem
}

# without_memory NUMBER COMMAND...: did an allocation fail?
without_memory()
{
	echo "$1" | lab_put web-1 /etc/nomem
	printf '\0' | lab_put web-1 /run/nomem.hit
	forget_outage
	shift
	"$@"
	! cmp -s -n 1 "$(lab_root web-1)/run/nomem.hit" /dev/zero
}

# The places 1, 1 + STEP and so on, further apart as they become many: most of
# the thousands are OpenSSL's. None is left out with STEP=1.
next_place()
{
	if [ "$step" = 1 ]; then
		number=$((number + 1))
	else
		number=$((number + step + number * step / 90))
	fi
}

each_allocation()
{
	local number suffix=$1

	shift
	number=1
	while without_memory "$number$suffix" "$@" "$number$suffix"; do
		next_place
	done
	[ "$number" -gt 500 ] || fail "only $number allocations"
}

try_right_and_wrong()
{
	attempt
	expect_clean "allocation $1" "$PAM_SUCCESS"
	token=$wrong_token attempt oat-acme-wrong
	expect_clean "allocation $1, wrong secret" "$PAM_AUTH_ERR"
	attempt "$login" account
	expect_clean "allocation $1, account" "$PAM_SUCCESS"
}

test_case_33_an_allocation_that_fails_lets_in_nobody_who_is_wrong()
{
	meanwhile preload end_preload each_allocation '' try_right_and_wrong
	expect_nothing_left
	expect_recovered
}

test_case_33_no_memory_from_some_moment_on_lets_in_nobody_who_is_wrong()
{
	meanwhile preload end_preload each_allocation + try_right_and_wrong
	expect_nothing_left
	expect_recovered
}

# A sync works or says that it does not; what is published stays good.
try_sync()
{
	run lab_exec web-1 oat sync
	[ "$status" = 0 ] || [ "$status" = 1 ] || fail "status $status"
	[ "$status" = 0 ] || expect_out '^oat( sync)?: '
	run lab_exec web-1 getent passwd "$login"
	expect_status 0
}

test_an_allocation_that_fails_leaves_the_snapshot_as_it_was()
{
	meanwhile preload end_preload each_allocation '' try_sync
	expect_recovered
}

test_case_9_little_address_space_of_the_caller_does_no_harm()
{
	local kb

	for kb in 100000 20000 10000 6000 4500; do
		run_with "$token"$'\n' lab_exec web-1 \
		    prlimit --as=$((kb * 1024)) \
		    "$lab_build/tests/host/attempt" auth attempt "$login"
		[ "$status" != 0 ] || expect_out '^[0-9]+ [0-9]+$'
	done
	expect_nothing_left
	expect_recovered
}

# --- processes ---------------------------------------------------------------

# The module and the program, traced: each way to make a process fails once.
without_process()
{
	forget_outage
	run_with "$token"$'\n' lab_exec web-1 strace -f -qq -o /dev/null \
	    -e "inject=clone,clone3,fork,vfork:error=EAGAIN:when=$1" \
	    "$lab_build/tests/host/attempt" auth attempt "$login"
	expect_status 0
	read -r code took_ms <<<"$out"
}

test_a_host_without_processes_refuses_and_says_so()
{
	local number

	log_mark
	for number in 1 2 3; do
		without_process "$number"
		expect_clean "process $number" "$PAM_SUCCESS"
	done
	without_process 1+
	expect_clean "no process at all" "$PAM_SYSTEM_ERR"
	expect_line 'refused login=.*reason=unavailable.*Resource temporarily'
	expect_nothing_left
	expect_recovered
}

# --- killed ------------------------------------------------------------------

# In the program's place: the program, traced, with what /etc/inject says.
wrap_program()
{
	lab_exec web-1 mv /usr/sbin/oat /usr/sbin/oat.real
	lab_put web-1 /usr/sbin/oat root:root 0755 <<-'WRAPPER'
	#!/bin/sh
	exec /usr/bin/strace -f -qq $(cat /etc/inject) /usr/sbin/oat.real "$@"
	WRAPPER
}

unwrap_program()
{
	lab_exec web-1 mv /usr/sbin/oat.real /usr/sbin/oat
}

# NAME NUMBER: each system call of the three processes, the how-manieth of its
# name in its process.
list_steps()
{
	echo "-ff -o /run/steps" | lab_put web-1 /etc/inject
	attempt
	cat "$(lab_root web-1)"/run/steps.* >/dev/null ||
		lab_die "nothing was traced"
	awk '/^[a-z0-9_]+\(/ {
		sub(/\(.*/, "")
		if ($0 != "execve" && $0 != "exit_group")
			print $0, ++n[FILENAME, $0]
	}' "$(lab_root web-1)"/run/steps.* | sort -u
}

# A process of it is killed before it makes that call.
killed_at_each_step()
{
	local name number i=0

	list_steps >"$LAB/steps"
	while read -r name number <&8; do
		i=$((i + 1))
		[ $((i % step)) = 0 ] || continue
		echo "-o /dev/null -e inject=$name:signal=KILL:when=$number" |
			lab_put web-1 /etc/inject
		forget_outage
		token=$wrong_token attempt oat-acme-wrong
		expect_clean "$name $number, wrong secret" "$PAM_AUTH_ERR"
		attempt
		expect_clean "$name $number" "$PAM_SUCCESS"
	done 8<"$LAB/steps"
	[ "$i" -gt 100 ] || fail "only $i steps"
}

test_whoever_is_killed_at_any_step_lets_in_nobody_who_is_wrong()
{
	patient()
	{
		keep_configuration
		reconfigure 's/timeout = 1s/timeout = 5s/'
		wrap_program
	}
	impatient()
	{
		unwrap_program
		restore_configuration
	}
	timeout_ms=5000
	meanwhile patient impatient killed_at_each_step
	expect_nothing_left
	expect_recovered
}

lab_enter "$@"
fault_lab 1
# A token whose secret is another's: it is of the right form, and never right.
ci_token=$token ci_selector=$selector
lab_mint web-1
other=$verifier
lab_mint web-1
wrong_token=$token
lab_sql "select oat.create_token('acme', 'wrong',
    '${verifier%\$*}\$${other##*\$}', '{web-1}', '{attempt}')" >/dev/null
lab_exec web-1 oat sync
token=$ci_token selector=$ci_selector
run_tests "$@"
