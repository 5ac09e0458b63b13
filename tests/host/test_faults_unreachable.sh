#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The database cannot be reached: stopped, closed, dropped, nowhere, unnamed.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

at_once=30

# Packets for the database leave, and nobody takes them. Everything that talks
# to it is on web-1.
drop_packets()
{
	lab_exec web-1 ip neighbour replace "${lab_addresses[db]}" \
	    lladdr 02:00:00:00:00:01 dev eth0 nud permanent
}

pass_packets()
{
	lab_exec web-1 ip neighbour del "${lab_addresses[db]}" dev eth0
}

test_a_database_that_is_stopped_is_told_by_name_and_reason()
{
	with_fault lab_database_stop lab_database_start \
	    'db\.lab:5432: .*Connection refused'
}

close_port()
{
	reconfigure 's/dbname=oat/dbname=oat port=1/'
}

open_port()
{
	reconfigure 's/ port=1//'
}

test_a_closed_port_is_told_by_name_and_reason()
{
	with_fault close_port open_port 'db\.lab:1: .*Connection refused'
}

test_case_15_dropped_packets_are_a_timeout()
{
	with_fault drop_packets pass_packets 'db\.lab:5432: no answer in time'
}

pull_cable()
{
	ip link set "port${lab_addresses[db]##*.}" down
}

plug_cable()
{
	ip link set "port${lab_addresses[db]##*.}" up
	wait_for 5 lab_exec web-1 timeout 1 bash -c ': </dev/tcp/db.lab/5432' \
	    2>/dev/null
}

test_a_host_that_is_off_is_a_timeout()
{
	with_fault pull_cable plug_cable 'db\.lab:5432: no answer in time'
}

leave_network()
{
	lab_exec web-1 ip route add blackhole "${lab_addresses[db]}/32"
}

join_network()
{
	lab_exec web-1 ip route del blackhole "${lab_addresses[db]}/32"
}

test_a_network_without_a_route_is_told_at_once()
{
	with_fault leave_network join_network 'db\.lab:5432: .*connection'
}

# --- names -------------------------------------------------------------------

# A name server that is there and never says anything.
silence_name_server()
{
	lab_exec web-1 ip neighbour replace "$lab_network.99" \
	    lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	echo "nameserver $lab_network.99" | lab_put web-1 /etc/resolv.conf
	keep_configuration
	reconfigure 's/host=db\.lab/host=elsewhere.example/'
}

mend_names()
{
	lab_exec web-1 rm -f /etc/resolv.conf
	restore_configuration
}

test_a_silent_name_server_is_given_up_in_time()
{
	with_fault silence_name_server mend_names \
	    'elsewhere\.example:5432: no answer in time'
}

with_five_seconds()
{
	forget_outage
	reconfigure 's/timeout = 1s/timeout = 5s/'
	log_mark
	attempt
}

test_a_silent_name_server_leaves_time_to_say_which_name()
{
	expect_name()
	{
		with_five_seconds
		expect_code "$PAM_AUTHINFO_UNAVAIL"
		[ "$took_ms" -lt 5000 ] || fail "took $took_ms ms"
		expect_line 'elsewhere\.example:5432: .*Temporary failure in name'
	}
	meanwhile silence_name_server mend_names expect_name
	expect_recovered
}

test_a_silent_name_server_leaves_time_for_the_next_database()
{
	expect_next()
	{
		reconfigure 's/host=elsewhere.example/&,db.lab/'
		with_five_seconds
		expect_code "$PAM_SUCCESS"
	}
	meanwhile silence_name_server mend_names expect_next
}

test_an_unknown_name_is_told()
{
	unname()
	{
		reconfigure 's/host=db\.lab/host=nowhere.lab/'
	}
	name()
	{
		reconfigure 's/host=nowhere\.lab/host=db.lab/'
	}
	with_fault unname name 'nowhere\.lab:5432: .*not translate host name'
}

# --- many --------------------------------------------------------------------

# All of them end, refused, by about the timeout: none waits for another's.
many_logins()
{
	local i begin=${EPOCHREALTIME//[!0-9]/}

	for ((i = 0; i < at_once; i++)); do
		printf '%s\n' "$token" | lab_exec web-1 \
		    "$lab_build/tests/host/attempt" auth attempt "$login" &
	done >"$LAB/many" 2>&1
	wait
	took_ms=$(((${EPOCHREALTIME//[!0-9]/} - begin) / 1000))
}

expect_all_refused()
{
	out=$(cat "$LAB/many")
	expect_equal "$at_once" "$(grep -c "^$PAM_AUTHINFO_UNAVAIL [0-9]" \
	    <<<"$out")"
	expect_equal "$at_once" "$(grep -c "^$unreachable" <<<"$out")"
}

test_many_logins_at_once_wait_no_longer_than_one()
{
	forget_outage
	meanwhile drop_packets pass_packets many_logins_refused
	expect_nothing_left
}

# Starting thirty processes on two cores takes a while, too.
many_logins_refused()
{
	many_logins
	expect_all_refused
	[ "$took_ms" -le $((timeout_ms + 2500)) ] ||
		fail "$at_once logins took $took_ms ms"
}

test_many_logins_after_the_first_silence_do_not_wait_at_all()
{
	log_mark
	forget_outage
	meanwhile drop_packets pass_packets expect_nobody_asks_again
}

expect_nobody_asks_again()
{
	local began=${EPOCHREALTIME/./} asked allowed

	attempt
	many_logins_refused
	asked=$((at_once - $(log_since | grep -c "nobody answers since")))
	# On a machine that needs longer for them than the back-off, one may.
	allowed=$(((${EPOCHREALTIME/./} - began) / 1000 / (timeout_ms + 2000)))
	[ "$asked" -le "$allowed" ] ||
		fail "$asked asked again, not $allowed: $(log_since)"
	expect_line 'detail=not asked again, nobody answers since [0-9]+\.[0-9] s: db\.lab:5432: no answer in time'
}

test_a_login_by_itself_finds_out_that_the_database_is_back()
{
	forget_outage
	meanwhile drop_packets pass_packets attempt
	let_in()
	{
		attempt
		[ "$code" = "$PAM_SUCCESS" ]
	}
	wait_for 5 let_in || fail "still refused"
}

lab_enter "$@"
fault_lab 1
run_tests "$@"
