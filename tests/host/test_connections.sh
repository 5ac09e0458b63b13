#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How many connections to the database a login costs, all processes together.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# Connections received between two moments, in ms of the epoch.
connections_between()
{
	awk -v from="$1" -v to="$2" '/connection received: host=10\./ {
		ms = $1 * 1000
		if (ms >= from && ms <= to)
			n++
	} END { print n + 0 }' "$(lab_root db)$lab_database_log"
}

now_ms()
{
	date +%s%3N
}

# Logs in and counts until the moment the shell says it is there.
count_of_login()
{
	local login=$1 password=$2 begin

	begin=$(now_ms)
	run lab_ssh client "$password" \
	    -o PreferredAuthentications=password "$login@web-1.lab" \
	    'date +%s%3N'
	expect_status 0
	connections=$(connections_between "$begin" "$out")
}

test_a_login_by_password_costs_one_connection()
{
	lab_token web-1 acme ci 'web-*' sshd
	count_of_login oat-acme-ci "$token"
	sleep 2 # its events are sent
	count_of_login oat-acme-ci "$token"
	expect_equal 1 "$connections"
}

test_the_events_of_a_login_share_one_more()
{
	local begin

	lab_token web-1 acme events 'web-*' sshd
	count_of_login oat-acme-events "$token"
	sleep 2
	begin=$(now_ms)
	count_of_login oat-acme-events "$token"
	events_arrived()
	{
		[ "$(lab_sql "select count(*) from oat.activity
		    where actor = 'oat-acme-events'
		    and event like 'session.%'")" = 4 ]
	}
	wait_for 10 events_arrived || fail "events did not arrive"
	expect_equal 2 "$(connections_between "$begin" "$(now_ms)")"
}

test_a_login_of_a_local_user_costs_none()
{
	sleep 2
	count_of_login carol carol-password
	expect_equal 0 "$connections"
}

test_a_look_up_of_a_known_name_costs_none()
{
	local begin

	begin=$(now_ms)
	lab_exec web-1 sh -c 'id oat-acme-ci; id carol; ls -l /var/lib/oat/home
	    getent passwd >/dev/null; getent group >/dev/null'
	expect_equal 0 "$(connections_between "$begin" "$(now_ms)")"
}

lab_enter "$@"
lab_standard
lab_local_user web-1 carol carol-password
run_tests "$@"
