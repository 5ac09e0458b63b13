#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many at once and many in a row: all are let in, or refused in time, and the
# log has each of them. tests/bench/load does the same with large numbers.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/load.sh
. "$(dirname "$0")/load.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

login=oat-acme-ci
slots=8
# One PAM call, as oat.conf(5) has it where nothing is said: timeout, half a
# second for the module to end the program, fail_delay and a quarter of it.
call_ms=$((5000 + 500 + 625))
slack_ms=5000 # a busy machine's

# Let in or refused: no later than one call of ours, and what sshd and its
# clients took for as many local users; twice that, for it is two measurements.
expect_ended_in_time()
{
	[ "$slowest_ms" -le $((2 * $1 + call_ms + slack_ms)) ] ||
		fail "the slowest login took $slowest_ms ms, without us $1 ms"
}

# Each program in a slot is three processes; who waits for one is a small one.
test_case_45_logins_at_once_end_in_time_and_memory_and_each_is_logged()
{
	local count=40 before rows without_ms

	load_ssh "$count" carol "$local_password"
	without_ms=$slowest_ms
	load_settle
	before=$(load_rows "$login" login)
	load_memory load_ssh "$count" "$login" "$token"
	expect_equal "$count" $((succeeded + refused))
	[ "$succeeded" -gt 0 ] || fail "none was let in"
	expect_ended_in_time "$without_ms"
	[ "$processes" -ge 3 ] || fail "no process was seen"
	# A sync that follows them takes a slot, too.
	[ "$processes" -le $((slots * 3 + count)) ] ||
		fail "$processes processes"
	[ "$pss_kb" -lt $((slots * 24 * 1024)) ] ||
		fail "$processes processes of $pss_kb kB"
	load_settle
	rows=$(($(load_rows "$login" login) - before - 1))
	# Who was refused for want of time may have been recorded before.
	expect_between "$succeeded" "$rows" "$count"
	expect_equal "$(load_rows "$login" session.opened)" \
	    "$(load_rows "$login" session.closed)"
}

# Until give_slots, or for fifteen seconds.
take_slots()
{
	lab_exec web-1 bash -c '
		for ((i = 0; i < $1; i++)); do
			exec {fd}>>"/run/oat/slot.$i"
			flock "$fd"
		done
		touch /run/taken
		while [ -e /run/taken ] && [ "$SECONDS" -lt 15 ]; do
			sleep 0.05
		done' bash "$slots" &
	taker=$!
	wait_for 10 lab_exec web-1 test -e /run/taken || fail "not taken"
}

give_slots()
{
	lab_exec web-1 rm -f /run/taken
	wait "$taker"
}

verify_waits()
{
	lab_exec web-1 pgrep -f '^oat verify$' >/dev/null
}

test_case_45_who_queues_for_a_slot_has_no_children()
{
	local login_pid

	load_settle
	take_slots
	lab_ssh client "$token" "$login@web-1.lab" true &
	login_pid=$!
	wait_for 5 verify_waits || fail "nobody waits"
	sleep 0.5
	run lab_exec web-1 pgrep -fc '^oat verify$'
	expect_equal 1 "$out"
	give_slots
	wait "$login_pid" || fail "not let in"
}

turned_away()
{
	lab_log web-1 | grep -c 'unavailable.*too many logins at once on this host'
}

more_were_turned_away()
{
	[ "$(turned_away)" -gt "$before" ]
}

test_case_45_who_gets_no_slot_is_told_that_the_service_is_the_matter()
{
	local before

	load_settle
	before=$(turned_away)
	take_slots
	run_with "$token"$'\n' lab_exec web-1 \
	    "$lab_build/tests/host/attempt" auth attempt "$login"
	give_slots
	expect_out '^9 ' # PAM_AUTHINFO_UNAVAIL
	wait_for 5 more_were_turned_away || fail "not logged"
}

test_case_45_local_users_log_in_meanwhile()
{
	load_ssh 30 "$login" "$token" &
	run lab_exec web-1 runuser -u carol -- true
	expect_status 0
	run_with "$local_password"$'\n' lab_exec web-1 runuser -u carol -- \
	    sudo -S -p '' id -un
	expect_equal root "$out"
	wait
}

test_sudo_in_a_row_with_the_token_is_logged_each_time()
{
	local before

	load_settle
	before=$(load_rows "$login" login)
	load_connections load_sudo 60 4 "$login" "$token"
	expect_equal 60 "$succeeded"
	expect_equal 60 $(($(load_rows "$login" login) - before))
	expect_equal 60 "$connections"
}

test_sudo_in_a_row_without_a_password_is_checked_each_time()
{
	local before

	echo "$login ALL=(ALL) NOPASSWD: ALL" |
		lab_put web-1 /etc/sudoers.d/zz-nopasswd root:root 0440
	load_settle
	before=$(load_rows "$login" access)
	load_connections load_sudo 60 4 "$login"
	lab_exec web-1 rm /etc/sudoers.d/zz-nopasswd
	expect_equal 60 "$succeeded"
	expect_equal 60 $(($(load_rows "$login" access) - before))
	expect_equal 60 "$connections"
}

# COUNT authentications in one process: memory, descriptors and answers.
ask_many()
{
	run_with "$token"$'\n' lab_exec web-1 \
	    "$lab_build/tests/host/attempt" "$1" attempt "$login" "$2"
	expect_status 0
	read -r code ms kb descriptors <<<"$(head -n 1 <<<"$out")"
	read -r code_end ms_end kb_end descriptors_end <<<"$(tail -n 1 <<<"$out")"
	expect_equal "0 0" "$code $code_end"
	expect_equal "$descriptors" "$descriptors_end"
	# Pages come and go by some; what grew by the call would be more.
	[ "$kb_end" -le $((kb + 256)) ] || fail "grew from $kb to $kb_end kB"
}

test_one_long_lived_process_does_not_grow()
{
	ask_many auth 120
	ask_many account 120
	run lab_exec web-1 sh -c 'ps -eo stat= | grep -c ^Z'
	expect_out '^0$'
}

# The module alone, with a program that lets in whoever asks.
test_one_long_lived_process_does_not_grow_in_thousands_of_calls()
{
	lab_exec web-1 cp "$lab_build/tests/module/program/oat" /usr/sbin/oat
	printf 'behave=answer\nverdict=4\n' | lab_put web-1 /usr/sbin/oat.play
	ask_many auth 2000
	lab_install web-1
}

lab_enter "$@"
load_lab
run_tests "$@"
