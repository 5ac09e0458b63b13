#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What was taken away is gone at once: rights are never cached.

# shellcheck source=tests/host/oat.sh
. "$(dirname "$0")/oat.sh"
# shellcheck source=tests/host/runner.sh
. "$(dirname "$0")/runner.sh"

# An open session of a token that may use sudo, which has used it once.
open_session()
{
	lab_token web-1 acme "$1" 'web-*' sshd,sudo
	login=oat-acme-$1
	lab_session_open client "$token" "$login@web-1.lab" ||
		fail "no session for $login"
	run lab_session "echo $token | sudo -S -p '' id -un"
	expect_equal root "$out"
	# The sync that sends its event would end it before it is asked for.
	wait_for 10 lab_is_idle web-1 || fail "a sync does not end"
}

sudo_in_session()
{
	run lab_session "echo $token | sudo -S -p '' id -un"
}

test_deactivation_is_seen_by_the_next_login_and_by_sudo_in_an_open_session()
{
	open_session revoked
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'revoked'"
	sudo_in_session
	expect_failure
	expect_no_out '^root$'
	run lab_ssh client "$token" "$login@web-1.lab" true
	expect_status 255
	expect_log web-1 "sudo:.* refused login=$login .*reason=deactivated"
	expect_log web-1 "sshd:.* refused login=$login .*reason=deactivated"
}

test_case_40_a_valid_ticket_of_sudo_does_not_survive_deactivation()
{
	open_session ticket
	echo "Defaults:$login timestamp_type=global" |
		lab_put web-1 /etc/sudoers.d/ticket root:root 0440
	sudo_in_session
	run lab_session 'sudo -n id -un'
	expect_equal root "$out"
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'ticket'"
	run lab_session 'sudo -n id -un'
	expect_failure
	expect_no_out '^root$'
}

test_suspending_the_organization_is_seen_at_once()
{
	open_session suspended
	lab_sql "update oat.organizations set suspended_at = now()"
	sudo_in_session
	lab_sql "update oat.organizations set suspended_at = null"
	expect_failure
	expect_log web-1 "login=$login .*reason=organization_suspended"
}

test_removing_a_grant_is_seen_at_once()
{
	open_session narrowed
	lab_sql "delete from oat.grants
	    where token = 'narrowed' and service = 'sudo'"
	sudo_in_session
	expect_failure
	expect_log web-1 "login=$login .*reason=service_not_granted"
}

test_activation_gives_the_access_back()
{
	lab_token web-1 acme returned 'web-*' sshd
	lab_sql "update oat.tokens set deactivated_at = now()
	    where name = 'returned'"
	run lab_ssh client "$token" oat-acme-returned@web-1.lab true
	expect_status 255
	lab_sql "update oat.tokens set deactivated_at = null
	    where name = 'returned'"
	lab_exec web-1 oat sync # which gives shell and groups back
	run lab_ssh client "$token" oat-acme-returned@web-1.lab id -un
	expect_equal oat-acme-returned "$out"
}

test_a_deleted_token_no_longer_logs_in_but_its_files_keep_a_name()
{
	lab_token web-1 acme deleted 'web-*' sshd
	run lab_ssh client "$token" oat-acme-deleted@web-1.lab \
	    'echo x >/tmp/left-behind'
	expect_status 0
	lab_sql "delete from oat.tokens where name = 'deleted'"
	run lab_ssh client "$token" oat-acme-deleted@web-1.lab true
	expect_status 255
	lab_exec web-1 oat sync
	run lab_exec web-1 stat -c %U /tmp/left-behind
	expect_equal oat-acme-deleted "$out"
}

lab_enter "$@"
lab_standard
run_tests "$@"
