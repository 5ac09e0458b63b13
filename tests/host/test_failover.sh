#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two databases, one of which follows the other: the first dies, logins go on
# through the second, and what it could not write arrives once it may.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

spooled()
{
	lab_exec web-1 sh -c 'ls /var/lib/oat/spool' | grep -c '\.event$'
}

# The ids of what waits, from the names of its files.
spooled_ids()
{
	lab_exec web-1 ls /var/lib/oat/spool |
		sed -nE 's/^[0-9.]*-([0-9a-f-]{36})\.event$/\1/p' | sort
}

follower_has_all()
{
	[ "$(lab_sql "select count(*) from pg_stat_replication
	    where replay_lsn = pg_current_wal_lsn()")" = 1 ]
}

test_case_60_while_both_live_the_primary_is_asked_wherever_it_stands()
{
	attempt
	expect_code "$PAM_SUCCESS"
	reconfigure 's/host=db.lab,db2.lab/host=db2.lab,db.lab/'
	attempt
	expect_code "$PAM_SUCCESS"
	reconfigure 's/host=db2.lab,db.lab/host=db.lab,db2.lab/'
	expect_equal 0 "$(spooled)"
	expect_equal 2 "$(lab_sql "select count(*) from oat.activity
	    where actor = '$login' and event = 'login'")"
	wait_for 10 follower_has_all || fail "the standby lags behind"
}

test_case_60_the_primary_dies_and_logins_go_on_within_the_deadline()
{
	local i

	lab_database_stop
	for i in 1 2 3; do
		attempt
		expect_code "$PAM_SUCCESS"
		[ "$took_ms" -lt "$timeout_ms" ] || fail "took $took_ms ms"
	done
	run lab_ssh client "$token" "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
	run_with "$token"$'\n' lab_exec web-1 setsid -w \
	    runuser -u "$login" -- sudo -S -p '' id -un
	expect_equal root "$out"
	[ "$(spooled)" -ge 5 ] || fail "$(spooled) events wait"
}

test_case_60_the_standby_refuses_what_the_primary_would()
{
	lab_mint web-1 # one that no database knows
	attempt
	expect_code "$PAM_AUTH_ERR"
}

test_a_counted_token_is_not_let_in_by_a_standby_and_told_so()
{
	token=$few_token
	log_mark
	attempt oat-acme-few
	expect_code "$PAM_AUTHINFO_UNAVAIL"
	expect_line 'login=oat-acme-few .*detail=a standby cannot decide on this token'
}

test_a_standby_takes_no_events_and_they_stay()
{
	local before

	before=$(spooled_ids)
	run lab_exec web-1 oat sync
	expect_failure
	expect_out 'events stay in the spool'
	expect_equal "$before" "$(spooled_ids | grep -xFf <(echo "$before"))"
}

test_a_primary_that_is_silent_costs_its_share_and_no_login()
{
	lab_exec web-1 ip neighbour replace "${lab_addresses[db]}" \
	    lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	attempt
	lab_exec web-1 ip neighbour del "${lab_addresses[db]}" dev eth0
	expect_code "$PAM_SUCCESS"
	[ "$took_ms" -lt "$timeout_ms" ] || fail "took $took_ms ms"
}

test_case_60_after_promotion_each_event_arrives_exactly_once()
{
	local ids=$LAB/ids

	wait_for 10 lab_is_idle web-1 || fail "a sender is left"
	spooled_ids >"$ids"
	lab_promote db2
	run lab_exec web-1 oat sync
	expect_status 0
	expect_equal 0 "$(spooled)"
	expect_equal "$(cat "$ids")" "$(lab_sql "select event_id
	    from oat.activity where host = 'web-1'
	    and event_id in ('$(paste -sd, "$ids" | sed "s/,/','/g")')" |
		sort)"
	expect_equal 0 "$(lab_sql "select count(*) from (select event_id
	    from oat.activity group by event_id having count(*) > 1) d")"
}

test_case_60_afterwards_logins_are_recorded_at_once_again()
{
	attempt
	expect_code "$PAM_SUCCESS"
	expect_equal 0 "$(spooled)"
	attempt oat-acme-ci account
	expect_code "$PAM_SUCCESS"
}

lab_enter "$@"
lab_host_of_standby=db2
fault_lab 2
lab_host "$lab_host_of_standby"
lab_standby "$lab_host_of_standby"
reconfigure 's/host=db\.lab/host=db.lab,db2.lab/'
ci_token=$token ci_selector=$selector
lab_token web-1 acme few web-1 attempt
few_token=$token token=$ci_token selector=$ci_selector
lab_sql "update oat.tokens set uses_left = 5 where name = 'few'"
run_tests "$@"
