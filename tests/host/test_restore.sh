#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# case_60: the database is restored from yesterday's dump, as oat-schema(7) says
# under RESTORING, while a host knows what has happened since.

# shellcheck source=tests/host/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

dump=/var/tmp/oat.dump
spool=/var/lib/oat/spool

failed_checks()
{
	lab_sql "select check_name from oat.restore_check() where not passed
	    order by 1"
}

uid_of()
{
	lab_exec web-1 id -u "$1"
}

# An event that a standby left here before all this.
leave_event()
{
	local id

	id=$(cat /proc/sys/kernel/random/uuid)
	printf '{"event_id":"%s","at":"%s","event":"login","login":"%s",%s}' \
	    "$id" "$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)" "$1" \
	    "\"service\":\"sshd\",\"outcome\":\"failure\",\"reason\":\"$2\"" |
		lab_put web-1 "$spool/$(date +%012s).000000000-$id.event" \
		    root:root 0600
}

# --- yesterday, today, and the loss ------------------------------------------

before_the_loss()
{
	lab_exec db pg_dump -Fc -U postgres -f "$dump" oat ||
		lab_die "cannot dump"
	local ci_token=$token ci_selector=$selector
	lab_token web-1 acme late web-1 sshd,attempt
	late_token=$token
	attempt oat-acme-late
	token=$ci_token selector=$ci_selector
	late_uid=$(uid_of oat-acme-late)
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'ci'"
	lab_exec web-1 oat sync
	attempt
	[ "$code" = "$PAM_PERM_DENIED" ] || lab_die "ci is let in with code $code"
	leave_event "$login" deactivated
	leave_event oat-acme-late wrong_secret
}

restore_dump()
{
	lab_exec db psql -XAtqU postgres -d postgres \
	    -c 'drop database oat with (force)' -c 'create database oat' ||
		lab_die "cannot begin anew"
	lab_exec db pg_restore -U postgres -d oat "$dump" ||
		lab_die "cannot restore"
}

# --- what is found -----------------------------------------------------------

test_case_60_the_host_keeps_what_it_has_and_says_why()
{
	run lab_exec web-1 oat sync
	expect_out 'the server has generation [0-9]+, this host [0-9]+: .*restored from a backup'
	expect_equal "$late_uid" "$(uid_of oat-acme-late)"
}

test_case_60_spooled_events_are_welcome()
{
	expect_equal "" "$(lab_exec web-1 ls "$spool")"
	expect_equal "$login|acme|deactivated
oat-acme-late||wrong_secret" "$(lab_sql "select actor, organization, reason
	    from oat.activity where event = 'login' and reason is not null
	    order by actor")"
}

test_case_60_the_check_names_the_host_and_the_lost_revocation()
{
	expect_equal "generation
revocations" "$(failed_checks)"
	out=$(lab_sql "select subject, fix from oat.restore_check()
	    where not passed")
	expect_out '^host web-1\|.*oat\.new_generation\(\).*oat\.skip_ids'
	expect_out "^token acme/ci\\|select oat\\.revoke\\('acme/ci'\\)"
}

# --- what the manual says to do ----------------------------------------------

test_case_60_no_id_of_the_time_between_is_given_again()
{
	local highest token selector

	highest=$(lab_exec web-1 getent passwd | grep '^oat-' |
		cut -d : -f 3 | sort -n | tail -n 1)
	expect_equal "$late_uid" "$highest"
	lab_sql "select oat.skip_ids($highest)" >/dev/null
	lab_mint web-1
	lab_sql "select oat.create_token('acme', 'newest', '$verifier',
	    '{web-1}', '{sshd}')" >/dev/null
	[ "$(lab_sql "select uid from oat.tokens where name = 'newest'")" \
	    -gt "$late_uid" ] || fail "an id is given again"
}

test_case_60_a_new_generation_brings_the_hosts_back()
{
	lab_sql "select oat.new_generation()" >/dev/null
	run lab_exec web-1 oat sync
	expect_status 0
	expect_no_out generation
	[ "$(uid_of oat-acme-newest)" -gt "$late_uid" ] || fail "no newest"
}

test_case_60_what_hosts_saw_revoked_is_revoked_again()
{
	attempt
	expect_code "$PAM_SUCCESS"
	lab_sql "$(lab_sql "select fix from oat.restore_check()
	    where check_name = 'revocations' and not passed")" >/dev/null
	attempt
	expect_code "$PAM_PERM_DENIED"
}

test_case_60_afterwards_all_checks_pass()
{
	expect_equal "" "$(failed_checks)"
}

test_case_60_later_events_are_welcome()
{
	lab_sql "update oat.tokens set deactivated_at = null
	    where name = 'ci'"
	run lab_ssh client "$token" "$login@web-1.lab" id -un
	expect_equal "$login" "$out"
	closed()
	{
		[ "$(lab_sql "select count(*) from oat.activity
		    where event = 'session.closed'")" = 1 ]
	}
	wait_for 10 closed || fail "no event arrives"
}

lab_enter "$@"
fault_lab 2
before_the_loss
restore_dump
run_tests "$@"
